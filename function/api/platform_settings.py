"""The platform settings: one EnvironmentConfig with the platform team's values.

Crossplane's package manager replaces the Composition of a Configuration package, and
with it every edit of the step's input (crossplane v2.3.4, revision/establisher.go). It
does not know this object.
"""

import functools
from typing import ClassVar

from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError

from function.api.fields import SettingsFields
from function.api.validation import every_error, first_error, to_values
from function.errors import InvalidInputError, InvalidRequestError, quote
from function.limits import LARGEST_INPUT

# Crossplane v1.18 and newer serve this version.
API_VERSION = "apiextensions.crossplane.io/v1beta1"
KIND = "EnvironmentConfig"
NAME = "ecr-repos"
_FIX = f"Correct it in the platform settings, the {KIND} {NAME}"


class PlatformSettings(SettingsFields):
    """The `data` of the EnvironmentConfig. Every field is optional."""

    root: ClassVar[str] = "data"


def parse_platform_settings(environment_config: structpb.Struct) -> PlatformSettings:
    """Parse the EnvironmentConfig; one without data has no settings.

    Raises:
        InvalidInputError: It is too large, or a field is unknown or wrong. The path of
            the field begins with `data`.
    """
    data = environment_config.fields.get(PlatformSettings.root)
    kind = data.WhichOneof("kind") if data is not None else None
    if data is None or kind == "null_value":
        return _parse(b"")
    if kind != "struct_value":
        raise InvalidInputError(
            PlatformSettings.root,
            quote(data.string_value or kind),
            "it must be an object",
            _FIX,
        )
    # Without metadata, which changes with every write.
    serialized = data.struct_value.SerializeToString(deterministic=True)
    if len(serialized) > LARGEST_INPUT:
        raise InvalidInputError(
            PlatformSettings.root,
            f"an object of {len(serialized)} bytes",
            f"it must not be larger than {LARGEST_INPUT} bytes",
            f"Shorten the platform settings, the {KIND} {NAME}",
        )
    return _parse(serialized)


def platform_settings_errors(
    environment_config: structpb.Struct,
) -> list[InvalidRequestError]:
    """Return everything that is wrong with the EnvironmentConfig; empty for nothing."""
    try:
        parse_platform_settings(environment_config)
    except InvalidInputError as e:
        return every_error(e, PlatformSettings.root, PlatformSettings, _FIX)
    return []


# A cluster has one, but it can be edited.
@functools.lru_cache(maxsize=8)
def _parse(serialized: bytes) -> PlatformSettings:
    struct = structpb.Struct.FromString(serialized)
    values = to_values(struct, PlatformSettings.root, InvalidInputError, _FIX)
    try:
        return PlatformSettings.model_validate(values)
    except ValidationError as e:
        error = first_error(e, PlatformSettings.root, PlatformSettings)
        raise InvalidInputError(*error, _FIX) from e
