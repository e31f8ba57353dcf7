"""Who meets whom in a world: two clusters on one account, and claims with one name."""

from typing import Any

from tests.simulation.simulated.cluster import Cluster, Composite
from tests.simulation.simulated.ecr import Claim
from tests.simulation.simulated.managed import Api
from tests.simulation.simulated.world import World

# Two workloads and two namespaces that meet in one name, and a bundle's name that is an
# image's.
WORKLOADS = {"ab": "a-b", "ab2": "a-b", "a": "a", "x": "x"}
STARTS: dict[str, list[tuple[str, Claim]]] = {
    "two clusters": [("east", ("c", "ab")), ("west", ("c", "ab"))],
    "two namespaces": [("east", ("c", "ab")), ("east", ("b-c", "a"))],
    "a bundle's name": [("east", ("n", "x")), ("east", ("n-bundle", "x"))],
}


def parameters(
    claim: Claim,
    prefix: str = "t",
    config: str = "p",
    **more: Any,
) -> dict[str, Any]:
    """Return what a claim asks for."""
    return {
        "workloadName": WORKLOADS[claim[1]],
        "repoPrefix": prefix,
        "region": "eu-west-2",
        "providerName": config,
        **more,
    }


def apply(cluster: Cluster, claim: Claim, **more: Any) -> Composite:
    """Apply a claim."""
    return cluster.apply(claim, parameters(claim, **more))


def two_clusters(world: World, apis: tuple[Api, ...]) -> list[Cluster]:
    """Make two clusters on the same accounts, which differ in what they run."""
    return [
        world.cluster("east", *apis),
        world.cluster("west", *apis, required_resources=False, default_tags=False),
    ]


def begin(world: World, start: list[tuple[str, Claim]], *, at_once: bool) -> None:
    """Apply claims; at once, none of them sees what another one composes."""
    for name, claim in start:
        apply(world.clusters[name], claim)
    for cluster in world.clusters.values() if at_once else ():
        for n, composite in enumerate(list(cluster.composites.values())):
            cluster.reconcile(composite, behind=n)
