"""What the managed resources of all providers have: crossplane-runtime's part."""

from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.ecr.ownership import CREATE_ABANDONED, CREATE_FAILED, CREATED_BY
from function.ecr.policies import Attached, Attachment
from function.ecr.repository import Repository, Rights, resource_name
from function.structs import items, strings, struct, text, texts

EXTERNAL_NAME = "crossplane.io/external-name"
# On each managed resource: its repository's identity, by which contenders are found.
IDENTITY = "ecrrepos.fn.tap.vrabbi.cloud/repository"

# crossplane-runtime, pkg/reconciler/managed/policies.go: it takes these, and not every
# combination of them. LateInitialize fills in what we leave out.
_POLICIES = {
    Rights.OBSERVE: ("Observe",),
    Rights.CREATE: ("Observe", "Create"),
    Rights.KEEP: ("Observe", "Create", "Update", "LateInitialize"),
    Rights.ALL: ("*",),
}
_WITHOUT_LATE_INITIALIZE = {
    **_POLICIES,
    Rights.KEEP: ("Observe", "Create", "Update"),
    Rights.ALL: ("Observe", "Create", "Update", "Delete"),
}
_FINALIZER = "finalizer.managedresource.crossplane.io"  # pkg/reconciler/managed
# pkg/reconciler/managed/reconciler.go: what it says of an external resource that it may
# only observe and that is gone. The status is then of a past one.
_GONE = "external resource does not exist"


def metadata(repository: Repository, name: str, identified: str) -> dict[str, Any]:
    """Return the metadata of a repository's managed resource.

    The namespace of a namespaced one is Crossplane's to set: that of its XR.
    """
    annotations: dict[str, str] = {EXTERNAL_NAME: repository.name}
    if repository.abandoned:
        annotations |= dict.fromkeys(
            (CREATE_FAILED, CREATE_ABANDONED), repository.abandoned
        )
    if repository.recorded_uid:
        annotations[CREATED_BY] = repository.recorded_uid
    return {
        "name": resource_name(repository, name),
        "annotations": annotations,
        "labels": {"region": repository.region, IDENTITY: identified},
    }


def attachment_metadata(attachment: Attachment) -> dict[str, Any]:
    """Return the metadata of a policy's managed resource; its name is Crossplane's."""
    return {"labels": {"region": attachment.repository.region}}


def attachment_rights(attachment: Attachment) -> Rights:
    """Return what the provider may do to a repository's policy."""
    return Rights.ALL if attachment.deletable else Rights.KEEP


def attached(observed: structpb.Struct, field: str) -> Attached:
    """Read what is said of a policy's managed resource, whose text is in a field."""
    spec = struct(observed, "spec")
    ready, problem = conditions(struct(observed, "status"))
    return Attached(
        text=text(struct(spec, "forProvider"), field),
        ready=ready,
        deletable=may_delete(spec),
        problem=problem,
    )


def deletion_policy(rights: Rights) -> dict[str, str]:
    """Return spec.deletionPolicy, all that says it where there are no policies."""
    return {"deletionPolicy": "Delete" if rights is Rights.ALL else "Orphan"}


def management_policies(
    rights: Rights, *, late_initialize: bool = True
) -> dict[str, list[str]]:
    """Return spec.managementPolicies."""
    policies = _POLICIES if late_initialize else _WITHOUT_LATE_INITIALIZE
    return {"managementPolicies": list(policies[rights])}


def is_reconciled(metadata: structpb.Struct) -> bool:
    """Whether a provider has taken a managed resource in hand."""
    return _FINALIZER in strings(metadata, "finalizers")


def may_delete(spec: structpb.Struct) -> bool:
    """Whether a managed resource's external resource goes with it."""
    # The CRDs' defaults, for what others apply, are Delete and ["*"].
    if text(spec, "deletionPolicy") == "Orphan":
        return False
    policies = strings(spec, "managementPolicies")
    return not policies or "*" in policies or "Delete" in policies


def may_change(spec: structpb.Struct) -> bool:
    """Whether its external resource may be changed or deleted, as far as it is said.

    Where there are no management policies, a deletionPolicy of Orphan says nothing of
    changes.
    """
    policies = strings(spec, "managementPolicies")
    return may_delete(spec) or "*" in policies or "Update" in policies


def conditions(status: structpb.Struct) -> tuple[bool, str]:
    """Return whether it is Ready, and why it is not Synced."""
    ready, problem, operation = False, "", ""
    for condition in items(status, "conditions"):
        kind, is_so = texts(condition, "type", "status")
        if kind == "Ready":
            ready = is_so == "True"
        elif kind == "Synced" and is_so == "False":
            problem = text(condition, "message")
        elif kind == "LastAsyncOperation" and is_so == "False":
            # upjet's, pkg/resource/conditions.go: it outlasts the Synced condition,
            # which says only that the next attempt has begun.
            operation = text(condition, "message")
    return ready, problem or operation


def is_gone(problem: str) -> bool:
    """Whether what may only be observed is not there any more."""
    return problem.endswith(_GONE)
