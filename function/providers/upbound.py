"""Upbound's provider-aws-ecr, cluster-scoped and namespaced: one API but for scope."""

from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.ecr.options import EncryptionOptions
from function.ecr.ownership import (
    CREATED_BY_TAG,
    abandoned,
    attempts,
    created_by,
    is_not_copied,
    is_there,
)
from function.ecr.policies import Attached, Attachment, Kind
from function.ecr.repository import (
    NAMESPACED_CONFIG,
    Facts,
    ProviderConfig,
    Repository,
    Rights,
    identity,
)
from function.providers import managed
from function.providers.base import Manifest
from function.providers.option_fields import for_provider, unsupported_options
from function.structs import boolean, items, struct, text, texts

_ATTACHMENTS = {
    Kind.LIFECYCLE: "LifecyclePolicy",
    Kind.PERMISSIONS: "RepositoryPolicy",
}
_ATTACHMENT_VERSION = "v1beta1"


class Upbound:
    """One of the two scopes of the API that upjet generates from Terraform's."""

    kind = "Repository"
    honours_management_policies = True
    # Encryption cannot be changed later.
    creates_with_options = True
    unsupported_options = unsupported_options("upbound")
    # Terraform's aws_ecr_lifecycle_policy says ForceNew of its text, and upjet refuses
    # what would replace (external_tfpluginsdk.go, assertNoForceNew).
    replaces = frozenset({Kind.LIFECYCLE})
    outlived: frozenset[Kind] = frozenset()

    def __init__(self, group: str, version: str, *, namespaced: bool) -> None:
        """Create one of them.

        Args:
            group: Its API group.
            version: That of its Repository.
            namespaced: Whether it is the API of Crossplane v2.
        """
        self.group = group
        self.api_version = f"{group}/{version}"
        self.namespaced = namespaced
        self.has_deletion_policy = not namespaced
        # The CRD's default first.
        self.config_kinds: tuple[str, ...] = (
            ("ClusterProviderConfig", NAMESPACED_CONFIG) if namespaced else ()
        )

    def identify(self, repository: Repository) -> str:
        """Return a repository's identity among this provider's."""
        return identity(self.group, *repository.place)

    def manifest(self, repository: Repository, *, manages: bool) -> Manifest:
        """Return the managed resource for a repository, only the fields we own."""
        identified = self.identify(repository)
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": managed.metadata(repository, identified, identified),
            "spec": {
                **self._rights(
                    repository.rights,
                    manages=manages,
                    late_initialize=not repository.copies_tags,
                ),
                "forProvider": {
                    "region": repository.region,
                    **for_provider(repository.options, "upbound"),
                },
                **_signature(repository.composite_uid),
                **_config(repository),
            },
        }

    def attachment(self, attachment: Attachment, *, manages: bool) -> Manifest:
        """Return the managed resource for a repository's policy."""
        repository = attachment.repository
        rights = managed.attachment_rights(attachment)
        return {
            "apiVersion": f"{self.group}/{_ATTACHMENT_VERSION}",
            "kind": _ATTACHMENTS[attachment.kind],
            "metadata": managed.attachment_metadata(attachment),
            "spec": {
                **self._rights(rights, manages=manages),
                "forProvider": {
                    "region": repository.region,
                    "repository": repository.name,
                    "policy": attachment.text,
                },
                **_config(repository),
            },
        }

    def attached(self, kind: Kind, observed: structpb.Struct) -> Attached:  # noqa: ARG002  # both have it in one field
        """Read what the provider says of one."""
        return managed.attached(observed, "policy")

    def _rights(
        self, rights: Rights, *, manages: bool, late_initialize: bool = True
    ) -> dict[str, Any]:
        policies = managed.management_policies(rights, late_initialize=late_initialize)
        return {
            **(managed.deletion_policy(rights) if self.has_deletion_policy else {}),
            **(policies if manages else {}),
        }

    def facts(self, observed: structpb.Struct, composite_uid: str | None) -> Facts:
        """Read what the provider says of an observed managed resource.

        Its Create runs in the background (upjet, external_async_tfpluginsdk.go), so
        that the managed reconciler records it as succeeded when it has begun. What it
        created has the composite's UID among its tags, from the first moment.

        The signature must not be among spec.forProvider.tags: these are written onto
        whatever stands there. We never put it there, but a provider that runs with
        --skip-default-tags copies ECR's tags there where the spec has none.
        """
        metadata, spec = struct(observed, "metadata"), struct(observed, "spec")
        status = struct(observed, "status")
        for_provider = struct(spec, "forProvider")
        at_provider = struct(status, "atProvider")
        name, uid, since = texts(metadata, "name", "uid", "creationTimestamp")
        annotations = struct(metadata, "annotations")
        recorded = attempts(annotations)
        ready, problem = managed.conditions(status)
        gone = managed.is_gone(problem)
        uri, arn, registry = texts(at_provider, "repositoryUrl", "arn", "registryId")
        if gone:
            uri = arn = ""
        tags = struct(for_provider, "tags")
        signature = text(struct(at_provider, "tags"), CREATED_BY_TAG)
        asked = text(struct(struct(spec, "initProvider"), "tags"), CREATED_BY_TAG)
        created = created_by(
            signature, asked if composite_uid is None else composite_uid
        )
        return Facts(
            resource_name=name,
            external_name=text(annotations, managed.EXTERNAL_NAME),
            provider_config=ProviderConfig(
                *texts(struct(spec, "providerConfigRef"), "name", "kind")
            ),
            region=text(for_provider, "region"),
            uri=uri,
            arn=arn,
            registry_id=registry,
            ready=ready and not gone,
            deletable=managed.may_delete(spec),
            force_delete=boolean(for_provider, "forceDelete"),
            changeable=managed.may_change(spec),
            attempted=bool(recorded.pending),
            deleting="deletionTimestamp" in metadata.fields,
            created_it=is_there(arn)
            and created
            and is_not_copied(in_spec=CREATED_BY_TAG in tags.fields),
            copies_tags=managed.is_reconciled(metadata) and not tags.fields,
            encryption=_encryption(at_provider),
            problem=problem,
            abandoned=abandoned(recorded, problem),
            since=(since, uid),
        )


def _config(repository: Repository) -> dict[str, Any]:
    config = repository.provider_config
    kind = {"kind": config.kind} if config.kind else {}
    return {"providerConfigRef": {"name": config.name, **kind}}


def _encryption(at_provider: structpb.Struct) -> EncryptionOptions | None:
    for given in items(at_provider, "encryptionConfiguration"):
        return EncryptionOptions.observed(*texts(given, "encryptionType", "kmsKey"))
    return None


def _signature(composite_uid: str) -> dict[str, Any]:
    """Return spec.initProvider: what the provider says only as it creates."""
    if not composite_uid:
        return {}
    return {"initProvider": {"tags": {CREATED_BY_TAG: composite_uid}}}
