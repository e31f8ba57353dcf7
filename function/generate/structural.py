"""Structural schemas, which the API server requires, from pydantic's JSON Schemas."""

from typing import Any

import yaml

Schema = dict[str, Any]
_KEPT = (
    "type",
    "description",
    "enum",
    "default",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "required",
    "x-kubernetes-validations",
)


def structural(schema: Schema, definitions: Schema) -> Schema:
    """Return a model's schema as a structural one.

    Args:
        schema: The model's schema, or a part of it.
        definitions: The schema's $defs.
    """
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        rest = {k: v for k, v in schema.items() if k != "$ref"}
        return structural({**target, **rest}, definitions)
    if "anyOf" in schema:  # only ever `X | None`: absent, not null, in a CRD
        some = next(s for s in schema["anyOf"] if s.get("type") != "null")
        rest = {k: v for k, v in schema.items() if k not in ("anyOf", "default")}
        return structural({**some, **rest}, definitions)
    result = {key: schema[key] for key in _KEPT if key in schema}
    if "properties" in schema:
        result["properties"] = {
            name: structural(s, definitions) for name, s in schema["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = structural(schema[key], definitions)
    return result


def members(schema: Schema) -> Schema | None:
    """Return the schema of the objects in a field or its list; None for values."""
    holder = schema["items"] if schema["type"] == "array" else schema
    return holder if "properties" in holder else None


def as_yaml(value: object) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True)
    return text.removesuffix("...\n").strip()
