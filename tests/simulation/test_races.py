"""Competing claims while programs act in random order.

Plain random seeds try far more different orders than hypothesis would.
"""

import random

import pytest
from hypothesis import settings

from tests.simulation.simulated.classic import CLASSIC
from tests.simulation.simulated.ecr import Claim, Location
from tests.simulation.simulated.managed import Api
from tests.simulation.simulated.starts import STARTS, begin, two_clusters
from tests.simulation.simulated.upjet import NAMESPACED, UPBOUND
from tests.simulation.simulated.world import World

SEEDS = range(settings().max_examples // 10)
THEIRS = Location("111111111111", "eu-west-2", "t/a-b-c")


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
@pytest.mark.parametrize(
    "api", [CLASSIC, UPBOUND, NAMESPACED], ids=lambda api: api.group
)
def test_races(api: Api, start: list[tuple[str, Claim]]) -> None:
    for seed in SEEDS:
        with World() as world:
            try:
                race(world, api, start, random.Random(seed))
            except AssertionError as e:
                e.add_note(f"seed {seed}")
                raise


def race(
    world: World, api: Api, start: list[tuple[str, Claim]], chance: random.Random
) -> None:
    """Let claims compete, push images to all repositories, then delete the claims."""
    clusters = two_clusters(world, (api,))
    if chance.choice([True, False, False, False]):
        world.create_by_hand(THEIRS)
    begin(world, start, at_once=chance.choice([True, False]))
    world.work(chance, 30)
    world.check_settled()
    while composites := [(c, x) for c in clusters for x in c.composites.values()]:
        for location in world.ecr.repositories:
            world.push(location)
        cluster, composite = chance.choice(composites)
        again = chance.choice([True, False, False])
        cluster.delete(composite, collect=chance.choice([True, False]))
        if again:
            cluster.apply(composite.claim, composite.parameters)
        world.work(chance, chance.choice([0, 10]))
        world.check_settled()
    left = {
        location
        for location, found in world.ecr.repositories.items()
        if found.creator is None
    }
    assert left <= {THEIRS}
