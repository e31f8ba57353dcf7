"""Upbound's provider-aws-ecr, cluster-scoped and namespaced: one API but for scope."""

from typing import Any

from google.protobuf import struct_pb2 as structpb

from function.attachment import Attached, Attachment, Kind
from function.fields import boolean, items, struct, text, texts
from function.ownership import Attempts, abandoned, attempts, began, created_it
from function.providers import managed
from function.providers.provider import Manifest
from function.repository import (
    NAMESPACED_CONFIG,
    Encryption,
    Facts,
    Options,
    ProviderConfig,
    Repository,
    Rights,
    identity,
)

# crossplane-runtime, pkg/resource: upjet's initializer puts it among the tags of what
# it makes, unless the provider is run with --skip-default-tags.
_MADE_BY = "crossplane-name"
_ATTACHMENTS = {
    Kind.LIFECYCLE: "LifecyclePolicy",
    Kind.PERMISSIONS: "RepositoryPolicy",
}
_ATTACHMENT_VERSION = "v1beta1"


class Upbound:
    """One of the two scopes of the API that upjet generates from Terraform's."""

    kind = "Repository"
    manages = True
    lacks: frozenset[str] = frozenset()
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
        # A name of its own in each namespace: the provider tags what it makes with the
        # name alone.
        name = (
            identity(self.group, repository.namespace, *repository.place)
            if self.namespaced
            else identified
        )
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": managed.metadata(repository, name, identified),
            "spec": {
                **self._rights(repository.rights, manages=manages),
                "forProvider": {
                    "region": repository.region,
                    **_options(repository.options),
                },
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

    def _rights(self, rights: Rights, *, manages: bool) -> dict[str, Any]:
        return {
            **(managed.deletion_policy(rights) if self.has_deletion_policy else {}),
            **(managed.management_policies(rights) if manages else {}),
        }

    def facts(self, observed: structpb.Struct) -> Facts:
        """Read what the provider says of an observed managed resource.

        Its Create runs in the background (upjet, external_async_tfpluginsdk.go), so
        that the managed reconciler records it as succeeded when it has begun. What it
        made has the managed resource's name among its tags, from the first moment.
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
        signed = text(struct(for_provider, "tags"), _MADE_BY)
        signature = text(struct(at_provider, "tags"), _MADE_BY)
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
            created_it=bool(arn) and _created(recorded, signed, signature),
            doubtful=not signed,
            encryption=_encryption(at_provider),
            problem=problem,
            abandoned=abandoned(recorded, problem),
            since=(since, uid),
        )


def _options(options: Options) -> dict[str, Any]:
    fields: dict[str, Any] = {"forceDelete": options.force_delete}
    if options.mutability:
        fields["imageTagMutability"] = options.mutability
    if options.exclusions:
        fields["imageTagMutabilityExclusionFilter"] = [
            {"filter": wildcard, "filterType": "WILDCARD"}
            for wildcard in options.exclusions
        ]
    if options.scan_on_push is not None:
        fields["imageScanningConfiguration"] = {"scanOnPush": options.scan_on_push}
    if options.encryption:
        kind, key = options.encryption
        fields["encryptionConfiguration"] = [
            {"encryptionType": kind, **({"kmsKey": key} if key else {})}
        ]
    if options.tags:
        fields["tags"] = dict(options.tags)
    return fields


def _config(repository: Repository) -> dict[str, Any]:
    config = repository.provider_config
    kind = {"kind": config.kind} if config.kind else {}
    return {"providerConfigRef": {"name": config.name, **kind}}


def _encryption(at_provider: structpb.Struct) -> Encryption | None:
    for given in items(at_provider, "encryptionConfiguration"):
        return Encryption(text(given, "encryptionType"), text(given, "kmsKey"))
    return None


def _created(recorded: Attempts, signed: str, signature: str) -> bool:
    """Whether it made what is there; its record has to do where it signs nothing."""
    if not signed:
        return created_it(recorded, "")
    return began(recorded) and signed == signature
