"""A request as it comes over the wire: its input and what is observed are still bytes.

Most of an observed resource is managed fields and the like, which nobody here reads,
and most resources are as they were when last asked about. To parse them all would be
half the work of an answer, so they are parsed where their bytes are new.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf import struct_pb2 as structpb
from google.protobuf.message import DecodeError

from function.errors import BrokenRequestError
from function.limits import LARGEST_OVERRIDES, LARGEST_REMEMBERED

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


# What an XR's authors can make huge, and nobody here reads.
_UNREAD = (
    ("metadata", "annotations"),
    ("metadata", "labels"),
    ("metadata", "managedFields"),
)
_OVERRIDES = ("spec", "parameters", "repository")


def parse_xr(serialized: bytes) -> tuple[structpb.Struct, int]:
    """Parse an XR's manifest; of a large one, only what is read of it.

    To parse a map of a hundred thousand entries takes a tenth of a second.

    Returns:
        The XR, without what its workload says of its repositories where that is too
        large; and how many bytes that has, or 0 where it is not.

    Raises:
        BrokenRequestError: It is none.
    """
    too_large = 0
    if len(serialized) > LARGEST_REMEMBERED:
        try:
            for path in _UNREAD:
                serialized, _ = _without(serialized, path, 0)
            serialized, too_large = _without(serialized, _OVERRIDES, LARGEST_OVERRIDES)
        except DecodeError:
            pass  # as below
    return parse_struct(serialized), too_large


def _without(serialized: bytes, path: tuple[str, ...], most: int) -> tuple[bytes, int]:
    """Return a Struct without a field of more bytes than that, and how many it has."""
    members = _MEMBERS.FromString(serialized)
    name, *rest = path
    kept, size = [], 0
    for member in members.fields:
        if member.key == name.encode():
            content = _CONTENT.FromString(member.value)
            if rest:
                inner, size = _without(content.struct_value, tuple(rest), most)
                if size:
                    content.struct_value = inner
                    member.value = content.SerializeToString()
            elif len(member.value) > most:
                size = len(member.value)
                continue
        kept.append(member)
    return (
        (_MEMBERS(fields=kept).SerializeToString(), size) if size else (serialized, 0)
    )


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


def _shallow() -> descriptor_pb2.FileDescriptorProto:
    """Return google.protobuf.Struct as messages that are parsed one level deep."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="function/shallow.proto", package=_OURS.strip("."), syntax="proto3"
    )
    for message, name, number, type_name in (
        ("Member", "key", 1, ""),
        ("Member", "value", 2, ""),
        ("Members", "fields", 1, f"{_OURS}Member"),
        ("Content", "struct_value", 5, ""),
    ):
        if message not in [m.name for m in file.message_type]:
            file.message_type.add(name=message)
        file.message_type[-1].field.add(
            name=name,
            number=number,
            type=field.TYPE_MESSAGE if type_name else field.TYPE_BYTES,
            type_name=type_name or None,
            label=field.LABEL_REPEATED if type_name else field.LABEL_OPTIONAL,
        )
    return file


def _messages(file: descriptor_pb2.FileDescriptorProto, *names: str) -> tuple[Any, ...]:
    """Return classes of some of a file's messages."""
    added = descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    by_name = added.message_types_by_name
    return tuple(message_factory.GetMessageClass(by_name[name]) for name in names)


(_REQUEST,) = _messages(_descriptor(), "RunFunctionRequest")
_MEMBERS, _CONTENT = _messages(_shallow(), "Members", "Content")
