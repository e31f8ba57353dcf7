"""provider-aws of crossplane-contrib: ecr.aws.crossplane.io/v1beta1, cluster-scoped."""

from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.fields import boolean, items, struct, text
from function.ownership import created_it
from function.repository import Facts, Repository, identity, resource_name

GROUP = "ecr.aws.crossplane.io"
API_VERSION = f"{GROUP}/v1beta1"
KIND = "Repository"
EXTERNAL_NAME = "crossplane.io/external-name"
# On each managed resource: its repository's identity, by which contenders are found.
IDENTITY = "ecrrepos.fn.tap.vrabbi.cloud/repository"


def identify(repository: Repository) -> str:
    """Return a repository's identity among this provider's."""
    return identity(GROUP, repository.place)


def manifest(repository: Repository) -> dict[str, Any]:
    """Return the managed resource for a repository, only the fields we own."""
    identified = identify(repository)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": resource_name(repository, identified),
            "annotations": {EXTERNAL_NAME: repository.name},
            "labels": {"region": repository.region, IDENTITY: identified},
        },
        "spec": {
            "deletionPolicy": "Delete" if repository.deletable else "Orphan",
            "forProvider": {
                "forceDelete": repository.force_delete,
                "region": repository.region,
            },
            "providerConfigRef": {"name": repository.provider_config},
        },
    }


def facts(observed: structpb.Struct) -> Facts:
    """Read what the provider says of an observed managed resource."""
    metadata, spec = struct(observed, "metadata"), struct(observed, "spec")
    status = struct(observed, "status")
    for_provider = struct(spec, "forProvider")
    at_provider = struct(status, "atProvider")
    ready, problem = _conditions(status)
    return Facts(
        resource_name=text(metadata, "name"),
        external_name=text(struct(metadata, "annotations"), EXTERNAL_NAME),
        provider_config=text(struct(spec, "providerConfigRef"), "name"),
        region=text(for_provider, "region"),
        uri=text(at_provider, "repositoryUri"),
        arn=text(at_provider, "repositoryArn"),
        registry_id=text(at_provider, "registryId"),
        ready=ready,
        # The CRD's default, for what others apply, is Delete.
        deletable=text(spec, "deletionPolicy") != "Orphan",
        force_delete=boolean(for_provider, "forceDelete"),
        created_it=created_it(metadata, text(at_provider, "createdAt")),
        problem=problem,
        since=(text(metadata, "creationTimestamp"), text(metadata, "uid")),
    )


def _conditions(status: structpb.Struct) -> tuple[bool, str]:
    """Return whether it is Ready, and why it is not Synced."""
    ready, problem = False, ""
    for condition in items(status, "conditions"):
        kind, is_so = text(condition, "type"), text(condition, "status")
        if kind == "Ready":
            ready = is_so == "True"
        elif kind == "Synced" and is_so == "False":
            problem = text(condition, "message")
    return ready, problem
