"""The options of one repository: the Input's options, replaced by the claim's."""

import functools

from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError

from function.api.settings import Settings
from function.api.validation import (
    check_options_supported,
    every_error,
    first_error,
    printable,
    suggestion,
    to_values,
)
from function.ecr.options import OPTION_NAMES, RepositoryOptions, merge_options
from function.ecr.provider_rights import options_under
from function.errors import (
    InvalidParameterError,
    InvalidRequestError,
    NotAllowedError,
)
from function.limits import LARGEST_OVERRIDES_REMEMBERED

FIELD = "spec.parameters.repository"
_FIX = "Correct it, or remove it"


def repository_options(
    settings: Settings, key: str, overrides: bytes
) -> RepositoryOptions:
    """Return the options of a repository, without the automatic tags.

    Args:
        settings: The settings that apply.
        key: The repository's key.
        overrides: spec.parameters.repository, a serialized Struct; empty for none.

    Raises:
        InvalidParameterError: An option in `overrides` is unknown or wrong.
        NotAllowedError: The settings do not allow an option in `overrides`.
    """
    # Large ones are not cached: tenants write them, and must not fill the memory.
    large = len(overrides) > LARGEST_OVERRIDES_REMEMBERED
    merge = _merge.__wrapped__ if large else _merge
    # Claims choose the names that they add. All of those have the same options.
    return merge(settings, key if settings.has_options(key) else "", overrides)


def overrides_errors(settings: Settings, overrides: bytes) -> list[InvalidRequestError]:
    """Return everything that is wrong with a claim's options; empty for nothing.

    Args:
        settings: The settings that apply.
        overrides: spec.parameters.repository, a serialized Struct; empty for none.
    """
    errors: list[InvalidRequestError] = []
    allowed = structpb.Struct()
    for name, value in sorted(structpb.Struct.FromString(overrides).fields.items()):
        part = allowed
        if name not in settings.allowed_overrides:
            part = structpb.Struct()
        part.fields[name].CopyFrom(value)
        if part is not allowed:
            errors += _errors(settings, part)
    return errors + _errors(settings, allowed)


def _errors(settings: Settings, options: structpb.Struct) -> list[InvalidRequestError]:
    try:
        _parse(settings, options.SerializeToString())
    except InvalidRequestError as e:
        return every_error(e, FIELD, RepositoryOptions, _FIX)
    return []


# A cluster has few Compositions, and few claims that set options.
@functools.lru_cache(maxsize=256)
def _merge(settings: Settings, key: str, overrides: bytes) -> RepositoryOptions:
    layers = settings.repository_layers(key)
    if overrides:
        layers = (*layers, _parse(settings, overrides))
    return options_under(settings.deletion, merge_options(layers))


def _parse(settings: Settings, overrides: bytes) -> RepositoryOptions:
    struct = structpb.Struct.FromString(overrides)
    allowed = settings.allowed_overrides
    for name in sorted(struct.fields):
        if name not in allowed:
            names = () if name in OPTION_NAMES else OPTION_NAMES
            nearest = suggestion(name, names)
            raise NotAllowedError(
                ".".join((FIELD, printable(name))),
                "a value",
                f"the platform allows claims to set only {', '.join(allowed)}{nearest}"
                if allowed
                else f"the platform allows claims to set no options{nearest}",
                "Remove it, or ask the platform team to allow it",
            )
    # InvalidParameterError, because a tenant wrote them: fn.py handles a wrong Input
    # differently.
    values = to_values(struct, FIELD, InvalidParameterError, _FIX)
    try:
        options = RepositoryOptions.model_validate(values)
    except ValidationError as e:
        described = first_error(e, FIELD, RepositoryOptions)
        raise InvalidParameterError(*described, _FIX) from e
    check_options_supported(options, settings.provider, FIELD, InvalidParameterError)
    return options
