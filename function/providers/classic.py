"""provider-aws of crossplane-contrib: ecr.aws.crossplane.io/v1beta1, cluster-scoped."""

from google.protobuf import struct_pb2 as structpb

from function.ecr.ownership import (
    CREATED_BY_ANNOTATION,
    created_by_provider,
    is_unobserved,
    just_created,
    recorded_for,
)
from function.ecr.policies import DesiredPolicy, ObservedPolicy, PolicyKind
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
    ProviderRights,
    repository_id,
)
from function.providers import crossplane_runtime as runtime
from function.providers.base import Manifest
from function.providers.option_fields import (
    filled_in,
    for_provider,
    unsupported_options,
)
from function.structs import boolean, struct, structs, text, texts

GROUP = "ecr.aws.crossplane.io"
# Kind, version and the field that holds the text.
_POLICIES = {
    PolicyKind.LIFECYCLE: ("LifecyclePolicy", "v1alpha1", "lifecyclePolicyText"),
    PolicyKind.PERMISSIONS: ("RepositoryPolicy", "v1beta1", "rawPolicy"),
}


class Classic:
    """The older provider, whose API has only ECR's first features."""

    api_version = f"{GROUP}/v1beta1"
    kind = "Repository"
    namespaced = False
    has_deletion_policy = True
    # Behind --enable-management-policies, off by default: any non-default value is
    # then an error (crossplane-runtime v1.20, policies.go).
    honours_management_policies = False
    # Its Create takes no tags; and its Update, which follows, writes all of them.
    creates_with_options = False
    waits_for_quiet = True
    # It removes each tag that is not in the spec, and its status shows no tags to copy.
    changes_adopted = False
    config_kinds: tuple[str, ...] = ()
    filled_in = filled_in("classic")
    unsupported_options = unsupported_options("classic")
    immutable_policies: frozenset[PolicyKind] = frozenset()
    # Its Observe fails after the repository is gone:
    # pkg/controller/ecr/lifecyclepolicy, IsNotFound knows about the policy only. The
    # claim would hang.
    undeletable_policies = frozenset({PolicyKind.LIFECYCLE})

    def repository_id(self, repository: DesiredRepository) -> str:
        """Return a repository's ID among this provider's."""
        return repository_id(GROUP, *repository.location)

    def repository_manifest(
        self, repository: DesiredRepository, *, management_policies: bool
    ) -> Manifest:
        """Return a repository's managed resource, only the fields that we own."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": runtime.repository_metadata(
                repository, self.repository_id(repository)
            ),
            "spec": {
                **_rights(repository.rights, management_policies=management_policies),
                "forProvider": {
                    "region": repository.region,
                    **for_provider(repository.options, "classic"),
                },
                "providerConfigRef": {"name": repository.provider_config.name},
            },
        }

    def policy_manifest(
        self, policy: DesiredPolicy, *, management_policies: bool
    ) -> Manifest:
        """Return a policy's managed resource, only the fields that we own."""
        kind, version, text_field = _POLICIES[policy.kind]
        rights = runtime.policy_rights(policy)
        repository = policy.repository
        return {
            "apiVersion": f"{GROUP}/{version}",
            "kind": kind,
            "metadata": runtime.policy_metadata(policy),
            "spec": {
                **_rights(rights, management_policies=management_policies),
                "forProvider": {
                    "region": repository.region,
                    "repositoryName": repository.name,
                    text_field: policy.text,
                },
                "providerConfigRef": {"name": repository.provider_config.name},
            },
        }

    def observe_policy(
        self, kind: PolicyKind, managed: structpb.Struct
    ) -> ObservedPolicy:
        """Read a policy's managed resource."""
        _, _, text_field = _POLICIES[kind]
        return runtime.observe_policy(managed, text_field)

    def observe_repository(
        self, managed: structpb.Struct, composite_uid: str | None
    ) -> ObservedRepository:
        """Read a repository's managed resource.

        This provider cannot tag what it creates. So the managed reconciler's record of
        the creation, and our annotation beside it, prove who created the repository.

        The record counts at once. Usually the provider then updates the spec from an
        old state in its cache, gets a conflict, and would wait for a second (v0.58.0:
        Observe of pkg/controller/ecr/repository/controller.go late-initializes). The
        rights that the record earns change the managed resource, so the provider looks
        again at once.
        """
        metadata, spec, status = structs(managed, "metadata", "spec", "status")
        for_provider, config = structs(spec, "forProvider", "providerConfigRef")
        name, uid, created, deleting_since = texts(
            metadata, "name", "uid", "creationTimestamp", "deletionTimestamp"
        )
        annotations = struct(metadata, "annotations")
        external_name, recorded_uid = texts(
            annotations, runtime.EXTERNAL_NAME, CREATED_BY_ANNOTATION
        )
        record = runtime.create_record(annotations)
        uri, arn, registry, created_at = texts(
            struct(status, "atProvider"),
            *("repositoryUri", "repositoryArn", "registryId", "createdAt"),
        )
        ready, problem = runtime.conditions(status)
        gone = runtime.is_gone(problem)
        deletable, changeable = runtime.observed_rights(spec)
        # Create of the same file reports "Creating" before it calls ECR.
        unobserved = is_unobserved(
            creating=not ready and runtime.is_creating(status),
            described=bool(arn or created_at),
        )
        is_creator = (
            just_created(record, created)
            if unobserved
            else created_by_provider(record, created_at)
        ) and (composite_uid is None or recorded_for(recorded_uid, composite_uid))
        if is_creator and not recorded_uid:
            recorded_uid = composite_uid or ""
        return ObservedRepository(
            resource_name=name,
            external_name=external_name,
            provider_config=ProviderConfig(text(config, "name")),
            region=text(for_provider, "region"),
            uri="" if gone else uri,
            arn="" if gone else arn,
            registry_id=registry,
            ready=ready and not gone,
            deletable=deletable,
            force_delete=boolean(for_provider, "forceDelete"),
            changeable=changeable,
            creation_started=bool(record.pending),
            deleting_since=deleting_since,
            created_by_provider=is_creator,
            recorded_uid=recorded_uid,
            problem=problem,
            unresolved_creation=runtime.unresolved(record, problem),
            seniority=(created, uid),
        )


def _rights(rights: ProviderRights, *, management_policies: bool) -> Manifest:
    spec: Manifest = {**runtime.deletion_policy(rights)}
    if management_policies:
        spec |= runtime.management_policies(rights)
    return spec


PROVIDERS = (Classic(),)
