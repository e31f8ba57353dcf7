"""provider-aws of crossplane-contrib: ecr.aws.crossplane.io/v1beta1, cluster-scoped."""

from google.protobuf import struct_pb2 as structpb

from function.fields import boolean, struct, text
from function.ownership import created_it
from function.providers import managed
from function.providers.provider import Manifest
from function.repository import Facts, ProviderConfig, Repository, identity

GROUP = "ecr.aws.crossplane.io"


class Classic:
    """The provider whose API has no more than ECR had at its beginning."""

    api_version = f"{GROUP}/v1beta1"
    kind = "Repository"
    namespaced = False
    has_deletion_policy = True
    # Behind --enable-management-policies, off by default: any non-default value is
    # then an error (crossplane-runtime v1.20, policies.go).
    manages = False
    config_kinds: tuple[str, ...] = ()

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
                    "forceDelete": repository.force_delete,
                    "region": repository.region,
                },
                "providerConfigRef": {"name": repository.provider_config.name},
            },
        }

    def facts(self, observed: structpb.Struct) -> Facts:
        """Read what the provider says of an observed managed resource."""
        metadata, spec = struct(observed, "metadata"), struct(observed, "spec")
        status = struct(observed, "status")
        for_provider = struct(spec, "forProvider")
        at_provider = struct(status, "atProvider")
        ready, problem = managed.conditions(status)
        gone = managed.is_gone(problem)
        return Facts(
            resource_name=text(metadata, "name"),
            external_name=text(struct(metadata, "annotations"), managed.EXTERNAL_NAME),
            provider_config=ProviderConfig(
                text(struct(spec, "providerConfigRef"), "name")
            ),
            region=text(for_provider, "region"),
            uri="" if gone else text(at_provider, "repositoryUri"),
            arn="" if gone else text(at_provider, "repositoryArn"),
            registry_id=text(at_provider, "registryId"),
            ready=ready and not gone,
            deletable=managed.may_delete(spec),
            force_delete=boolean(for_provider, "forceDelete"),
            created_it=created_it(metadata, text(at_provider, "createdAt")),
            problem=problem,
            since=(text(metadata, "creationTimestamp"), text(metadata, "uid")),
        )


PROVIDER = Classic()
