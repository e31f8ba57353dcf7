"""Nobody's images are lost, in any order of what can happen."""

from typing import Any

import pytest
from crossplane.function import logging
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from simulation import Claim, Place, World, Xr

logging.configure(logging.Level.DISABLED)

# Two workloads and two namespaces that meet in one name, a bundle's name that is an
# image's, and two accounts.
CLAIMS = st.sampled_from(
    [("c", "ab"), ("c", "ab2"), ("b-c", "a"), ("n", "x"), ("n-bundle", "x")]
)
WORKLOADS = {"ab": "a-b", "ab2": "a-b", "a": "a", "x": "x"}
PREFIXES = st.sampled_from(["t", "t/u"])
CONFIGS = st.sampled_from(["p", "q"])
PLACES = st.tuples(
    CONFIGS,
    st.just("eu-west-2"),
    st.builds(
        "/".join,
        st.tuples(
            PREFIXES,
            st.sampled_from(
                ["a-b-c", "a-b-c-bundle", "x-n", "x-n-bundle", "x-n-bundle-bundle"]
            ),
        ),
    ),
)
INPUTS = st.fixed_dictionaries(
    {
        "apiVersion": st.just("ecrrepos.fn.tap.vrabbi.cloud/v1beta1"),
        "kind": st.just("Input"),
    },
    optional={
        "bundle": st.booleans(),
        "deletion": st.sampled_from(["OnlyCreated", "Never"]),
        "registryHost": st.sampled_from(["Strip", "Keep"]),
    },
)


class Tenants(RuleBasedStateMachine):
    """Any number of steps of tenants, outsiders, Crossplane and the provider."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.from_the_recipe = False

    def teardown(self) -> None:
        self.world.close()

    def xr(self, data: st.DataObject) -> Xr:
        return data.draw(st.sampled_from(sorted(self.world.xrs.values(), key=str)))

    @rule(claim=CLAIMS, prefix=PREFIXES, config=CONFIGS)
    def apply(self, claim: Claim, prefix: str, config: str) -> None:
        self.world.apply_claim(claim, parameters(claim, prefix, config))

    @precondition(lambda self: self.world.xrs)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.world.delete_claim(self.xr(data))

    @precondition(lambda self: self.world.xrs)
    @rule(data=st.data())
    def orphan(self, data: st.DataObject) -> None:
        self.world.orphan_claim(self.xr(data))

    @precondition(lambda self: self.world.xrs)
    @rule(
        data=st.data(),
        behind=st.integers(0, 3),
        only=st.sampled_from(["", "imagerepo", "bundlerepo"]),
    )
    def reconcile(self, data: st.DataObject, behind: int, only: str) -> None:
        self.world.reconcile(self.xr(data), behind=behind, only=only)

    @precondition(lambda self: self.world.managed)
    @rule(data=st.data(), killed=st.booleans())
    def provide(self, data: st.DataObject, *, killed: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.managed)))
        self.world.provide(name, killed=lambda: killed)

    @rule()
    def settle(self) -> None:
        """All that waits is done: most of the time it is."""
        for _ in range(3):
            for xr in list(self.world.xrs.values()):
                self.world.reconcile(xr)
            for name in list(self.world.managed):
                self.world.provide(name)

    @rule(place=PLACES)
    def push(self, place: Place) -> None:
        self.world.push(place)

    @rule(place=PLACES)
    def create_outside(self, place: Place) -> None:
        self.world.create_outside(place)

    @rule(place=PLACES)
    def replace_outside(self, place: Place) -> None:
        # One made within the clocks' difference, or that the provider has not seen
        # when its claim is deleted, is a seam: see SECURITY.md.
        self.settle()
        self.world.delete_outside(place)
        self.world.an_hour_passes()
        self.world.create_outside(place)
        self.settle()

    @rule(given=INPUTS)
    def configure(self, given: dict[str, Any]) -> None:
        self.world.input = given

    @initialize(
        claims=st.lists(CLAIMS, max_size=3, unique=True),
        outside=st.lists(PLACES, max_size=2),
    )
    def begin_with_the_recipe(self, claims: list[Claim], outside: list[Place]) -> None:
        for place in outside:
            self.world.create_outside(place)
        for claim in claims:
            self.from_the_recipe = True
            self.world.recipe(claim, parameters(claim, "t", "p"))

    @invariant()
    def no_repository_is_two_claims(self) -> None:
        """Two live resources of one repository are the recipe's alone."""
        if self.from_the_recipe:
            return
        places: dict[tuple[str, str], str] = {}
        for xr in self.world.xrs.values():
            if not xr.ready or xr.deleting:
                continue
            for name in xr.refs.values():
                live = self.world.managed.get(name)
                if live is None:
                    continue
                place = (
                    live["spec"]["providerConfigRef"]["name"],
                    live["metadata"]["annotations"]["crossplane.io/external-name"],
                )
                assert places.setdefault(place, xr.uid) == xr.uid


@pytest.mark.parametrize("made", [False, True], ids=["at once", "made meanwhile"])
def test_who_gets_the_image_gets_the_bundle(*, made: bool) -> None:
    """Of two claims in a race each may have got one of the two repositories."""
    world = World()
    try:
        first = world.apply_claim(("c", "ab"), parameters(("c", "ab"), "t", "p"))
        second = world.apply_claim(("b-c", "a"), parameters(("b-c", "a"), "t", "p"))
        world.reconcile(first, only="imagerepo")
        world.reconcile(second, only="bundlerepo", behind=1)
        assert len(world.managed) == 2
        for _ in range(8):
            if made:
                for name in list(world.managed):
                    world.provide(name)
            for xr in (second, first):
                world.reconcile(xr)
            for name in list(world.managed):
                world.provide(name)
        assert (first.reason, first.ready) == ("Available", True)
        assert (second.reason, second.ready) == ("NameTaken", False)
        assert {r.creator for r in world.ecr.values()} == {first.claim}
    finally:
        world.close()


def test_a_creation_that_nobody_recorded_is_looked_at_again() -> None:
    """The provider takes no notice of the record alone."""
    world = World()
    try:
        claim = ("b", "a")
        xr = world.apply_claim(claim, parameters(claim, "t", "p"))
        world.reconcile(xr)
        for name in world.managed:
            world.provide(name, killed=lambda: True)
        for _ in range(4):
            for name in world.managed:
                world.provide(name)
            world.reconcile(xr)
        assert (xr.reason, xr.ready) == ("Adopted", True)
    finally:
        world.close()


def parameters(claim: tuple[str, str], prefix: str, config: str) -> dict[str, str]:
    return {
        "workloadName": WORKLOADS[claim[1]],
        "repoPrefix": prefix,
        "region": "eu-west-2",
        "providerName": config,
    }


# Each example is some 30 steps, and each step may be some calls.
Tenants.TestCase.settings = settings(
    max_examples=settings().max_examples // 3, stateful_step_count=30, deadline=None
)
TestTenants = Tenants.TestCase
