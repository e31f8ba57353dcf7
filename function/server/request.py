"""Parse a request without what nobody reads.

Every observed resource has managed fields, and to parse them takes much of the time
that a request takes to parse. A Struct has no schema that could leave them out, so this
module hides them from the parser: it changes the number of the field that holds them,
in place, to one that the parser does not know and skips.
"""

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

# The fields of RunFunctionRequest that come first, in this order: meta and observed.
# A tag is (number << 3) + 2 for a field with a length.
_META, _OBSERVED = 0x0A, 0x12
# An entry of a Struct: its key (field 1, 13 bytes long), then its value (field 2).
_ENTRY = b"\n\rmanagedFields\x12"
# The same entry with its value in field 15, which no map entry has.
_HIDDEN = b"\n\rmanagedFields\x7a"
_BITS = 0x7F


def parse_request(serialized: bytes) -> fnv1.RunFunctionRequest:
    """Return a request, without the `managedFields` of observed resources.

    The desired state of earlier steps and required resources are complete. If a client
    serializes the fields in another order than Crossplane, everything is.

    Raises:
        google.protobuf.message.DecodeError: It is not a request.
    """
    start = _end_of(_META, serialized, 0)
    end = _end_of(_OBSERVED, serialized, start)
    if end > start:
        # The lengths stay, so text that contains these bytes breaks nothing.
        hidden = serialized[start:end].replace(_ENTRY, _HIDDEN)
        serialized = b"".join((serialized[:start], hidden, serialized[end:]))
    return fnv1.RunFunctionRequest.FromString(serialized)


def _end_of(tag: int, serialized: bytes, start: int) -> int:
    """Return where a field ends; its start if another field, or no whole one, is there.

    Args:
        tag: The field's number and type.
        serialized: A message.
        start: Where the field may begin.
    """
    head = serialized[start : start + 6]
    if not head or head[0] != tag:
        return start
    # The length is a varint: 7 bits in each byte, and a bit for "more bytes follow".
    length = 0
    for number, byte in enumerate(head[1:]):
        length |= (byte & _BITS) << (7 * number)
        if byte <= _BITS:
            end = start + number + 2 + length
            return end if end <= len(serialized) else start
    return start
