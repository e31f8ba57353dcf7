"""What all providers' managed resources share: crossplane-runtime's part of them.

Annotations are those of crossplane-runtime, pkg/meta; policies and messages those of
pkg/reconciler/managed.
"""

from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.ecr.ownership import (
    CREATED_BY_ANNOTATION,
    CreateRecord,
    ResourceOwner,
    unresolved_creation,
)
from function.ecr.policies import DesiredPolicy, ObservedPolicy
from function.ecr.repository import (
    DesiredRepository,
    ProviderRights,
    resource_name,
)
from function.structs import (
    boolean,
    items,
    strings,
    struct,
    structs,
    text,
    texts,
)

EXTERNAL_NAME = "crossplane.io/external-name"
_CREATE_PENDING = "crossplane.io/external-create-pending"
_CREATE_SUCCEEDED = "crossplane.io/external-create-succeeded"
CREATE_FAILED = "crossplane.io/external-create-failed"
# Our copy of CREATE_FAILED. The provider writes CREATE_FAILED too, at each refusal, and
# its controllers ignore a change of it (pkg/resource/predicates.go:
# DesiredStateChanged). A change of this one makes them reconcile again.
MARKED_FAILED = "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned"
# Our label on each managed resource: its repository's ID. Competitors have the same
# one.
REPOSITORY_ID = "ecrrepos.fn.tap.vrabbi.cloud/repository"
# Labels that Crossplane puts on the composed resources of a claim's XR.
CLAIM_NAMESPACE_LABEL = "crossplane.io/claim-namespace"
CLAIM_NAME_LABEL = "crossplane.io/claim-name"

# The tags that a provider adds by itself (pkg/resource/resource.go, GetExternalTags).
KIND_TAG, NAME_TAG = "crossplane-kind", "crossplane-name"
CONFIG_TAG = "crossplane-providerconfig"
PROVIDER_TAGS = frozenset({KIND_TAG, NAME_TAG, CONFIG_TAG})

# reconciler.go: the message while it waits for a person.
_WAITS_FOR_PERSON = "cannot determine creation result"
# reconciler.go: the message about an external resource that it may only observe and
# that is gone. The status is then of a past one.
_GONE = "external resource does not exist"
_FINALIZER = "finalizer.managedresource.crossplane.io"
# policies.go: only certain combinations are legal. LateInitialize fills in what we
# leave out.
_MANAGEMENT_POLICIES = {
    ProviderRights.OBSERVE_ONLY: ("Observe",),
    ProviderRights.OBSERVE_CREATE: ("Observe", "Create"),
    # No LateInitialize: it copies options after the update was computed, and no tags.
    ProviderRights.CHANGE_ADOPTED: ("Observe", "Update"),
    ProviderRights.ORPHAN_ON_DELETE: ("Observe", "Create", "Update", "LateInitialize"),
    ProviderRights.FULL: ("*",),
}
_WITHOUT_LATE_INITIALIZE = {
    **_MANAGEMENT_POLICIES,
    ProviderRights.ORPHAN_ON_DELETE: ("Observe", "Create", "Update"),
    ProviderRights.FULL: ("Observe", "Create", "Update", "Delete"),
}


def repository_metadata(
    repository: DesiredRepository, repository_id: str
) -> dict[str, Any]:
    """Return the metadata of a repository's managed resource.

    Crossplane sets the namespace of a namespaced one: that of its composite.
    """
    annotations: dict[str, str] = {EXTERNAL_NAME: repository.name}
    if repository.unresolved_creation:
        annotations[CREATE_FAILED] = repository.unresolved_creation
        annotations[MARKED_FAILED] = repository.unresolved_creation
    if repository.recorded_uid:
        annotations[CREATED_BY_ANNOTATION] = repository.recorded_uid
    return {
        "name": resource_name(repository, repository_id),
        "annotations": annotations,
        "labels": {"region": repository.region, REPOSITORY_ID: repository_id},
    }


def policy_metadata(policy: DesiredPolicy) -> dict[str, Any]:
    """Return the metadata of a policy's managed resource; Crossplane names it."""
    return {"labels": {"region": policy.repository.region}}


def policy_rights(policy: DesiredPolicy) -> ProviderRights:
    """Return what the provider may do to a policy."""
    if policy.deletable:
        return ProviderRights.FULL
    return ProviderRights.ORPHAN_ON_DELETE


def deletion_policy(rights: ProviderRights) -> dict[str, str]:
    """Return spec.deletionPolicy."""
    return {"deletionPolicy": "Delete" if rights.may_delete else "Orphan"}


def management_policies(
    rights: ProviderRights, *, late_initialize: bool = True
) -> dict[str, list[str]]:
    """Return spec.managementPolicies."""
    policies = _MANAGEMENT_POLICIES if late_initialize else _WITHOUT_LATE_INITIALIZE
    return {"managementPolicies": list(policies[rights])}


def observe_policy(observed: structpb.Struct, text_field: str) -> ObservedPolicy:
    """Read a policy's managed resource, whose text is in a field of forProvider."""
    spec, status = structs(observed, "spec", "status")
    ready, problem = conditions(status)
    deletable, _ = observed_rights(spec)
    return ObservedPolicy(
        text=text(struct(spec, "forProvider"), text_field),
        ready=ready,
        deletable=deletable,
        problem=problem,
    )


def create_record(annotations: structpb.Struct) -> CreateRecord:
    """Read the managed reconciler's record of its attempts to create."""
    return CreateRecord(
        *texts(annotations, _CREATE_PENDING, _CREATE_SUCCEEDED, MARKED_FAILED)
    )


def unresolved(record: CreateRecord, problem: str) -> str:
    """Return when an attempt to create started whose result was never recorded."""
    return unresolved_creation(
        record, waits_for_person=problem.startswith(_WAITS_FOR_PERSON)
    )


def controller_uid(managed: structpb.Struct) -> str:
    """Return the UID of a managed resource's composite; empty if it has none."""
    for owner in items(struct(managed, "metadata"), "ownerReferences"):
        if boolean(owner, "controller"):
            return text(owner, "uid")
    return ""


def resource_owner(managed: structpb.Struct) -> ResourceOwner:
    """Read which composite a managed resource belongs to.

    crossplane/crossplane sets these labels on all that it composes
    (composition_render.go).
    """
    metadata = struct(managed, "metadata")
    claim_namespace, claim_name, composite = texts(
        struct(metadata, "labels"),
        CLAIM_NAMESPACE_LABEL,
        CLAIM_NAME_LABEL,
        "crossplane.io/composite",
    )
    return ResourceOwner(
        controller_uid(managed),
        (claim_namespace, claim_name),
        (text(metadata, "namespace"), composite),
    )


def is_reconciled(metadata: structpb.Struct) -> bool:
    """Whether a provider has reconciled a managed resource before."""
    return _FINALIZER in strings(metadata, "finalizers")


def is_synced(status: structpb.Struct) -> bool:
    """Whether a provider's last attempt to reconcile a managed resource succeeded."""
    return any(
        texts(condition, "type", "status") == ["Synced", "True"]
        for condition in items(status, "conditions")
    )


def observed_rights(spec: structpb.Struct) -> tuple[bool, bool]:
    """Return whether the provider may delete the external resource, or change it.

    The first: whether it is deleted with its managed resource. The second: whether the
    provider may change or delete it. Without management policies, a deletionPolicy of
    Orphan says nothing about changes.
    """
    policies = strings(spec, "managementPolicies")
    everything = "*" in policies
    # The CRDs' defaults, for what others apply, are Delete and ["*"].
    may_delete = text(spec, "deletionPolicy") != "Orphan" and (
        not policies or everything or "Delete" in policies
    )
    return may_delete, may_delete or everything or "Update" in policies


def is_observed(metadata: structpb.Struct, status: structpb.Struct) -> bool:
    """Whether a provider has reconciled a managed resource since its spec changed.

    The managed reconciler writes the generation into the Synced condition. upjet's
    callback after a change in the background overwrites it without one; the next
    reconcile follows at once.
    """
    generation = metadata.fields.get("generation")
    return any(
        text(condition, "type") == "Synced"
        and condition.fields.get("observedGeneration") == generation
        for condition in items(status, "conditions")
    )


def is_behind(managed: structpb.Struct) -> bool:
    """Whether a provider says that it has not reconciled since the spec changed.

    One with an older managed reconciler says nothing about it.
    """
    metadata, status = structs(managed, "metadata", "status")
    observed, generation = "observedGeneration", metadata.fields.get("generation")
    return any(
        text(condition, "type") == "Synced"
        and observed in condition.fields
        and condition.fields[observed] != generation
        for condition in items(status, "conditions")
    )


def conditions(status: structpb.Struct) -> tuple[bool, str]:
    """Return whether a managed resource is Ready, and why it is not Synced."""
    ready, problem, operation = False, "", ""
    for condition in items(status, "conditions"):
        kind, is_true = texts(condition, "type", "status")
        if kind == "Ready":
            ready = is_true == "True"
        elif kind == "Synced" and is_true == "False":
            problem = text(condition, "message")
        elif kind == "LastAsyncOperation" and is_true == "False":
            # upjet's, pkg/resource/conditions.go. It outlasts the Synced condition,
            # which says only that the next attempt has started.
            operation = text(condition, "message")
    return ready, problem or operation


def is_creating(status: structpb.Struct) -> bool:
    """Whether the reason of the Ready condition is that of a creation."""
    return any(
        texts(condition, "type", "reason") == ["Ready", "Creating"]
        for condition in items(status, "conditions")
    )


def is_gone(problem: str) -> bool:
    """Whether an external resource that may only be observed was deleted."""
    return problem.endswith(_GONE)
