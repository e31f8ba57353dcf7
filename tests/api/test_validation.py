"""What people wrote as values, and the first error as field, value and rule."""

from typing import Any

import pytest
from crossplane.function import resource
from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError

from function.api.validation import (
    check_options_supported,
    first_error,
    printable,
    to_values,
)
from function.ecr.options import RepositoryOptions
from function.errors import InvalidParameterError
from function.limits import MOST_VALUES
from tests.builders import CLASSIC, CLUSTER


def test_values() -> None:
    document: dict[str, Any] = {"a": [1, 1.5, True, None, "x", {"b": []}]}
    struct = resource.dict_to_struct(document)
    values = to_values(struct, "input", InvalidParameterError, "Fix it")
    assert values == document
    assert isinstance(values["a"][0], int), "a Struct has floats only"


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ({"a": float("inf")}, "numbers must be finite"),
        ({"a": float("nan")}, "numbers must be finite"),
        ({"a": [None] * MOST_VALUES}, "it must have at most"),
        ({"a": [[None] * (MOST_VALUES // 2)] * 2}, "it must have at most"),
    ],
    ids=["infinite", "undefined", "too many", "too many inside others"],
)
def test_values_that_are_refused(document: dict[str, Any], rule: str) -> None:
    struct = structpb.Struct()
    struct.update(document)
    with pytest.raises(InvalidParameterError, match=rule) as e:
        to_values(struct, "spec.x", InvalidParameterError, "Fix it")
    assert e.value.field == "spec.x"


@pytest.mark.parametrize(
    ("document", "want"),
    [
        (
            {"encryption": {}},
            ("root.encryption.type", "nothing", "it is required"),
        ),
        (
            {"tags": {"aws:x": "y"}},
            (
                "root.tags.aws:x",
                '"aws:x"',
                "keys that begin with aws: are reserved for AWS, in upper and lower "
                "case. Use another key",
            ),
        ),
        (
            {"permissions": {"pull": [1]}},
            ("root.permissions.pull.0", "1", "it must be a string"),
        ),
        (
            {"permissions": {"lambdaAccounts": ["x"]}},
            (
                "root.permissions.lambdaAccounts.0",
                '"x"',
                "it must be an AWS account ID of 12 digits",
            ),
        ),
        (
            {"lifecycle": {"policy": ""}},
            ("root.lifecycle.policy", '""', "it must have at least 1 character"),
        ),
        (
            {"lifecycle": {"policy": "{}", "keepLast": 1}},
            (
                "root.lifecycle",
                '{"policy": "{}", "keepLast": 1}',
                "policy cannot be combined with the other fields",
            ),
        ),
    ],
    ids=["missing", "a key", "a type", "a pattern", "a length", "a whole"],
)
def test_the_first_error(document: dict[str, Any], want: tuple[str, str, str]) -> None:
    with pytest.raises(ValidationError) as e:
        RepositoryOptions.model_validate(document)
    assert first_error(e.value, "root") == want


@pytest.mark.parametrize(
    ("part", "want"), [(3, "3"), ("tags", "tags"), ("\x1b[2J", r"\u001b[2J")]
)
def test_a_part_of_a_path(part: int | str, want: str) -> None:
    assert printable(part) == want


def test_what_a_provider_does_not_support() -> None:
    options = RepositoryOptions.model_validate({"encryption": {"type": "KMS"}})
    check_options_supported(options, CLUSTER, "input.image", InvalidParameterError)
    with pytest.raises(InvalidParameterError) as e:
        check_options_supported(options, CLASSIC, "input.image", InvalidParameterError)
    assert e.value.field == "input.image.encryption"
    assert CLASSIC in str(e.value)
    assert f"use a provider that supports it: {CLUSTER}" in str(e.value)
