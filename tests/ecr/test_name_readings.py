"""The readings of a name are exactly the workloads that a template gives it to."""

import re
from collections import defaultdict
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from function.ecr.name_readings import Reading, is_namespace, readings
from function.ecr.name_template import (
    DEFAULT_TEMPLATE,
    RECOMMENDED_TEMPLATE,
    NameTemplate,
    TemplateError,
)
from function.ecr.naming import PATTERN, parse_repository_name
from function.errors import InvalidParameterError

PATH = re.compile(PATTERN)


@pytest.mark.parametrize(
    ("name", "template", "want", "reason"),
    [
        (
            "tap/workloads/shop-default",
            DEFAULT_TEMPLATE,
            [("default", "shop", "tap/workloads")],
            "one hyphen",
        ),
        (
            "tap/a-b-c",
            DEFAULT_TEMPLATE,
            [("b-c", "a", "tap"), ("c", "a-b", "tap")],
            "both parts can have hyphens",
        ),
        ("tap/a--c", DEFAULT_TEMPLATE, [("c", "a-", "tap")], "a workload may end so"),
        ("tap/a.b-c", DEFAULT_TEMPLATE, [("c", "a.b", "tap")], "dots in a workload"),
        ("tap/a-b.c", DEFAULT_TEMPLATE, [], "no dots in a namespace"),
        ("tap/shop", DEFAULT_TEMPLATE, [], "no hyphen"),
        ("shop-default", DEFAULT_TEMPLATE, [], "no prefix"),
        (f"tap/a-{'b' * 64}", DEFAULT_TEMPLATE, [], "a namespace has 63 characters"),
        (
            "tap/dev/shop",
            RECOMMENDED_TEMPLATE,
            [("dev", "shop", "tap")],
            "one segment each",
        ),
        ("dev/shop", RECOMMENDED_TEMPLATE, [], "no segment is left for the prefix"),
        ("team-a/shop", "team-{namespace}/{workload}", [("a", "shop", None)], "text"),
        ("other-a/shop", "team-{namespace}/{workload}", [], "other text"),
        ("shop", "{workload}", [(None, "shop", None)], "the workload alone"),
        ("a/shop", "{workload}", [], "a workload has no slash"),
        (
            "image/shop",
            "{repository}/{workload}",
            [(None, "shop", None)],
            "the key is known",
        ),
        ("cache/shop", "{repository}/{workload}", [], "another repository's key"),
        (
            "ab0",
            "{workload}{namespace}",
            [("0", "ab", None), ("b0", "a", None)],
            "no text between placeholders",
        ),
    ],
)
def test_readings(
    name: str,
    template: str,
    want: list[tuple[str | None, str, str | None]],
    reason: str,
) -> None:
    found = readings(name, NameTemplate.parse(template, "name"), "image", "")
    assert found == [Reading(*each, "image") for each in want], reason


@pytest.mark.parametrize(
    ("suffix", "want"),
    [
        ("-bundle", [("default", "shop", "tap", "bundle")]),
        ("/bundle", []),
    ],
)
def test_a_suffix_must_match(suffix: str, want: list[tuple[str, ...]]) -> None:
    template = NameTemplate.parse(DEFAULT_TEMPLATE, "name")
    found = readings("tap/shop-default-bundle", template, "bundle", suffix)
    assert [tuple(each) for each in found] == want


PLACEHOLDERS = ("prefix", "workload", "namespace", "suffix", "repository")


@st.composite
def templates(draw: st.DrawFn) -> NameTemplate:
    separators = st.sampled_from(("-", "/", "", ".", "-a/"))
    order = draw(st.permutations(PLACEHOLDERS))
    names = [name for name in order if name == "workload" or draw(st.booleans())]
    text = draw(st.sampled_from(("", "a-", "a/")))
    for name in names:
        # A suffix brings its own separator.
        before = draw(separators) if text[-1:] == "}" and name != "suffix" else ""
        text += f"{before}{{{name}}}"
    try:
        return NameTemplate.from_text(text)
    except TemplateError:
        assume(False)  # noqa: FBT003
        raise


def split(name: str) -> set[str]:
    """Return every part of a name, for a search that knows nothing of templates."""
    return {name[i:j] for i in range(len(name)) for j in range(i + 1, len(name) + 1)}


@given(
    template=templates(),
    values=st.tuples(
        st.sampled_from(("a", "a/b", "a-b", "0a/a")),
        st.sampled_from(("a", "a-b", "a.b", "b-", "a-a")),
        st.sampled_from(("a", "a-b", "b-a", "a-a")),
    ),
    repository=st.sampled_from((("image", ""), ("b", "-b"), ("a", "/a"))),
)
def test_they_are_all_workloads_that_have_this_name(
    template: NameTemplate, values: tuple[str, str, str], repository: tuple[str, str]
) -> None:
    key, suffix = repository

    def name_of(prefix: str, workload: str, namespace: str) -> str:
        return template.render(
            prefix=prefix,
            workload=workload,
            namespace=namespace,
            repository=key,
            suffix=suffix,
        )

    name = name_of(*values)
    try:
        parse_repository_name(name)
    except InvalidParameterError:
        assume(False)  # noqa: FBT003
    parts = split(name)
    used = {getattr(p, "value", "") for p in template.parts}
    paths = [p for p in parts if PATH.fullmatch(p)] if "prefix" in used else [None]
    workloads = [p for p in parts if PATH.fullmatch(f"{p}-0") and "/" not in p]
    by_length = defaultdict[int, list[str | None]](list)
    for part in filter(is_namespace, parts):
        by_length[len(part)].append(part)
    if "namespace" not in used:
        by_length = defaultdict(list, {0: [None]})
    left = len(name) - len(name_of("", "", ""))
    want = {
        Reading(namespace, workload, prefix, key)
        for prefix, workload in product(paths, workloads)
        for namespace in by_length[left - len(prefix or "") - len(workload)]
        if name_of(prefix or "", workload, namespace or "") == name
    }
    found = readings(name, template, key, suffix)
    assert found == sorted(want)
    assert found, "the workload that the name was made for is one of them"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("default", True),
        ("0", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("-a", False),
        ("a-", False),
        ("A", False),
        ("a.b", False),
        ("", False),
        ("a\n", False),
    ],
)
def test_names_of_namespaces(text: str, want: bool) -> None:
    assert is_namespace(text) == want
