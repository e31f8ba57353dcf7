"""Requests are parsed without what nobody reads of the observed state."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from function.server.request import parse_request

MANAGED_FIELDS = [{"manager": "apiextensions.crossplane.io", "operation": "Apply"}]
LABELS = {"a": "b"}
# The field of the observed state: its number and type.
OBSERVED = 0x12
WITHOUT: dict[str, Any] = {"kind": "K", "metadata": {"name": "n", "labels": LABELS}}
WITH: dict[str, Any] = {
    "kind": "K",
    "metadata": {"name": "n", "managedFields": MANAGED_FIELDS, "labels": LABELS},
}


def request(observed: dict[str, Any], *, tag: str = "t") -> fnv1.RunFunctionRequest:
    req = fnv1.RunFunctionRequest(meta=fnv1.RequestMeta(tag=tag))
    struct = resource.dict_to_struct(observed)
    req.observed.composite.resource.CopyFrom(struct)
    req.observed.resources["r"].resource.CopyFrom(struct)
    desired = resource.dict_to_struct(WITH)
    req.desired.resources["earlier"].resource.CopyFrom(desired)
    req.required_resources["required"].items.add().resource.CopyFrom(desired)
    return req


@pytest.mark.parametrize(
    "tag", ["", "t", "t" * 200], ids=["no meta", "short", "length of two bytes"]
)
def test_managed_fields_of_observed_resources_are_hidden(tag: str) -> None:
    got = parse_request(request(WITH, tag=tag).SerializeToString(deterministic=True))
    got.DiscardUnknownFields()
    assert got == request(WITHOUT, tag=tag), "nothing else changes"


def test_all_that_differs_is_the_number_of_the_field() -> None:
    """A tenant's text with these bytes keeps its length, so nothing after it moves."""
    text = "\n\rmanagedFields\x12"
    got = parse_request(request({"spec": text, "x": "y"}).SerializeToString())
    fields = got.observed.composite.resource.fields
    assert fields["spec"].string_value == "\n\rmanagedFieldsz"
    assert fields["x"].string_value == "y"


def both(serialized: bytes) -> list[fnv1.RunFunctionRequest | None]:
    """Parse a request whole, and as the server does; None if it is refused."""
    parsed: list[fnv1.RunFunctionRequest | None] = []
    for parse in (fnv1.RunFunctionRequest.FromString, parse_request):
        try:
            parsed.append(parse(serialized))
        except DecodeError:
            parsed.append(None)
    return parsed


OWN = (
    *("imagerepo", "bundlerepo", "worker-1repo", "existingrepo", "connection"),
    *("imagerepo-lifecycle", "imagerepo-policy", "worker-1repo-policy"),
)
# Some have names of two bytes' length, and some nearly those of the function.
OTHERS = ("o", "repository", "imagerepo-x", "connections", "policy", "o" * 300)


def large(*names: str) -> fnv1.RunFunctionRequest:
    req = request(WITHOUT)
    resources = req.observed.resources
    del resources["r"]
    for name in names:
        struct = resource.dict_to_struct({"kind": name, "text": "x" * 5_000})
        resources[name].resource.CopyFrom(struct)
        resources[name].connection_details["key"] = name.encode()
    return req


def test_resources_of_other_steps_are_left_out_of_a_large_request() -> None:
    got = parse_request(large(*OTHERS, *OWN).SerializeToString())
    assert got == large(*OWN)


def test_a_small_request_keeps_the_resources_of_other_steps() -> None:
    want = large(*OTHERS[:3])
    assert parse_request(want.SerializeToString()) == want


STATE = large(*OTHERS, *OWN).observed.SerializeToString(deterministic=True)


@given(st.integers(0, len(STATE)), st.binary(max_size=8))
@example(0, b"")
@example(0, b"\x12")
@example(0, b"\x12\x02\x0a\x01")
@example(0, b"\x12\x02\x0a\x05")
@example(0, b"\x12\x03\x0a\x01o")
@example(0, b"\x12\x02\x0a\x03\x12\x01o")
@example(1, b"")
def test_a_large_state_is_refused_as_it_would_be_whole(
    missing: int, end: bytes
) -> None:
    check_a_state(STATE[: len(STATE) - missing] + end)


def number(value: int) -> bytes:
    """Return a varint of three bytes."""
    return bytes([value & 127 | 128, value >> 7 & 127 | 128, value >> 14])


# Read as a length, the number leads into a resource, to what looks like another one.
INSIDE = STATE.index(b"\x12\x10\n\x03key\x12\timagerepo")


@pytest.mark.parametrize(
    "field",
    [b"\x18\x05", b"\x18" + number(INSIDE), b"\x1d\x05\x00\x00\x00", b"\x82\x01\x01o"],
    ids=["a number", "a large number", "of fixed size", "a text with a long tag"],
)
def test_a_field_that_is_not_known_hides_no_own_resource(field: bytes) -> None:
    """A later Crossplane may send one: the rest of the state is then parsed whole."""
    check_a_state(field + STATE)
    check_a_state(STATE + field + STATE)


def check_a_state(state: bytes) -> None:
    """Check that the server reads a state as if it was parsed whole, but the others."""
    want, got = both(bytes([OBSERVED]) + number(len(state)) + state)
    for req in filter(None, (want, got)):
        for name in OTHERS:
            req.observed.resources.pop(name, None)
    assert got == want


@given(st.binary(max_size=64))
@example(b"")
@example(b"\x0a")
@example(b"\x12\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x0a\x00\x12\x80")
@example(b"\x12\x7f\x0a")
def test_other_bytes_are_parsed_as_they_are(serialized: bytes) -> None:
    want, got = both(serialized)
    assert got == want


def test_another_order_of_fields_is_parsed_whole() -> None:
    want = request(WITH)
    observed = fnv1.RunFunctionRequest(observed=want.observed)
    rest = fnv1.RunFunctionRequest()
    rest.CopyFrom(want)
    rest.ClearField("observed")
    got = parse_request(rest.SerializeToString() + observed.SerializeToString())
    assert got == want
