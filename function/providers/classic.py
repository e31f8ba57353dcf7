"""provider-aws of crossplane-contrib: ecr.aws.crossplane.io/v1beta1, cluster-scoped."""

from google.protobuf import struct_pb2 as structpb

from function.ecr.ownership import (
    CREATED_BY,
    abandoned,
    attempts,
    created_it,
    recorded_for,
)
from function.ecr.policies import Attached, Attachment, Kind
from function.ecr.repository import (
    Facts,
    ProviderConfig,
    Repository,
    identity,
)
from function.providers import managed
from function.providers.base import Manifest
from function.providers.option_fields import for_provider, unsupported_options
from function.structs import boolean, struct, text, texts

GROUP = "ecr.aws.crossplane.io"
# Kind, version and where the text is.
_ATTACHMENTS = {
    Kind.LIFECYCLE: ("LifecyclePolicy", "v1alpha1", "lifecyclePolicyText"),
    Kind.PERMISSIONS: ("RepositoryPolicy", "v1beta1", "rawPolicy"),
}


class Classic:
    """The provider whose API has no more than ECR had at its beginning."""

    api_version = f"{GROUP}/v1beta1"
    kind = "Repository"
    namespaced = False
    has_deletion_policy = True
    # Behind --enable-management-policies, off by default: any non-default value is
    # then an error (crossplane-runtime v1.20, policies.go).
    honours_management_policies = False
    # Its Create takes no tags; and its Update, which follows, writes all of them.
    creates_with_options = False
    config_kinds: tuple[str, ...] = ()
    unsupported_options = unsupported_options("classic")
    replaces: frozenset[Kind] = frozenset()
    # Its Observe fails where the repository is gone, pkg/controller/ecr/
    # lifecyclepolicy: IsNotFound knows of the policy alone. The claim would hang.
    outlived = frozenset({Kind.LIFECYCLE})

    def identify(self, repository: Repository) -> str:
        """Return a repository's identity among this provider's."""
        return identity(GROUP, *repository.place)

    def manifest(self, repository: Repository, *, manages: bool) -> Manifest:
        """Return the managed resource for a repository, only the fields we own."""
        identified = self.identify(repository)
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": managed.metadata(repository, identified, identified),
            "spec": {
                **managed.deletion_policy(repository.rights),
                **(managed.management_policies(repository.rights) if manages else {}),
                "forProvider": {
                    "region": repository.region,
                    **for_provider(repository.options, "classic"),
                },
                "providerConfigRef": {"name": repository.provider_config.name},
            },
        }

    def attachment(self, attachment: Attachment, *, manages: bool) -> Manifest:
        """Return the managed resource for a repository's policy."""
        kind, version, field = _ATTACHMENTS[attachment.kind]
        rights = managed.attachment_rights(attachment)
        repository = attachment.repository
        return {
            "apiVersion": f"{GROUP}/{version}",
            "kind": kind,
            "metadata": managed.attachment_metadata(attachment),
            "spec": {
                **managed.deletion_policy(rights),
                **(managed.management_policies(rights) if manages else {}),
                "forProvider": {
                    "region": repository.region,
                    "repositoryName": repository.name,
                    field: attachment.text,
                },
                "providerConfigRef": {"name": repository.provider_config.name},
            },
        }

    def attached(self, kind: Kind, observed: structpb.Struct) -> Attached:
        """Read what the provider says of one."""
        return managed.attached(observed, _ATTACHMENTS[kind][2])

    def facts(self, observed: structpb.Struct, composite_uid: str | None) -> Facts:
        """Read what the provider says of an observed managed resource.

        It can sign nothing in ECR. So the record of a creation says whose it is.
        """
        metadata, spec = struct(observed, "metadata"), struct(observed, "spec")
        status = struct(observed, "status")
        for_provider = struct(spec, "forProvider")
        name, uid, since = texts(metadata, "name", "uid", "creationTimestamp")
        annotations = struct(metadata, "annotations")
        recorded = attempts(annotations)
        uri, arn, registry, created_at = texts(
            struct(status, "atProvider"),
            *("repositoryUri", "repositoryArn", "registryId", "createdAt"),
        )
        ready, problem = managed.conditions(status)
        gone = managed.is_gone(problem)
        recorded_uid = text(annotations, CREATED_BY)
        created = created_it(recorded, created_at) and (
            composite_uid is None or recorded_for(recorded_uid, composite_uid)
        )
        if created and not recorded_uid:
            recorded_uid = composite_uid or ""
        return Facts(
            resource_name=name,
            external_name=text(annotations, managed.EXTERNAL_NAME),
            provider_config=ProviderConfig(
                text(struct(spec, "providerConfigRef"), "name")
            ),
            region=text(for_provider, "region"),
            uri="" if gone else uri,
            arn="" if gone else arn,
            registry_id=registry,
            ready=ready and not gone,
            deletable=managed.may_delete(spec),
            force_delete=boolean(for_provider, "forceDelete"),
            changeable=managed.may_change(spec),
            attempted=bool(recorded.pending),
            deleting="deletionTimestamp" in metadata.fields,
            created_it=created,
            recorded_uid=recorded_uid,
            problem=problem,
            abandoned=abandoned(recorded, problem),
            since=(since, uid),
        )


PROVIDER = Classic()
