"""provider-aws of Upbound, v2.5.0: ecr.aws.upbound.io and ecr.aws.m.upbound.io.

upjet v2.2.1-0.20251128133821-1e4f37b6b5f8, pkg/controller: what is not cited otherwise
is external_tfpluginsdk.go, and external_async_tfpluginsdk.go for a Repository, which is
created, changed and deleted in the background (provider-aws config/*/ecr/config.go:
UseAsync). So `external-create-succeeded` says that a creation began.
"""

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
    manages=True,
)
NAMESPACED = Api(
    "ecr.aws.m.upbound.io",
    {"Repository": "v1beta1", "LifecyclePolicy": "v1beta1"},
    namespaced=True,
    manages=True,
)


class UpjetProvider(Provider):
    """Its program, for one of the two."""

    def __init__(
        self, cluster: "Cluster", api: Api, *, default_tags: bool = True
    ) -> None:
        """Create it.

        Args:
            cluster: Where it runs.
            api: Whose resources it reconciles.
            default_tags: Whether it was started without --skip-default-tags.
        """
        super().__init__(cluster, api)
        self.default_tags = default_tags
        self.externals = {
            "Repository": Repositories(self),
            "LifecyclePolicy": LifecyclePolicies(self),
        }

    def connect(self, mr: Manifest) -> None:
        """See that the provider config is there, and note that it is used.

        crossplane-runtime v2.0.0-20250730220209-c306b1c8b181, pkg/resource/
        providerconfig.go, Track: the note is an object in the resource's namespace.
        Nothing is made in a namespace that is being deleted, and the notes that it had
        are deleted with it at once (observed on v2.5.0; crossplane-runtime issue 1150).

        Raises:
            ProviderError: One of the two fails.
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
        """Rebuild Terraform's state: from the status, or the spec if there is none.

        Connect. ECR does not know whether a deletion would be forced.
        """
        if operation.force is None and mr["spec"]["forProvider"].get("policy") is None:
            at = mr["status"].get("atProvider")
            known = at.get("forceDelete") if at else merged(mr, "forceDelete")
            operation.force = bool(known)


def merged(mr: Manifest, field: str) -> object:
    """Return a field of forProvider, or else of initProvider."""
    spec = mr["spec"]
    return spec["forProvider"].get(field, spec.get("initProvider", {}).get(field))


class Repositories:
    """aws_ecr_repository; the external name is the repository's."""

    in_background = True

    def __init__(self, provider: UpjetProvider) -> None:
        self.provider = provider
        self.cluster = provider.cluster
        self.ecr = provider.cluster.world.ecr

    def initialize(self, mr: Manifest) -> None:
        """Name it, and give it tags, which one that is only observed does not get.

        pkg/config/resource.go, Tagger; crossplane-runtime, pkg/resource/resource.go,
        GetExternalTags: a name alone, though names are of a namespace.
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
        """Write down what there is.

        SetObservation unmarshals into the status that there is, so that its maps never
        lose a key (provider-aws apis/*/ecr/*/zz_repository_terraformed.go; observed).
        """
        place = self.provider.place(mr)
        found = self.ecr.find(place)
        if found is None:
            operation.force = None
            return False
        at = mr["status"].setdefault("atProvider", {})
        at |= {
            "id": place.name,
            "arn": classic.arn(place),
            "repositoryUrl": classic.uri(place),
            "registryId": place.account,
            "region": place.region,
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
        # Only where there are none: pkg/resource/lateinit.go leaves a map as it is.
        if not wanted.get("tags") and (
            tags := self.ecr.repositories[self.provider.place(mr)].tags
        ):
            wanted["tags"] = dict(tags)

    def differs(self, mr: Manifest, operation: Operation) -> bool:
        force = bool(merged(mr, "forceDelete"))
        return bool(self._changes(mr)) or force != operation.force

    def _changes(self, mr: Manifest) -> dict[str, object]:
        """Return what an update changes.

        filterInitExclusiveDiffs: what is in initProvider alone is neither written onto
        a repository that is there nor taken away from it (observed).
        """
        found = self.ecr.repositories[self.provider.place(mr)]
        wanted = mr["spec"]["forProvider"]
        tags = wanted.get("tags", {})
        initial = mr["spec"].get("initProvider", {}).get("tags", {}).keys() - tags
        kept = {k: v for k, v in found.tags.items() if k in initial}
        scanning = wanted.get("imageScanningConfiguration", {})
        changes: dict[str, object] = {}
        if tags | kept != found.tags:
            changes["tags"] = tags | kept
        if wanted.get("imageTagMutability", found.mutability) != found.mutability:
            changes["mutability"] = wanted["imageTagMutability"]
        if scanning.get("scanOnPush", found.scan_on_push) != found.scan_on_push:
            changes["scan_on_push"] = scanning["scanOnPush"]
        return changes

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        spec = mr["spec"]
        tags = {
            **spec.get("initProvider", {}).get("tags", {}),
            **spec["forProvider"].get("tags", {}),
        }
        mutability, scanning = (
            merged(mr, "imageTagMutability"),
            merged(mr, "imageScanningConfiguration"),
        )
        force, place = bool(merged(mr, "forceDelete")), self.provider.place(mr)
        actor = self.cluster.actor(mr)

        def call() -> None:
            made = self.cluster.world.create(place, actor, tags)
            made.mutability = str(mutability or made.mutability)
            if isinstance(scanning, dict):
                made.scan_on_push = scanning["scanOnPush"]
            operation.force = force

        return call

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        changes, place = self._changes(mr), self.provider.place(mr)
        force = bool(merged(mr, "forceDelete"))
        # With the rights of when it began, whatever they are when it ends.
        actor = self.cluster.actor(mr)

        def call() -> None:
            if changes:
                self.ecr.change(place, actor, **changes)
            elif self.ecr.find(place) is None:
                raise EcrError("RepositoryNotFoundException")
            operation.force = force

        return call

    def delete(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        place, force = self.provider.place(mr), bool(operation.force)
        actor = self.cluster.actor(mr)

        def call() -> None:
            self.ecr.delete(place, actor, force=force)
            operation.deleted = True

        return call


class LifecyclePolicies(classic.LifecyclePolicies):
    """aws_ecr_lifecycle_policy; the external name comes with the creation."""

    field = ("repository", "policy")

    def initialize(self, mr: Manifest) -> None:
        """Nothing: it is named when it is made."""

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        if EXTERNAL_NAME not in mr["metadata"]["annotations"]:
            return False
        found = self.ecr.find(self.place(mr))
        if found is None or not found.lifecycle:
            return False
        condition(mr, "Ready")
        return True

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        put = super().create(mr, operation)

        def call() -> None:
            put()
            mr["metadata"]["annotations"][EXTERNAL_NAME] = self.place(mr).name

        return call

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        """Refuse: assertNoForceNew.

        Raises:
            ProviderError: Always.
        """
        raise ProviderError(
            "refuse to update the external resource because the following update "
            "requires replacing it: cannot change the value of the argument policy"
        )
