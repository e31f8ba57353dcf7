"""Build claims, composites and managed resources, as a cluster has them."""

from typing import Any

from function.ecr.repository import repository_id
from function.providers.crossplane_runtime import REPOSITORY_ID
from tests.builders import (
    APIS,
    CLASSIC,
    CREATED,
    CREATED_AT,
    FULL,
    NAMESPACED,
    READY,
    SIGNATURE,
    Json,
)

ACCOUNT = "123456789012"
REGION = "eu-west-2"
OURS = "tap.vrabbi.cloud/v1alpha1"
WORKLOAD = {"apiVersion": "carto.run/v1alpha1", "kind": "Workload", "name": "shop"}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workloads.carto.run"},
    "spec": {"group": "carto.run", "names": {"kind": "Workload", "plural": "x"}},
}
# The revision of the Composition that composites use.
REVISION = "current"
PAUSED = {"crossplane.io/paused": "true"}


def tenants(
    provider: str,
    name: str = "shop",
    namespace: str = "team",
    *,
    owners: tuple[Json, ...] = (),
    repositories: tuple[str, ...] = (),
    paused: bool = False,
) -> list[Json]:
    """Return a claim and its composite; on Crossplane v2 they are one object."""
    uid = f"of-{namespace}-{name}"
    claim: Json = {
        "apiVersion": OURS,
        "kind": "WorkloadECRRepo",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid if provider == NAMESPACED else f"claim-{uid}",
            "ownerReferences": [{"uid": f"u-{o['name']}", **o} for o in owners],
            "annotations": PAUSED if paused else {},
        },
        "spec": {
            "parameters": {
                "workloadName": name,
                "repoPrefix": "tap",
                "region": REGION,
                "providerName": "aws",
            }
        },
        "status": {"repositories": {n: {"name": n} for n in repositories}},
    }
    used = {"compositionRevisionRef": {"name": REVISION}}
    if provider == NAMESPACED:
        claim["spec"]["crossplane"] = used
        return [claim]
    reference = {"kind": "WorkloadECRRepo", "name": name, "namespace": namespace}
    composite: Json = {
        "apiVersion": OURS,
        "kind": "XWorkloadECRRepo",
        "metadata": {"name": f"{name}-x7k2p", "uid": uid},
        "spec": {
            **claim["spec"],
            **used,
            "claimRef": {"apiVersion": OURS, **reference},
        },
    }
    return [claim, composite]


def managed(  # what differs between the APIs
    provider: str,
    repository: str,
    claim: tuple[str, str] | None = ("team", "shop"),
    *,
    made: bool = True,
    rights: tuple[str | None, list[str] | None] = FULL,
    force: bool = True,
    region: str = REGION,
    controlled: bool = True,
    annotations: Json | None = None,
    account: str = ACCOUNT,
    composed: str = "imagerepo",
) -> Json:
    """Return a managed resource that its provider has reconciled.

    Args:
        provider: The provider's API.
        repository: The name of the repository.
        claim: The namespace and the name of its claim; None for none.
        made: Whether the provider created the repository.
        rights: Its deletionPolicy and managementPolicies.
        force: Its forceDelete.
        region: Its region.
        controlled: Whether its composite controls it.
        annotations: More annotations.
        account: The account that the provider reports.
        composed: The name of the composed resource.
    """
    namespace, name = claim or ("", "")
    uid = f"of-{namespace}-{name}"
    metadata: Json = {
        "name": f"{repository.replace('/', '-')}-{region}",
        "annotations": {
            "crossplane.io/external-name": repository,
            "crossplane.io/composition-resource-name": composed,
            **(annotations or {}),
        },
        "labels": {REPOSITORY_ID: _repository_id(provider, region, repository)},
        "uid": f"mr-{repository}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    kind = "WorkloadECRRepo" if provider == NAMESPACED else "XWorkloadECRRepo"
    composite = name if provider == NAMESPACED else f"{name}-x7k2p"
    if provider == NAMESPACED:
        metadata["namespace"] = namespace or "team"
    if claim:
        metadata["labels"]["crossplane.io/composite"] = composite
        if provider != NAMESPACED:
            metadata["labels"] |= {
                "crossplane.io/claim-name": name,
                "crossplane.io/claim-namespace": namespace,
            }
    if claim and controlled:
        owner = {"apiVersion": OURS, "kind": kind, "name": composite, "uid": uid}
        metadata["ownerReferences"] = [{**owner, "controller": True}]
    deletion_policy, policies = rights
    spec: Json = {
        "forProvider": {"region": region, "forceDelete": force},
        "providerConfigRef": APIS[provider].config,
    }
    if APIS[provider].has_deletion_policy:
        spec["deletionPolicy"] = deletion_policy
    if provider != CLASSIC:
        spec["managementPolicies"] = policies
    facts = {
        "uri": f"host/{repository}",
        "arn": f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{repository}",
        "registryId": account,
    }
    observed: Json = {
        theirs: facts[ours] for ours, theirs in APIS[provider].facts.items()
    }
    if provider == CLASSIC:
        observed["createdAt"] = CREATED_AT if made else "2020-01-01T00:00:00Z"
        metadata["annotations"] |= CREATED
    elif made:
        observed["tags"] = {SIGNATURE: uid}
    return {
        "apiVersion": provider,
        "kind": "Repository",
        "metadata": metadata,
        "spec": spec,
        "status": {"conditions": [READY], "atProvider": observed},
    }


def _repository_id(provider: str, region: str, name: str) -> str:
    config = APIS[provider].config
    location = "/".join(filter(None, (config.get("kind"), config["name"])))
    return repository_id(provider.partition("/")[0], location, region, name)


def listed(*objects: Any) -> Json:
    """Return what `kubectl get -o json` prints of several objects."""
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}
