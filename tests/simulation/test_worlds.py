"""No order of events breaks an invariant, on the API of any provider."""

import random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.simulated.classic import CLASSIC
from tests.simulation.simulated.cluster import Cluster, Composite, RefusedError
from tests.simulation.simulated.ecr import Claim, Location
from tests.simulation.simulated.managed import Api, Killed, Ref
from tests.simulation.simulated.starts import STARTS, begin, parameters, two_clusters
from tests.simulation.simulated.upjet import NAMESPACED, UPBOUND
from tests.simulation.simulated.world import World

CLAIMS = st.sampled_from(
    [("c", "ab"), ("b-c", "a")] * 2 + [("c", "ab2"), ("n", "x"), ("n-bundle", "x")]
)
NAMESPACES = st.sampled_from(["c", "b-c", "n", "n-bundle"])
PREFIXES = st.sampled_from(["t"] * 6 + ["t/u"])
CONFIGS = st.sampled_from(["p"] * 6 + ["q"])
ACCOUNTS = st.sampled_from(["111111111111", "222222222222"])
LOCATIONS = st.builds(
    Location,
    ACCOUNTS,
    st.just("eu-west-2"),
    st.sampled_from(
        ["t/a-b-c", "t/a-b-c-bundle", "t/x-n-bundle", "t/a-b-c-cache", "t/base"]
    ),
)
# The second cluster only competes with the first one in ECR.
CLUSTERS = st.sampled_from(["east", "east", "east", "west"])
BAD = st.sampled_from(
    [{}] * 6 + [{"region": "nowhere"}, {"workloadName": "-"}, {"repoPrefix": "other"}]
)
INPUTS = st.fixed_dictionaries(
    {},
    optional={
        "bundle": st.booleans(),
        "deletion": st.sampled_from(["OnlyCreated", "WhenEmpty", "Never", "Always"]),
        "adopt": st.sampled_from(["Observe", "Manage"]),
        "allow": st.fixed_dictionaries(
            {"existingNames": st.just(["*"])},
            optional={"repoPrefixes": st.just(["t", "t/u"])},
        ),
        "name": st.just("{prefix}/{namespace}/{workload}{suffix}"),
        "repositories": st.sampled_from(
            [{"cache": {}}, {"cache": {"lifecycle": {"keepLast": 5}}, "n": {}}]
        ),
        "repository": st.fixed_dictionaries(
            {},
            optional={
                "imageTagMutability": st.just("IMMUTABLE"),
                "tags": st.just({"team": "platform"}),
                "lifecycle": st.builds(lambda n: {"keepLast": n}, st.integers(5, 6)),
            },
        ),
    },
)
# Also a name that another claim creates.
EXISTING = st.sampled_from([None] * 6 + ["t/base", "t/a-b-c"])
ANY = st.integers(0, 99)
SEEDS, STEPS = st.integers(0, 2**32), st.sampled_from([10, 20, 40])
KILLED: st.SearchStrategy[Killed] = st.sampled_from(
    ["", "", "", "before the call", "after the call"]
)


class Worlds(RuleBasedStateMachine):
    """Random actions of tenants, the platform team, people in ECR, and programs."""

    apis: ClassVar[tuple[Api, ...]]
    start: ClassVar[list[tuple[str, Claim]]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        two_clusters(self.world, self.apis)

    def teardown(self) -> None:
        self.world.loop.close()

    @initialize(
        locations=st.lists(LOCATIONS, max_size=2),
        at_once=st.booleans(),
        seed=SEEDS,
        steps=STEPS,
    )
    def meet(
        self, locations: list[Location], seed: int, steps: int, *, at_once: bool
    ) -> None:
        for location in locations:
            self.world.create_by_hand(location)
        begin(self.world, self.start, at_once=at_once)
        self.work(seed, steps)

    def composite(self, name: str, which: int) -> tuple[Cluster, Composite | None]:
        cluster = self.world.clusters[name]
        some = list(cluster.composites.values())
        return cluster, some[which % len(some)] if some else None

    def managed(self, name: str, which: int) -> tuple[Cluster, Ref | None]:
        cluster = self.world.clusters[name]
        some = cluster.managed()
        return cluster, some[which % len(some)] if some else None

    def location(self, which: int) -> Location | None:
        """Return the location of an existing or a requested repository."""
        some = set(self.world.ecr.repositories)
        for cluster in self.world.clusters.values():
            for ref in cluster.managed("Repository"):
                some.add(cluster.provider(ref).location(cluster.objects[ref]))
        return sorted(some)[which % len(some)] if some else None

    # Tenants

    @rule(
        claims=st.lists(st.tuples(CLUSTERS, CLAIMS), min_size=1, max_size=3),
        prefix=PREFIXES,
        config=CONFIGS,
        bad=BAD,
        existing=EXISTING,
    )
    def apply(
        self,
        claims: list[tuple[str, Claim]],
        prefix: str,
        config: str,
        bad: dict[str, str],
        existing: str | None,
    ) -> None:
        more = {"existingName": existing} if existing else {}
        for name, claim in claims:
            try:
                self.world.clusters[name].apply(
                    claim, parameters(claim, prefix, config) | bad | more
                )
            except RefusedError:
                continue

    @rule(name=CLUSTERS, which=ANY, collect=st.booleans(), again=st.booleans())
    def delete(self, name: str, which: int, *, collect: bool, again: bool) -> None:
        cluster, composite = self.composite(name, which)
        if composite is None:
            return
        cluster.delete(composite, collect=collect)
        if again and composite.claim[0] not in cluster.terminating:
            cluster.apply(
                composite.claim, composite.parameters, namespaced=composite.namespaced
            )

    @rule(name=CLUSTERS, which=ANY)
    def orphan(self, name: str, which: int) -> None:
        cluster, composite = self.composite(name, which)
        if composite:
            cluster.orphan(composite)

    @rule(which=ANY)
    def push(self, which: int) -> None:
        if location := self.location(which):
            self.world.push(location)

    @precondition(lambda self: self.apis[0].namespaced)
    @rule(name=CLUSTERS, namespace=NAMESPACES)
    def delete_namespace(self, name: str, namespace: str) -> None:
        self.world.clusters[name].delete_namespace(namespace)

    # The platform team

    @rule(name=CLUSTERS, fields=INPUTS, api=ANY)
    def configure(self, name: str, fields: dict[str, Any], api: int) -> None:
        cluster = self.world.clusters[name]
        chosen = self.apis[api % len(self.apis)]
        if chosen is CLASSIC:  # which refuses it
            fields = {k: v for k, v in fields.items() if k != "adopt"}
        cluster.configure(**fields)
        for each in cluster.inputs.values():
            each["provider"] = chosen.provider

    @rule(name=CLUSTERS, config=CONFIGS, account=ACCOUNTS)
    def repoint(self, name: str, config: str, account: str) -> None:
        self.world.clusters[name].repoint(config, account)

    # People in ECR

    @rule(location=LOCATIONS)
    def create_by_hand(self, location: Location) -> None:
        self.world.create_by_hand(location)

    @rule(which=ANY, hours=st.integers(0, 1), again=st.booleans())
    def delete_by_hand(self, which: int, hours: int, *, again: bool) -> None:
        if location := self.location(which):
            self.world.delete_by_hand(location)
            self.world.pass_time(hours=hours)
            if again:
                self.world.create_by_hand(location)

    # Programs

    @rule(name=CLUSTERS)
    def collect_garbage(self, name: str) -> None:
        self.world.clusters[name].collect_garbage()

    @rule(
        name=CLUSTERS,
        which=ANY,
        behind=st.integers(0, 3),
        only=st.sampled_from(["", "", "imagerepo", "bundlerepo"]),
    )
    def reconcile(self, name: str, which: int, behind: int, only: str) -> None:
        cluster, composite = self.composite(name, which)
        if composite:
            cluster.reconcile(composite, behind=behind, only=only)

    @rule(name=CLUSTERS, which=ANY, killed=KILLED, competitor=st.booleans())
    def poll(self, name: str, which: int, killed: Killed, *, competitor: bool) -> None:
        cluster, ref = self.managed(name, which)
        if ref is None:
            return
        location = None
        if competitor and ref.kind == "Repository":
            location = cluster.provider(ref).location(cluster.objects[ref])
        cluster.provider(ref).poll(
            ref,
            killed=killed,
            meanwhile=lambda: self.world.create_by_hand(location) if location else None,
        )

    @rule(name=CLUSTERS, which=ANY)
    def finish(self, name: str, which: int) -> None:
        cluster, ref = self.managed(name, which)
        if ref:
            cluster.provider(ref).finish(ref)

    @rule(name=CLUSTERS, finished=st.booleans())
    def kill(self, name: str, *, finished: bool) -> None:
        for provider in self.world.clusters[name].providers.values():
            provider.kill(finished=finished)

    @rule(seed=SEEDS, steps=STEPS)
    def work(self, seed: int, steps: int) -> None:
        """Let programs act in random order."""
        self.world.work(random.Random(seed), steps)

    @rule()
    def settle(self) -> None:
        """Let all programs act in turn a few times, as they usually do."""
        self.world.settle(3)

    @rule()
    def check_settled(self) -> None:
        self.world.check_settled()

    @invariant()
    def every_right_is_earned(self) -> None:
        self.world.check()


class ClassicWorlds(Worlds):
    apis = (CLASSIC,)

    @initialize(claims=st.lists(CLAIMS, max_size=3, unique=True))
    def begin_with_the_recipe(self, claims: list[Claim]) -> None:
        for claim in claims:
            self.world.clusters["east"].recipe(claim, parameters(claim, "t", "p"))


class UpboundWorlds(Worlds):
    apis = (UPBOUND,)


class NamespacedWorlds(Worlds):
    apis = (NAMESPACED,)


class MixedWorlds(Worlds):
    """Both cluster-scoped providers, and an input that switches between them."""

    apis = (CLASSIC, UPBOUND)


class WhenEmptyWorlds(Worlds):
    """`deletion: WhenEmpty` from the beginning, and the CronJob of package/release."""

    def __init__(self) -> None:
        super().__init__()
        self.world.ecr.keeps_images = self.world.releases = True
        for cluster in self.world.clusters.values():
            cluster.configure(deletion="WhenEmpty")

    @rule(name=CLUSTERS, fields=INPUTS, api=ANY)
    def configure(self, name: str, fields: dict[str, Any], api: int) -> None:
        super().configure(name, {**fields, "deletion": "WhenEmpty"}, api)

    @rule()
    def release(self) -> None:
        self.world.release()


class WhenEmptyClassicWorlds(WhenEmptyWorlds):
    apis = (CLASSIC,)


class WhenEmptyUpboundWorlds(WhenEmptyWorlds):
    apis = (UPBOUND,)


class WhenEmptyNamespacedWorlds(WhenEmptyWorlds):
    apis = (NAMESPACED,)


# Each example has up to 30 steps, and each step may call the function several times.
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize(
    "worlds",
    [
        *(ClassicWorlds, UpboundWorlds, NamespacedWorlds, MixedWorlds),
        *(WhenEmptyClassicWorlds, WhenEmptyUpboundWorlds, WhenEmptyNamespacedWorlds),
    ],
    ids=lambda worlds: worlds.__name__,
)
def test_worlds(worlds: type[Worlds], start: list[tuple[str, Claim]]) -> None:
    class Started(worlds):  # type: ignore[misc,valid-type]
        pass

    Started.start = start
    run_state_machine_as_test(
        Started,
        settings=settings(
            max_examples=settings().max_examples // 15,
            stateful_step_count=30,
            # A busy machine must not fail the test: nothing here depends on real time.
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
