"""The Input: what is parsed of it, and how it is told apart from another one."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.api.input import DEFAULT_INPUT, Input, input_errors, parse_input
from function.ecr.options import OPTION_NAMES
from function.errors import InvalidRequestError
from tests.builders import INPUT

OTHER: dict[str, Any] = {
    "provider": "ecr.aws.m.upbound.io/v1beta1",
    "managementPolicies": True,
    "providerConfigKind": "ProviderConfig",
    "registryHost": "Keep",
    "bundle": False,
    "deletion": "Never",
    "adopt": "Manage",
    "repository": {"forceDelete": False},
    "image": {"scanOnPush": True},
    "bundleRepository": {"scanOnPush": False},
    "name": "{prefix}/{namespace}/{workload}{suffix}",
    "suffix": "/{repository}",
    "repositories": {
        "cache": {"forceDelete": False, "suffix": "-c", "name": "{workload}{suffix}"}
    },
    "connection": {"kind": "Secret"},
    "allow": {
        "repoPrefixes": ["a"],
        "regions": [],
        "providerNames": ["c"],
        "repositories": ["worker-*"],
        "overrides": ["tags"],
    },
    "defaults": {"repoPrefix": "d", "region": "e", "providerName": "f"},
    "settings": "Required",
}


def struct(**fields: object) -> structpb.Struct:
    return resource.dict_to_struct(INPUT | fields)


def parsed(**fields: object) -> Input:
    return parse_input(struct(**fields))


@pytest.mark.parametrize(
    "empty", [structpb.Struct(), struct()], ids=["none", "no fields"]
)
def test_an_input_that_says_nothing_is_the_default(empty: structpb.Struct) -> None:
    assert parse_input(empty) == DEFAULT_INPUT
    assert hash(parse_input(empty)) == hash(DEFAULT_INPUT)


def test_every_field_is_parsed() -> None:
    assert OTHER.keys() == {f.alias for f in Input.model_fields.values()}
    input_ = parsed(**OTHER)
    assert type(input_) is Input
    assert input_.model_dump(mode="json", by_alias=True, exclude_unset=True) == OTHER
    assert input_ != DEFAULT_INPUT


def test_the_same_input_is_parsed_once_however_its_fields_are_ordered() -> None:
    """Go writes a map's entries in another order each time."""
    fields = list((INPUT | OTHER).items())
    forth, back = (
        b"".join(
            # One entry each: messages of one type are merged where they are joined.
            fnv1.Resource(resource={key: value}).resource.SerializeToString()
            for key, value in entries
        )
        for entries in (fields, fields[::-1])
    )
    assert forth != back
    forward, backward = map(structpb.Struct.FromString, (forth, back))
    assert parse_input(forward) is parse_input(backward)


def test_a_large_input_is_parsed_once_too() -> None:
    large = struct(allow={"regions": [f"{n:0200}" for n in range(100)]})
    assert large.ByteSize() > 16 * 1024
    assert parse_input(large) is parse_input(large)


def test_inputs_that_differ_are_told_apart() -> None:
    inputs = [DEFAULT_INPUT, parsed(**OTHER)]
    inputs += [parsed(**{name: OTHER[name]}) for name in ("bundle", "deletion")]
    assert len(set(inputs)) == len(inputs)
    assert len({hash(each) for each in inputs}) == len(inputs)


def test_only_options_can_be_allowed() -> None:
    """The list of their names is derived: it is nowhere else."""
    assert parsed(allow={"overrides": list(OPTION_NAMES)}).allow.overrides == list(
        OPTION_NAMES
    )
    with pytest.raises(InvalidRequestError, match="'forceDelete', 'imageTagMut"):
        parsed(allow={"overrides": ["force_delete"]})


@pytest.mark.parametrize("name", ["force_delete", "scan_on_push"])
def test_a_field_has_one_spelling(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"input.repository.{name}"):
        parsed(repository={name: True})


def test_all_that_is_wrong_with_an_input() -> None:
    assert input_errors(struct(**OTHER)) == []
    errors = input_errors(struct(bundel=False, allow={"regoins": []}, bundle=5))
    assert [e.field for e in errors] == [
        *("input.bundle", "input.allow.regoins", "input.bundel")
    ]
