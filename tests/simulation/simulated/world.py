"""Clusters, AWS accounts and people, with one clock."""

import asyncio
import copy
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from function.cli.release import waiting_deletion
from tests.simulation.simulated.classic import CLASSIC
from tests.simulation.simulated.cluster import Cluster, Composite, controller
from tests.simulation.simulated.ecr import Actor, Ecr, Location, Repository
from tests.simulation.simulated.invariants import Exemption, WaitsForEver
from tests.simulation.simulated.managed import (
    FAILED,
    PENDING,
    Api,
    Manifest,
    Ref,
    incomplete,
    may_delete,
)

# The names of a provider config and of a repository.
Identity = tuple[str, str]
# Reasons that explain why a composite is not Ready and will not become Ready by itself.
_FINAL_REASONS = {"InvalidParameters", "NotAllowed", "ReconcileError"} | {
    # Both need somebody else's managed resource: _check_taken. One that is deleted only
    # stays with an exemption: _check_deleted.
    *("NameTaken", "PreviousDeleting"),
}
# After this many rounds, in which all programs act, nothing may change any more.
_ROUNDS = 25


class World:
    """All clusters, all AWS accounts, and the clock."""

    def __init__(self) -> None:
        self.ecr = Ecr()
        self.clusters: dict[str, Cluster] = {}
        self.loop = asyncio.new_event_loop()
        # Whether the CronJob of package/release runs in each cluster.
        self.releases = False
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._uids = iter(range(10**9))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.loop.close()

    def cluster(self, name: str, *apis: Api, **options: object) -> Cluster:
        """Create a cluster with the provider configs p and q for two AWS accounts."""
        accounts = {"p": "111111111111", "q": "222222222222"}
        self.clusters[name] = Cluster(self, name, *apis, accounts=accounts, **options)  # type: ignore[arg-type]
        return self.clusters[name]

    def now(self) -> datetime:
        """Advance the clock and return a unique time."""
        self._now += timedelta(seconds=1)
        return self._now

    def time(self) -> str:
        """Advance the clock and return a unique time in the format of Kubernetes."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def pass_time(self, **duration: float) -> None:
        self._now += timedelta(**duration)

    def uid(self) -> str:
        return f"uid-{next(self._uids)}"

    # ECR

    def create(
        self,
        location: Location,
        creator: Actor | None,
        tags: dict[str, str] | None = None,
    ) -> Repository:
        """Create a repository.

        An existing managed resource that created an earlier repository in this location
        may mistake the new one for it. Exemptions for replaced repositories start here.

        Raises:
            EcrError: The repository already exists.
        """
        mistaken = [
            (uid, why)
            for cluster, ref in self._all()
            if cluster.provider(ref).location(cluster.objects[ref]) == location
            if self._made(cluster, ref, location)
            for uid, why in [_exemption(cluster, ref)]
        ]
        return self.ecr.create(location, creator, self.now(), tags, mistaken)

    def mistake(self, cluster: Cluster, ref: Ref) -> None:
        """Record that a managed resource mistakes the repository for its own."""
        found = self.ecr.find(cluster.provider(ref).location(cluster.objects[ref]))
        if found:
            uid, why = _exemption(cluster, ref)
            found.mistaken_for[uid] = why
            found.polled_by.discard(uid)

    def _made(self, cluster: Cluster, ref: Ref, location: Location) -> bool:
        actor = cluster.actor(cluster.objects[ref])
        return any(
            creator.managed == actor.managed
            or creator.composite == actor.composite != ""
            for creator in self.ecr.creators.get(location.name, ())
        )

    def _all(self) -> Iterator[tuple[Cluster, Ref]]:
        for cluster in self.clusters.values():
            for ref in cluster.managed("Repository"):
                yield cluster, ref

    # People

    def create_by_hand(
        self, location: Location, tags: dict[str, str] | None = None
    ) -> None:
        """Create a repository as a person and push to it, unless it exists."""
        if self.ecr.find(location) is None:
            self.create(location, None, tags).images = 1

    def delete_by_hand(self, location: Location) -> None:
        """Delete a repository and its images as a person."""
        self.ecr.repositories.pop(location, None)

    def push(self, location: Location) -> None:
        """Push an image if the repository exists."""
        if found := self.ecr.find(location):
            found.images += 1

    # All programs

    def release(self) -> None:
        """Run `function-ecr-repos release` in each cluster."""
        for cluster in self.clusters.values():
            for ref in cluster.managed():
                if waiting := waiting_deletion(cluster.objects[ref]):
                    cluster.objects[ref]["spec"] |= waiting.patch

    def settle(self, rounds: int = _ROUNDS) -> bool:
        """Let all programs act in turn; return whether nothing changes any more."""
        for _ in range(rounds):
            before = copy.deepcopy(self._state())
            for cluster in self.clusters.values():
                cluster.collect_garbage()
                for composite in list(cluster.composites.values()):
                    cluster.reconcile(composite)
                for ref in cluster.managed():
                    cluster.provider(ref).poll(ref)
                    cluster.provider(ref).finish(ref)
                    if cluster.is_deleted(ref):
                        # After a deletion the reconciler requeues immediately.
                        cluster.provider(ref).poll(ref)
                if self.releases:
                    self.release()
                self.check()
            if self._state() == before:
                return True
        return False

    def work(self, chance: random.Random, steps: int) -> None:
        """Let programs act in random order, some of them on an old state."""
        for _ in range(steps):
            some = [c for c in self.clusters.values() if c.composites or c.objects]
            if not some:
                return
            cluster = chance.choice(some)
            composites, refs = list(cluster.composites.values()), cluster.managed()
            step = chance.choice(["reconcile", "poll", "poll", "finish"])
            if step == "reconcile" and composites:
                behind = chance.choice([0, 0, 1, 2])
                cluster.reconcile(chance.choice(composites), behind=behind)
            elif step == "poll" and refs:
                ref = chance.choice(refs)
                cluster.provider(ref).poll(ref)
            elif step == "finish" and refs:
                ref = chance.choice(refs)
                cluster.provider(ref).finish(ref)
            self.check()

    def _state(self) -> object:
        return self.ecr.repositories, [
            (
                {
                    ref: _without_retry_times(managed)
                    for ref, managed in cluster.objects.items()
                },
                cluster.composites,
                # Its status shows that only at the next poll.
                [
                    {uid: each.force for uid, each in provider.operations.items()}
                    for provider in cluster.providers.values()
                ],
            )
            for cluster in self.clusters.values()
        ]

    # Invariants

    def check(self) -> None:
        """Check that every right was earned.

        Raises:
            NotEarned: A right was not earned.
        """
        for cluster in self.clusters.values():
            cluster.check_rights()

    def check_settled(self) -> None:
        """Let all programs settle, and check that nothing waits for ever.

        Raises:
            WaitsForEver: Something waits for ever.
        """
        if not self.settle():
            raise WaitsForEver("it never settles")
        for cluster in self.clusters.values():
            for composite in cluster.composites.values():
                _check_explained(composite)
            for ref in cluster.managed():
                _check_deleted(cluster, ref)
            if not cluster.recipes:  # Exemption.RECIPE_SHARES
                _check_competitors(cluster)
        self._check_lifecycle()

    def _check_lifecycle(self) -> None:
        """Check that no lifecycle policy is left on a repository of someone else.

        Raises:
            WaitsForEver: A policy is left, and keeps expiring images.
        """
        for location, found in self.ecr.repositories.items():
            by = found.lifecycle_by
            if by is None or found.earned_by(by):
                continue
            cluster = self.clusters[by.cluster]
            # Otherwise Exemption.REPLACED_CLASSIC explains why it stayed, or it was
            # released in a namespace that hung.
            lives = (
                self.releases
                or found.exempts(by) is Exemption.REPLACED_CLASSIC
                or any(
                    mr["metadata"]["uid"] == by.managed
                    for mr in cluster.objects.values()
                )
            )
            allowed = found.exempts(by) or cluster.manages(by.managed, *by.siblings)
            if not (lives and allowed):
                raise WaitsForEver(f"{by} left its lifecycle policy on {location}")


def _exemption(cluster: Cluster, ref: Ref) -> tuple[str, Exemption]:
    classic = cluster.apis[ref.group] is CLASSIC
    return cluster.objects[ref]["metadata"]["uid"], (
        Exemption.REPLACED_CLASSIC if classic else Exemption.REPLACED_UPBOUND
    )


def _check_explained(composite: Composite) -> None:
    if composite.ready or composite.reason in _FINAL_REASONS:
        return
    if "The provider says" in composite.message:
        return
    raise WaitsForEver(f"{composite} is not Ready and does not say why")


def _check_deleted(cluster: Cluster, ref: Ref) -> None:
    mr = cluster.objects[ref]
    if not cluster.is_deleted(ref):
        return
    said = [c.get("message", "") for c in mr["status"].get("conditions", [])]
    force = mr["spec"]["forProvider"].get("forceDelete")
    if not cluster.world.releases:
        if ref.namespace in cluster.terminating and ref.namespace:
            return  # Exemption.NAMESPACE_FIRST
        if not force and any("RepositoryNotEmptyException" in each for each in said):
            return  # Exemption.NOT_EMPTY
    if incomplete(mr["metadata"]["annotations"]) and may_delete(
        mr, honours_policies=cluster.apis[ref.group].honours_policies
    ):
        return  # Exemption.UNRECORDED
    raise WaitsForEver(f"{ref} is never deleted: {mr}")


def _check_competitors(cluster: Cluster) -> None:
    """Check that one of several competing composites has both repositories.

    Composites that use different provider configs cannot detect that they compete:
    Exemption.TWO_CONFIGS.
    """
    ready: dict[Identity, Composite] = {}
    split: dict[Identity, Composite] = {}
    for composite in cluster.composites.values():
        wanted, made = _wanted(cluster, composite)
        if composite.reason in ("NameTaken", "PreviousDeleting"):
            _check_taken(cluster, composite)
        some = ready if composite.ready else split if made else {}
        for each in wanted:
            other = some.setdefault(each, composite)
            if other is not composite:
                raise WaitsForEver(f"{composite} and {other} each have one of {wanted}")


def _without_retry_times(managed: Manifest) -> Manifest:
    """Return a managed resource without the times of attempts to create that fail.

    The provider repeats them for ever. Nothing else changes, and the composite says why
    they fail.
    """
    metadata = managed["metadata"]
    annotations = metadata.get("annotations", {})
    if annotations.get(FAILED, "") <= annotations.get(PENDING, ""):
        return managed
    kept = {k: v for k, v in annotations.items() if k not in (FAILED, PENDING)}
    return managed | {"metadata": metadata | {"annotations": kept}}


def _wanted(cluster: Cluster, composite: Composite) -> tuple[set[Identity], bool]:
    """Return the repositories of a composite, and whether a competitor split them.

    They are split if the composite reports NameTaken, or that the owner is being
    deleted, although it created one of them.
    """
    wanted, made = set(), False
    for key, ref in composite.refs.items():
        mr = cluster.objects.get(ref)
        if key == "existingrepo":  # to use one is not to compete for two
            continue
        if ref.kind == "Repository" and mr and controller(mr) == composite.uid:
            location = cluster.provider(ref).location(mr)
            wanted.add((mr["spec"]["providerConfigRef"]["name"], location.name))
            found = cluster.world.ecr.find(location)
            made |= found is not None and found.earned_by(cluster.actor(mr))
    return wanted, made and composite.reason in ("NameTaken", "PreviousDeleting")


def _check_taken(cluster: Cluster, composite: Composite) -> None:
    names = {each["name"] for each in composite.status.get("repositories", {}).values()}
    for ref in cluster.managed("Repository"):
        mr = cluster.objects[ref]
        theirs = controller(mr) != composite.uid
        waits_for = composite.reason == "NameTaken" or cluster.is_deleted(ref)
        if theirs and waits_for and cluster.provider(ref).location(mr).name in names:
            return
    raise WaitsForEver(f"{composite} waits for a name that nobody else has")
