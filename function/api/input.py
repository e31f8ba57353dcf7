"""The Composition's input and its parser."""

import functools
from typing import Any, ClassVar, Literal

from google.protobuf import struct_pb2 as structpb
from pydantic import Field, ValidationError

from function.api.fields import SettingsFields
from function.api.validation import every_error, first_error, to_values
from function.errors import InvalidInputError, InvalidRequestError
from function.limits import LARGEST_INPUT

API_VERSION = "ecrrepos.fn.tap.vrabbi.cloud/v1beta1"
KIND = "Input"
_FIX = "Correct the input of the pipeline step in the Composition"


class Input(SettingsFields):
    """Settings of the function for one Composition. Every field is optional."""

    root: ClassVar[str] = "input"

    settings: Literal["Optional", "Required"] = Field(
        "Optional",
        description="Whether the platform settings must exist: the EnvironmentConfig "
        "ecr-repos. They take precedence over this input. Required refuses all claims "
        "while the object is missing.",
    )


DEFAULT_INPUT = Input()


class _Document(Input):
    """The Input as a Composition contains it, with apiVersion, kind and metadata."""

    api_version: Literal["ecrrepos.fn.tap.vrabbi.cloud/v1beta1"]
    kind: Literal["Input"]
    metadata: dict[str, Any] | None = None

    def input(self) -> Input:
        """Return the Input without these three fields."""
        names = self.model_fields_set & Input.model_fields.keys()
        return Input.model_construct(
            _fields_set=names,
            **{name: getattr(self, name) for name in Input.model_fields},
        )


def parse_input(struct: structpb.Struct) -> Input:
    """Parse a request's input; an empty one has all defaults.

    Raises:
        InvalidInputError: It is too large or not an Input of this version, or a field
            is unknown or wrong. The path of the field begins with `input`, the field
            of the pipeline step.
    """
    # Deterministic: Go sends the entries of a map in another order each time.
    serialized = struct.SerializeToString(deterministic=True)
    if len(serialized) > LARGEST_INPUT:
        raise InvalidInputError(
            Input.root,
            f"an object of {len(serialized)} bytes",
            f"it must not be larger than {LARGEST_INPUT} bytes",
            "Shorten the input of the pipeline step in the Composition",
        )
    return _parse(serialized)


def input_errors(struct: structpb.Struct) -> list[InvalidRequestError]:
    """Return everything that is wrong with a request's input; empty for nothing."""
    try:
        parse_input(struct)
    except InvalidInputError as e:
        return every_error(e, Input.root, _Document, _FIX)
    return []


# A cluster has few Compositions, and each sends the same input with every request.
@functools.lru_cache(maxsize=32)
def _parse(serialized: bytes) -> Input:
    if not serialized:
        return DEFAULT_INPUT
    struct = structpb.Struct.FromString(serialized)
    values = to_values(struct, Input.root, InvalidInputError, _FIX)
    try:
        return _Document.model_validate(values).input()
    except ValidationError as e:
        error = first_error(e, Input.root, _Document)
        raise InvalidInputError(*error, _FIX) from e
