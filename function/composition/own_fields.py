"""Our fields of a live managed resource, to compose it again unchanged."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf import struct_pb2 as structpb

from function.ecr.ownership import CREATED_BY_ANNOTATION, CREATED_BY_TAG
from function.providers import crossplane_runtime as runtime
from function.providers.base import Manifest
from function.providers.option_fields import (
    EXCLUSION_FILTERS,
    FIELD_NAMES,
    TAG_MUTABILITY,
)
from function.structs import struct

# Our fields of spec.forProvider: of a repository's managed resource and of a policy's.
_OWN_FIELDS = FIELD_NAMES | {
    *("region", "repository", "repositoryName"),
    *("policy", "lifecyclePolicyText", "rawPolicy"),
}
_DEFAULT_POLICIES = {"managementPolicies": ["*"]}


def own_fields(managed: structpb.Struct, *, management_policies: bool) -> Manifest:
    """Return our fields of one of our managed resources, unchanged."""
    metadata, spec = struct(managed, "metadata"), struct(managed, "spec")
    annotations = struct(metadata, "annotations")
    own_annotations = [runtime.EXTERNAL_NAME, CREATED_BY_ANNOTATION]
    if runtime.MARKED_FAILED in annotations.fields:
        own_annotations += [runtime.CREATE_FAILED, runtime.MARKED_FAILED]
    kept_annotations = some_fields(annotations, *own_annotations)
    labels = some_fields(struct(metadata, "labels"), "region", runtime.REPOSITORY_ID)
    for_provider = some_fields(struct(spec, "forProvider"), *_OWN_FIELDS)
    created_by = some_fields(
        struct(struct(spec, "initProvider"), "tags"), CREATED_BY_TAG
    )
    policies = some_fields(spec, "managementPolicies")
    # To the classic provider, anything but the default may be an error.
    keep_policies = management_policies or policies != _DEFAULT_POLICIES
    return {
        **some_fields(managed, "apiVersion", "kind"),
        "metadata": {
            **some_fields(metadata, "name"),
            **({"annotations": kept_annotations} if kept_annotations else {}),
            **({"labels": labels} if labels else {}),
        },
        "spec": {
            **some_fields(spec, "deletionPolicy"),
            **(policies if keep_policies else {}),
            "forProvider": for_provider,
            **({"initProvider": {"tags": created_by}} if created_by else {}),
            "providerConfigRef": some_fields(
                struct(spec, "providerConfigRef"), "name", "kind"
            ),
        },
    }


def keep_options(manifest: Manifest, managed: structpb.Struct) -> None:
    """Replace the options in a manifest by those of the live managed resource.

    Only whether its images may be deleted follows the settings.

    Args:
        manifest: A repository's manifest.
        managed: Its managed resource.
    """
    own = own_fields(managed, management_policies=True)["spec"]["forProvider"]
    for_provider = manifest["spec"]["forProvider"]
    own.pop("forceDelete", None)
    manifest["spec"]["forProvider"] = for_provider | own


def add_filled_in(
    manifest: Manifest,
    managed: structpb.Struct,
    filled_in: Mapping[str, Any],
    *,
    defaults: bool,
) -> None:
    """Add to a manifest what the provider filled in, or would fill in.

    Args:
        manifest: A repository's manifest, with the options that are requested.
        managed: Its managed resource; empty if there is none yet.
        filled_in: See Provider.filled_in.
        defaults: Whether what the managed resource lacks gets ECR's defaults.
    """
    for_provider = manifest["spec"]["forProvider"]
    live = struct(struct(managed, "spec"), "forProvider").fields
    keeps_filters = TAG_MUTABILITY not in for_provider
    for name, default in filled_in.items():
        if name in for_provider:
            continue
        if name in live:
            # The filters go with the mutability.
            if name != EXCLUSION_FILTERS or keeps_filters:
                for_provider[name] = live[name]
        elif defaults and default is not None:
            for_provider[name] = default


def some_fields(parent: structpb.Struct, *keys: str) -> dict[str, Any]:
    """Return those of the fields that exist, as plain values."""
    return {
        key: json_format.MessageToDict(parent.fields[key])
        for key in sorted(keys)
        if key in parent.fields
    }
