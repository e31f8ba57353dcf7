"""provider-aws of crossplane-contrib, v0.58.0: ecr.aws.crossplane.io.

pkg/controller/ecr/repository/controller.go, and lifecyclepolicy/ beside it. It creates
repositories synchronously, so its record of a creation is true. It also writes options
and tags onto every repository that it finds.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.simulated.ecr import EcrError, Location
from tests.simulation.simulated.invariants import Exemption
from tests.simulation.simulated.managed import (
    EXTERNAL_NAME,
    Api,
    Manifest,
    Operation,
    Provider,
    condition,
)

if TYPE_CHECKING:
    from tests.simulation.simulated.cluster import Cluster

CLASSIC = Api(
    "ecr.aws.crossplane.io",
    {"Repository": "v1beta1", "LifecyclePolicy": "v1alpha1"},
    namespaced=False,
    honours_policies=False,
)


class ClassicProvider(Provider):
    """Its program."""

    def __init__(self, cluster: "Cluster", api: Api = CLASSIC) -> None:
        super().__init__(cluster, api)
        self.externals = {
            "Repository": Repositories(self),
            "LifecyclePolicy": LifecyclePolicies(self),
        }


class _External:
    in_background = False

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.cluster = provider.cluster
        self.ecr = provider.cluster.world.ecr

    def initialize(self, mr: Manifest) -> None:
        """managed.NewNameAsExternalName."""
        annotations = mr["metadata"]["annotations"]
        annotations.setdefault(EXTERNAL_NAME, mr["metadata"]["name"])


class Repositories(_External):
    """The external name is the name of the repository."""

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        location = self.provider.location(mr)
        found = self.ecr.find(location)
        if found is None:
            return False
        # LateInitializeRepository: part of Observe, regardless of management policies.
        wanted = mr["spec"]["forProvider"]
        wanted.setdefault("imageTagMutability", found.mutability)
        wanted.setdefault(
            "imageScanningConfiguration", {"scanOnPush": found.scan_on_push}
        )
        condition(mr, "Ready")
        mr["status"]["atProvider"] = {
            "repositoryArn": arn(location),
            "repositoryName": location.name,
            "repositoryUri": uri(location),
            "registryId": location.account,
            "createdAt": found.created_at.isoformat(),
        }
        found.polled_by.add(mr["metadata"]["uid"])
        return True

    def late_initialize(self, mr: Manifest) -> None:
        """Do nothing: observe() already did it."""

    def differs(self, mr: Manifest, operation: Operation) -> bool:
        return bool(self._changes(mr))

    def _changes(self, mr: Manifest) -> dict[str, object]:
        found = self.ecr.repositories[self.provider.location(mr)]
        wanted = mr["spec"]["forProvider"]
        tags = {t["key"]: t["value"] for t in wanted.get("tags", [])}
        scanning = wanted["imageScanningConfiguration"]["scanOnPush"]
        changes: dict[str, object] = {}
        if tags != found.tags:
            changes["tags"] = tags
        if wanted["imageTagMutability"] != found.mutability:
            changes["mutability"] = wanted["imageTagMutability"]
        if scanning != found.scan_on_push:
            changes["scan_on_push"] = scanning
        return changes

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        wanted = mr["spec"]["forProvider"]

        def call() -> None:
            # GenerateCreateRepositoryInput has no tags: an update writes them later.
            made = self.cluster.world.create(
                self.provider.location(mr), self.cluster.actor(mr)
            )
            made.mutability = wanted.get("imageTagMutability", made.mutability)
            scanning = wanted.get("imageScanningConfiguration", {})
            made.scan_on_push = scanning.get("scanOnPush", False)

        return call

    def update(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        location, changes = self.provider.location(mr), self._changes(mr)
        ours = self.cluster.applied(mr).get("spec", {}).get("forProvider", {})
        fields = {
            "tags": "tags",
            "mutability": "imageTagMutability",
            "scan_on_push": "imageScanningConfiguration",
        }

        def call() -> None:
            for what, value in changes.items():
                actor = self.cluster.actor(mr)
                if fields[what] not in ours:
                    actor = actor._replace(exempt=Exemption.CLASSIC_ADOPTS)
                self.ecr.change(location, actor, **{what: value})

        return call

    def delete(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        force = mr["spec"]["forProvider"].get("forceDelete", False)
        return lambda: self.ecr.delete(
            self.provider.location(mr), self.cluster.actor(mr), force=force
        )


class LifecyclePolicies(_External):
    """The lifecycle policy of a repository; it has no owner of its own."""

    field = ("repositoryName", "lifecyclePolicyText")

    def location(self, mr: Manifest) -> Location:
        wanted = mr["spec"]["forProvider"]
        return Location(
            self.cluster.account(mr), wanted["region"], wanted[self.field[0]]
        )

    def text(self, mr: Manifest) -> str:
        return str(mr["spec"]["forProvider"][self.field[1]])

    def observe(self, mr: Manifest, operation: Operation) -> bool:
        found = self.ecr.find(self.location(mr))
        if found is None:
            # IsNotFound only recognizes LifecyclePolicyNotFoundException.
            raise EcrError("RepositoryNotFoundException")
        if found.lifecycle:
            condition(mr, "Ready")
        return bool(found.lifecycle)

    def late_initialize(self, mr: Manifest) -> None:
        """Do nothing: the spec has no optional fields."""

    def differs(self, mr: Manifest, operation: Operation) -> bool:
        live = self.ecr.repositories[self.location(mr)].lifecycle
        return bool(self.text(mr) != live)

    def create(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        def call() -> None:
            actor = self.cluster.actor(mr)
            text = self.text(mr)
            self.ecr.change(
                self.location(mr), actor, lifecycle=text, lifecycle_by=actor
            )

        return call

    update = create

    def delete(self, mr: Manifest, operation: Operation) -> Callable[[], None]:
        def call() -> None:
            if self.ecr.find(self.location(mr)):
                self.ecr.change(
                    self.location(mr),
                    self.cluster.actor(mr),
                    lifecycle="",
                    lifecycle_by=None,
                )

        return call


def arn(location: Location) -> str:
    """Return the ARN of a repository."""
    return (
        f"arn:aws:ecr:{location.region}:{location.account}:repository/{location.name}"
    )


def uri(location: Location) -> str:
    """Return the URI to which images are pushed."""
    return f"{location.account}.dkr.ecr.{location.region}.amazonaws.com/{location.name}"
