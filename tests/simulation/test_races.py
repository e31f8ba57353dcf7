"""Competing claims while programs act in random order.

Plain random seeds try far more different orders than hypothesis would.
"""

import random

import pytest
from hypothesis import settings

from function.ecr.ownership import CREATED_BY_TAG
from tests.simulation.simulated.classic import CLASSIC
from tests.simulation.simulated.cluster import Cluster
from tests.simulation.simulated.ecr import Claim, Location
from tests.simulation.simulated.managed import Api
from tests.simulation.simulated.starts import (
    STARTS,
    begin,
    parameters,
    two_clusters,
)
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


@pytest.mark.parametrize("api", [UPBOUND, NAMESPACED], ids=lambda api: api.group)
def test_an_adopted_repository_loses_no_tag(api: Api) -> None:
    """People tag a repository while programs apply changing options to it."""
    for seed in SEEDS:
        with World() as world:
            try:
                tag_and_change(world, api, random.Random(seed))
            except AssertionError as e:
                e.add_note(f"seed {seed}")
                raise


def only_observes(cluster: Cluster) -> bool:
    """Whether the provider does nothing to the repository: no Exemption.TAGGED."""
    for ref in cluster.managed("Repository"):
        mr, provider = cluster.objects[ref], cluster.provider(ref)
        if provider.location(mr) != THEIRS:
            continue
        operation = provider.operations.get(mr["metadata"]["uid"])
        protected = mr["spec"]["initProvider"]["tags"].keys() - {CREATED_BY_TAG}
        return (
            mr["spec"]["managementPolicies"] == ["Observe"]
            and not protected
            and not (operation and operation.running)
        )
    return True


def tag_and_change(world: World, api: Api, chance: random.Random) -> None:
    cluster = world.cluster("east", api, default_tags=chance.choice([True, False]))
    tags, mutability = {"team": "shop"}, "IMMUTABLE"
    world.create_by_hand(THEIRS, tags)
    found = world.ecr.repositories[THEIRS]
    found.mutability = mutability
    cluster.apply(("c", "ab"), parameters(("c", "ab")))
    scans = False
    for step in range(5):
        if chance.choice([True, False]):
            scans = chance.choice([True, False])
            options = {"scanOnPush": scans, "tags": {"team": "ours", f"n{step}": "1"}}
            cluster.configure(
                adopt=chance.choice(["Manage", "Manage", "Observe"]),
                repository=options,
            )
        world.work(chance, chance.randrange(12))
        if only_observes(cluster) and chance.choice([True, True, False]):
            tags[f"p{step}"] = found.tags[f"p{step}"] = "theirs"
        world.work(chance, chance.randrange(12))
    cluster.configure(adopt="Manage", repository={"scanOnPush": scans})
    world.check_settled()
    assert tags.items() <= found.tags.items()
    assert (found.mutability, found.scan_on_push) == (mutability, scans)
    (composite,) = cluster.composites.values()
    cluster.delete(composite)
    world.check_settled()
    assert world.ecr.find(THEIRS) is found
    assert tags.items() <= found.tags.items()
