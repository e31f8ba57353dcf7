"""Fields read from a Struct: a missing one, or one of another type, is empty."""

from collections.abc import Callable
from typing import Any

import pytest
from crossplane.function import resource
from google.protobuf import struct_pb2 as structpb
from hypothesis import given
from hypothesis import strategies as st

from function.structs import boolean, fill, items, strings, struct, text, texts

MANIFEST: dict[str, Any] = {
    "text": "x",
    "true": True,
    "number": 1,
    "object": {"a": "b"},
    "objects": [{"a": "b"}, {}],
    "strings": ["a", "b"],
}


@pytest.mark.parametrize(
    ("read", "key", "want"),
    [
        (text, "text", "x"),
        (text, "number", ""),
        (text, "missing", ""),
        (boolean, "true", True),
        (boolean, "text", False),
        (boolean, "missing", False),
        (struct, "object", resource.dict_to_struct({"a": "b"})),
        (struct, "text", structpb.Struct()),
        (struct, "missing", structpb.Struct()),
        (
            items,
            "objects",
            [resource.dict_to_struct({"a": "b"}), structpb.Struct()],
        ),
        (items, "text", []),
        (items, "missing", []),
        (strings, "strings", ["a", "b"]),
        (strings, "text", []),
        (strings, "missing", []),
    ],
)
def test_reading(
    read: Callable[[structpb.Struct, str], object], key: str, want: object
) -> None:
    manifest = resource.dict_to_struct(MANIFEST)
    assert read(manifest, key) == want
    assert manifest == resource.dict_to_struct(MANIFEST), "reading inserts nothing"


def test_several_strings_at_once() -> None:
    manifest = resource.dict_to_struct(MANIFEST)
    assert texts(manifest, "text", "missing", "number") == ["x", "", ""]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), VALUES))
def test_fill_does_what_update_does(values: dict[str, Any]) -> None:
    want, got = structpb.Struct(), structpb.Struct()
    want.update(values)
    fill(got, values)
    assert got == want
