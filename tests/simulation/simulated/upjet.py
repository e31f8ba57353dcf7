"""provider-aws of Upbound, v2.5.0: ecr.aws.upbound.io and ecr.aws.m.upbound.io.

Unless cited otherwise, the source is upjet v2.2.1-0.20251128133821-1e4f37b6b5f8,
pkg/controller/external_tfpluginsdk.go. For a Repository it is
external_async_tfpluginsdk.go: it is created, updated and deleted in the background
(provider-aws config/*/ecr/config.go: UseAsync). So `external-create-succeeded` only
says that a creation started.
"""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.simulated import classic
from tests.simulation.simulated.ecr import EcrError
from tests.simulation.simulated.managed import (
    EXTERNAL_NAME,
    Api,
    Manifest,
    Operation,
    Provider,
    ProviderError,
    condition,
)

if TYPE_CHECKING:
    from tests.simulation.simulated.cluster import Cluster

UPBOUND = Api(
    "ecr.aws.upbound.io",
    {"Repository": "v1beta2", "LifecyclePolicy": "v1beta1"},
    namespaced=False,
    honours_policies=True,
)
NAMESPACED = Api(
    "ecr.aws.m.upbound.io",
    {"Repository": "v1beta1", "LifecyclePolicy": "v1beta1"},
    namespaced=True,
    honours_policies=True,
)


class UpjetProvider(Provider):
    """The program of Upbound's provider, for one of its two APIs."""

    def __init__(
        self, cluster: "Cluster", api: Api, *, default_tags: bool = True
    ) -> None:
        """Create the provider.

        Args:
            cluster: The cluster in which it runs.
            api: The API whose resources it reconciles.
            default_tags: Whether it was started without --skip-default-tags.
        """
        super().__init__(cluster, api)
        self.default_tags = default_tags
        self.externals = {
            "Repository": Repositories(self),
            "LifecyclePolicy": LifecyclePolicies(self),
        }

    def connect(self, mr: Manifest) -> None:
        """Check that the provider config exists, and record its usage.

        crossplane-runtime v2.0.0-20250730220209-c306b1c8b181, pkg/resource/
        providerconfig.go, Track: the ProviderConfigUsage is in the namespace of the
        resource. In a namespace that is being deleted, existing usages are deleted
        immediately and no new one can be created (observed on v2.5.0;
        crossplane-runtime issue 1150).

        Raises:
            ProviderError: The provider config or the usage is missing.
        """
        super().connect(mr)
        if not self.api.namespaced:
            return
        uid, namespace = mr["metadata"]["uid"], mr["metadata"]["namespace"]
        if uid in self.cluster.usages:
            return
        if namespace in self.cluster.terminating:
            raise ProviderError(
                "connect failed: cannot track ProviderConfig usage: cannot apply "
                "ProviderConfigUsage: unable to create new content in namespace "
                f"{namespace} because it is being terminated"
            )
        self.cluster.usages.add(uid)

    def connected(self, mr: Manifest, operation: Operation) -> None:
        """Rebuild the Terraform state from the status, or from the spec without one.

        Source: Connect. ECR does not store whether a deletion is forced.
        """
        if operation.force is None and mr["spec"]["forProvider"].get("policy") is None:
            at = mr["status"].get("atProvider")
            known = at.get("forceDelete") if at else merged(mr, "forceDelete")
            operation.force = bool(known)


def merged(mr: Manifest, field: str) -> object:
    """Return a field of forProvider, or of initProvider if it is not set there."""
    spec = mr["spec"]
    return spec["forProvider"].get(field, spec.get("initProvider", {}).get(field))


class Repositories:
    """aws_ecr_repository; the external name is the name of the repository."""

    in_background = True

    def __init__(self, provider: UpjetProvider) -> None:
        self.provider = provider
        self.cluster = provider.cluster
        self.ecr = provider.cluster.world.ecr

    def initialize(self, mr: Manifest) -> None:
        """Set the external name, and tags unless the resource is only observed.

        pkg/config/resource.go, Tagger; crossplane-runtime, pkg/resource/resource.go,
        GetExternalTags: the tags contain the name but not the namespace.
        """
        metadata, spec = mr["metadata"], mr["spec"]
        metadata["annotations"].setdefault(EXTERNAL_NAME, metadata["name"])
        if self.provider.default_tags and set(spec["managementPolicies"]) != {
            "Observe"
        }:
            spec["forProvider"].setdefault("tags", {}).update(
                {
                    "crossplane-kind": f"repository.{self.provider.api.group}",
                    "crossplane-name": metadata["name"],
                    "crossplane-providerconfig": spec["providerConfigRef"]["name"],
                }
            )

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        """Write the observed state to the status.

        SetObservation unmarshals into the existing status, so maps never lose a key
        (provider-aws apis/*/ecr/*/zz_repository_terraformed.go; observed).
        """
        location = self.provider.location(mr)
        found = self.ecr.find(location)
        if found is None:
            operation.force = None
            return False
        at = mr["status"].setdefault("atProvider", {})
        at |= {
            "id": location.name,
            "arn": classic.arn(location),
            "repositoryUrl": classic.uri(location),
            "registryId": location.account,
            "region": location.region,
            "forceDelete": bool(operation.force),
            "imageTagMutability": found.mutability,
            "imageScanningConfiguration": {"scanOnPush": found.scan_on_push},
            "encryptionConfiguration": [{"encryptionType": "AES256", "kmsKey": ""}],
        }
        if found.tags:
            at["tags"] = at.get("tags", {}) | found.tags
            at["tagsAll"] = at.get("tagsAll", {}) | found.tags
        condition(mr, "Ready")
        return True

    def late_initialize(self, mr: Manifest) -> None:
        wanted, at = mr["spec"]["forProvider"], mr["status"]["atProvider"]
        for field in ("imageTagMutability", "imageScanningConfiguration"):
            wanted.setdefault(field, at[field])
        # Only without existing tags: pkg/resource/lateinit.go does not merge maps.
        if not wanted.get("tags") and (
            tags := self.ecr.repositories[self.provider.location(mr)].tags
        ):
            wanted["tags"] = dict(tags)

    def differs(self, mr: Manifest, operation: Operation) -> bool:
        force = bool(merged(mr, "forceDelete"))
        return bool(self._changes(mr)) or force != operation.force

    def _changes(self, mr: Manifest) -> dict[str, object]:
        """Return the fields that an update changes.

        filterInitExclusiveDiffs: fields that are only in initProvider are neither set
        on an existing repository nor removed from it (observed).
        """
        found = self.ecr.repositories[self.provider.location(mr)]
        wanted = mr["spec"]["forProvider"]
        tags = wanted.get("tags", {})
        initial = mr["spec"].get("initProvider", {}).get("tags", {}).keys() - tags
        kept = {k: v for k, v in found.tags.items() if k in initial}
        scanning = wanted.get("imageScanningConfiguration", {})
        # Terraform's default (terraform-provider-aws, internal/service/ecr/
        # repository.go); observed: an update without the field resets it.
        mutability = wanted.get("imageTagMutability", "MUTABLE")
        changes: dict[str, object] = {}
        if tags | kept != found.tags:
            changes["tags"] = tags | kept
        if mutability != found.mutability:
            changes["mutability"] = mutability
        if scanning.get("scanOnPush", found.scan_on_push) != found.scan_on_push:
            changes["scan_on_push"] = scanning["scanOnPush"]
        return changes

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        spec = mr["spec"]
        tags = {
            **spec.get("initProvider", {}).get("tags", {}),
            **spec["forProvider"].get("tags", {}),
        }
        mutability = merged(mr, "imageTagMutability")
        # As it is now: the spec can change before the call.
        scanning = copy.deepcopy(merged(mr, "imageScanningConfiguration"))
        force, location = bool(merged(mr, "forceDelete")), self.provider.location(mr)
        actor = self.cluster.actor(mr)

        def call() -> None:
            made = self.cluster.world.create(location, actor, tags)
            made.mutability = str(mutability or made.mutability)
            if isinstance(scanning, dict):
                made.scan_on_push = scanning["scanOnPush"]
            operation.force = force

        return call

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        changes, location = self._changes(mr), self.provider.location(mr)
        force = bool(merged(mr, "forceDelete"))
        # The rights at its start count, even if they change before it ends.
        actor = self.cluster.actor(mr)

        def call() -> None:
            if changes:
                self.ecr.change(location, actor, **changes)
            elif self.ecr.find(location) is None:
                raise EcrError("RepositoryNotFoundException")
            operation.force = force

        return call

    def delete(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        location, force = self.provider.location(mr), bool(operation.force)
        actor = self.cluster.actor(mr)

        def call() -> None:
            self.ecr.delete(location, actor, force=force)
            operation.deleted = True

        return call


class LifecyclePolicies(classic.LifecyclePolicies):
    """aws_ecr_lifecycle_policy; the external name is set on creation."""

    field = ("repository", "policy")

    def initialize(self, mr: Manifest) -> None:
        """Do nothing: it gets its external name on creation."""

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        if EXTERNAL_NAME not in mr["metadata"]["annotations"]:
            return False
        found = self.ecr.find(self.location(mr))
        if found is None or not found.lifecycle:
            return False
        condition(mr, "Ready")
        return True

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        put = super().create(mr, operation)

        def call() -> None:
            put()
            mr["metadata"]["annotations"][EXTERNAL_NAME] = self.location(mr).name

        return call

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Refuse to update (source: assertNoForceNew).

        Raises:
            ProviderError: Always.
        """
        raise ProviderError(
            "refuse to update the external resource because the following update "
            "requires replacing it: cannot change the value of the argument policy"
        )
