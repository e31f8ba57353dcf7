"""What one workload may say of its repositories, over what the platform says."""

import functools

from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError

from function.api.input import documented, lacking, plain, problem
from function.api.settings import Settings, Which
from function.ecr import repository_policy as permissions
from function.ecr.options import RepositoryOptions, resolve
from function.ecr.repository import Options
from function.errors import InvalidParameterError, NotAllowedError
from function.limits import LARGEST_OVERRIDES_REMEMBERED

FIELD = "spec.parameters.repository"
_MEND = "Correct it, or leave it out"


def options(
    settings: Settings,
    which: Which,
    region: str,
    overrides: bytes,
) -> Options:
    """Return what the image's repository, or the bundle's, is like.

    Args:
        settings: The Input's.
        which: Of the two.
        region: The repository's.
        overrides: The workload's own, a serialized Struct; empty for none.

    Raises:
        InvalidParameterError: One of those is unknown or wrong.
        NotAllowedError: The Input does not allow one of those.
    """
    # What is large is read each time: see seen.py.
    large = len(overrides) > LARGEST_OVERRIDES_REMEMBERED
    by = _options.__wrapped__ if large else _options
    return by(settings, which, region, overrides)


# A cluster has few Compositions, and few workloads that are special.
@functools.lru_cache(maxsize=256)
def _options(
    settings: Settings, which: Which, region: str, overrides: bytes
) -> Options:
    layers = settings.layers(which)
    if overrides:
        layers = (*layers, _parse(settings, overrides))
    return resolve(layers, permissions.partition(region))


def _parse(settings: Settings, overrides: bytes) -> RepositoryOptions:
    struct = structpb.Struct.FromString(overrides)
    allowed = settings.allow.overrides
    for name in sorted(struct.fields):
        if name not in allowed:
            raise NotAllowedError(
                ".".join((FIELD, plain(name))),
                "a value of the workload's own",
                f"the platform allows {', '.join(allowed) or 'none'}",
                "Leave it out, or ask the platform team to allow it",
            )
    try:
        document = documented(struct, FIELD, InvalidParameterError, _MEND)
        parsed = RepositoryOptions.model_validate(document)
    except ValidationError as e:
        field, given, rule = problem(e, FIELD)
        raise InvalidParameterError(field, given, rule, _MEND) from None
    # A tenant's mistake, and not one of the Input: see fn.py.
    if error := lacking(settings.provider, FIELD, parsed, InvalidParameterError):
        raise error
    return parsed
