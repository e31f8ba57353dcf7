"""Name templates: what is one, and what is refused with which words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ecr.name_template import (
    DEFAULT_SUFFIX,
    DEFAULT_TEMPLATE,
    RECOMMENDED_TEMPLATE,
    NamedRepository,
    NameTemplate,
    SuffixTemplate,
    TemplateError,
    repository_names,
)
from function.ecr.naming import PATTERN, Prefix
from function.errors import InvalidInputError

FIELD = "spec.name"
VALUES = {
    "prefix": "tap/team",
    "workload": "shop",
    "namespace": "dev",
    "repository": "cache",
    "suffix": "-cache",
}


@pytest.mark.parametrize(
    ("text", "want", "reason"),
    [
        (DEFAULT_TEMPLATE, "tap/team/shop-dev-cache", "the default"),
        (RECOMMENDED_TEMPLATE, "tap/team/dev/shop-cache", "for new installations"),
        (
            "{prefix}/charts/{workload}",
            "tap/team/charts/shop",
            "a chart's name is last",
        ),
        ("{workload}", "shop", "only the workload is required"),
        ("{workload}{namespace}", "shopdev", "no text is needed between placeholders"),
        ("a{workload}.{repository}", "ashop.cache", "text before, and a dot"),
        ("workload/{workload}", "workload/shop", "a placeholder's name as text"),
        ("{prefix}/{suffix}{workload}", "tap/team/-cacheshop", "checked with suffixes"),
        ("{workload}---{namespace}", "shop---dev", "ECR allows repeated hyphens"),
    ],
)
def test_rendering(text: str, want: str, reason: str) -> None:
    assert NameTemplate.parse(text, FIELD).render(**VALUES) == want, reason


SEPARATORS = (
    "ECR repository names have '.', '_', '__' or '-' only between letters and digits, "
    "and '/' between parts. Remove the separators that are repeated, or at the start "
    "or end."
)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            "",
            'spec.name: got ""; a name template must contain {workload}. Use a '
            "template such as {prefix}/{namespace}/{workload}{suffix}.",
        ),
        (
            "{prefix}/workload",
            'spec.name: got "{prefix}/workload"; a name template must contain '
            "{workload}. Use a template such as "
            "{prefix}/{namespace}/{workload}{suffix}.",
        ),
        (
            "{workload}/{name}",
            'spec.name: got "{workload}/{name}"; there is no placeholder "{name}" '
            "here. Use only {prefix}, {workload}, {namespace}, {suffix}, {repository}.",
        ),
        (
            "{Workload}",
            'spec.name: got "{Workload}"; there is no placeholder "{Workload}" here. '
            "Use only {prefix}, {workload}, {namespace}, {suffix}, {repository}.",
        ),
        (
            "{workload}{}",
            'spec.name: got "{workload}{}"; there is no placeholder "{}" here. '
            "Use only {prefix}, {workload}, {namespace}, {suffix}, {repository}.",
        ),
        (
            "{workload}{suffix",
            'spec.name: got "{workload}{suffix"; the brace "{" at character 11 is not '
            "part of a placeholder. Remove it, or use one of {prefix}, {workload}, "
            "{namespace}, {suffix}, {repository}.",
        ),
        (
            "{{workload}}",
            'spec.name: got "{{workload}}"; the brace "{" at character 1 is not '
            "part of a placeholder. Remove it, or use one of {prefix}, {workload}, "
            "{namespace}, {suffix}, {repository}.",
        ),
        (
            "{workload}-{namespace}/{namespace}",
            'spec.name: got "{workload}-{namespace}/{namespace}"; {namespace} must not '
            "occur twice. Remove one of the two.",
        ),
        (
            "Tap/{workload}",
            'spec.name: got "Tap/{workload}"; ECR repository names cannot contain "T". '
            "Use lowercase letters, digits, and the separators . _ - /.",
        ),
        (
            "{workload}:{namespace}",
            'spec.name: got "{workload}:{namespace}"; ECR repository names cannot '
            'contain ":". Use lowercase letters, digits, and the separators . _ - /.',
        ),
        *(
            (text, f'spec.name: got "{text}"; {SEPARATORS}')
            for text in [
                "/{workload}",
                "{workload}/",
                "{workload}-",
                "{prefix}//{workload}",
                "{prefix}..{workload}",
                "{prefix}___{workload}",
                "{prefix}/-{workload}",
                "-{workload}{suffix}",
            ]
        ),
        (
            f"{{workload}}/{'a' * 255}",
            f'spec.name: got "{{workload}}/{"a" * 108}…; ECR repository names have at '
            "most 256 characters, and the text around the placeholders has 256 "
            "already. Shorten it.",
        ),
    ],
)
def test_a_text_that_is_no_template(text: str, want: str) -> None:
    with pytest.raises(InvalidInputError) as e:
        NameTemplate.parse(text, FIELD)
    assert str(e.value) == want
    with pytest.raises(TemplateError) as t:  # for pydantic
        NameTemplate.from_text(text)
    assert want.endswith(f"; {t.value}.")


@given(
    st.lists(
        st.sampled_from(
            [
                *("{prefix}", "{workload}", "{namespace}", "{suffix}", "{repository}"),
                *("a", "b", "-", ".", "_", "/", "__", "//", "/-"),
            ]
        ),
        max_size=9,
    ).map("".join),
    st.sampled_from(["", "-cache", "/cache", "__a", "cache", "a-", "-", "/"]),
)
def test_one_name_tells_whether_the_others_are_valid(text: str, suffix: str) -> None:
    """Whether names follow ECR's rules does not depend on the values of placeholders.

    That keeps the promise of can_give_valid_names, on which collisions rely.
    """
    try:
        template = NameTemplate.from_text(text)
    except TemplateError:
        return
    names = [
        template.render(
            prefix=prefix,
            workload=workload,
            namespace=namespace,
            repository="cache",
            suffix=suffix,
        )
        for prefix, workload, namespace in [
            ("a/b", "a.b", "a-b"),
            ("00", "00", "00"),
            ("a__b", "a_b", "a--b"),
            ("a/b/c", "a__b--c", "c"),
        ]
    ]
    valid = {bool(re.fullmatch(PATTERN, name)) for name in names}
    assert valid == {template.can_give_valid_names(suffix)}


@given(
    st.lists(st.sampled_from(["{", "}", "{workload}", "a", "/"]), max_size=6).map(
        "".join
    )
)
def test_hostile_text_is_parsed_or_refused(text: str) -> None:
    try:
        template = NameTemplate.from_text(text)
    except TemplateError:
        return
    assert template.text == text
    assert text.count("{workload}") == 1


def test_the_default_gives_the_names_from_before_there_were_templates() -> None:
    template = NameTemplate.parse(DEFAULT_TEMPLATE, FIELD)
    suffix = SuffixTemplate.parse(DEFAULT_SUFFIX, FIELD)
    repositories = [
        NamedRepository(key, template, "" if key == "image" else suffix.render(key))
        for key in ("image", "bundle")
    ]
    assert repository_names(repositories, Prefix("tap/team"), "shop", "dev") == {
        "image": "tap/team/shop-dev",
        "bundle": "tap/team/shop-dev-bundle",
    }


def test_a_suffix_with_which_no_name_is_valid() -> None:
    template = NameTemplate.parse("{prefix}/{workload}-{suffix}", FIELD)
    template.check_suffix("bundle", "bundle", "spec.repositories.bundle.suffix")
    with pytest.raises(InvalidInputError) as e:
        template.check_suffix("cache", "/cache", "spec.repositories.cache.suffix")
    assert str(e.value) == (
        'spec.repositories.cache.suffix: got "/cache"; with the name template '
        '"{prefix}/{workload}-{suffix}", each name of the repository "cache" would '
        'break ECR\'s rules, such as "a/a-/cache". Use a suffix such as -cache or '
        "/cache, or change the template."
    )


@pytest.mark.parametrize(
    ("text", "want", "reason"),
    [
        ("-{repository}", "-cache", "the default"),
        ("/{repository}", "/cache", "recommended"),
        ("", "", "no suffix"),
        ("-fixed", "-fixed", "the same for all"),
        ("{repository}", "cache", "no separator"),
        ("/x/{repository}-y", "/x/cache-y", "text on both sides"),
        ("{repository}-", "cache-", "the template may have text after it"),
    ],
)
def test_rendering_a_suffix(text: str, want: str, reason: str) -> None:
    assert SuffixTemplate.parse(text, FIELD).render("cache") == want, reason


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            "-{workload}",
            'spec.suffix: got "-{workload}"; there is no placeholder "{workload}" '
            "here. Use only {repository}.",
        ),
        (
            "-{repository}{repository}",
            'spec.suffix: got "-{repository}{repository}"; {repository} must not '
            "occur twice. Remove one of the two.",
        ),
        (
            "//{repository}",
            "spec.suffix: got \"//{repository}\"; ECR repository names have '.', "
            "'_', '__' or '-' only between letters and digits, and '/' between parts. "
            "Use a suffix such as -{repository} or /{repository}.",
        ),
    ],
)
def test_a_text_that_is_no_suffix(text: str, want: str) -> None:
    with pytest.raises(InvalidInputError) as e:
        SuffixTemplate.parse(text, "spec.suffix")
    assert str(e.value) == want
