"""Upbound's provider-aws-ecr: ecr.aws.upbound.io and, namespaced, ecr.aws.m.upbound.io.

It is one API but for the scope: upjet generates both from Terraform's.
"""

from google.protobuf import struct_pb2 as structpb

from function.ecr.options import NO_OPTIONS, EncryptionOptions, RepositoryOptions
from function.ecr.ownership import (
    CREATED_BY_TAG,
    created_by,
    is_not_copied,
    is_there,
)
from function.ecr.policies import DesiredPolicy, ObservedPolicy, PolicyKind
from function.ecr.repository import (
    NAMESPACED_CONFIG,
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
    ProviderRights,
    repository_id,
)
from function.providers import crossplane_runtime as runtime
from function.providers.base import Manifest
from function.providers.option_fields import (
    EXCLUSION_FILTERS,
    TAG_MUTABILITY,
    filled_in,
    for_provider,
    unsupported_options,
)
from function.structs import boolean, items, struct, structs, text, texts

_POLICIES = {
    PolicyKind.LIFECYCLE: "LifecyclePolicy",
    PolicyKind.PERMISSIONS: "RepositoryPolicy",
}
_POLICY_VERSION = "v1beta1"


class Upbound:
    """One of the two scopes of Upbound's API."""

    kind = "Repository"
    honours_management_policies = True
    # ECR cannot change encryption later.
    creates_with_options = True
    # It would take 0.2 s: its reconciles take longer, and an XR rarely goes back.
    waits_for_quiet = False
    changes_adopted = True
    filled_in = filled_in("upbound")
    unsupported_options = unsupported_options("upbound")
    # Terraform's aws_ecr_lifecycle_policy declares its text ForceNew, and upjet refuses
    # a replacement (external_tfpluginsdk.go, assertNoForceNew).
    immutable_policies = frozenset({PolicyKind.LIFECYCLE})
    undeletable_policies: frozenset[PolicyKind] = frozenset()

    def __init__(self, group: str, version: str, *, namespaced: bool) -> None:
        """Create one scope.

        Args:
            group: Its API group.
            version: The version of its Repository.
            namespaced: Whether it is the API for Crossplane v2.
        """
        self.group = group
        self.api_version = f"{group}/{version}"
        self.namespaced = namespaced
        self.has_deletion_policy = not namespaced
        # The CRD's default first.
        self.config_kinds: tuple[str, ...] = (
            ("ClusterProviderConfig", NAMESPACED_CONFIG) if namespaced else ()
        )

    def repository_id(self, repository: DesiredRepository) -> str:
        """Return a repository's ID among this provider's."""
        return repository_id(self.group, *repository.location)

    def repository_manifest(
        self, repository: DesiredRepository, *, management_policies: bool
    ) -> Manifest:
        """Return a repository's managed resource, only the fields that we own."""
        metadata = runtime.repository_metadata(
            repository, self.repository_id(repository)
        )
        fields = for_provider(repository.options, "upbound")
        only_observes = repository.rights is ProviderRights.OBSERVE_ONLY
        if repository.has_provider_tags and not only_observes:
            # As the provider would (crossplane-runtime, pkg/resource/resource.go,
            # GetExternalTags), unless it runs with --skip-default-tags.
            fields["tags"] = fields.get("tags", {}) | {
                runtime.KIND_TAG: f"{self.kind.lower()}.{self.group}",
                runtime.NAME_TAG: metadata["name"],
                runtime.CONFIG_TAG: repository.provider_config.name,
            }
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": metadata,
            "spec": {
                **self._rights(
                    repository.rights,
                    management_policies=management_policies,
                    late_initialize=not repository.copies_tags,
                ),
                "forProvider": {
                    "region": repository.region,
                    **fields,
                },
                **_initial_tags(repository),
                **_provider_config(repository),
            },
        }

    def policy_manifest(
        self, policy: DesiredPolicy, *, management_policies: bool
    ) -> Manifest:
        """Return a policy's managed resource, only the fields that we own."""
        repository = policy.repository
        rights = runtime.policy_rights(policy)
        return {
            "apiVersion": f"{self.group}/{_POLICY_VERSION}",
            "kind": _POLICIES[policy.kind],
            "metadata": runtime.policy_metadata(policy),
            "spec": {
                **self._rights(rights, management_policies=management_policies),
                "forProvider": {
                    "region": repository.region,
                    "repository": repository.name,
                    "policy": policy.text,
                },
                **_provider_config(repository),
            },
        }

    def observe_policy(
        self,
        kind: PolicyKind,  # noqa: ARG002  # both kinds have the text in one field
        managed: structpb.Struct,
    ) -> ObservedPolicy:
        """Read a policy's managed resource."""
        return runtime.observe_policy(managed, "policy")

    def observe_repository(
        self, managed: structpb.Struct, composite_uid: str | None
    ) -> ObservedRepository:
        """Read a repository's managed resource.

        The provider creates in the background (upjet, external_async_tfpluginsdk.go),
        so the managed reconciler records a success as soon as the creation starts. That
        record proves nothing. But a repository that the provider created has the
        composite's UID among its tags from the first moment.

        The created-by tag must not be in spec.forProvider.tags: the provider writes
        those onto any repository that it finds. We never put it there, but a provider
        that runs with --skip-default-tags copies ECR's tags there if the spec has none.
        """
        metadata, spec, status = structs(managed, "metadata", "spec", "status")
        for_provider, config = structs(spec, "forProvider", "providerConfigRef")
        at_provider = struct(status, "atProvider")
        name, uid, created, deleting_since = texts(
            metadata, "name", "uid", "creationTimestamp", "deletionTimestamp"
        )
        annotations = struct(metadata, "annotations")
        record = runtime.create_record(annotations)
        ready, problem = runtime.conditions(status)
        gone = runtime.is_gone(problem)
        uri, arn, registry = texts(at_provider, "repositoryUrl", "arn", "registryId")
        if gone:
            uri = arn = ""
        tags = struct(for_provider, "tags")
        signature = text(struct(at_provider, "tags"), CREATED_BY_TAG)
        deletable, changeable = runtime.observed_rights(spec)
        initial = struct(struct(spec, "initProvider"), "tags")
        if composite_uid is None:
            composite_uid = text(initial, CREATED_BY_TAG)
        is_creator = (
            is_there(arn)
            and created_by(signature, composite_uid)
            and is_not_copied(in_spec=CREATED_BY_TAG in tags.fields)
        )
        observed = ObservedRepository(
            resource_name=name,
            external_name=text(annotations, runtime.EXTERNAL_NAME),
            provider_config=ProviderConfig(*texts(config, "name", "kind")),
            region=text(for_provider, "region"),
            uri=uri,
            arn=arn,
            registry_id=registry,
            ready=ready and not gone,
            deletable=deletable,
            # The provider deletes with the value that it applied last (terraform's
            # state), and applies a new one in the background.
            force_delete=boolean(for_provider, "forceDelete")
            or boolean(at_provider, "forceDelete"),
            changeable=changeable,
            creation_started=bool(record.pending),
            # Until then, the provider has not asked ECR: it creates what is not there.
            found=not record.pending and runtime.is_synced(status),
            deleting_since=deleting_since,
            created_by_provider=is_creator,
            copies_tags=runtime.is_reconciled(metadata) and not tags.fields,
            encryption=_encryption(at_provider),
            problem=problem,
            unresolved_creation=runtime.unresolved(record, problem),
            seniority=(created, uid),
        )
        if is_creator:
            return observed
        if not arn:
            return observed._replace(options=_options(for_provider))
        return observed._replace(
            options=_live_options(at_provider),
            protected_tags=frozenset(initial.fields.keys()),
            sent_tags=_tags(tags),
            up_to_date=runtime.is_observed(metadata, status),
        )

    def _rights(
        self,
        rights: ProviderRights,
        *,
        management_policies: bool,
        late_initialize: bool = True,
    ) -> Manifest:
        spec: Manifest = {}
        if self.has_deletion_policy:
            spec |= runtime.deletion_policy(rights)
        if management_policies:
            spec |= runtime.management_policies(rights, late_initialize=late_initialize)
        return spec


def _provider_config(repository: DesiredRepository) -> Manifest:
    name, kind = repository.provider_config
    return {"providerConfigRef": {"name": name, **({"kind": kind} if kind else {})}}


def _encryption(parent: structpb.Struct) -> EncryptionOptions | None:
    for observed in items(parent, "encryptionConfiguration"):
        return EncryptionOptions.observed(*texts(observed, "encryptionType", "kmsKey"))
    return None


def _options(parent: structpb.Struct, **more: object) -> RepositoryOptions:
    """Return the options that an update could reset, unchecked: ECR may have new ones.

    Args:
        parent: spec.forProvider or status.atProvider.
        more: Further options, by their names in RepositoryOptions.
    """
    scanning = struct(parent, "imageScanningConfiguration")
    filters = items(parent, EXCLUSION_FILTERS)
    return NO_OPTIONS.model_copy(
        update={
            "image_tag_mutability": text(parent, TAG_MUTABILITY) or None,
            "image_tag_mutability_exclusion_filters": [
                text(each, "filter") for each in filters
            ]
            or None,
            "scan_on_push": boolean(scanning, "scanOnPush")
            if scanning.fields
            else None,
            **more,
        }
    )


def _live_options(at_provider: structpb.Struct) -> RepositoryOptions:
    """Return what ECR shows, and what an update would reset if the spec left it out.

    Terraform's aws_ecr_repository has a default for the tag mutability, and removes
    exclusion filters and tags that are not in the configuration.
    """
    return _options(at_provider, tags=_tags(struct(at_provider, "tags")) or None)


def _tags(tags: structpb.Struct) -> dict[str, str]:
    """Return tags without those that the provider and this function write."""
    return {
        key: value.string_value
        for key, value in tags.fields.items()
        if key != CREATED_BY_TAG and key not in runtime.PROVIDER_TAGS
    }


def _initial_tags(repository: DesiredRepository) -> Manifest:
    """Return spec.initProvider, which the provider applies only when it creates.

    An update neither changes nor removes a tag that is only there (upjet v2.2,
    filterInitExclusiveDiffs; observed on v2.5.0).
    """
    tags = dict(repository.protected_tags)
    if repository.composite_uid:
        tags[CREATED_BY_TAG] = repository.composite_uid
    return {"initProvider": {"tags": tags}} if tags else {}


PROVIDERS = (
    Upbound("ecr.aws.upbound.io", "v1beta2", namespaced=False),
    Upbound("ecr.aws.m.upbound.io", "v1beta1", namespaced=True),
)
