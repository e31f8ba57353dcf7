"""A request as it comes over the wire: its input and what is observed are still bytes.

Most of an observed resource is managed fields and the like, which nobody here reads,
and most resources are as they were when last asked about. To parse them all would be
half the work of an answer, so they are parsed where their bytes are new.
"""

from collections.abc import Mapping
from typing import Protocol, cast

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf import struct_pb2 as structpb
from google.protobuf.message import DecodeError

from function.errors import BrokenRequestError

_THEIRS, _OURS = f".{fnv1.DESCRIPTOR.package}.", ".ecrrepos.fn.tap.vrabbi.cloud."
# Messages of which there is one of our own, and which of its fields are bytes.
_UNPARSED = {"Resource": "resource", "State": "", "RunFunctionRequest": "input"}
# What earlier steps want is only passed on, as the generated class has it.
_PASSED_ON = "desired"


class Resource(Protocol):
    """A resource; its manifest is a serialized Struct."""

    resource: bytes


class State(Protocol):
    """The XR, and what it composes by name."""

    composite: Resource
    resources: Mapping[str, Resource]


class Request(Protocol):
    """A RunFunctionRequest; its input is a serialized Struct."""

    meta: fnv1.RequestMeta
    input: bytes
    observed: State
    desired: fnv1.State
    context: structpb.Struct
    extra_resources: Mapping[str, fnv1.Resources]
    required_resources: Mapping[str, fnv1.Resources]
    required_schemas: Mapping[str, fnv1.Schema]


def parse_request(serialized: bytes) -> Request:
    """Parse a request no further than that.

    Raises:
        google.protobuf.message.DecodeError: It is none.
    """
    return cast("Request", _REQUEST.FromString(serialized))


def parse_struct(serialized: bytes) -> structpb.Struct:
    """Parse one of a request's manifests.

    Raises:
        BrokenRequestError: It is none.
    """
    try:
        return structpb.Struct.FromString(serialized)
    except DecodeError:
        raise BrokenRequestError(
            "the request",
            "bytes that are no google.protobuf.Struct",
            "a manifest is one",
            "Look at what is between Crossplane and the function",
        ) from None


def _descriptor() -> descriptor_pb2.FileDescriptorProto:
    """Return the messages of our own: theirs, but for the fields that are bytes."""
    bytes_ = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    file = descriptor_pb2.FileDescriptorProto(
        name="function/wire.proto",
        package=_OURS.strip("."),
        syntax="proto3",
        dependency=[fnv1.DESCRIPTOR.name, structpb.DESCRIPTOR.name],
    )
    for name, unparsed in _UNPARSED.items():
        message = file.message_type.add()
        fnv1.DESCRIPTOR.message_types_by_name[name].CopyToProto(message)
        for each in (message, *message.nested_type):
            for field in each.field:
                outermost = field.type_name.removeprefix(_THEIRS).partition(".")[0]
                if each is message and field.name == unparsed:
                    field.type = bytes_
                    field.ClearField("type_name")
                elif outermost in _UNPARSED and field.name != _PASSED_ON:
                    field.type_name = field.type_name.replace(_THEIRS, _OURS)
    return file


_FILE = descriptor_pool.Default().AddSerializedFile(_descriptor().SerializeToString())
_REQUEST = message_factory.GetMessageClass(
    _FILE.message_types_by_name["RunFunctionRequest"]
)
