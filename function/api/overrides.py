"""The options of one repository: the Input's options, replaced by the claim's."""

import functools

from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError

from function.api.input import Input, RepositoryRole
from function.api.validation import (
    check_options_supported,
    first_error,
    printable,
    to_values,
)
from function.ecr.options import RepositoryOptions, merge_options
from function.errors import InvalidParameterError, NotAllowedError
from function.limits import LARGEST_OVERRIDES_REMEMBERED

FIELD = "spec.parameters.repository"
_FIX = "Correct it, or remove it"


def repository_options(
    input_: Input, role: RepositoryRole, overrides: bytes
) -> RepositoryOptions:
    """Return the options of a repository, without the automatic tags.

    Args:
        input_: The Composition's Input.
        role: Which of the two repositories.
        overrides: spec.parameters.repository, a serialized Struct; empty for none.

    Raises:
        InvalidParameterError: An option in `overrides` is unknown or wrong.
        NotAllowedError: The Input does not allow an option in `overrides`.
    """
    # Large ones are not cached: tenants write them, and must not fill the memory.
    large = len(overrides) > LARGEST_OVERRIDES_REMEMBERED
    merge = _merge.__wrapped__ if large else _merge
    return merge(input_, role, overrides)


# A cluster has few Compositions, and few claims that set options.
@functools.lru_cache(maxsize=256)
def _merge(input_: Input, role: RepositoryRole, overrides: bytes) -> RepositoryOptions:
    layers = input_.repository_layers(role)
    if overrides:
        layers = (*layers, _parse(input_, overrides))
    return merge_options(layers)


def _parse(input_: Input, overrides: bytes) -> RepositoryOptions:
    struct = structpb.Struct.FromString(overrides)
    allowed = input_.allow.overrides or []
    for name in sorted(struct.fields):
        if name not in allowed:
            raise NotAllowedError(
                ".".join((FIELD, printable(name))),
                "a value",
                f"the platform allows claims to set only {', '.join(allowed)}"
                if allowed
                else "the platform allows claims to set no options",
                "Remove it, or ask the platform team to allow it",
            )
    # InvalidParameterError, because a tenant wrote them: fn.py handles a wrong Input
    # differently.
    values = to_values(struct, FIELD, InvalidParameterError, _FIX)
    try:
        options = RepositoryOptions.model_validate(values)
    except ValidationError as e:
        raise InvalidParameterError(*first_error(e, FIELD), _FIX) from None
    check_options_supported(options, input_.provider, FIELD, InvalidParameterError)
    return options
