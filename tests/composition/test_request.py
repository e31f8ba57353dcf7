"""What of a request is parsed when, beside the SDK's own class."""

import asyncio
import json
from pathlib import Path

import pytest
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from function import fn
from function import limits as bounds
from function.composition.request import parse_request, parse_struct, parse_xr
from function.errors import BrokenRequestError

STEADY = Path(__file__).parents[1] / "benchmark/requests/steady.json"
logging.configure(logging.Level.DISABLED)
BYTES = {"RunFunctionRequest.input", "Resource.resource"}


def request() -> fnv1.RunFunctionRequest:
    return json_format.Parse(STEADY.read_text(), fnv1.RunFunctionRequest())


def kind(field: FieldDescriptor) -> tuple[object, ...]:
    return field.number, field.type, field.is_repeated, field.has_presence


def test_it_is_the_sdks_request_but_for_what_is_bytes() -> None:
    ours = type(parse_request(b"")).DESCRIPTOR.file.message_types_by_name
    assert set(ours) == {"RunFunctionRequest", "State", "Resource"}
    seen = set()
    for name, message in ours.items():
        theirs = fnv1.DESCRIPTOR.message_types_by_name[name]
        assert set(message.fields_by_name) == set(theirs.fields_by_name)
        for field in message.fields:
            path = f"{name}.{field.name}"
            their = theirs.fields_by_name[field.name]
            if path in BYTES:
                seen.add(path)
                assert field.number == their.number
                assert field.type == FieldDescriptor.TYPE_BYTES
            else:
                assert kind(field) == kind(their), path
    assert seen == BYTES


@pytest.mark.parametrize("large", [False, True], ids=["usual", "large"])
def test_an_xr_is_parsed_as_any_manifest_but_for_what_nobody_reads(
    large: bool,
) -> None:
    xr = request().observed.composite.resource
    want = type(xr)()
    want.CopyFrom(xr)
    if large:
        xr["metadata"]["labels"].update({f"l{n}": "x" * 20 for n in range(1000)})
        for name in ("annotations", "labels", "managedFields"):
            want["metadata"].fields.pop(name, None)
    assert parse_xr(xr.SerializeToString()) == (want, 0)


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (bounds.LARGEST_OVERRIDES - 100, True),
        (bounds.LARGEST_OVERRIDES, False),
        (1_300_000, False),
    ],
)
def test_what_a_workload_says_is_left_out_where_it_is_too_large(
    size: int,
    kept: bool,
) -> None:
    xr = request().observed.composite.resource
    without = parse_xr(xr.SerializeToString())[0]["spec"]["parameters"]
    assert "repository" not in without
    xr["spec"]["parameters"]["repository"] = {"x": "y" * size}
    parsed, too_large = parse_xr(xr.SerializeToString())
    assert ("repository" in parsed["spec"]["parameters"]) == kept
    assert (too_large == 0) == kept
    assert kept or size < too_large < size + 100


def test_broken_bytes_are_no_xr() -> None:
    with pytest.raises(BrokenRequestError):
        parse_xr(b"\xff" * 100_000)


def test_what_is_bytes_is_the_sdks_message() -> None:
    whole = request()
    whole.input.update({"a": [1, {"b": None}]})
    parsed = parse_request(whole.SerializeToString())
    assert parse_struct(parsed.input) == whole.input
    assert (
        parse_struct(parsed.observed.composite.resource)
        == whole.observed.composite.resource
    )
    assert set(parsed.observed.resources) == set(whole.observed.resources)
    for name, resource in whole.observed.resources.items():
        assert parse_struct(parsed.observed.resources[name].resource) == (
            resource.resource
        )


def length_delimited(number: int, value: bytes) -> bytes:
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


BROKEN = b"\x0a\xff"


@pytest.mark.parametrize(
    ("what", "bad"),
    [
        (
            "the XR",
            length_delimited(2, length_delimited(1, length_delimited(1, BROKEN))),
        ),
        ("the input", length_delimited(4, BROKEN)),
        (
            "a resource",
            length_delimited(
                2,
                length_delimited(
                    2,
                    length_delimited(1, b"imagerepo")
                    + length_delimited(2, length_delimited(1, BROKEN)),
                ),
            ),
        ),
    ],
)
def test_bytes_that_are_no_struct_are_refused(what: str, bad: bytes) -> None:
    rsp = fn.FunctionRunner().answer(parse_request(bad))
    assert rsp.results[-1].severity == fnv1.SEVERITY_FATAL, what
    assert "no google.protobuf.Struct" in rsp.results[-1].message
    assert not rsp.desired.resources


def test_the_servicer_and_the_wire_say_the_same() -> None:
    req = request()
    runner = fn.FunctionRunner()
    by_class = asyncio.run(runner.RunFunction(req, None))
    assert by_class.conditions[0].reason == "Available"
    assert runner.answer(parse_request(req.SerializeToString())) == by_class


def test_the_caught_request_has_what_is_not_read() -> None:
    """Or the benchmark would measure nothing of it."""
    caught = json.loads(STEADY.read_text())
    for resource in caught["observed"]["resources"].values():
        assert resource["resource"]["metadata"]["managedFields"]
