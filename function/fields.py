"""Fields read straight from a protobuf Struct; nothing is inserted by reading.

Turning all of a manifest into a dict first costs more than the rest of a call.
"""

from google.protobuf import struct_pb2 as structpb


def struct(parent: structpb.Struct, *path: str) -> structpb.Struct:
    """Return an object inside an object; an empty one where there is none."""
    for key in path:
        # .get(): a bracket would insert the key.
        value = parent.fields.get(key)
        if value is None:
            return structpb.Struct()
        parent = value.struct_value
    return parent


def text(parent: structpb.Struct, key: str) -> str:
    """Return a string of an object; an empty one where there is none."""
    value = parent.fields.get(key)
    return value.string_value if value is not None else ""


def boolean(parent: structpb.Struct, key: str) -> bool:
    """Whether a field of an object is true; false where there is none."""
    value = parent.fields.get(key)
    return value is not None and value.bool_value


def items(parent: structpb.Struct, key: str) -> list[structpb.Struct]:
    """Return a list of objects; an empty one where there is none."""
    value = parent.fields.get(key)
    if value is None:
        return []
    return [item.struct_value for item in value.list_value.values]


def strings(parent: structpb.Struct, key: str) -> list[str]:
    """Return a list of strings; an empty one where there is none."""
    value = parent.fields.get(key)
    if value is None:
        return []
    return [item.string_value for item in value.list_value.values]
