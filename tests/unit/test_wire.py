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
from function.wire import parse_request, parse_struct

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
