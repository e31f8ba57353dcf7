"""Clusters and accounts of AWS, people, and one clock."""

import asyncio
import copy
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from tests.simulation.simulated.classic import CLASSIC
from tests.simulation.simulated.cluster import Cluster, Composite, controller
from tests.simulation.simulated.ecr import Actor, Ecr, Place, Repository
from tests.simulation.simulated.invariants import Exemption, WaitsForEver
from tests.simulation.simulated.managed import Api, Ref, incomplete, may_delete

# A provider config's name and a repository's.
Identity = tuple[str, str]
# Reasons that say why a composite is not Ready and will not be by waiting.
_TELLING = {"NameTaken", "InvalidParameters", "NotAllowed", "ReconcileError"}
# Fair rounds until nothing changes any more.
_ROUNDS = 25


class World:
    """All there is."""

    def __init__(self) -> None:
        self.ecr = Ecr()
        self.clusters: dict[str, Cluster] = {}
        self.loop = asyncio.new_event_loop()
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
        """Make a cluster whose provider configs p and q reach accounts one and two."""
        accounts = {"p": "111111111111", "q": "222222222222"}
        self.clusters[name] = Cluster(self, name, *apis, accounts=accounts, **options)  # type: ignore[arg-type]
        return self.clusters[name]

    def now(self) -> datetime:
        """Return a time that never comes again."""
        self._now += timedelta(seconds=1)
        return self._now

    def time(self) -> str:
        """Return such a time as Kubernetes writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def pass_time(self, **duration: float) -> None:
        self._now += timedelta(**duration)

    def uid(self) -> str:
        return f"uid-{next(self._uids)}"

    # ECR

    def create(
        self, place: Place, maker: Actor | None, tags: dict[str, str] | None = None
    ) -> Repository:
        """Create a repository.

        Who made an earlier one there and lives may have to take this one for it: here
        all exemptions for a replaced repository begin.

        Raises:
            EcrError: There is one already.
        """
        mistaken = [
            (uid, why)
            for cluster, ref in self._all()
            if cluster.provider(ref).place(cluster.objects[ref]) == place
            if self._made(cluster, ref, place)
            for uid, why in [_exemption(cluster, ref)]
        ]
        return self.ecr.create(place, maker, self.now(), tags, mistaken)

    def mistake(self, cluster: Cluster, ref: Ref) -> None:
        """Let a managed resource take what is there now for what it made elsewhere."""
        found = self.ecr.find(cluster.provider(ref).place(cluster.objects[ref]))
        if found:
            uid, why = _exemption(cluster, ref)
            found.mistaken_for[uid] = why
            found.polled_by.discard(uid)

    def _made(self, cluster: Cluster, ref: Ref, place: Place) -> bool:
        actor = cluster.actor(cluster.objects[ref])
        return any(
            maker.managed == actor.managed or maker.composite == actor.composite != ""
            for maker in self.ecr.makers.get(place.name, ())
        )

    def _all(self) -> Iterator[tuple[Cluster, Ref]]:
        for cluster in self.clusters.values():
            for ref in cluster.managed("Repository"):
                yield cluster, ref

    # People

    def create_by_hand(self, place: Place, tags: dict[str, str] | None = None) -> None:
        """Have a person make a repository and push to it, unless there is one."""
        if self.ecr.find(place) is None:
            self.create(place, None, tags).images = 1

    def delete_by_hand(self, place: Place) -> None:
        """Have a person delete a repository, images and all."""
        self.ecr.repositories.pop(place, None)

    def push(self, place: Place) -> None:
        """Push an image, if there is a repository."""
        if found := self.ecr.find(place):
            found.images += 1

    # All programs

    def settle(self, rounds: int = _ROUNDS) -> bool:
        """Let all programs work, each in its turn; whether nothing changes any more."""
        for _ in range(rounds):
            before = copy.deepcopy(self._state())
            for cluster in self.clusters.values():
                for composite in list(cluster.composites.values()):
                    cluster.reconcile(composite)
                for ref in cluster.managed():
                    cluster.provider(ref).poll(ref)
                    cluster.provider(ref).finish(ref)
                    if cluster.is_deleted(ref):
                        # After a deletion the reconciler asks at once, not at the poll.
                        cluster.provider(ref).poll(ref)
                self.check()
            if self._state() == before:
                return True
        return False

    def work(self, chance: random.Random, steps: int) -> None:
        """Let programs work in any order, and see what they see late."""
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
            (cluster.objects, cluster.composites) for cluster in self.clusters.values()
        ]

    # Invariants

    def check(self) -> None:
        """See that no right is held that was not earned.

        Raises:
            NotEarned: One is.
        """
        for cluster in self.clusters.values():
            cluster.check_rights()

    def check_rest(self) -> None:
        """Settle, and see that nothing waits for ever.

        Raises:
            WaitsForEver: Something does.
        """
        if not self.settle():
            raise WaitsForEver("it never settles")
        for cluster in self.clusters.values():
            for composite in cluster.composites.values():
                _check_answered(composite)
            for ref in cluster.managed():
                _check_gone(cluster, ref)
            if not cluster.recipes:  # Exemption.RECIPE_SHARES
                _check_competitors(cluster)
        self._check_lifecycle()

    def _check_lifecycle(self) -> None:
        """See that no policy stays where whoever put it has earned nothing.

        Raises:
            WaitsForEver: One does, and goes on expiring images.
        """
        for place, found in self.ecr.repositories.items():
            by = found.lifecycle_by
            if by is None or found.earned_by(by):
                continue
            # Or else it stayed by Exemption.REPLACED_CLASSIC.
            lives = found.exempts(by) is Exemption.REPLACED_CLASSIC or any(
                mr["metadata"]["uid"] == by.managed
                for mr in self.clusters[by.cluster].objects.values()
            )
            if not (lives and found.exempts(by)):
                raise WaitsForEver(f"{by} left its lifecycle policy on {place}")


def _exemption(cluster: Cluster, ref: Ref) -> tuple[str, Exemption]:
    classic = cluster.apis[ref.group] is CLASSIC
    return cluster.objects[ref]["metadata"]["uid"], (
        Exemption.REPLACED_CLASSIC if classic else Exemption.REPLACED_UPBOUND
    )


def _check_answered(composite: Composite) -> None:
    if composite.ready or composite.reason in _TELLING:
        return
    if "The provider says" in composite.message:
        return
    raise WaitsForEver(f"{composite} says nothing")


def _check_gone(cluster: Cluster, ref: Ref) -> None:
    mr = cluster.objects[ref]
    if not cluster.is_deleted(ref):
        return
    if ref.namespace in cluster.terminating and ref.namespace:
        return  # Exemption.NAMESPACE_FIRST
    said = [c.get("message", "") for c in mr["status"].get("conditions", [])]
    force = mr["spec"]["forProvider"].get("forceDelete")
    if not force and any("RepositoryNotEmptyException" in each for each in said):
        return  # Exemption.NOT_EMPTY
    if incomplete(mr["metadata"]["annotations"]) and may_delete(
        mr, manages=cluster.apis[ref.group].manages
    ):
        return  # Exemption.UNRECORDED
    raise WaitsForEver(f"{ref} is never gone: {mr}")


def _check_competitors(cluster: Cluster) -> None:
    """See that of several that want one repository one has both of its own.

    Two that name it by different provider configs are no competitors that anyone could
    know of: Exemption.TWO_CONFIGS.
    """
    ready: dict[Identity, Composite] = {}
    torn: dict[Identity, Composite] = {}
    for composite in cluster.composites.values():
        wanted, made = _wanted(cluster, composite)
        if composite.reason == "NameTaken":
            _check_taken(cluster, composite)
        some = ready if composite.ready else torn if made else {}
        for each in wanted:
            other = some.setdefault(each, composite)
            if other is not composite:
                raise WaitsForEver(f"{composite} and {other} each have one of {wanted}")


def _wanted(cluster: Cluster, composite: Composite) -> tuple[set[Identity], bool]:
    """Return what a composite's resources name, and whether it has one of two."""
    wanted, made = set(), False
    for ref in composite.refs.values():
        mr = cluster.objects.get(ref)
        if ref.kind == "Repository" and mr and controller(mr) == composite.uid:
            place = cluster.provider(ref).place(mr)
            wanted.add((mr["spec"]["providerConfigRef"]["name"], place.name))
            found = cluster.world.ecr.find(place)
            made |= found is not None and found.earned_by(cluster.actor(mr))
    return wanted, made and composite.reason == "NameTaken"


def _check_taken(cluster: Cluster, composite: Composite) -> None:
    names = {each["name"] for each in composite.status.get("repositories", {}).values()}
    for ref in cluster.managed("Repository"):
        mr = cluster.objects[ref]
        theirs = controller(mr) != composite.uid
        if theirs and cluster.provider(ref).place(mr).name in names:
            return
    raise WaitsForEver(f"nobody has what {composite} is denied")
