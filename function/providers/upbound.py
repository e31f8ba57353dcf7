"""Upbound's provider-aws-ecr, cluster-scoped and namespaced: one API but for scope."""

from google.protobuf import struct_pb2 as structpb

from function.fields import boolean, struct, text
from function.ownership import created_it
from function.providers import managed
from function.providers.provider import Manifest
from function.repository import (
    NAMESPACED_CONFIG,
    Facts,
    ProviderConfig,
    Repository,
    identity,
)

# crossplane-runtime, pkg/resource: upjet's initializer puts it among the tags of what
# it makes, unless the provider is run with --skip-default-tags.
_MADE_BY = "crossplane-name"


class Upbound:
    """One of the two scopes of the API that upjet generates from Terraform's."""

    kind = "Repository"
    manages = True

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
        config = repository.provider_config
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": managed.metadata(repository, name, identified),
            "spec": {
                **(
                    managed.deletion_policy(repository.rights)
                    if self.has_deletion_policy
                    else {}
                ),
                **(managed.management_policies(repository.rights) if manages else {}),
                "forProvider": {
                    "forceDelete": repository.force_delete,
                    "region": repository.region,
                },
                "providerConfigRef": {
                    "name": config.name,
                    **({"kind": config.kind} if config.kind else {}),
                },
            },
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
        config = struct(spec, "providerConfigRef")
        ready, problem = managed.conditions(status)
        gone = managed.is_gone(problem)
        arn = "" if gone else text(at_provider, "arn")
        signed = text(struct(for_provider, "tags"), _MADE_BY)
        signature = text(struct(at_provider, "tags"), _MADE_BY)
        return Facts(
            resource_name=text(metadata, "name"),
            external_name=text(struct(metadata, "annotations"), managed.EXTERNAL_NAME),
            provider_config=ProviderConfig(text(config, "name"), text(config, "kind")),
            region=text(for_provider, "region"),
            uri="" if gone else text(at_provider, "repositoryUrl"),
            arn=arn,
            registry_id=text(at_provider, "registryId"),
            ready=ready and not gone,
            deletable=managed.may_delete(spec),
            force_delete=boolean(for_provider, "forceDelete"),
            created_it=bool(arn)
            and created_it(metadata, "")
            and (not signed or signed == signature),
            doubtful=not signed,
            problem=problem,
            since=(text(metadata, "creationTimestamp"), text(metadata, "uid")),
        )
