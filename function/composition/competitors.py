"""Which other composites want the same repository, in every provider's API.

A claim that was created under another `provider` keeps it, and what it owns is found in
that API only. But Crossplane fails a reconcile that requires a kind that is not served
(v1.20.13, v2.3.4 and v2.4.2: the cached client's List has no match for it), and waits
for one that it may not list. So the function first finds out which APIs are served:

- By their OpenAPI schemas, if Crossplane knows required schemas (v2.3 and newer): an
  empty schema belongs to a kind that is not served. A CustomResourceDefinition would
  tell the same, but to read one Crossplane keeps all of them in memory.
- By Crossplane's Lock, which every version creates at its start and which lists each
  installed package. Crossplane may list the kinds of installed packages. A kind whose
  provider was removed may still be served.

Without a Lock there is no cluster, but a test or a file of resources.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.ecr.ownership import (
    CompositeIdentity,
    owned_by_another,
    owned_by_predecessor,
)
from function.ecr.repository import DesiredRepository, ObservedRepository
from function.providers.base import Provider, in_api
from function.providers.crossplane_runtime import (
    REPOSITORY_ID,
    controller_uid,
    resource_owner,
)
from function.providers.registry import PROVIDERS
from function.structs import items, struct, texts

LOCK = "package-lock"
_LOCK_SELECTOR = fnv1.ResourceSelector(
    api_version="pkg.crossplane.io/v1beta1", kind="Lock", match_name="lock"
)
_SCHEMA_SELECTORS = {
    api: fnv1.SchemaSelector(api_version=api, kind=provider.kind)
    for api, provider in PROVIDERS.items()
}
_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.")


class Search(NamedTuple):
    """Where to look for the competitors of one repository.

    Attributes:
        others: The APIs that are served, besides that of the repository's own resource.
        schemas: Whether Crossplane knows required schemas.
        extra_resources: Whether Crossplane may know required resources by their older
            name only.
    """

    others: tuple[str, ...] = ()
    schemas: bool = False
    extra_resources: bool = True


class _Package(NamedTuple):
    organization: str
    name: str
    version: tuple[int, int]


class Cluster(NamedTuple):
    """What a request says about its cluster.

    Attributes:
        schemas: See Search.
        extra_resources: See Search.
        has_lock: Whether it has a Lock; None if that is not known yet.
        packages: The packages in the Lock.
    """

    schemas: bool
    extra_resources: bool
    has_lock: bool | None
    packages: tuple[_Package, ...]


def requirement_name(composed_name: str, api: str = "") -> str:
    """Return the name of the requirement for a repository's competitors.

    Installations have these names stored: they never change.

    Args:
        composed_name: The repository's composed resource name.
        api: The provider's API; empty for that of the repository's own resource.
    """
    name = f"contenders-{composed_name}"
    return f"{name}-{api.partition('/')[0]}" if api else name


def find_competitors(
    req: fnv1.RunFunctionRequest,
    composed_name: str,
    own_provider: Provider,
    composite: CompositeIdentity,
) -> tuple[ObservedRepository, ...]:
    """Read the required resources that belong to other composites.

    Args:
        req: The request.
        composed_name: The repository's composed resource name.
        own_provider: The provider of its managed resource.
        composite: Our own composite.
    """
    return tuple(
        _observe(provider, resource.resource, composite)
        for api, provider in PROVIDERS.items()
        for resource in _required(
            req,
            requirement_name(composed_name, "" if provider is own_provider else api),
        )
        if owned_by_another(resource_owner(resource.resource), composite)
    )


def _observe(
    provider: Provider, managed: structpb.Struct, composite: CompositeIdentity
) -> ObservedRepository:
    """Read a competitor; a predecessor's is being deleted even if not marked yet."""
    found = provider.observe_repository(managed, controller_uid(managed) or None)
    if not owned_by_predecessor(resource_owner(managed), composite):
        # What another claim's provider reports is nothing that this one may read.
        return found._replace(problem="")
    if found.deleting:
        return found
    return found._replace(deleting_since=composite.created_at)


def observe_cluster(req: fnv1.RunFunctionRequest) -> Cluster:
    """Read what a request says about its cluster."""
    lock = _answered(req, LOCK)
    return Cluster(
        fnv1.CAPABILITY_REQUIRED_SCHEMAS in req.meta.capabilities,
        fnv1.CAPABILITY_CAPABILITIES not in req.meta.capabilities,
        None if lock is None else bool(lock),
        tuple(_packages(lock or [])),
    )


def plan_search(
    req: fnv1.RunFunctionRequest, cluster: Cluster, own_api: str, first_requirement: str
) -> Search:
    """Decide where to look, by what Crossplane has answered so far.

    Args:
        req: The request.
        cluster: Its cluster.
        own_api: The API of the repository's own resource.
        first_requirement: The name of the requirement that goes with the first call.
    """
    schemas, extra_resources, has_lock, packages = cluster
    others = [api for api in PROVIDERS if api != own_api]
    # Crossplane omits what does not exist. So look whether the Lock was required.
    asked = has_lock is not None or (
        not schemas and _answered(req, first_requirement) is not None
    )
    if not asked:
        others = []
    elif not has_lock:
        served = [api for api in others if _has_schema(req, api)]
        others = served if _has_schema(req, own_api) else others
    elif not schemas:
        others = [api for api in others if _is_served(packages, api)]
    else:
        own_is_known = _is_installed(packages, own_api)
        others = [
            api
            for api in others
            if _has_schema(req, api)
            and (not own_is_known or _is_installed(packages, api))
        ]
    return Search(tuple(others), schemas, extra_resources)


def require_competitors(
    requirements: fnv1.Requirements,
    composed_name: str,
    own_provider: Provider,
    repository: DesiredRepository,
    search: Search,
) -> None:
    """Require the managed resources of a repository, in all APIs that are served.

    Args:
        requirements: Gets the requirements.
        composed_name: The repository's composed resource name.
        own_provider: The provider of its managed resource.
        repository: The repository.
        search: Where to look.
    """
    _require_served_apis(requirements, search)
    apis = [(own_provider, ""), *((PROVIDERS[api], api) for api in search.others)]
    for provider, api in apis:
        name = requirement_name(composed_name, api)
        # Without a namespace: in all of them.
        selector = requirements.resources[name]
        selector.api_version, selector.kind = provider.api_version, provider.kind
        repository_id = provider.repository_id(in_api(repository, provider))
        selector.match_labels.labels[REPOSITORY_ID] = repository_id
        if search.extra_resources:
            requirements.extra_resources[name].CopyFrom(selector)


def _require_served_apis(requirements: fnv1.Requirements, search: Search) -> None:
    if LOCK in requirements.resources:
        return  # all repositories require the same
    requirements.resources[LOCK].CopyFrom(_LOCK_SELECTOR)
    if search.extra_resources:
        requirements.extra_resources[LOCK].CopyFrom(_LOCK_SELECTOR)
    if search.schemas:
        for api, selector in _SCHEMA_SELECTORS.items():
            requirements.schemas[api].CopyFrom(selector)


def _required(req: fnv1.RunFunctionRequest, name: str) -> Iterable[fnv1.Resource]:
    by_name = (
        req.required_resources
        if name in req.required_resources
        else req.extra_resources
    )
    resources = by_name.get(name)
    return resources.items if resources is not None else ()


def _answered(req: fnv1.RunFunctionRequest, name: str) -> list[structpb.Struct] | None:
    for by_name in (req.required_resources, req.extra_resources):
        if name in by_name:
            return [item.resource for item in by_name[name].items]
    return None


def _has_schema(req: fnv1.RunFunctionRequest, api: str) -> bool:
    schema = req.required_schemas.get(api)
    return schema is not None and bool(schema.openapi_v3.fields)


def _packages(lock: Iterable[structpb.Struct]) -> Iterator[_Package]:
    for each in lock:
        for package in (
            *items(each, "packages"),
            *items(struct(each, "spec"), "packages"),
        ):
            source, version = texts(package, "source", "version")
            *_, organization, name = ["", *source.split("/")][-2:]
            match = _VERSION.match(version)
            yield _Package(
                organization,
                name,
                (int(match[1]), int(match[2])) if match else (0, 0),
            )


def _is_installed(packages: Iterable[_Package], api: str) -> bool:
    """Whether a provider of an API seems to be installed, by its package's name."""
    names = {"provider-aws"}
    if "upbound" in api:
        names.add("provider-aws-ecr")
    return any(package.name in names for package in packages)


def _is_served(packages: Iterable[_Package], api: str) -> bool:
    """Whether an installed package certainly serves an API.

    provider-aws of crossplane-contrib has had its Repository in v1beta1 for long.
    Upbound's family has v1beta2 since v1.10 at the latest, and the namespaced API since
    v2.0. From v2.0 on, Crossplane may have kinds that are not activated and so not
    served; v2.3 tells that in its schemas.
    """
    if api.startswith("ecr.aws.crossplane.io/"):
        return any(
            package.name == "provider-aws"
            and package.organization in ("crossplane-contrib", "crossplane")
            and package.version >= (0, 30)
            for package in packages
        )
    since = (2, 0) if ".m." in api else (1, 10)
    return any(
        package.name == "provider-aws-ecr" and package.version >= since
        for package in packages
    )
