"""Typed reads of a protobuf Struct, and how to fill one.

Reading inserts nothing. To turn a whole manifest into a dict first would cost more than
the rest of a call.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2 as structpb


def struct(parent: structpb.Struct, key: str) -> structpb.Struct:
    """Return an object inside an object; an empty one if it is absent."""
    fields = parent.fields
    # fields[key] alone would insert the key.
    return fields[key].struct_value if key in fields else structpb.Struct()


def text(parent: structpb.Struct, key: str) -> str:
    """Return a string of an object; an empty one if it is absent."""
    fields = parent.fields
    return fields[key].string_value if key in fields else ""


def structs(parent: structpb.Struct, *keys: str) -> list[structpb.Struct]:
    """Return several objects inside an object, faster than one by one."""
    fields = parent.fields
    return [
        fields[key].struct_value if key in fields else structpb.Struct() for key in keys
    ]


def texts(parent: structpb.Struct, *keys: str) -> list[str]:
    """Return several strings of an object, faster than one by one."""
    fields = parent.fields
    return [fields[key].string_value if key in fields else "" for key in keys]


def boolean(parent: structpb.Struct, key: str) -> bool:
    """Whether a field of an object is true; false if it is absent."""
    fields = parent.fields
    return key in fields and fields[key].bool_value


def items(parent: structpb.Struct, key: str) -> list[structpb.Struct]:
    """Return a list of objects; an empty one if it is absent."""
    fields = parent.fields
    if key not in fields:
        return []
    return [item.struct_value for item in fields[key].list_value.values]


def strings(parent: structpb.Struct, key: str) -> list[str]:
    """Return a list of strings; an empty one if it is absent."""
    fields = parent.fields
    if key not in fields:
        return []
    return [item.string_value for item in fields[key].list_value.values]


def fill(target: structpb.Struct, values: Mapping[str, Any]) -> None:
    """Add values to an empty object. They are what JSON has, or protobuf's Values.

    It does what Struct.update() does, in half the processor time.
    """
    fields = target.fields
    for key, value in values.items():
        # Most values are strings and objects: these need no call.
        kind = type(value)
        if kind is str:
            fields[key].string_value = value
        elif kind is dict and value:
            fill(fields[key].struct_value, value)
        else:
            _set(fields[key], value)


def _set(target: structpb.Value, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, structpb.Value):
        target.CopyFrom(value)
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()  # an empty object is not null
        fill(target.struct_value, value)
    elif value is None:
        target.null_value = structpb.NULL_VALUE
    elif isinstance(value, int | float):
        target.number_value = value
    else:
        target.list_value.SetInParent()
        for item in value:
            _set(target.list_value.values.add(), item)
