"""Schemas as the API server takes them, and what is said of their fields."""

from typing import Any

import pytest

from function.generate.structural import as_yaml, members, structural

TEXT = {"type": "string", "description": "A text.", "title": "Text", "maxLength": 3}


@pytest.mark.parametrize(
    ("schema", "want", "reason"),
    [
        (
            TEXT,
            {"type": "string", "description": "A text.", "maxLength": 3},
            "no titles",
        ),
        (
            {"$ref": "#/$defs/Text", "description": "Mine."},
            {"type": "string", "description": "Mine.", "maxLength": 3},
            "references are resolved, and the field's own words win",
        ),
        (
            {"anyOf": [{"$ref": "#/$defs/Text"}, {"type": "null"}], "default": None},
            {"type": "string", "description": "A text.", "maxLength": 3},
            "an optional field is absent, not null",
        ),
        (
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"a": TEXT},
            },
            {
                "type": "object",
                "properties": {
                    "a": {"type": "string", "description": "A text.", "maxLength": 3}
                },
            },
            "beside properties, additionalProperties is not structural",
        ),
        (
            {
                "type": "object",
                "additionalProperties": {"type": "string", "title": "Value"},
                "propertyNames": {"maxLength": 1},
            },
            {"type": "object", "additionalProperties": {"type": "string"}},
            "a map; the API server knows no propertyNames",
        ),
        (
            {"type": "array", "items": {"$ref": "#/$defs/Text"}, "maxItems": 2},
            {
                "type": "array",
                "maxItems": 2,
                "items": {"type": "string", "description": "A text.", "maxLength": 3},
            },
            "a list",
        ),
    ],
)
def test_structural(schema: dict[str, Any], want: dict[str, Any], reason: str) -> None:
    assert structural(schema, {"Text": TEXT}) == want, reason


def test_members() -> None:
    item = {"type": "object", "properties": {"a": TEXT}}
    assert members(item) is item
    assert members({"type": "array", "items": item}) is item
    assert members({"type": "array", "items": TEXT}) is None
    assert members(TEXT) is None


@pytest.mark.parametrize(
    ("value", "want"),
    [(True, "true"), ("a", "a"), (["…"], "[…]"), ({"a": 1}, "{a: 1}"), ("", "''")],
)
def test_a_value_on_one_line(value: object, want: str) -> None:
    assert as_yaml(value) == want
