"""What people wrote as values, and the first error as field, value and rule."""

from collections.abc import Iterator
from typing import Any

import pytest
from crossplane.function import resource
from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError

from function.api.input import Input
from function.api.validation import (
    ERROR_RULES,
    check_options_supported,
    every_error,
    first_error,
    printable,
    to_values,
)
from function.ecr.options import RepositoryOptions
from function.errors import InvalidParameterError
from function.limits import MOST_VALUES
from tests.builders import CLASSIC, CLUSTER

LONG = "imageTagMutabilityExclusionFilters" + "s" * 31


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
            ("root.lifecycle.policy", '""', "it must not be empty"),
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
    assert first_error(e.value, "root", RepositoryOptions) == want


@pytest.mark.parametrize(
    ("document", "field", "rule", "why"),
    [
        ({"tagz": 1}, "tagz", "there is no such field (did you mean tags?)", "a typo"),
        ({"bananas": 1}, "bananas", "there is no such field", "not near any field"),
        (
            {"lifecycle": {"keeplast": 1}},
            "lifecycle.keeplast",
            "there is no such field (did you mean keepLast?)",
            "a field of a field",
        ),
        (
            {"lifecycle": {"byTagPrefix": [{"prefix": "v", "keepLasst": 1}]}},
            "lifecycle.byTagPrefix.0.keepLasst",
            "there is no such field (did you mean keepLast?)",
            "a field of an item of a list",
        ),
        ({LONG: 1}, LONG, "there is no such field", "too long for a typo"),
    ],
)
def test_an_unknown_field(
    document: dict[str, Any], field: str, rule: str, why: str
) -> None:
    with pytest.raises(ValidationError) as e:
        RepositoryOptions.model_validate(document)
    got, _, said = first_error(e.value, "root", RepositoryOptions)
    assert (got, said) == (f"root.{field}", rule), why


# A document for each of pydantic's types of error, and the rule in the message.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "bool_type": ({"bundle": 5}, "it must be true or false"),
    "dict_type": ({"repository": {"tags": 5}}, "it must be an object"),
    "enum": ({"registryHost": 5}, "it must be 'Strip' or 'Keep'"),
    "extra_forbidden": ({"zzz": 5}, "there is no such field"),
    "greater_than_equal": (
        {"repository": {"lifecycle": {"keepLast": 0}}},
        "it must be at least 1",
    ),
    "int_type": (
        {"repository": {"lifecycle": {"keepLast": 1.5}}},
        "it must be a whole number",
    ),
    "less_than_equal": (
        {"repository": {"lifecycle": {"keepLast": 2**31}}},
        "it must be at most 2147483647",
    ),
    "list_type": ({"allow": {"regions": "eu-*"}}, "it must be a list"),
    "literal_error": (
        {"connection": {"kind": 5}},
        "it must be 'ConfigMap' or 'Secret'",
    ),
    "missing": ({"connection": {}}, "it is required"),
    "model_type": ({"allow": 5}, "it must be an object"),
    "string_pattern_mismatch": (
        {"repository": {"permissions": {"lambdaAccounts": ["x"]}}},
        "it must be an AWS account ID of 12 digits",
    ),
    "string_too_long": (
        {"allow": {"regions": ["x" * 257]}},
        "it must have at most 256 characters",
    ),
    "string_too_short": ({"allow": {"regions": [""]}}, "it must not be empty"),
    "string_type": ({"provider": 5}, "it must be a string"),
    "too_long": (
        {"allow": {"overrides": ["tags"] * 33}},
        "it must have at most 32 items",
    ),
    "too_short": (
        {"repository": {"imageTagMutabilityExclusionFilters": []}},
        "it must not be empty",
    ),
    "value_error": (
        {"repository": {"encryption": {"type": "AES256", "kmsKey": "x"}}},
        "kmsKey requires the type KMS or KMS_DSSE",
    ),
}


@pytest.mark.parametrize("error_type", sorted(ERROR_RULES))
def test_every_type_of_error_is_worded(error_type: str) -> None:
    document, rule = WRONG[error_type]
    with pytest.raises(ValidationError) as e:
        Input.model_validate(document)
    assert e.value.errors()[0]["type"] == error_type
    assert first_error(e.value, "input", Input)[2] == rule


def leaves(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield the type and the constraints of each part of a model's core schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema["type"], schema
        schema = list(schema.values())
    if isinstance(schema, list | tuple):
        for part in schema:
            yield from leaves(part)


def test_no_other_type_of_error_is_possible() -> None:
    """What each type of schema and each constraint can report, of pydantic's list."""
    reports = {
        "any": set[str](),
        "bool": {"bool_type"},
        "default": set(),
        "definition-ref": set(),
        "definitions": set(),
        "dict": {"dict_type"},
        "enum": {"enum"},
        "function-after": {"value_error"},
        "function-before": {"value_error"},
        "int": {"int_type"},
        "list": {"list_type"},
        "literal": {"literal_error"},
        "model": {"model_type"},
        "model-field": {"missing"},
        "model-fields": {"extra_forbidden"},
        "no-info": set(),
        "nullable": set(),
        "str": {"string_type"},
    }
    constraints = {
        "ge": {"greater_than_equal"},
        "le": {"less_than_equal"},
        "pattern": {"string_pattern_mismatch"},
        ("str", "max_length"): {"string_too_long"},
        ("str", "min_length"): {"string_too_short"},
        ("list", "max_length"): {"too_long"},
        ("list", "min_length"): {"too_short"},
    }
    unconstrained = {"gt", "lt", "multiple_of", "fail_fast", "allow_inf_nan"}
    possible = set[str]()
    for kind, schema in leaves(Input.__pydantic_core_schema__):
        assert kind in reports, f"add what a {kind} reports"
        assert not unconstrained & schema.keys(), "add what the constraint reports"
        possible |= reports[kind]
        for constraint in schema:
            possible |= constraints.get(
                constraint, constraints.get((kind, constraint), set())
            )
    assert possible == set(ERROR_RULES)


def test_every_error_of_an_object() -> None:
    document = {"scanOnPush": 5, "tags": {"aws:x": "y", "b": 7}, "tagz": {}}
    try:
        RepositoryOptions.model_validate(document)
    except ValidationError as e:
        first = InvalidParameterError("root.x", "5", "a rule", "Fix it")
        first.__cause__ = e
    errors = every_error(first, "root", RepositoryOptions, "Fix it")
    assert [e.field for e in errors] == [
        *("root.scanOnPush", "root.tags.aws:x", "root.tags.b", "root.tagz")
    ]
    assert {type(e) for e in errors} == {InvalidParameterError}
    assert all(str(e).endswith("Fix it.") for e in errors)
    alone = InvalidParameterError("root.y", "5", "a rule", "Fix it")
    assert every_error(alone, "root", RepositoryOptions, "Fix it") == [alone]


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
