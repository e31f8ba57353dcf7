"""provider-aws of crossplane-contrib: ecr.aws.crossplane.io/v1beta1, cluster-scoped."""

from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.repository import Facts, Repository

API_VERSION = "ecr.aws.crossplane.io/v1beta1"
KIND = "Repository"
EXTERNAL_NAME = "crossplane.io/external-name"


def manifest(repository: Repository) -> dict[str, Any]:
    """Return the managed resource for a repository, only the fields we own."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "annotations": {EXTERNAL_NAME: repository.name},
            "labels": {"region": repository.region},
        },
        "spec": {
            "forProvider": {
                "forceDelete": repository.force_delete,
                "region": repository.region,
            },
            "providerConfigRef": {"name": repository.provider_config},
        },
    }


def facts(observed: structpb.Struct) -> Facts:
    """Read what the provider says of an observed managed resource.

    Fields are read straight from the Struct: turning all of it into a dict first
    costs more than the rest of a call.
    """
    metadata, spec = _struct(observed, "metadata"), _struct(observed, "spec")
    status = _struct(observed, "status")
    at_provider = _struct(status, "atProvider")
    return Facts(
        external_name=_text(_struct(metadata, "annotations"), EXTERNAL_NAME),
        region=_text(_struct(spec, "forProvider"), "region"),
        uri=_text(at_provider, "repositoryUri"),
        arn=_text(at_provider, "repositoryArn"),
        registry_id=_text(at_provider, "registryId"),
        ready=_ready(status),
    )


def _struct(struct: structpb.Struct, key: str) -> structpb.Struct:
    # .get(): a bracket would insert the key.
    value = struct.fields.get(key)
    return value.struct_value if value is not None else structpb.Struct()


def _text(struct: structpb.Struct, key: str) -> str:
    value = struct.fields.get(key)
    return value.string_value if value is not None else ""


def _ready(status: structpb.Struct) -> bool:
    conditions = status.fields.get("conditions")
    if conditions is None:
        return False
    return any(
        _text(c.struct_value, "type") == "Ready"
        and _text(c.struct_value, "status") == "True"
        for c in conditions.list_value.values
    )
