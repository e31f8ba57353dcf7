"""The XRD's schema and the function's parser agree on what is valid."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from google.protobuf import struct_pb2 as structpb
from hypothesis import assume, given
from hypothesis import strategies as st

from function.api.input import DEFAULT_INPUT
from function.api.parameters import parse_parameters, read_parameters
from function.errors import InvalidRequestError
from function.generate.xrds import overrides_schema

XRD, XRD_V2 = (
    yaml.safe_load(Path(f"package/{package}/definition.yaml").read_text())
    for package in ("configuration", "configuration-v2")
)
SCHEMA = XRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
VALID = {
    "workloadName": "example-app",
    "repoPrefix": "tap/workloads",
    "region": "eu-west-2",
    "providerName": "aws-provider",
}


def parsed(parameters: dict[str, Any]) -> bool:
    xr = structpb.Struct()
    xr.update(
        {"spec": {"claimRef": {"namespace": "default"}, "parameters": parameters}}
    )
    try:
        parse_parameters(read_parameters(xr), DEFAULT_INPUT)
    except InvalidRequestError:
        return False
    return True


def admitted(parameters: dict[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return validator.is_valid({"spec": {"parameters": parameters}})


@given(
    st.sampled_from(list(VALID)),
    st.from_regex(r"/?[a-z0-9.-]{1,20}(/[a-z0-9._-]{1,20}){0,2}/?", fullmatch=True)
    | st.from_regex(r"[a-z]{2,4}(-[a-z]{2,9}){1,3}-[0-9]{1,2}", fullmatch=True),
)
def test_what_the_function_takes_the_api_server_admits(name: str, text: str) -> None:
    parameters = {**VALID, name: text}
    assume(parsed(parameters))
    assert admitted(parameters)


@pytest.mark.parametrize("name", list(VALID))
@pytest.mark.parametrize("value", [None, "", 1, True, ["x"], "a b\n/c/"])
def test_what_the_api_server_can_refuse_it_does(name: str, value: object) -> None:
    assert admitted(VALID)
    assert not parsed({**VALID, name: value})
    if (name, value) != ("repoPrefix", "a b\n/c/"):  # its rule is the joined name's
        assert not admitted({**VALID, name: value})


@pytest.mark.parametrize("name", list(VALID))
def test_every_parameter_is_required_and_explained(name: str) -> None:
    without = {k: v for k, v in VALID.items() if k != name}
    assert not admitted(without)
    properties = SCHEMA["properties"]["spec"]["properties"]["parameters"]["properties"]
    assert properties[name]["description"]


@pytest.mark.parametrize("xrd", sorted(Path("package").glob("*/definition.yaml")))
def test_a_workload_may_say_of_its_repositories_what_the_platform_may(
    xrd: Path,
) -> None:
    definition = yaml.safe_load(xrd.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    parameters = schema["properties"]["spec"]["properties"]["parameters"]
    assert parameters["properties"]["repository"] == overrides_schema()
    assert "repository" not in parameters["required"]


def test_what_a_tenant_writes_and_reads_is_the_same_on_crossplane_v2() -> None:
    claim, xr = XRD["spec"], XRD_V2["spec"]
    assert xr["versions"] == claim["versions"]
    assert (xr["group"], xr["names"]) == (claim["group"], claim["claimNames"])
    assert (XRD_V2["apiVersion"], xr["scope"]) == (
        "apiextensions.crossplane.io/v2",
        "Namespaced",
    )
    assert XRD_V2["metadata"]["name"] == "workloadecrrepos.tap.vrabbi.cloud"


@pytest.mark.parametrize("package", ["configuration", "configuration-v2"])
def test_a_packages_composition_is_for_its_xrd(package: str) -> None:
    folder = Path("package") / package
    xrd = yaml.safe_load((folder / "definition.yaml").read_text())
    composition = yaml.safe_load((folder / "composition.yaml").read_text())
    (version,) = xrd["spec"]["versions"]
    assert composition["spec"]["compositeTypeRef"] == {
        "apiVersion": f"{xrd['spec']['group']}/{version['name']}",
        "kind": xrd["spec"]["names"]["kind"],
    }
    assert composition["metadata"]["labels"] == {
        "crossplane.io/xrd": xrd["metadata"]["name"],
        "provider": "aws",
    }
    default = xrd["spec"]["defaultCompositionRef"]["name"]
    assert composition["metadata"]["name"] == default == "workloadecrrepo"
