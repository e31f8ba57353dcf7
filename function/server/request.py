"""Parse a request without what nobody reads.

Every observed resource has managed fields, and earlier steps of the pipeline can have
many resources. To parse those takes most of the time that a request takes to parse. So
they are left out before, in the serialized request.
"""

from collections.abc import Iterator
from typing import NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.composition.observed import OWN_SUFFIXES

# The fields of RunFunctionRequest that come first, in this order: meta and observed.
# A tag is (number << 3) + 2 for a field with a length.
_META, _OBSERVED = 0x0A, 0x12
# In the observed state: a resource. In that: its name, which comes first.
_RESOURCE, _NAME = 0x12, 0x0A
_OWN_SUFFIXES = tuple(suffix.encode() for suffix in OWN_SUFFIXES)
# In a smaller state, to look for other steps' resources takes longer than to parse
# them.
_LARGE_BYTES = 32_768
# An entry of a Struct: its key (field 1, 13 bytes long), then its value (field 2). A
# Struct can be anywhere, so the value only gets another number: 15, which no entry has.
# The parser skips it, and all lengths stay: text with these bytes breaks nothing.
_ENTRY = b"\n\rmanagedFields\x12"
_HIDDEN = b"\n\rmanagedFields\x7a"
_BITS = 0x7F
# The bits of a tag that say the type, and that it has more bytes: above number 15.
_TYPE, _WITH_LENGTH = 0x87, 0x02


class _Field(NamedTuple):
    """A field with a length.

    Attributes:
        tag: Its number and type.
        start: Where its value begins.
        end: Where its value ends, and the next field begins.
    """

    tag: int
    start: int
    end: int


def parse_request(serialized: bytes) -> fnv1.RunFunctionRequest:
    """Return a request, without what nobody reads of the observed state.

    That is the `managedFields` of resources and, if the state is large, the resources
    that are not the function's by their names. The desired state of earlier steps and
    required resources are complete. If a client serializes the fields in another order
    than Crossplane, everything is.

    Raises:
        google.protobuf.message.DecodeError: It is not a request.
    """
    meta = _field(serialized, 0)
    begin = meta.end if meta and meta.tag == _META else 0
    observed = _field(serialized, begin)
    if observed is None or observed.tag != _OBSERVED:
        return fnv1.RunFunctionRequest.FromString(serialized)
    if observed.end - observed.start > _LARGE_BYTES:
        state = b"".join(_own_fields(serialized, observed))
    else:
        state = serialized[observed.start : observed.end]
    req = fnv1.RunFunctionRequest()
    req.observed.MergeFromString(state.replace(_ENTRY, _HIDDEN))
    req.MergeFromString(serialized[:begin] + serialized[observed.end :])
    return req


def _own_fields(serialized: bytes, state: _Field) -> Iterator[bytes]:
    """Yield the fields of the observed state, without the resources of other steps."""
    position = state.start
    while position < state.end:
        field = _field(serialized, position)
        if field is None or field.end > state.end:
            yield serialized[position : state.end]  # the parser decides about it
            return
        name = _field(serialized, field.start) if field.tag == _RESOURCE else None
        if (
            name is None
            or name.tag != _NAME
            or name.end > field.end
            or serialized[name.start : name.end].endswith(_OWN_SUFFIXES)
        ):
            yield serialized[position : field.end]
        position = field.end


def _field(serialized: bytes, position: int) -> _Field | None:
    """Return the field at a position; None if no whole one with a length is there."""
    head = serialized[position : position + 6]
    if not head or head[0] & _TYPE != _WITH_LENGTH:
        return None
    # The length is a varint: 7 bits in each byte, and a bit for "more bytes follow".
    length = 0
    for number, byte in enumerate(head[1:]):
        length |= (byte & _BITS) << (7 * number)
        if byte <= _BITS:
            start = position + number + 2
            end = start + length
            return _Field(head[0], start, end) if end <= len(serialized) else None
    return None
