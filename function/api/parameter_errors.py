"""Everything that is wrong with the parameters of an XR, for the command line.

The function stops at the first error. Here each parameter is parsed by the same code,
alone: the others have values that are valid.
"""

import dataclasses
from collections.abc import Collection

from google.protobuf import struct_pb2 as structpb

from function.api.overrides import overrides_errors
from function.api.parameters import (
    ADDED,
    EXISTING,
    check_scope,
    parse_parameters,
    read_parameters,
)
from function.api.settings import Settings
from function.ecr.naming import registry_host_region
from function.errors import InvalidRequestError, NotAllowedError
from function.structs import struct, text

_NAMESPACE = "namespace"
_VALID = {
    "workloadName": "a",
    "repoPrefix": "a",
    "region": "us-east-1",
    "providerName": "a",
}
# The field of `allow` that limits each parameter.
_ALLOW = {
    "repoPrefix": "repo_prefixes",
    "region": "regions",
    "providerName": "provider_names",
}


def parameter_errors(
    xr: structpb.Struct, settings: Settings
) -> list[InvalidRequestError]:
    """Return all errors of an XR's parameters, each one once; empty for none.

    Args:
        xr: The XR.
        settings: The settings that apply.
    """
    objects = [(xr, "spec"), (xr, "metadata"), (struct(xr, "spec"), "parameters")]
    if not all(_is_object(parent, key) for parent, key in objects):
        return [e for e in [_error(xr, settings)] if e]
    errors: list[InvalidRequestError | None] = []
    right: list[str] = []
    others = dict(_VALID)
    names = (
        *("region", _NAMESPACE, "workloadName", "repoPrefix", "providerName"),
        *(ADDED, EXISTING),
    )
    for name in names:
        # The region decides whether the registry host in a prefix is right.
        kept = [name, *right[:1]] if right[:1] == ["region"] else [name]
        if name == EXISTING:  # `allow.existingNames` can name the namespace
            if _NAMESPACE not in right:
                continue
            kept.append(_NAMESPACE)
        error: InvalidRequestError | None = None
        if name == "repoPrefix" and _NAMESPACE in right:
            error = _prefix_refusal(_keep(xr, [*kept, _NAMESPACE], others), settings)
        limited = _limited(settings, "" if name == "repoPrefix" else name)
        error = error or _error(_keep(xr, kept, others), limited)
        errors.append(error)
        if not error or isinstance(error, NotAllowedError):
            right.append(name)
        elif name == "region":
            others[name] = _prefix_region(xr, settings) or others[name]
    # Parts that are right alone can make a name that is too long.
    errors.append(_error(_keep(xr, right, others), _limited(settings, "")))
    try:
        alone = read_parameters(_keep(xr, ["repository"], others))
        parsed = parse_parameters(alone, _limited(settings, ""))
        errors += overrides_errors(settings, parsed.overrides)
        check_scope(parsed, settings)
    except InvalidRequestError as e:
        errors.append(e)
    return list({str(e): e for e in errors if e}.values())


def _is_object(parent: structpb.Struct, key: str) -> bool:
    value = parent.fields[key] if key in parent.fields else structpb.Value()
    return value.WhichOneof("kind") in (None, "null_value", "struct_value")


def _error(xr: structpb.Struct, settings: Settings) -> InvalidRequestError | None:
    try:
        parse_parameters(read_parameters(xr), settings)
    except InvalidRequestError as e:
        return e
    return None


def _prefix_refusal(xr: structpb.Struct, settings: Settings) -> NotAllowedError | None:
    """Return the refusal of repoPrefix by `allow`, which can name the namespace.

    A name that is too long is not reported: the other parameters are a part of it.
    """
    error = _error(xr, _limited(settings, "repoPrefix"))
    return error if isinstance(error, NotAllowedError) else None


def _keep(
    xr: structpb.Struct, names: Collection[str], others: dict[str, str]
) -> structpb.Struct:
    """Return a copy of an XR in which all but some parameters have other values."""
    copy = structpb.Struct()
    copy.CopyFrom(xr)
    spec = copy.fields["spec"].struct_value
    parameters = spec.fields["parameters"].struct_value
    for name, value in others.items():
        if name not in names:
            parameters.fields[name].string_value = value
    for name in ("repository", ADDED, EXISTING):
        if name not in names:
            parameters.fields.pop(name, None)
    if _NAMESPACE not in names:
        metadata = copy.fields["metadata"]
        namespaced = _NAMESPACE in metadata.struct_value.fields
        parent = metadata if namespaced else spec.fields["claimRef"]
        parent.struct_value.fields[_NAMESPACE].string_value = "a"
    return copy


def _limited(settings: Settings, name: str) -> Settings:
    """Return settings that limit the values of one parameter only."""
    unlimited = {field: None for other, field in _ALLOW.items() if other != name}
    layers = tuple(
        layer.model_copy(update={"allow": layer.allow.model_copy(update=unlimited)})
        for layer in settings.layers
    )
    return dataclasses.replace(settings, layers=layers)


def _prefix_region(xr: structpb.Struct, settings: Settings) -> str:
    """Return the region of the registry host in repoPrefix; empty for none."""
    parameters = struct(struct(xr, "spec"), "parameters")
    prefix = text(parameters, "repoPrefix") or settings.defaults.repo_prefix or ""
    return registry_host_region(prefix)
