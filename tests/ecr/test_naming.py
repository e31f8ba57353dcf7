"""ECR's naming rules, fact by fact."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ecr.name_template import (
    DEFAULT_TEMPLATE,
    NamedRepository,
    NameTemplate,
    repository_names,
)
from function.ecr.naming import (
    LONGEST,
    PATTERN,
    SHORTEST,
    Prefix,
    RegistryHost,
    RepositoryName,
    parse_prefix,
    parse_repository_name,
)
from function.errors import InvalidParameterError

STRIP, KEEP = RegistryHost.STRIP, RegistryHost.KEEP
ACCOUNT = "123456789012"


@given(st.from_regex(re.compile(f"(?:{PATTERN})", re.ASCII), fullmatch=True))
def test_what_ecr_accepts_is_accepted_unchanged(text: str) -> None:
    if SHORTEST <= len(text) <= LONGEST:
        assert parse_repository_name(text) == text


@given(st.text(alphabet="ab09._-/AZ \nä", max_size=12))
def test_every_other_name_is_refused(text: str) -> None:
    legal = SHORTEST <= len(text) <= LONGEST and re.fullmatch(PATTERN, text)
    try:
        assert parse_repository_name(text) == text
        assert legal
    except InvalidParameterError:
        assert not legal


def test_a_long_hostile_name_is_refused_at_once() -> None:
    with pytest.raises(InvalidParameterError, match="2 to 256"):
        parse_repository_name("a" * 10_000_000)
    with pytest.raises(InvalidParameterError, match="lowercase"):
        parse_repository_name("a-" * 127 + "A")


@pytest.mark.parametrize(
    ("text", "region", "host", "want"),
    [
        pytest.param("tap/w", "eu-west-2", STRIP, Prefix("tap/w"), id="plain"),
        pytest.param("//tap/w/", "eu-west-2", STRIP, Prefix("tap/w"), id="slashes"),
        pytest.param(
            f"{ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com/tap",
            "eu-west-2",
            STRIP,
            Prefix("tap"),
            id="commercial",
        ),
        pytest.param(
            f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com/tap",
            "us-gov-west-1",
            STRIP,
            Prefix("tap"),
            id="govcloud-fips",
        ),
        pytest.param(
            f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/tap",
            "cn-north-1",
            STRIP,
            Prefix("tap"),
            id="china",
        ),
        pytest.param(
            f"{ACCOUNT}.dkr-ecr.eu-west-2.on.aws/tap",
            "eu-west-2",
            STRIP,
            Prefix("tap"),
            id="dual-stack",
        ),
        pytest.param(
            f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws/tap",
            "us-east-1",
            STRIP,
            Prefix("tap"),
            id="dual-stack-fips",
        ),
        pytest.param(
            f"{ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn/tap",
            "cn-north-1",
            STRIP,
            Prefix("tap"),
            id="china-dual-stack",
        ),
        pytest.param(
            f"{ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com/tap",
            "us-east-1",
            KEEP,
            Prefix(f"{ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com/tap"),
            id="kept",
        ),
        pytest.param(
            "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap",
            "eu-west-2",
            STRIP,
            Prefix(
                "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap",
                "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com",
            ),
            id="the recipe's placeholder",
        ),
    ],
)
def test_prefix(text: str, region: str, host: RegistryHost, want: Prefix) -> None:
    assert parse_prefix(text, region, host) == want


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/", "more than slashes"),
        (f"{ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com/", "more than slashes"),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/tap", "is in region"),
    ],
)
def test_a_prefix_that_cannot_work(text: str, why: str) -> None:
    with pytest.raises(InvalidParameterError, match=why) as e:
        parse_prefix(text, "eu-west-2", STRIP)
    assert e.value.field == "spec.parameters.repoPrefix"


IMAGE = NamedRepository("image", NameTemplate.from_text(DEFAULT_TEMPLATE), "")
BUNDLE = NamedRepository("bundle", IMAGE.template, "-bundle")


def names(
    prefix: Prefix, workload: str, namespace: str, *, bundle: bool = True
) -> tuple[RepositoryName, ...]:
    repositories = (IMAGE, BUNDLE) if bundle else (IMAGE,)
    return tuple(repository_names(repositories, prefix, workload, namespace).values())


def test_the_bundles_name_must_fit_too() -> None:
    workload = "a" * 245
    assert names(Prefix("p"), workload, "ns", bundle=False)
    with pytest.raises(InvalidParameterError, match="257 characters"):
        names(Prefix("p"), workload, "ns")


def test_a_workload_cannot_leave_its_prefix() -> None:
    with pytest.raises(InvalidParameterError, match="a slash"):
        names(Prefix("p"), "a/b", "ns")


@pytest.mark.parametrize(
    ("prefix", "workload", "field", "value"),
    [
        ("tap", "Shop", "spec.parameters.workloadName", '"Shop"'),
        ("tap", "shop.", "spec.parameters.workloadName", '"shop."'),
        ("Tap", "shop", "spec.parameters.repoPrefix", '"Tap"'),
        ("Tap", "Shop", "spec.parameters.repoPrefix", '"Tap"'),
        (
            "a" * 200,
            "b" * 60,
            "spec.parameters.repoPrefix, spec.parameters.workloadName",
            "the repository name",
        ),
    ],
)
def test_an_error_shows_the_value_of_the_field_at_fault(
    prefix: str, workload: str, field: str, value: str
) -> None:
    with pytest.raises(InvalidParameterError) as e:
        names(Prefix(prefix), workload, "ns")
    assert e.value.field == field
    assert str(e.value).startswith(f"{field}: got {value}")


@given(st.text("aA-._/", min_size=1, max_size=6))
def test_a_name_is_refused_before_it_is_composed(workload: str) -> None:
    """The parts decide on the pattern: only the length is the whole name's."""
    try:
        image, _ = names(Prefix("p"), workload, "ns")
    except InvalidParameterError as e:
        assert "got the repository name" not in str(e)  # noqa: PT017
    else:
        assert parse_repository_name(image) == f"p/{workload}-ns"


SEGMENT = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?", fullmatch=True)
PATH = st.lists(SEGMENT, min_size=1, max_size=3).map("/".join)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOST = st.sampled_from(
    [
        "dkr.ecr.{}.amazonaws.com",
        "dkr.ecr-fips.{}.amazonaws.com",
        "dkr.ecr.{}.amazonaws.com.cn",
        "dkr-ecr.{}.on.aws",
        "dkr-ecr-fips.{}.on.aws",
        "dkr-ecr.{}.on.amazonwebservices.com.cn",
    ]
)


@given(PATH, LABEL, LABEL, HOST, st.sampled_from(["", "/", "//"]))
def test_names_are_the_joined_parts_whatever_surrounds_the_prefix(
    path: str, workload: str, namespace: str, host: str, slashes: str
) -> None:
    want = f"{path}/{workload}-{namespace}"
    region = "eu-west-2"
    for text in (path, f"{ACCOUNT}.{host.format(region)}/{path}"):
        prefix = parse_prefix(f"{slashes}{text}{slashes}", region, STRIP)
        assert prefix == Prefix(path)
        assert names(prefix, workload, namespace) == (
            want,
            f"{want}-bundle",
        )
