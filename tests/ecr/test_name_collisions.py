"""Verdicts on collisions: facts by hand, and a comparison with trying all names."""

import itertools
import random
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from function.api.globs import matching_glob
from function.ecr.name_collisions import (
    AddedRepositories,
    Collision,
    Owner,
    Prefixes,
    decide,
)
from function.ecr.name_template import (
    DEFAULT_TEMPLATE,
    RECOMMENDED_TEMPLATE,
    RESERVED_KEYS,
    NamedRepository,
    NameTemplate,
    SuffixTemplate,
    TemplateError,
)
from function.ecr.naming import LONGEST, PATTERN, SHORTEST

TAP = Prefixes.fixed("tap")
ANY = Prefixes.anything()
CHART = "{prefix}/charts/{workload}"


def layout(
    template: str, suffixes: Mapping[str, str], **own: str
) -> list[NamedRepository]:
    """Return an image repository and others.

    Args:
        template: The template of all names.
        suffixes: The keys and suffixes of the others.
        own: Templates of some of them.
    """
    return [
        NamedRepository(key, NameTemplate.parse(own.get(key, template), "name"), suffix)
        for key, suffix in {"image": "", **suffixes}.items()
    ]


def adding(
    suffix: str, *globs: str, template: str = RECOMMENDED_TEMPLATE
) -> AddedRepositories:
    return AddedRepositories(
        NameTemplate.parse(template, "name"),
        SuffixTemplate.parse(suffix, "suffix"),
        globs or ("*",),
    )


@pytest.mark.parametrize(
    ("repositories", "prefixes", "added", "reason"),
    [
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle", "cache": "/cache"}),
            TAP,
            None,
            "no value contains a slash, so the segments tell all of them",
            id="recommended",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            TAP,
            adding("/{repository}"),
            "added names are no other repository's key",
            id="recommended, with added names",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {}),
            ANY,
            None,
            "the last two segments tell the namespace and the workload",
            id="image only, any prefix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.matching(["tap/{namespace}"]),
            None,
            "each namespace has one prefix",
            id="recommended, a prefix for each namespace",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.matching([f"tap/team-{number}" for number in range(100)]),
            None,
            "no prefix is the beginning of another one",
            id="recommended, a hundred prefixes",
        ),
        pytest.param(
            layout(DEFAULT_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.fixed("tap/{namespace}"),
            None,
            "the second segment tells where the namespace begins in the third one",
            id="the namespace twice",
        ),
        pytest.param(
            layout(DEFAULT_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.matching(["tap/{namespace}", "tap/{namespace}/*"]),
            None,
            "a last segment without hyphen is a bundle's",
            id="the namespace twice, a path below it",
        ),
        pytest.param(
            layout(CHART, {}),
            Prefixes.matching(["tap/{namespace}", "tap/{namespace}/*"]),
            None,
            "the prefix tells the namespace",
            id="a namespace in the prefix only",
        ),
        pytest.param(
            layout(CHART, {}),
            Prefixes.matching(["tap/{namespace}.*"]),
            None,
            "no namespace contains a dot",
            id="a dot after the namespace",
        ),
        pytest.param(
            layout("{prefix}/{namespace}/{workload}/{repository}", {"bundle": ""}),
            TAP,
            adding("", template="{prefix}/{namespace}/{workload}/{repository}"),
            "the key takes the place of a suffix",
            id="keys",
        ),
        pytest.param(
            layout("{prefix}/{namespace}/{suffix}{workload}", {"chart": "charts/"}),
            TAP,
            None,
            "a chart's name has one segment more, and the workload's name is last",
            id="charts",
        ),
        pytest.param(
            layout("{prefix}/{workload}_{namespace}", {}),
            TAP,
            None,
            "no namespace contains an underscore",
            id="underscore",
        ),
        pytest.param(
            layout("{prefix}/{namespace}/{workload}-image{suffix}", {"b": "-b"}),
            TAP,
            None,
            "no name ends in both -image and -b",
            id="different ends",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            TAP,
            adding("/extra", "worker"),
            "there is only one name to add",
            id="one added name",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.fixed("tap/{namespace}/{namespace}"),
            None,
            "the segments tell all values, whatever the prefix has twice",
            id="the namespace twice in the prefix",
        ),
        pytest.param(
            layout(
                "{prefix}/{namespace}/image/{workload}",
                {"a": "", "b": ""},
                a="{prefix}/{namespace}/more/{workload}-x",
                b="{prefix}/{namespace}/more/{workload}--x",
            ),
            TAP,
            None,
            "a workload whose name ends in a hyphen has no valid image repository",
            id="hyphens",
        ),
    ],
)
def test_layouts_without_collisions(
    repositories: list[NamedRepository],
    prefixes: Prefixes,
    added: AddedRepositories | None,
    reason: str,
) -> None:
    verdict = decide(repositories, prefixes, added)
    assert verdict.collision_free, f"{reason}: {verdict.reason}"
    assert verdict.reason == (
        "Each repository name belongs to one repository of one workload in one "
        "namespace."
    )
    assert verdict.collision is None


SLASHES = (
    "Separate the placeholders by slashes, as in "
    "{prefix}/{namespace}/{workload}{suffix}."
)
SUFFIXES = (
    "can also be part of another value. Use {prefix}/{namespace}/{workload}{suffix} "
    "for all repositories, with suffixes that start with a slash."
)
ONE_PREFIX = (
    "Allow one prefix in allow.repoPrefixes, or one for each namespace, such as "
    "tap/{namespace}."
)
NO_NAMESPACE = (
    "The template has no {namespace}, and two namespaces can have one prefix. Add "
    "{namespace} to the template, or allow only prefixes with {namespace}, such as "
    "tap/{namespace}."
)


@pytest.mark.parametrize(
    ("repositories", "prefixes", "added", "want", "reason"),
    [
        pytest.param(
            layout(DEFAULT_TEMPLATE, {}),
            TAP,
            None,
            Collision(
                "tap/a-c-b",
                Owner("b", "a-c", "image", "tap"),
                Owner("c-b", "a", "image", "tap"),
            ),
            "Workload a-c in namespace b (for image) and workload a in namespace c-b "
            f"(for image) would both get the repository tap/a-c-b. {SLASHES}",
            id="a hyphen between workload and namespace",
        ),
        pytest.param(
            layout(DEFAULT_TEMPLATE, {"bundle": "-bundle"}),
            TAP,
            None,
            Collision(
                "tap/a-b-bundle",
                Owner("b-bundle", "a", "image", "tap"),
                Owner("b", "a", "bundle", "tap"),
            ),
            "Workload a in namespace b-bundle (for image) and workload a in namespace "
            "b (for bundle) would both get the repository tap/a-b-bundle. The suffix "
            f"or the text in the template of bundle {SUFFIXES}",
            id="a namespace that ends in the suffix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "-bundle"}),
            TAP,
            None,
            Collision(
                "tap/b/a-bundle",
                Owner("b", "a-bundle", "image", "tap"),
                Owner("b", "a", "bundle", "tap"),
            ),
            "Workload a-bundle in namespace b (for image) and workload a in namespace "
            "b (for bundle) would both get the repository tap/b/a-bundle. The suffix "
            f"or the text in the template of bundle {SUFFIXES}",
            id="a workload that ends in the suffix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            ANY,
            None,
            Collision(
                "c/b/a/bundle",
                Owner("a", "bundle", "image", "c/b"),
                Owner("b", "a", "bundle", "c"),
            ),
            "Workload bundle in namespace a (for image) and workload a in namespace b "
            "(for bundle) would both get the repository c/b/a/bundle, with the "
            f"prefixes c/b and c. {ONE_PREFIX}",
            id="any prefix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.matching(["tap/{namespace}", "tap/{namespace}/*"]),
            None,
            Collision(
                "tap/a/a/a/bundle",
                Owner("a", "bundle", "image", "tap/a/a"),
                Owner("a", "a", "bundle", "tap/a"),
            ),
            "Workload bundle in namespace a (for image) and workload a in namespace a "
            "(for bundle) would both get the repository tap/a/a/a/bundle, with the "
            f"prefixes tap/a/a and tap/a. {ONE_PREFIX}",
            id="any path below the namespace",
        ),
        pytest.param(
            layout(DEFAULT_TEMPLATE, {"bundle": "-bundle"}),
            Prefixes.fixed("tap/{namespace}"),
            None,
            Collision(
                "tap/bundle/a-bundle-bundle",
                Owner("bundle", "a-bundle", "image", "tap/bundle"),
                Owner("bundle", "a", "bundle", "tap/bundle"),
            ),
            "Workload a-bundle in namespace bundle (for image) and workload a in "
            "namespace bundle (for bundle) would both get the repository "
            "tap/bundle/a-bundle-bundle. The suffix or the text in the template of "
            f"bundle {SUFFIXES}",
            id="a namespace that is the suffix",
        ),
        pytest.param(
            layout(CHART, {}),
            TAP,
            None,
            Collision(
                "tap/charts/a",
                Owner("b", "a", "image", "tap"),
                Owner("a", "a", "image", "tap"),
            ),
            "Workload a in namespace b (for image) and workload a in namespace a (for "
            f"image) would both get the repository tap/charts/a. {NO_NAMESPACE}",
            id="no namespace",
        ),
        pytest.param(
            layout(CHART, {}),
            Prefixes.matching(["tap/{namespace}*"]),
            None,
            Collision(
                "tap/bc/charts/a",
                Owner("bc", "a", "image", "tap/bc"),
                Owner("b", "a", "image", "tap/bc"),
            ),
            "Workload a in namespace bc (for image) and workload a in namespace b (for "
            f"image) would both get the repository tap/bc/charts/a. {NO_NAMESPACE}",
            id="a prefix that two namespaces can have",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"chart": ""}, chart=CHART),
            TAP,
            None,
            Collision(
                "tap/charts/a",
                Owner("charts", "a", "image", "tap"),
                Owner("b", "a", "chart", "tap"),
            ),
            "Workload a in namespace charts (for image) and workload a in namespace b "
            "(for chart) would both get the repository tap/charts/a. The suffix or the "
            f"text in the template of chart {SUFFIXES}",
            id="a namespace that is text of another template",
        ),
        pytest.param(
            layout("{prefix}/{namespace}/{workload}", {"bundle": "/bundle"}),
            TAP,
            None,
            Collision(
                "tap/b/a",
                Owner("b", "a", "image", "tap"),
                Owner("b", "a", "bundle", "tap"),
            ),
            "Workload a in namespace b would get the repository tap/b/a twice, for "
            "image and bundle. Give image and bundle different suffixes, and use "
            "{suffix} or {repository} in the template.",
            id="a template without suffix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {}),
            TAP,
            adding("-{repository}"),
            Collision(
                "tap/b/a-c",
                Owner("b", "a-c", "image", "tap"),
                Owner("b", "a", "c", "tap"),
            ),
            "Workload a-c in namespace b (for image) and workload a in namespace b "
            "(for c) would both get the repository tap/b/a-c. The suffix or the text "
            f"in the template of c {SUFFIXES}",
            id="an added name",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {}),
            TAP,
            adding("/extra"),
            Collision(
                "tap/b/a/extra",
                Owner("b", "a", "c", "tap"),
                Owner("b", "a", "a", "tap"),
            ),
            "Workload a in namespace b would get the repository tap/b/a/extra twice, "
            "for c and a. Give c and a different suffixes, and use {suffix} or "
            "{repository} in the template.",
            id="two added names with one suffix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "_bundle"}),
            TAP,
            None,
            Collision(
                "tap/b/a_bundle",
                Owner("b", "a_bundle", "image", "tap"),
                Owner("b", "a", "bundle", "tap"),
            ),
            "Workload a_bundle in namespace b (for image) and workload a in namespace "
            "b (for bundle) would both get the repository tap/b/a_bundle. The suffix "
            f"or the text in the template of bundle {SUFFIXES} Kubernetes allows no "
            "such name for a workload, but a claim can have it.",
            id="a workload's name that is none of Kubernetes's",
        ),
        pytest.param(
            layout(
                "{prefix}/{namespace}/{workload}-x",
                {"b": ""},
                b="{prefix}/{namespace}/{workload}--x",
            ),
            TAP,
            None,
            Collision(
                "tap/b/a--x",
                Owner("b", "a-", "image", "tap"),
                Owner("b", "a", "b", "tap"),
            ),
            "Workload a- in namespace b (for image) and workload a in namespace b (for "
            "b) would both get the repository tap/b/a--x. The suffix or the text in "
            f"the template of b {SUFFIXES} Kubernetes allows no such name for a "
            "workload, but a claim can have it.",
            id="a workload's name that ends in a hyphen",
        ),
        pytest.param(
            layout(CHART, {}),
            Prefixes.matching(["{namespace}/x", "y/{namespace}"]),
            None,
            Collision(
                "y/x/charts/a",
                Owner("y", "a", "image", "y/x"),
                Owner("x", "a", "image", "y/x"),
            ),
            "Workload a in namespace y (for image) and workload a in namespace x (for "
            f"image) would both get the repository y/x/charts/a. {NO_NAMESPACE}",
            id="two patterns with one prefix in common",
        ),
    ],
)
def test_layouts_with_collisions(
    repositories: list[NamedRepository],
    prefixes: Prefixes,
    added: AddedRepositories | None,
    want: Collision,
    reason: str,
) -> None:
    verdict = decide(repositories, prefixes, added)
    assert not verdict.collision_free
    assert verdict.collision == want
    assert verdict.reason == reason
    check(repositories, prefixes, added, want)


@pytest.mark.parametrize(
    ("repositories", "prefixes", "reason"),
    [
        pytest.param(
            layout("{prefix}/{workload}/{namespace}{suffix}", {"b": "b" * 63}),
            TAP,
            "Not proven: all examples that were found have names that are too long. "
            "Two workloads may get the same repository name.",
            id="a namespace of 64 characters",
        ),
        pytest.param(
            layout("{workload}{prefix}", {}),
            Prefixes.matching(["{namespace}/{namespace}"]),
            "Not proven: an allowed prefix has {namespace} more than once. Two "
            "workloads may get the same repository name.",
            id="the namespace twice in a prefix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"bundle": "/bundle"}),
            Prefixes.matching([f"team-{n}/{{namespace}}" for n in range(100)]),
            "Not proven: allow.repoPrefixes or allow.repositories has too many "
            "patterns. Two workloads may get the same repository name.",
            id="too many patterns with {namespace}",
        ),
    ],
)
def test_undecided_layouts(
    repositories: list[NamedRepository], prefixes: Prefixes, reason: str
) -> None:
    verdict = decide(repositories, prefixes)
    assert not verdict.collision_free
    assert verdict.collision is None
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("repositories", "prefixes", "reason"),
    [
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {"cache": "-"}),
            TAP,
            "There are no repositories: each name of cache breaks ECR's rules.",
            id="suffix",
        ),
        pytest.param(
            layout(RECOMMENDED_TEMPLATE, {}),
            Prefixes.matching(["Tap/*", "tap//{namespace}"]),
            "There are no repositories: no allowed prefix follows ECR's rules.",
            id="prefix",
        ),
    ],
)
def test_layouts_without_valid_names(
    repositories: list[NamedRepository], prefixes: Prefixes, reason: str
) -> None:
    verdict = decide(repositories, prefixes)
    assert verdict.collision_free
    assert verdict.reason == reason


# What is random: short texts of few characters, so that names meet by chance.
TEXTS = [
    *("-", "/", "a", "b", "a/", "/a", "-a", "a-", "_", "__", ".", "--", "/b/", "-b-"),
    *("/a-", "b/a"),
]
SUFFIX_TEXTS = [
    *("-a", "/a", "a", "-b", "/b", "/a/b", "-a-b", "_a", "/a-b", "b-a", "", "a-"),
]
ADDED_SUFFIXES = [
    *("-{repository}", "/{repository}", "{repository}", "/a/{repository}", "/a"),
    *("-a-{repository}", "_{repository}"),
]
KEY_GLOBS = [("*",), ("a*",), ("b",), ("?", "b-?"), ("[!a]*",)]
FIXED = ["a", "a/b", "a/{namespace}", "{namespace}", "a-{namespace}", "{namespace}-a"]
GLOB_TEXTS = ["a", "b", "/", "-", "*", "?", "[ab]", "[!a]", "{namespace}"]


def words(alphabet: str, longest: int) -> list[str]:
    return [
        "".join(letters)
        for length in range(1, longest + 1)
        for letters in itertools.product(alphabet, repeat=length)
    ]


LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME = re.compile(PATTERN)
LABELS = [word for word in words("ab-", 3) if LABEL.fullmatch(word)]
WORKLOADS = [
    word
    for word in [*words("ab-", 3), "a_a", "a__b", "a.b", "a-a-b", "a/b"]
    # As name_template.repository_names checks them.
    if "/" not in word and NAME.fullmatch(f"{word}-0")
]
PATHS = [
    word
    for word in [*words("ab/", 3), "a-b", "b-a", "a/a/b", "a/b/a", "a/b/b", "a/a-b"]
    if NAME.fullmatch(word)
]


@st.composite
def templates(draw: st.DrawFn) -> NameTemplate:
    """Draw a template. Those with prefix and namespace are more likely."""
    optional = [
        placeholder
        for placeholder, weight in [
            ("{prefix}", 8),
            ("{namespace}", 7),
            ("{suffix}", 8),
            ("{repository}", 1),
        ]
        if draw(st.integers(0, 9)) < weight
    ]
    order = draw(st.permutations([*optional, "{workload}"]))
    if draw(st.booleans()):
        usual = ["{prefix}", "{namespace}", "{workload}", "{repository}", "{suffix}"]
        order.sort(key=usual.index)
    texts = draw(
        st.lists(
            st.sampled_from(["/", "-", "/", "", *TEXTS]),
            min_size=len(order),
            max_size=len(order),
        )
    )
    parts = [
        part if part in ("{suffix}", order[0]) else text + part
        for text, part in zip(texts, order, strict=True)
    ]
    try:
        return NameTemplate.from_text("".join(parts))
    except TemplateError:
        return NameTemplate.from_text("/".join(p for p in order if p != "{suffix}"))


@st.composite
def layouts(
    draw: st.DrawFn,
) -> tuple[list[NamedRepository], Prefixes, AddedRepositories | None]:
    common = draw(templates())
    repositories = [NamedRepository("image", common, "")]
    for key in draw(st.lists(st.sampled_from(["bundle", "a", "ab"]), unique=True)):
        own = common if draw(st.integers(0, 3)) else draw(templates())
        suffix = draw(st.sampled_from(SUFFIX_TEXTS))
        repositories.append(NamedRepository(key, own, suffix))
    added = None
    if not draw(st.integers(0, 2)):
        suffix = draw(st.sampled_from(ADDED_SUFFIXES))
        keys = draw(st.sampled_from(KEY_GLOBS))
        added = AddedRepositories(common, SuffixTemplate.from_text(suffix), keys)
    globs = st.lists(st.sampled_from(GLOB_TEXTS), min_size=1, max_size=4).map("".join)
    prefixes = draw(
        st.one_of(
            st.sampled_from(FIXED).map(Prefixes.fixed),
            st.lists(globs, min_size=1, max_size=2).map(Prefixes.matching),
            st.just(ANY),
        )
    )
    return repositories, prefixes, added


def is_name(text: str) -> bool:
    return SHORTEST <= len(text) <= LONGEST and bool(NAME.fullmatch(text))


def names(
    repositories: list[NamedRepository], prefix: str, workload: str, namespace: str
) -> list[str]:
    """Return the names of some repositories of a workload; none if one is invalid."""
    found = [
        repository.template.render(
            prefix=prefix,
            workload=workload,
            namespace=namespace,
            repository=repository.key,
            suffix=repository.suffix,
        )
        for repository in repositories
    ]
    return found if all(map(is_name, found)) else []


def added_repository(key: str, added: AddedRepositories | None) -> NamedRepository:
    assert added
    return NamedRepository(key, added.template, added.suffix.render(key))


def added_keys(
    repositories: list[NamedRepository], added: AddedRepositories | None
) -> Iterator[str]:
    """Yield some keys that workloads can add."""
    if not added:
        return
    taken = {*RESERVED_KEYS, *(repository.key for repository in repositories)}
    for key in LABELS:
        if key not in taken and any(fnmatchcase(key, glob) for glob in added.globs):
            yield key


def check(
    repositories: list[NamedRepository],
    prefixes: Prefixes,
    added: AddedRepositories | None,
    collision: Collision,
) -> None:
    """Check that a collision is one."""
    keys = [repository.key for repository in repositories]
    assert collision.first[:3] != collision.second[:3]
    for owner in (collision.first, collision.second):
        assert LABEL.fullmatch(owner.namespace)
        assert len(owner.namespace) <= 63
        assert "/" not in owner.workload
        assert NAME.fullmatch(f"{owner.workload}-0")
        assert NAME.fullmatch(owner.prefix)
        assert prefixes.allow(owner.prefix, owner.namespace)
        each = list(repositories)
        if owner.repository not in keys:
            assert added
            assert owner.repository not in RESERVED_KEYS
            assert LABEL.fullmatch(owner.repository)
            assert any(fnmatchcase(owner.repository, glob) for glob in added.globs)
            each.append(added_repository(owner.repository, added))
        found = names(each, owner.prefix, owner.workload, owner.namespace)
        position = [repository.key for repository in each].index(owner.repository)
        assert found[position] == collision.name


def find_collision(
    repositories: list[NamedRepository],
    prefixes: Prefixes,
    added: AddedRepositories | None,
) -> Collision | None:
    """Try short names of workloads and namespaces, and short prefixes."""
    chance = random.Random(0)
    keys = list(added_keys(repositories, added))
    owners: dict[str, Owner] = {}
    for namespace in LABELS:
        paths = [path for path in PATHS if prefixes.allow(path, namespace)]
        for prefix in chance.sample(paths, min(4, len(paths))):
            for workload in WORKLOADS:
                fixed = names(repositories, prefix, workload, namespace)
                if not fixed:
                    continue
                found = list(zip((r.key for r in repositories), fixed, strict=True))
                for key in chance.sample(keys, min(3, len(keys))):
                    one = added_repository(key, added)
                    found += [
                        (key, name)
                        for name in names([one], prefix, workload, namespace)
                    ]
                for key, name in found:
                    owner = Owner(namespace, workload, key, prefix)
                    other = owners.setdefault(name, owner)
                    if other[:3] != owner[:3]:
                        return Collision(name, other, owner)
    return None


@settings(max_examples=1500)
@given(layouts())
def test_verdicts_on_random_layouts_are_right(
    layout: tuple[list[NamedRepository], Prefixes, AddedRepositories | None],
) -> None:
    verdict = decide(*layout)
    if verdict.collision:
        assert not verdict.collision_free
        check(*layout, verdict.collision)
    elif verdict.collision_free:
        assert find_collision(*layout) is None
    else:  # rare, and honest
        assert verdict.reason.startswith("Not proven: ")


@given(
    st.lists(st.sampled_from(GLOB_TEXTS), max_size=4).map("".join),
    st.sampled_from(PATHS),
    st.sampled_from(LABELS),
)
def test_prefixes_are_those_that_the_function_allows(
    glob: str, path: str, namespace: str
) -> None:
    want = matching_glob(path, [glob], namespace) is not None
    assert Prefixes.matching([glob]).allow(path, namespace) == want


@pytest.mark.parametrize(
    ("path", "namespace", "want", "reason"),
    [
        ("tap/a", "a", True, "the namespace's prefix"),
        ("tap/b", "a", False, "another namespace's prefix"),
        ("tap/*", "a", False, "a fixed prefix has no wildcards"),
    ],
)
def test_a_fixed_prefix(path: str, namespace: str, want: bool, reason: str) -> None:
    assert Prefixes.fixed("tap/{namespace}").allow(path, namespace) == want, reason
