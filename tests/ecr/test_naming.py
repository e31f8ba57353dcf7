"""ECR's naming rules, fact by fact."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.ecr.naming import (
    LONGEST,
    PATTERN,
    SHORTEST,
    Prefix,
    RegistryHost,
    parse_prefix,
    parse_repository_name,
    repository_names,
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


def test_the_bundles_name_must_fit_too() -> None:
    workload = "a" * 245
    assert repository_names(Prefix("p"), workload, "ns", bundle=False)[0]
    with pytest.raises(InvalidParameterError, match="257 characters"):
        repository_names(Prefix("p"), workload, "ns")


def test_a_workload_cannot_leave_its_prefix() -> None:
    with pytest.raises(InvalidParameterError, match="a slash"):
        repository_names(Prefix("p"), "a/b", "ns")


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
        assert repository_names(prefix, workload, namespace) == (
            want,
            f"{want}-bundle",
        )
