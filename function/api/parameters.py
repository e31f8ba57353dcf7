"""The parameters of a claim or composite resource (XR): spec.parameters."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf import struct_pb2 as structpb

from function.api.globs import NAMESPACE_PLACEHOLDER, matching_glob
from function.api.settings import Settings
from function.ecr.name_template import EXISTING_KEY, RESERVED_KEYS, repository_names
from function.ecr.naming import (
    LABEL,
    Prefix,
    RepositoryName,
    parse_prefix,
    parse_repository_name,
)
from function.ecr.repository import ProviderConfig
from function.errors import (
    InvalidInputError,
    InvalidParameterError,
    NotAllowedError,
    quote,
)
from function.limits import (
    LARGEST_OVERRIDES,
    LONGEST_PARAMETER,
    MOST_ADDED_REPOSITORIES,
)
from function.providers.registry import PROVIDERS
from function.structs import items, struct, text

# The API group and the kinds of claims and composite resources.
GROUP = "tap.vrabbi.cloud"
XR_KIND, CLAIM_KIND = "XWorkloadECRRepo", "WorkloadECRRepo"
PARAMETERS = "spec.parameters"
# The parameter with the keys of the repositories that a claim adds.
ADDED = "repositories"
# The parameter with the name of a repository that the claim does not create.
EXISTING = "existingName"
# AWS General Reference, "AWS regions": partition word(s), direction, number.
_REGION = r"[a-z]{2,8}(-[a-z]{2,16}){1,3}-[0-9]{1,2}"
_REGION_RE = re.compile(_REGION)
# RFC 1123: what Kubernetes accepts as the name of a provider config.
_SUBDOMAIN = re.compile(
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
# How many globs a message contains at most.
_MOST_GLOBS = 10
# The part of each parameter's rule that the API server can check.
_PATTERNS = {
    "workloadName": "^[^/]+$",
    "region": f"^{_REGION}$",
    "providerName": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
    "existingName": "^[a-z0-9][a-z0-9._/-]*$",
}
# The bounds of each parameter in the XRDs, which the API server enforces.
PARAMETER_BOUNDS: dict[str, dict[str, Any]] = {
    name: {
        "minLength": 1,
        "maxLength": longest,
        **({"pattern": _PATTERNS[name]} if name in _PATTERNS else {}),
    }
    for name, longest in LONGEST_PARAMETER.items()
}


class RawParameters(NamedTuple):
    """The unchecked parameters and metadata of an XR.

    Attributes:
        workload_name: spec.parameters.workloadName; None if absent.
        repo_prefix: spec.parameters.repoPrefix; None if absent.
        region: spec.parameters.region; None if absent.
        provider_name: spec.parameters.providerName; None if absent.
        xr_name: The XR's name.
        xr_namespace: The XR's namespace; None if it is cluster-scoped.
        claim_namespace: The claim's namespace; None if there is no claim.
        added: spec.parameters.repositories: the keys of the repositories that the
            claim adds.
        existing_name: spec.parameters.existingName; None if absent.
        overrides: spec.parameters.repository, a serialized Struct; empty if it is too
            large.
        overrides_size: The size of spec.parameters.repository in bytes.
        watch_suspended: Whether Crossplane drops events of the XR.
    """

    workload_name: str | None
    repo_prefix: str | None
    region: str | None
    provider_name: str | None
    xr_name: str
    xr_namespace: str | None
    claim_namespace: str | None
    added: tuple[str, ...]
    existing_name: str | None
    overrides: bytes
    overrides_size: int
    watch_suspended: bool


class Parameters(NamedTuple):
    """An XR's parameters after they were parsed and checked.

    Attributes:
        names: The names of the repositories by key, the image first. No two of them
            are the same.
        xr_name: The XR's name.
        workload_name: The workload's name.
        namespace: The tenant's namespace.
        namespaced: Whether the XR itself is in that namespace.
        prefix: The prefix of the names.
        region: An AWS region.
        provider_config: A provider config.
        overrides: spec.parameters.repository, a serialized Struct.
    """

    names: Mapping[str, RepositoryName]
    xr_name: str
    workload_name: str
    namespace: str
    namespaced: bool
    prefix: Prefix
    region: str
    provider_config: ProviderConfig
    overrides: bytes


def read_parameters(xr: structpb.Struct) -> RawParameters:
    """Read an XR's parameters.

    Raises:
        InvalidParameterError: A field has the wrong type.
    """
    spec = _struct(xr, "spec", "spec")
    metadata = _struct(xr, "metadata", "metadata")
    parameters = _struct(spec, "parameters", PARAMETERS)
    namespace = _text(metadata, "namespace", "metadata")
    claim_namespace = None
    if namespace is None:
        claim = _struct(spec, "claimRef", "spec.claimRef")
        claim_namespace = _text(claim, "namespace", "spec.claimRef")
    return RawParameters(
        _text(parameters, "workloadName", PARAMETERS),
        _text(parameters, "repoPrefix", PARAMETERS),
        _text(parameters, "region", PARAMETERS),
        _text(parameters, "providerName", PARAMETERS),
        text(metadata, "name"),
        namespace,
        claim_namespace,
        _added(parameters) if ADDED in parameters.fields else (),
        _text(parameters, EXISTING, PARAMETERS),
        *_overrides(parameters),
        _watch_suspended(xr),
    )


def parse_parameters(raw: RawParameters, settings: Settings) -> Parameters:
    """Parse an XR's parameters under the settings that apply to it.

    Raises:
        InvalidParameterError: A parameter or the namespace is missing or wrong.
        NotAllowedError: A parameter is outside the `allow` lists.
    """
    if raw.overrides_size > LARGEST_OVERRIDES:
        raise InvalidParameterError(
            f"{PARAMETERS}.repository",
            f"an object of {raw.overrides_size} bytes",
            f"it must not be larger than {LARGEST_OVERRIDES} bytes",
            "Remove options that you do not need",
        )
    namespace = _namespace(raw)
    defaults = settings.defaults
    workload_name = _required("workloadName", raw.workload_name, None)
    region = _required("region", raw.region, defaults.region)
    if not _REGION_RE.fullmatch(region):
        raise InvalidParameterError(
            f"{PARAMETERS}.region",
            quote(region),
            "it must be the code of an AWS region",
            "Use a code such as eu-west-2",
        )
    provider_name = _required("providerName", raw.provider_name, defaults.provider_name)
    if not _SUBDOMAIN.fullmatch(provider_name):
        raise InvalidParameterError(
            f"{PARAMETERS}.providerName",
            quote(provider_name),
            "it must be a Kubernetes name (RFC 1123 subdomain)",
            "Use the name of a ProviderConfig from `kubectl get providerconfigs`",
        )
    prefix = parse_prefix(
        _required("repoPrefix", raw.repo_prefix, settings.default_prefix(namespace)),
        region,
        settings.registry_host,
    )
    for allow in settings.allow:
        _allowed("repoPrefix", prefix.path, allow.repo_prefixes, namespace)
        _allowed("region", region, allow.regions, namespace)
        _allowed("providerName", provider_name, allow.provider_names, namespace)
    repositories = settings.repositories
    if raw.added:
        added = _parse_added(raw.added, settings, namespace)
        repositories += tuple(map(settings.named_repository, added))
    names = repository_names(repositories, prefix, workload_name, namespace)
    if raw.existing_name is not None:
        existing = _parse_existing(raw.existing_name, settings, namespace)
        if existing in names.values():
            raise InvalidParameterError(
                f"{PARAMETERS}.{EXISTING}",
                quote(existing),
                "it is the name of another repository of this claim, which adopts the "
                "repository if it exists",
                "Remove it, or use another name",
            )
        names[EXISTING_KEY] = existing
    if len({*names.values()}) < len(names):
        raise _same_names(names, settings)
    return Parameters(
        names,
        raw.xr_name,
        workload_name,
        namespace,
        raw.xr_namespace is not None,
        prefix,
        region,
        settings.provider_config(provider_name),
        raw.overrides,
    )


def requested_keys(xr: structpb.Struct) -> tuple[str, ...]:
    """Return the keys of the repositories that an XR adds, or uses by their name.

    Those that are not valid are left out: parse_parameters refuses them.
    """
    parameters = struct(struct(xr, "spec"), "parameters").fields
    keys: list[str] = []
    if ADDED in parameters:
        found = parameters[ADDED].list_value.values[:MOST_ADDED_REPOSITORIES]
        added = sorted({each.string_value for each in found})
        keys += (k for k in added if LABEL.fullmatch(k) and k not in RESERVED_KEYS)
    if EXISTING in parameters and parameters[EXISTING].string_value:
        keys.append(EXISTING_KEY)
    return tuple(keys)


def _added(parameters: structpb.Struct) -> tuple[str, ...]:
    value = parameters.fields[ADDED]
    if value.WhichOneof("kind") == "null_value":
        return ()
    field, fix = f"{PARAMETERS}.{ADDED}", "Use a list of names such as [worker]"
    if value.WhichOneof("kind") != "list_value":
        kind = _article(value.WhichOneof("kind"))
        raise InvalidParameterError(field, kind, "it must be a list", fix)
    names = value.list_value.values
    if len(names) > MOST_ADDED_REPOSITORIES:
        raise InvalidParameterError(
            field,
            f"a list of {len(names)} names",
            f"it must have at most {MOST_ADDED_REPOSITORIES} names",
            "Remove names that you do not need",
        )
    for name in names:
        if name.WhichOneof("kind") != "string_value":
            kind = _article(name.WhichOneof("kind"))
            raise InvalidParameterError(field, kind, "each name must be a string", fix)
    return tuple(name.string_value for name in names)


def _parse_added(
    added: Sequence[str], settings: Settings, namespace: str
) -> Sequence[str]:
    """Return the keys of the repositories that a claim adds, in order."""
    field = f"{PARAMETERS}.{ADDED}"
    taken = {*RESERVED_KEYS, *(each.key for each in settings.repositories)}
    for name in added:
        if not LABEL.fullmatch(name):
            raise InvalidParameterError(
                field,
                quote(name),
                "it must be a Kubernetes name (RFC 1123 label)",
                "Use lowercase letters, digits and hyphens, such as worker",
            )
        if name in taken or added.count(name) > 1:
            raise InvalidParameterError(
                field,
                quote(name),
                "the name is reserved, or the workload has this repository already",
                "Remove it, or use another name",
            )
        if not settings.may_add(name):
            lists = [a.repositories for a in settings.allow if a.repositories]
            raise _not_allowed(ADDED, name, next(iter(lists), ()), namespace, "name")
    return sorted(added)


def _parse_existing(name: str, settings: Settings, namespace: str) -> RepositoryName:
    """Return the name of a repository that a claim uses, but does not create."""
    field = f"{PARAMETERS}.{EXISTING}"
    existing = parse_repository_name(_required(EXISTING, name, None), field=field)
    provider = PROVIDERS[settings.provider]
    if not settings.only_observes(provider):
        able = ", ".join(v for v, p in PROVIDERS.items() if p.changes_adopted)
        raise InvalidParameterError(
            field,
            quote(existing),
            f"provider {settings.provider} cannot use an existing repository: it would "
            "remove its tags",
            f"Remove it, or ask the platform team for {able} with management policies",
        )
    if not settings.may_use_existing(existing, namespace):
        lists = [a.existing_names for a in settings.allow if a.existing_names]
        globs = next(iter(lists), ())
        raise _not_allowed(EXISTING, existing, globs, namespace, "name")
    return existing


def _same_names(
    names: Mapping[str, RepositoryName], settings: Settings
) -> InvalidParameterError:
    """Return the error for two repositories of one workload with the same name."""
    by_name: dict[str, str] = {}
    for key, name in names.items():
        if name in by_name:
            break
        by_name[name] = key
    return InvalidParameterError(
        f"{PARAMETERS}.{ADDED}, {settings.path('name')}",
        f"the repository name {quote(name)} for {by_name[name]} and for {key}",
        "two repositories cannot have the same name",
        "Use other suffixes, other names or another template",
    )


def _watch_suspended(xr: structpb.Struct) -> bool:
    """Whether an XR's circuit breaker is open, so that Crossplane drops its events.

    crossplane/crossplane v2.3.4, internal/circuit: about fifty changes in a short time
    open it. Then only one event in 30 seconds passes, and the others are dropped. The
    first event after five minutes closes it. The reconciler sets a condition about it
    before it runs the pipeline.
    """
    for condition in items(struct(xr, "status"), "conditions"):
        if text(condition, "type") == "Responsive":
            return text(condition, "status") == "False"
    return False


def _overrides(parameters: structpb.Struct) -> tuple[bytes, int]:
    if "repository" not in parameters.fields:
        return b"", 0
    overrides = _struct(parameters, "repository", f"{PARAMETERS}.repository")
    size = parameters.fields["repository"].ByteSize()
    if size > LARGEST_OVERRIDES:
        return b"", size
    return overrides.SerializeToString(deterministic=True), size


def check_scope(parameters: Parameters, settings: Settings) -> None:
    """Refuse settings whose resources this XR cannot compose.

    crossplane/crossplane, composition_functions.go: a namespaced XR cannot compose
    cluster-scoped resources.

    Raises:
        InvalidInputError: The XR is namespaced and the resources are not, or the other
            way round.
    """
    namespaced = parameters.namespaced
    if settings.connection and not namespaced:
        raise InvalidInputError(
            settings.path("connection"),
            settings.connection.kind,
            "only namespaced XRs can use it, and this XR is cluster-scoped",
            "Remove it, and set spec.writeConnectionSecretToRef in the claim",
        )
    if PROVIDERS[settings.provider].namespaced == namespaced:
        return
    able = ", ".join(v for v, p in PROVIDERS.items() if p.namespaced == namespaced)
    if namespaced:
        rule = "its resources are cluster-scoped, but this XR is namespaced"
        fix = f"Set {settings.path('provider')} to {able}"
    else:
        rule = "its resources are namespaced, but this XR is cluster-scoped"
        fix = (
            f"Use a provider with cluster-scoped resources ({able}), or a namespaced "
            "XRD"
        )
    raise InvalidInputError(settings.path("provider"), settings.provider, rule, fix)


def _allowed(
    name: str, value: str, globs: Sequence[str] | None, namespace: str
) -> None:
    if globs is None or matching_glob(value, globs, namespace) is not None:
        return
    raise _not_allowed(name, value, globs, namespace, "value")


def _not_allowed(
    parameter: str, value: str, globs: Sequence[str], namespace: str, what: str
) -> NotAllowedError:
    """Return the error for a value that no glob of the platform matches."""
    shown = [
        quote(glob.replace(NAMESPACE_PLACEHOLDER, namespace))
        for glob in globs[:_MOST_GLOBS]
    ]
    if len(globs) > _MOST_GLOBS:
        shown.append(f"and {len(globs) - _MOST_GLOBS} more")
    return NotAllowedError(
        f"{PARAMETERS}.{parameter}",
        quote(value),
        f"the platform allows only {', '.join(shown)}"
        if shown
        else "the platform allows no value",
        f"Use an allowed {what}, or ask the platform team to allow this one",
    )


def _namespace(raw: RawParameters) -> str:
    """Return the tenant's namespace.

    The namespace of a namespaced XR wins over its spec.claimRef, which a tenant can set
    to anything.
    """
    field, namespace = "metadata.namespace", raw.xr_namespace
    if namespace is None:
        field, namespace = "spec.claimRef.namespace", raw.claim_namespace
    if namespace is None:
        raise InvalidParameterError(
            field,
            "nothing",
            "repository names end with the claim's namespace, and this XR has neither "
            "spec.claimRef.namespace nor metadata.namespace",
            "Create a WorkloadECRRepo in a namespace instead of this XR",
        )
    if not LABEL.fullmatch(namespace):
        raise InvalidParameterError(
            field,
            quote(namespace),
            "it must be a Kubernetes name (RFC 1123 label)",
            "Use the namespace of the claim",
        )
    return namespace


def _required(name: str, value: str | None, default: str | None) -> str:
    if value is None:
        value = default
    longest = LONGEST_PARAMETER[name]
    if value and len(value) > longest:
        raise InvalidParameterError(
            f"{PARAMETERS}.{name}",
            f"{quote(value)} with {len(value)} characters",
            f"it must have at most {longest} characters",
            "Use a shorter value",
        )
    if value:
        return value
    field = f"{PARAMETERS}.{name}"
    raise InvalidParameterError(
        field,
        "nothing" if value is None else '""',
        "it is required and must not be empty",
        f"Set {field}",
    )


def _text(parent: structpb.Struct, key: str, path: str) -> str | None:
    """Return a string of the object at a path; None if it is absent or null."""
    fields = parent.fields
    if key not in fields:
        return None
    value = fields[key]
    # Fast path: almost every value is a string that is not empty.
    if string := value.string_value:
        return string
    kind = value.WhichOneof("kind")
    if kind == "null_value":
        return None
    if kind != "string_value":
        raise InvalidParameterError(
            f"{path}.{key}",
            _article(kind),
            "it must be a string",
            "Use a string, and put a number or boolean in quotes",
        )
    return ""


def _struct(parent: structpb.Struct, key: str, field: str) -> structpb.Struct:
    """Return an object inside an object; an absent one is empty."""
    fields = parent.fields
    if key not in fields:
        return structpb.Struct()
    value = fields[key]
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return value.struct_value
    if kind in (None, "null_value"):
        return structpb.Struct()
    raise InvalidParameterError(
        field,
        _article(kind),
        "it must be an object",
        "See `kubectl explain workloadecrrepo.spec`",
    )


def _article(kind: str | None) -> str:
    words = {
        "number_value": "a number",
        "bool_value": "a boolean",
        "struct_value": "an object",
        "list_value": "a list",
        "string_value": "a string",
    }
    return words.get(kind or "", "nothing")
