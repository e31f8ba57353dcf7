"""The initial claims of a world, whose repository names collide."""

from typing import Any

from tests.simulation.simulated.cluster import Cluster, Composite
from tests.simulation.simulated.ecr import Claim
from tests.simulation.simulated.managed import Api
from tests.simulation.simulated.world import World

# By name of a claim. Workload a-b in namespace c and a in b-c have the same repository
# name. The bundle of x in n has the name of the image of x in n-bundle.
WORKLOADS = {"ab": "a-b", "ab2": "a-b", "a": "a", "x": "x"}
STARTS: dict[str, list[tuple[str, Claim]]] = {
    "two clusters": [("east", ("c", "ab")), ("west", ("c", "ab"))],
    "two namespaces": [("east", ("c", "ab")), ("east", ("b-c", "a"))],
    "bundle and image": [("east", ("n", "x")), ("east", ("n-bundle", "x"))],
}


def parameters(
    claim: Claim,
    prefix: str = "t",
    config: str = "p",
    **more: Any,
) -> dict[str, Any]:
    """Return the parameters of a claim."""
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
    """Create two clusters on the same accounts that run different versions."""
    return [
        world.cluster("east", *apis),
        world.cluster("west", *apis, required_resources=False, default_tags=False),
    ]


def begin(world: World, start: list[tuple[str, Claim]], *, at_once: bool) -> None:
    """Apply claims.

    With `at_once`, the first reconcile of each claim does not see the resources that
    are composed for the others.
    """
    for name, claim in start:
        apply(world.clusters[name], claim)
    for cluster in world.clusters.values() if at_once else ():
        for n, composite in enumerate(list(cluster.composites.values())):
            cluster.reconcile(composite, behind=n)
