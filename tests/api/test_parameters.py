"""A tenant who would like to have more than the platform allows."""

import pytest
from crossplane.function import resource

from function.api.input import parse_input
from function.api.parameters import parse_parameters, read_parameters
from function.errors import InvalidRequestError

HOST = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"
INPUT = parse_input(
    resource.dict_to_struct(
        {
            "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
            "kind": "Input",
            "allow": {
                "repoPrefixes": ["tap/*", "exact", "team-?/x"],
                "regions": ["eu-west-[12]"],
                "providerNames": ["aws-*", "*-[!p]"],
            },
        }
    )
)


def names(namespace: str = "default", **parameters: str) -> tuple[str, str]:
    xr = {
        "metadata": {"namespace": namespace},
        "spec": {
            "parameters": {
                "workloadName": "shop",
                "repoPrefix": "tap/workloads",
                "region": "eu-west-2",
                "providerName": "aws-one",
                **parameters,
            }
        },
    }
    parsed = parse_parameters(read_parameters(resource.dict_to_struct(xr)), INPUT)
    return parsed.image_name, parsed.bundle_name


@pytest.mark.parametrize(
    ("parameters", "image", "reason"),
    [
        ({}, "tap/workloads/shop-default", "a glob"),
        ({"repoPrefix": "exact"}, "exact/shop-default", "a word"),
        ({"repoPrefix": "/exact//"}, "exact/shop-default", "slashes around are none"),
        ({"repoPrefix": "team-a/x"}, "team-a/x/shop-default", "one character"),
        ({"repoPrefix": "tap/a/b"}, "tap/a/b/shop-default", "a star takes slashes"),
        ({"repoPrefix": f"{HOST}/exact"}, "exact/shop-default", "a host is none of it"),
        ({"providerName": "other-q"}, "tap/workloads/shop-default", "a negated class"),
    ],
)
def test_what_is_allowed(parameters: dict[str, str], image: str, reason: str) -> None:
    assert names(**parameters) == (image, f"{image}-bundle"), reason


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"repoPrefix": "tap"}, "NotAllowed"),
        ({"repoPrefix": "exactly"}, "NotAllowed"),
        ({"repoPrefix": "not-exact"}, "NotAllowed"),
        ({"repoPrefix": "xtap/a"}, "NotAllowed"),
        ({"repoPrefix": "TAP/a"}, "NotAllowed"),
        ({"repoPrefix": "t\u0430p/a"}, "NotAllowed"),  # a Cyrillic a
        ({"repoPrefix": "\uff54ap/a"}, "NotAllowed"),  # a full-width t
        ({"repoPrefix": "\ntap/a"}, "NotAllowed"),
        ({"repoPrefix": "exact\n"}, "NotAllowed"),
        ({"repoPrefix": "exact\x00"}, "NotAllowed"),
        ({"repoPrefix": "*"}, "NotAllowed"),
        ({"repoPrefix": "team-/x"}, "NotAllowed"),
        ({"repoPrefix": f"{HOST}/other"}, "NotAllowed"),
        ({"repoPrefix": f"x/{HOST}/tap/a"}, "NotAllowed"),
        ({"repoPrefix": "tap/../other"}, "InvalidParameters"),
        ({"repoPrefix": "tap/./other"}, "InvalidParameters"),
        ({"repoPrefix": "tap//other"}, "InvalidParameters"),
        ({"repoPrefix": "tap/%2e%2e/other"}, "InvalidParameters"),
        ({"repoPrefix": "tap/a\n"}, "InvalidParameters"),
        ({"repoPrefix": "tap/\u202eb"}, "InvalidParameters"),
        ({"workloadName": "../../other/shop"}, "InvalidParameters"),
        ({"workloadName": "/other/shop"}, "InvalidParameters"),
        ({"workloadName": "shop\x1b[2J"}, "InvalidParameters"),
        ({"workloadName": "-x"}, "InvalidParameters"),
        ({"namespace": "../other"}, "InvalidParameters"),
        ({"namespace": "a.b"}, "InvalidParameters"),
        ({"region": "eu-west-3"}, "NotAllowed"),
        ({"region": "eu-west-2\n"}, "InvalidParameters"),
        ({"region": "eu-west-2/../us-east-1"}, "InvalidParameters"),
        ({"providerName": "other-p"}, "NotAllowed"),
        ({"providerName": "aws-one\n"}, "InvalidParameters"),
        ({"providerName": "aws-\u043ene"}, "InvalidParameters"),
    ],
)
def test_what_is_not(parameters: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidRequestError) as e:
        names(**parameters)
    assert e.value.reason == why
    assert str(e.value).isascii()
    assert str(e.value).isprintable()
