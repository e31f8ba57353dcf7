"""A cluster's claims, composites and repositories, and how they hang together.

A trigger owns its claim (ownerReferences). A claim has a composite (spec.claimRef of
the composite), which controls managed resources. On Crossplane v2 the claim's kind is
the composite's own, and the managed resources are in its namespace.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf import struct_pb2 as structpb

from function.api.parameters import CLAIM_KIND, GROUP, XR_KIND
from function.ecr.repository import ObservedRepository
from function.providers.crossplane_runtime import (
    CLAIM_NAME_LABEL,
    CLAIM_NAMESPACE_LABEL,
)
from function.providers.registry import PROVIDERS, provider_of
from function.structs import fill

Manifest = Mapping[str, Any]

_COMPOSITE_LABEL = "crossplane.io/composite"
_COMPOSED_NAME = "crossplane.io/composition-resource-name"
# crossplane-runtime, pkg/meta: nothing reconciles an object that has it.
_PAUSED = "crossplane.io/paused"
_PROVIDER_GROUPS = frozenset(api.partition("/")[0] for api in PROVIDERS)
# Sorted last, as a name that no object has.
NO_NAME = ("", "")


class Owner(NamedTuple):
    """An owner in metadata.ownerReferences."""

    group: str
    kind: str
    name: str
    uid: str


class Claim(NamedTuple):
    """What a tenant, or a trigger's policy, creates: a claim, or an XR without one.

    Attributes:
        kind: Its kind.
        namespace: Its namespace; empty for a cluster-scoped XR without a claim.
        name: Its name.
        owners: Its owners, as its trigger.
        repositories: The names of its repositories, as its status has them, by region.
        paused: Whether Crossplane does not reconcile it or its composite, so that a
            deletion waits.
    """

    kind: str
    namespace: str
    name: str
    owners: tuple[Owner, ...] = ()
    repositories: frozenset[str] = frozenset()
    paused: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return the namespace and the name."""
        return self.namespace, self.name

    def __str__(self) -> str:
        """Return it as kubectl prints an object of any namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class ManagedRepository(NamedTuple):
    """A managed resource of a repository.

    Attributes:
        api_version: Its apiVersion.
        namespace: Its namespace; empty if it is cluster-scoped.
        repository: What it says about its repository.
        claim: The namespace and the name of its claim; see Claim. NO_NAME if it belongs
            to none.
        claim_kind: The kind of that; empty if it is unknown.
        composed_name: Which composed resource of its composite it is.
        controlled: Whether a composite controls it, and so takes it along.
        paused: Whether its provider does not reconcile it.
        manifest: The managed resource.
        composite_uid: The UID of its controller; empty for none.
    """

    api_version: str
    namespace: str
    repository: ObservedRepository
    claim: tuple[str, str]
    claim_kind: str
    composed_name: str
    controlled: bool
    paused: bool
    manifest: Manifest
    composite_uid: str

    @property
    def group(self) -> str:
        """Return the provider's API group."""
        return self.api_version.partition("/")[0]


class Cluster(NamedTuple):
    """The objects that matter for a deletion.

    Attributes:
        claims: The claims, and the XRs without one, by namespace and name.
        composites: The XRs by UID.
        repositories: The managed resources of repositories.
        definitions: The group and the kind of each CustomResourceDefinition, by name.
        revisions: The CompositionRevisions by name.
    """

    claims: Mapping[tuple[str, str], Claim]
    composites: Mapping[str, Manifest]
    repositories: tuple[ManagedRepository, ...]
    definitions: Mapping[str, tuple[str, str]]
    revisions: Mapping[str, Manifest]

    def revision_of(self, composite: Manifest) -> Manifest | None:
        """Return the CompositionRevision that an XR uses, if it is known."""
        spec = _object(composite, "spec")
        of_v2 = _object(spec, "crossplane")
        key = "compositionRevisionRef"
        reference = _object(of_v2, key) or _object(spec, key)
        return self.revisions.get(_text(reference, "name"))


def read_cluster(manifests: Iterable[Manifest]) -> Cluster:
    """Return what a cluster has; other objects are ignored, and so are second copies.

    Args:
        manifests: Objects, as `kubectl get -o json` prints them.
    """
    claims: dict[str, Manifest] = {}
    composites: dict[str, Manifest] = {}
    managed: dict[str, Manifest] = {}
    definitions: dict[str, tuple[str, str]] = {}
    revisions: dict[str, Manifest] = {}
    for manifest in manifests:
        group = _group(manifest)
        kind = _text(manifest, "kind")
        metadata = _object(manifest, "metadata")
        identity = "/".join((group, *_texts(metadata, "namespace", "name")))
        if group in _PROVIDER_GROUPS and kind == "Repository":
            managed[identity] = manifest
        elif group == GROUP and kind == XR_KIND:
            composites[_text(metadata, "uid") or identity] = manifest
        elif group == GROUP and kind == CLAIM_KIND:
            claims[identity] = manifest
        elif kind == "CompositionRevision":
            revisions[_text(metadata, "name")] = manifest
        elif kind == "CustomResourceDefinition":
            spec = _object(manifest, "spec")
            kind = _text(_object(spec, "names"), "kind")
            definitions[_text(metadata, "name")] = (_text(spec, "group"), kind)
    tenants = [*claims.values(), *composites.values()]
    controllers = {_text(_object(m, "metadata"), "uid"): m for m in tenants}
    controllers.pop("", None)
    return Cluster(
        _claims(claims.values(), composites.values()),
        controllers,
        tuple(_managed(manifest, controllers) for manifest in managed.values()),
        definitions,
        revisions,
    )


def _claims(
    claims: Iterable[Manifest], composites: Iterable[Manifest]
) -> dict[tuple[str, str], Claim]:
    found = {}
    for manifest in claims:
        claim = _claim(manifest)
        found[claim.key] = claim
    for manifest in composites:
        reference = _object(_object(manifest, "spec"), "claimRef")
        key = (_text(reference, "namespace"), _text(reference, "name"))
        if key == NO_NAME:
            claim = _claim(manifest)
            found[claim.key] = claim
        elif key in found and _is_paused(manifest):
            found[key] = found[key]._replace(paused=True)
    return found


def _claim(manifest: Manifest) -> Claim:
    metadata = _object(manifest, "metadata")
    repositories = _object(_object(manifest, "status"), "repositories")
    names = {
        _text(each, "name") for each in repositories.values() if isinstance(each, dict)
    }
    namespace, name = _texts(metadata, "namespace", "name")
    return Claim(
        _text(manifest, "kind"),
        namespace,
        name,
        tuple(_owners(metadata)),
        frozenset(names - {""}),
        _is_paused(manifest),
    )


def _owners(metadata: Manifest) -> Iterator[Owner]:
    for owner in _objects(metadata, "ownerReferences"):
        kind, name, uid = _texts(owner, "kind", "name", "uid")
        yield Owner(_group(owner), kind, name, uid)


def _managed(
    manifest: Manifest, controllers: Mapping[str, Manifest]
) -> ManagedRepository:
    metadata = _object(manifest, "metadata")
    api_version = _text(manifest, "apiVersion")
    controller: Manifest = next(
        (o for o in _objects(metadata, "ownerReferences") if o.get("controller")), {}
    )
    uid = _text(controller, "uid")
    kind, claim = _claim_of(metadata, controller, controllers.get(uid))
    struct = structpb.Struct()
    fill(struct, manifest)
    return ManagedRepository(
        api_version,
        _text(metadata, "namespace"),
        provider_of(api_version).observe_repository(struct, uid or None),
        claim,
        kind,
        _text(_object(metadata, "annotations"), _COMPOSED_NAME),
        bool(controller),
        _is_paused(manifest),
        manifest,
        uid,
    )


def _claim_of(
    metadata: Manifest, controller: Manifest, composite: Manifest | None
) -> tuple[str, tuple[str, str]]:
    """Return the kind, the namespace and the name of a managed resource's claim.

    The composite knows best. Without it, the labels decide that Crossplane sets. Those
    of a namespaced managed resource say nothing about a claim in another namespace.
    """
    namespace = _text(metadata, "namespace")
    labels = _object(metadata, "labels")
    kind, name = _texts(controller, "kind", "name")
    name = name or _text(labels, _COMPOSITE_LABEL)
    if namespace:
        return kind, (namespace, name) if name else NO_NAME
    reference = _object(_object(composite or {}, "spec"), "claimRef")
    claim = (_text(reference, "namespace"), _text(reference, "name"))
    if claim == NO_NAME:
        labelled = _texts(labels, CLAIM_NAMESPACE_LABEL, CLAIM_NAME_LABEL)
        claim = (labelled[0], labelled[1])
    if claim == NO_NAME:
        return kind, ("", name)
    known = kind == XR_KIND or composite is not None
    return _text(reference, "kind") or (CLAIM_KIND if known else ""), claim


def _is_paused(manifest: Manifest) -> bool:
    annotations = _object(_object(manifest, "metadata"), "annotations")
    return annotations.get(_PAUSED) == "true"


def _group(of: Manifest) -> str:
    api_version = _text(of, "apiVersion")
    return api_version.partition("/")[0] if "/" in api_version else ""


def _object(parent: Manifest, key: str) -> Manifest:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _objects(parent: Manifest, key: str) -> list[Manifest]:
    value = parent.get(key)
    return [m for m in value if isinstance(m, dict)] if isinstance(value, list) else []


def _text(parent: Manifest, key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def _texts(parent: Manifest, *keys: str) -> list[str]:
    return [_text(parent, key) for key in keys]
