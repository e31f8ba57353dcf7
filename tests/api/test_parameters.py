"""A tenant's parameters: what is valid, and what the platform allows."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb
from hypothesis import assume, given
from hypothesis import strategies as st

from function.api.parameters import parse_parameters, read_parameters
from function.api.settings import effective_settings
from function.errors import InvalidRequestError
from tests.builders import (
    CLASSIC,
    CLUSTER,
    NAMESPACED,
    PARAMETERS,
    run,
    settings_of,
    xr,
)


@pytest.mark.parametrize(
    ("provider", "composite", "given", "field", "fix"),
    [
        (CLASSIC, xr(NAMESPACED), {}, "input.provider", NAMESPACED),
        (CLUSTER, xr(NAMESPACED), {}, "input.provider", NAMESPACED),
        (NAMESPACED, xr(CLASSIC), {}, "input.provider", CLUSTER),
        ("ecr.aws.example.org/v1", xr(CLASSIC), {}, "input.provider", CLASSIC),
        (
            NAMESPACED,
            xr(NAMESPACED),
            {"managementPolicies": False},
            "input.managementPolicies",
            CLUSTER,
        ),
        (
            CLASSIC,
            xr(CLASSIC),
            {"providerConfigKind": "ProviderConfig"},
            "input.providerConfigKind",
            NAMESPACED,
        ),
    ],
)
def test_a_provider_that_cannot_work_is_refused(
    provider: str,
    composite: dict[str, Any],
    given: dict[str, Any],
    field: str,
    fix: str,
) -> None:
    result = run(provider, composite=composite, **given).results[-1]
    assert result.severity == fnv1.SEVERITY_FATAL
    assert field in result.message
    assert fix in result.message


HOST = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"
ALLOWING = settings_of(
    allow={
        "repoPrefixes": ["tap/*", "exact", "team-?/x"],
        "regions": ["eu-west-[12]"],
        "providerNames": ["aws-*", "*-[!p]"],
    }
)


def names(namespace: str = "default", **parameters: str) -> tuple[str, ...]:
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
    parsed = parse_parameters(read_parameters(resource.dict_to_struct(xr)), ALLOWING)
    return tuple(parsed.names.values())


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
def test_allowed_values(parameters: dict[str, str], image: str, reason: str) -> None:
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
def test_values_that_are_not_allowed(parameters: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidRequestError) as e:
        names(**parameters)
    assert e.value.reason == why
    assert str(e.value).isascii()
    assert str(e.value).isprintable()


XRD, XRD_V2 = (
    yaml.safe_load(Path(f"package/{package}/definition.yaml").read_text())
    for package in ("configuration", "configuration-v2")
)
SCHEMA = XRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def is_parsed(parameters: dict[str, Any]) -> bool:
    xr = structpb.Struct()
    xr.update(
        {"spec": {"claimRef": {"namespace": "default"}, "parameters": parameters}}
    )
    try:
        parse_parameters(read_parameters(xr), effective_settings())
    except InvalidRequestError:
        return False
    return True


def is_admitted(parameters: dict[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return validator.is_valid({"spec": {"parameters": parameters}})


@given(
    st.sampled_from(list(PARAMETERS)),
    st.from_regex(r"/?[a-z0-9.-]{1,20}(/[a-z0-9._-]{1,20}){0,2}/?", fullmatch=True)
    | st.from_regex(r"[a-z]{2,4}(-[a-z]{2,9}){1,3}-[0-9]{1,2}", fullmatch=True),
)
def test_the_api_server_accepts_what_the_function_accepts(name: str, text: str) -> None:
    parameters = {**PARAMETERS, name: text}
    assume(is_parsed(parameters))
    assert is_admitted(parameters)


@pytest.mark.parametrize("name", list(PARAMETERS))
@pytest.mark.parametrize("value", [None, "", 1, True, ["x"], "a b\n/c/"])
def test_the_api_server_refuses_what_it_can(name: str, value: object) -> None:
    assert is_admitted(PARAMETERS)
    assert not is_parsed({**PARAMETERS, name: value})
    if (name, value) != ("repoPrefix", "a b\n/c/"):  # its rule is the joined name's
        assert not is_admitted({**PARAMETERS, name: value})


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_every_parameter_is_required_and_explained(name: str) -> None:
    without = {k: v for k, v in PARAMETERS.items() if k != name}
    assert not is_admitted(without)
    properties = SCHEMA["properties"]["spec"]["properties"]["parameters"]["properties"]
    assert properties[name]["description"]
