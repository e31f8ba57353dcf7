"""What we read of a composite resource (XR)."""

import re
from typing import NamedTuple

from google.protobuf import struct_pb2 as structpb

from function.api.settings import Globs, Settings, compile_glob
from function.ecr.naming import Prefix, RepositoryName, parse_prefix, repository_names
from function.ecr.repository import ProviderConfig
from function.errors import (
    InvalidInputError,
    InvalidParameterError,
    NotAllowedError,
    quote,
)
from function.limits import LARGEST_OVERRIDES, LONGEST_PARAMETER
from function.providers.registry import PROVIDERS
from function.structs import items, struct, text, texts

# Of claims and composite resources.
GROUP = "tap.vrabbi.cloud"
XR_KIND, CLAIM_KIND = "XWorkloadECRRepo", "WorkloadECRRepo"
PARAMETERS = "spec.parameters"
# AWS General Reference, "AWS regions": partition word(s), direction, number.
_REGION = re.compile(r"[a-z]{2,8}(?:-[a-z]{2,16}){1,3}-[0-9]{1,2}")
# RFC 1123: what Kubernetes takes as the name of a provider config.
_SUBDOMAIN = re.compile(
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# How many globs a message names.
_MOST_GLOBS = 10


class Asked(NamedTuple):
    """What a composite asks for, as it stands there: unchecked.

    Attributes:
        workload: spec.parameters.workloadName, like the next ones None where absent.
        prefix: repoPrefix.
        region: region.
        provider: providerName.
        name: The XR's own.
        uid: Its UID; empty where it has none, as in a file.
        namespace: The XR's own; empty where it is in none.
        claim_namespace: Its claim's.
        overrides: What the workload says of its repositories, serialized; left out
            where it is too large.
        overrides_size: How many bytes that has.
        unheard: Whether Crossplane drops events of it.
    """

    workload: str | None
    prefix: str | None
    region: str | None
    provider: str | None
    name: str
    uid: str
    namespace: str | None
    claim_namespace: str | None
    overrides: bytes
    overrides_size: int
    unheard: bool


class Composite(NamedTuple):
    """A composite's parameters, parsed and allowed.

    Attributes:
        image: The image repository's name.
        bundle: The bundle repository's name.
        name: The XR's own.
        workload: The workload's name.
        namespace: The tenant's namespace.
        namespaced: Whether the XR is in it.
        prefix: The prefix both start with.
        region: An AWS region.
        provider_config: A provider config.
        overrides: What the workload says of its repositories, serialized.
    """

    image: RepositoryName
    bundle: RepositoryName
    name: str
    workload: str
    namespace: str
    namespaced: bool
    prefix: Prefix
    region: str
    provider_config: ProviderConfig
    overrides: bytes


def read_composite(xr: structpb.Struct) -> Asked:
    """Read what an XR asks for.

    Raises:
        InvalidParameterError: Something is of another kind than text, or an object.
    """
    spec = _struct(xr, "spec", "spec")
    metadata = _struct(xr, "metadata", "metadata")
    parameters = _struct(spec, "parameters", PARAMETERS)
    namespace = _text(metadata, "namespace", "metadata.namespace")
    claim_namespace = None
    if namespace is None:
        claim = _struct(spec, "claimRef", "spec.claimRef")
        claim_namespace = _text(claim, "namespace", "spec.claimRef.namespace")
    return Asked(
        _text(parameters, "workloadName", f"{PARAMETERS}.workloadName"),
        _text(parameters, "repoPrefix", f"{PARAMETERS}.repoPrefix"),
        _text(parameters, "region", f"{PARAMETERS}.region"),
        _text(parameters, "providerName", f"{PARAMETERS}.providerName"),
        text(metadata, "name"),
        text(metadata, "uid"),
        namespace,
        claim_namespace,
        *_overrides(parameters),
        _unheard(xr),
    )


def parse_composite(asked: Asked, settings: Settings) -> Composite:
    """Parse what an XR asks for under an Input.

    Raises:
        InvalidParameterError: A parameter or the namespace is missing or wrong.
        NotAllowedError: A parameter is outside the Input's `allow` lists.
    """
    if asked.overrides_size > LARGEST_OVERRIDES:
        raise InvalidParameterError(
            f"{PARAMETERS}.repository",
            f"an object of {asked.overrides_size} bytes",
            f"it is too large: {LARGEST_OVERRIDES} bytes at most",
            "Make it smaller",
        )
    namespace = _namespace(asked)
    defaults, allow = settings.defaults, settings.allow
    workload = _required("workloadName", asked.workload, None)
    region = _required("region", asked.region, defaults.region)
    if not _REGION.fullmatch(region):
        raise InvalidParameterError(
            f"{PARAMETERS}.region",
            quote(region),
            "a region is an AWS region's code",
            "Use a code such as eu-west-2",
        )
    provider = _required("providerName", asked.provider, defaults.provider_name)
    if not _SUBDOMAIN.fullmatch(provider):
        raise InvalidParameterError(
            f"{PARAMETERS}.providerName",
            quote(provider),
            "a provider config's name is a Kubernetes name (RFC 1123 subdomain)",
            "Use the name of a ProviderConfig, as `kubectl get providerconfigs` shows",
        )
    prefix = parse_prefix(
        _required("repoPrefix", asked.prefix, defaults.repo_prefix),
        region,
        settings.registry_host,
    )
    _allowed("repoPrefix", prefix.path, allow.repo_prefixes)
    _allowed("region", region, allow.regions)
    _allowed("providerName", provider, allow.provider_names)
    image, bundle = repository_names(
        prefix, workload, namespace, bundle=settings.bundle
    )
    return Composite(
        image,
        bundle,
        asked.name,
        workload,
        namespace,
        asked.namespace is not None,
        prefix,
        region,
        settings.provider_config(provider),
        asked.overrides,
    )


def _unheard(xr: structpb.Struct) -> bool:
    """Whether an XR's circuit breaker is open.

    crossplane/crossplane v2.3.4, internal/circuit: after some fifty changes in a short
    while it lets one event through each 30 s, and drops the others, until the first
    one after five minutes closes it. The reconciler says so in a condition before it
    runs the pipeline.
    """
    return any(
        texts(condition, "type", "status") == ["Responsive", "False"]
        for condition in items(struct(xr, "status"), "conditions")
    )


def _overrides(parameters: structpb.Struct) -> tuple[bytes, int]:
    if "repository" not in parameters.fields:
        return b"", 0
    given = _struct(parameters, "repository", f"{PARAMETERS}.repository")
    size = given.ByteSize()
    if size > LARGEST_OVERRIDES:
        return b"", size
    return given.SerializeToString(deterministic=True), size


def check_scope(composite: Composite, settings: Settings) -> None:
    """Refuse what the XR could not compose: a provider's resources, an object.

    crossplane/crossplane, composition_functions.go: a namespaced XR cannot compose
    cluster-scoped resources.

    Raises:
        InvalidInputError: One is namespaced, and the other is not.
    """
    needed = composite.namespaced
    if settings.connection and not needed:
        raise InvalidInputError(
            "input.connection",
            settings.connection,
            "this XR is not namespaced, and has connection details",
            "Leave it out, and set spec.writeConnectionSecretToRef in the claim",
        )
    if PROVIDERS[settings.provider].namespaced == needed:
        return
    able = ", ".join(v for v, p in PROVIDERS.items() if p.namespaced == needed)
    if needed:
        rule = "this XR is namespaced, and can compose no cluster-scoped resources"
        mend = f"Set provider: {able} in the Composition's input"
    else:
        rule = "its resources are in namespaces, and this XR is in none"
        mend = (
            f"Use a provider of cluster-scoped resources ({able}), or a namespaced XRD"
        )
    raise InvalidInputError("input.provider", settings.provider, rule, mend)


def _allowed(name: str, value: str, globs: Globs) -> None:
    if globs is None or any(compile_glob(g).match(value) for g in globs):
        return
    said = [quote(g) for g in globs[:_MOST_GLOBS]]
    if len(globs) > _MOST_GLOBS:
        said.append(f"and {len(globs) - _MOST_GLOBS} more")
    raise NotAllowedError(
        f"{PARAMETERS}.{name}",
        quote(value),
        f"the platform allows {', '.join(said) or 'nothing'}",
        "Use an allowed value, or ask the platform team to allow this one",
    )


def _namespace(asked: Asked) -> str:
    """Return the tenant's namespace.

    A namespaced XR's own wins: on one, a tenant could write any spec.claimRef.
    """
    field, namespace = "metadata.namespace", asked.namespace
    if namespace is None:
        field, namespace = "spec.claimRef.namespace", asked.claim_namespace
    if namespace is None:
        raise InvalidParameterError(
            field,
            "nothing",
            "a repository's name ends with its claim's namespace, and this XR has "
            "neither spec.claimRef.namespace nor metadata.namespace",
            "Create a WorkloadECRRepo claim in a namespace, not an XR by hand",
        )
    if not _LABEL.fullmatch(namespace):
        raise InvalidParameterError(
            field,
            quote(namespace),
            "a namespace is a Kubernetes name (RFC 1123 label)",
            "Use the namespace the claim is in",
        )
    return namespace


def _required(name: str, given: str | None, default: str | None) -> str:
    if given is None:
        given = default
    field = f"{PARAMETERS}.{name}"
    longest = LONGEST_PARAMETER[name]
    if given and len(given) > longest:
        raise InvalidParameterError(
            field,
            f"{quote(given)} of {len(given)} characters",
            f"it is too long: {longest} characters at most",
            "Use a shorter value",
        )
    if given:
        return given
    raise InvalidParameterError(
        field,
        "nothing" if given is None else '""',
        "it is required and not empty",
        f"Set {field}",
    )


def _text(parent: structpb.Struct, key: str, field: str) -> str | None:
    """Return a string of an object; None where there is none, or null."""
    value = parent.fields.get(key)
    if value is None:
        return None
    # Most often it is one, and asking first costs as much as reading.
    if given := value.string_value:
        return given
    kind = value.WhichOneof("kind")
    if kind == "null_value":
        return None
    if kind != "string_value":
        raise InvalidParameterError(
            field, _article(kind), "it must be a string", "Quote the value"
        )
    return ""


def _struct(parent: structpb.Struct, key: str, field: str) -> structpb.Struct:
    """Return an object inside an object; an absent one is empty."""
    value = parent.fields.get(key)
    if value is None:
        return structpb.Struct()
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return value.struct_value
    if kind in (None, "null_value"):
        return structpb.Struct()
    raise InvalidParameterError(
        field,
        _article(kind),
        "it must be an object",
        "Compare it with `kubectl explain workloadecrrepo.spec`",
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
