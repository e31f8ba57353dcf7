"""The observed state: everything in a request that its response depends on."""

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.api.parameters import requested_keys
from function.api.settings import Settings
from function.composition.competitors import (
    Search,
    find_competitors,
    observe_cluster,
    plan_search,
    requirement_name,
)
from function.composition.required_settings import read_settings
from function.ecr.ownership import (
    CompositeIdentity,
    may_be_taken_over,
    needs_competitors,
    owned_by_another,
)
from function.ecr.policies import ObservedPolicy, PolicyKind
from function.ecr.repository import ObservedRepository
from function.errors import ForeignResourceError
from function.providers.base import Provider
from function.providers.crossplane_runtime import (
    REPOSITORY_ID,
    controller_uid,
    resource_owner,
)
from function.providers.registry import PROVIDERS, provider_of
from function.structs import struct, text, texts

# Composed resource names. Installations have them stored, so they never change:
# Crossplane deletes an observed resource whose name is missing from the desired state.
_COMPOSED_SUFFIX = "repo"
IMAGE, BUNDLE, EXISTING = "imagerepo", "bundlerepo", "existingrepo"
# The composed resource name of a namespaced XR's object of connection details.
CONNECTION_OBJECT = "connection"
# How the names of all that the function composes end: repositories, policies, object.
OWN_SUFFIXES = (
    _COMPOSED_SUFFIX,
    *(f"{_COMPOSED_SUFFIX}-{kind}" for kind in PolicyKind),
    CONNECTION_OBJECT,
)


class LiveRepository(NamedTuple):
    """A repository's observed managed resource.

    Attributes:
        provider: The provider of its API. It keeps that: for a manifest of another API,
            Crossplane would create a second resource under the same composed resource
            name, and lose the first.
        repository: What it says about the repository.
        manifest: The managed resource itself.
    """

    provider: Provider
    repository: ObservedRepository
    manifest: structpb.Struct


class LivePolicy(NamedTuple):
    """A policy's observed managed resource.

    Attributes:
        provider: The provider of the repository's API.
        repository: The composed resource name of its repository.
        kind: Which policy.
        policy: What it says about the policy.
        manifest: The managed resource itself.
    """

    provider: Provider
    repository: str
    kind: PolicyKind
    policy: ObservedPolicy
    manifest: structpb.Struct


class ObservedState(NamedTuple):
    """The observed state; by composed resource name where it is a mapping.

    Attributes:
        settings: The settings that apply.
        composite: The composite resource (XR).
        identity: Which one that is.
        requested: The composed resource names of the requested repositories, as far as
            the parameters are right. Live ones that nobody requests are kept.
        repositories: The live repositories.
        policies: The live policies.
        competitors: What other composites' managed resources of the same repository
            say. Nobody competes for what this composite created.
        searches: Where to look for those, if they can change a decision.
        required: The names of all required resources that Crossplane has answered.
        connection_object: The live ConfigMap or Secret of connection details.
        time: When the request arrived. Only what ttl.py says depends on it.
        is_new: Whether the XR is in a cluster, and its status has nothing of ours yet.
            Each change of its status makes Crossplane reconcile it, and its claim, once
            more. Too many within seconds, and it drops the XR's events for minutes
            (internal/circuit of v2.3.4: 100, and each change counts twice or more).
    """

    settings: Settings
    composite: structpb.Struct
    identity: CompositeIdentity
    requested: tuple[str, ...]
    repositories: Mapping[str, LiveRepository]
    policies: Mapping[str, LivePolicy]
    competitors: Mapping[str, tuple[ObservedRepository, ...]]
    searches: Mapping[str, Search]
    required: frozenset[str]
    connection_object: structpb.Struct | None
    time: datetime
    is_new: bool


def observe(req: fnv1.RunFunctionRequest, time: datetime) -> ObservedState:
    """Read the observed state of a request; pure.

    Args:
        req: The request.
        time: When it arrived.

    Raises:
        InvalidInputError: The Composition's input or the platform settings are wrong.
        SettingsMissingError: There are no platform settings, but they are required.
        ForeignResourceError: An observed resource belonged to another claim.
    """
    settings = read_settings(req)
    composite = req.observed.composite.resource
    identity = composite_identity(composite)
    requested = _names_of(settings)
    if keys := requested_keys(composite):
        requested += tuple(map(composed_name, keys))
    repositories = dict(_repositories(req, identity, requested))
    providers = dict.fromkeys((IMAGE, BUNDLE, *requested), PROVIDERS[settings.provider])
    providers.update((name, live.provider) for name, live in repositories.items())
    complete = all(name in repositories for name in requested)
    undecided = {
        name: provider
        for name, provider in providers.items()
        if name not in repositories
        or needs_competitors(repositories[name].repository, complete=complete)
    }
    connection_object = req.observed.resources.get(CONNECTION_OBJECT)
    return ObservedState(
        settings,
        composite,
        identity,
        requested,
        repositories,
        dict(_policies(req, providers)),
        {
            name: find_competitors(req, name, provider, identity)
            for name, provider in undecided.items()
        },
        _searches(req, undecided),
        frozenset({*req.required_resources, *req.extra_resources}),
        None if connection_object is None else connection_object.resource,
        time,
        _is_new(composite, identity),
    )


def _searches(
    req: fnv1.RunFunctionRequest, undecided: Mapping[str, Provider]
) -> dict[str, Search]:
    """Return where to look for the competitors of each undecided repository."""
    if not undecided:
        return {}
    cluster = observe_cluster(req)
    return {
        name: plan_search(req, cluster, provider.api_version, requirement_name(name))
        for name, provider in undecided.items()
    }


@functools.lru_cache(maxsize=64)  # as many as effective_settings
def _names_of(settings: Settings) -> tuple[str, ...]:
    return tuple(composed_name(each.key) for each in settings.repositories)


def composed_name(key: str) -> str:
    """Return the composed resource name of a repository."""
    return f"{key}{_COMPOSED_SUFFIX}"


def key_of(name: str) -> str:
    """Return the key of a repository, given its composed resource name."""
    return name.removesuffix(_COMPOSED_SUFFIX)


@functools.lru_cache(maxsize=256)  # a cluster has few
def policy_names(composed_name: str) -> tuple[tuple[PolicyKind, str], ...]:
    """Return the composed resource names of a repository's policies."""
    return tuple((kind, f"{composed_name}-{kind}") for kind in PolicyKind)


def _is_new(composite: structpb.Struct, identity: CompositeIdentity) -> bool:
    # An XR in a file has no creation time. `crossplane render` adds only a UID and a
    # resource version (v2.4.2, internal/render/composite).
    in_cluster = bool(identity.created_at)
    status = struct(composite, "status")
    return in_cluster and not struct(status, "repositories").fields


def composite_identity(composite: structpb.Struct) -> CompositeIdentity:
    """Read which composite resource it is."""
    uid, namespace, name, created_at = texts(
        struct(composite, "metadata"), "uid", "namespace", "name", "creationTimestamp"
    )
    claim_namespace, claim_name = texts(
        struct(struct(composite, "spec"), "claimRef"), "namespace", "name"
    )
    return CompositeIdentity(
        uid, (claim_namespace, claim_name), (namespace, name), created_at
    )


def _repositories(
    req: fnv1.RunFunctionRequest, identity: CompositeIdentity, requested: Sequence[str]
) -> Iterator[tuple[str, LiveRepository]]:
    resources = req.observed.resources
    names = dict.fromkeys((IMAGE, BUNDLE, *requested))
    for name in (*names, *sorted(_unrequested(req, names))):
        if name not in resources:
            continue
        managed = resources[name].resource
        if not controller_uid(managed):
            _check_left_behind(req, name, managed, identity)
        provider = provider_of(text(managed, "apiVersion"))
        observed = provider.observe_repository(managed, identity.uid)
        yield name, LiveRepository(provider, observed, managed)


def _unrequested(
    req: fnv1.RunFunctionRequest, requested: Collection[str]
) -> Iterator[str]:
    """Yield the names of live repositories that the settings or the claim had once."""
    resources = req.observed.resources
    for name in resources:
        if name in requested or not name.endswith(_COMPOSED_SUFFIX):
            continue
        labels = struct(struct(resources[name].resource, "metadata"), "labels")
        # Another step of the pipeline may compose a resource of such a name.
        if REPOSITORY_ID in labels.fields and name not in req.desired.resources:
            yield name


def _policies(
    req: fnv1.RunFunctionRequest, providers: Mapping[str, Provider]
) -> Iterator[tuple[str, LivePolicy]]:
    resources = req.observed.resources
    for repository, provider in providers.items():
        for kind, name in policy_names(repository):
            if name in resources:
                managed = resources[name].resource
                policy = provider.observe_policy(kind, managed)
                yield name, LivePolicy(provider, repository, kind, policy, managed)


def _check_left_behind(
    req: fnv1.RunFunctionRequest,
    name: str,
    managed: structpb.Struct,
    identity: CompositeIdentity,
) -> None:
    """Refuse to take over what another claim's composite left behind.

    Crossplane shows an XR each resource that it refers to and that nobody controls.
    That includes the resource of another owner that was deleted with its resources
    orphaned. If the function desired it, it would become ours, with a record of a
    creation that is not ours. If the function left it out, Crossplane up to v2.3 would
    delete it (composition_functions.go, GarbageCollectComposedResources).

    Raises:
        ForeignResourceError: It belonged to another claim.
    """
    claimed = bool(
        struct(struct(req.observed.composite.resource, "spec"), "claimRef").fields
    )
    owner = resource_owner(managed)
    # A file of observed resources may not say whose they are.
    labelled = bool(owner.claim[1] if claimed else owner.composite[1])
    others = owned_by_another(owner, identity)
    if not may_be_taken_over(labelled=labelled, others=others):
        # deletionPolicy alone is not enough: a Delete in managementPolicies wins
        # (crossplane-runtime, pkg/reconciler/managed/policies.go: ShouldDelete).
        keeps_repository = (
            'managementPolicies: ["Observe"]'
            if provider_of(text(managed, "apiVersion")).honours_management_policies
            else "deletionPolicy: Orphan"
        )
        raise ForeignResourceError(
            f"the composed resource {name}",
            "a managed resource that belonged to another claim",
            "a claim never takes over another claim's managed resource",
            f"Set {keeps_repository} on that managed resource, which keeps its "
            "repository. Then delete the managed resource",
        )
