"""The chain from triggers to managed resources, on each provider API."""

import pytest

from function.impact.objects import NO_NAME, Owner, read_cluster
from tests.builders import APIS, CLASSIC, CLUSTER, NAMESPACED
from tests.clusters import DEFINITION, PAUSED, WORKLOAD, managed, tenants


@pytest.mark.parametrize("provider", APIS)
def test_a_managed_resource_belongs_to_its_claim(provider: str) -> None:
    objects = [*tenants(provider), managed(provider, "tap/shop")]
    cluster = read_cluster(objects)
    (repository,) = cluster.repositories
    assert repository.claim == ("team", "shop")
    assert repository.claim_kind == "WorkloadECRRepo"
    assert repository.controlled
    assert not repository.paused
    assert repository.repository.external_name == "tap/shop"
    assert repository.repository.created_by_provider
    assert repository.repository.deletable
    assert repository.repository.force_delete
    assert cluster.claims.keys() == {("team", "shop")}


@pytest.mark.parametrize("provider", APIS)
def test_the_order_of_the_objects_does_not_matter(provider: str) -> None:
    objects = [*tenants(provider), managed(provider, "tap/shop")]
    assert read_cluster(objects[::-1]) == read_cluster(objects + objects)


@pytest.mark.parametrize("provider", APIS)
def test_without_its_composite_the_labels_decide(provider: str) -> None:
    cluster = read_cluster([managed(provider, "tap/shop")])
    assert cluster.repositories[0].claim == ("team", "shop")


def test_the_composite_knows_better_than_the_labels() -> None:
    forged = managed(CLUSTER, "tap/shop")
    forged["metadata"]["labels"]["crossplane.io/claim-name"] = "other"
    cluster = read_cluster([*tenants(CLUSTER), forged])
    assert cluster.repositories[0].claim == ("team", "shop")


def test_labels_of_a_namespaced_one_do_not_point_into_another_namespace() -> None:
    forged = managed(NAMESPACED, "tap/shop")
    forged["metadata"]["labels"] |= {
        "crossplane.io/claim-name": "victim",
        "crossplane.io/claim-namespace": "other",
    }
    assert read_cluster([forged]).repositories[0].claim == ("team", "shop")


@pytest.mark.parametrize("provider", APIS)
def test_one_without_a_composite_belongs_to_no_claim(provider: str) -> None:
    (repository,) = read_cluster([managed(provider, "x", None)]).repositories
    assert repository.claim == NO_NAME
    assert not repository.controlled


def test_a_composite_without_a_claim_is_one_itself() -> None:
    (_, composite) = tenants(CLASSIC)
    del composite["spec"]["claimRef"]
    found = managed(CLASSIC, "tap/shop")
    found["metadata"]["labels"] = {}
    cluster = read_cluster([composite, found])
    assert cluster.claims.keys() == {("", "shop-x7k2p")}
    assert cluster.repositories[0].claim == ("", "shop-x7k2p")


@pytest.mark.parametrize("provider", APIS)
def test_what_a_claim_says(provider: str) -> None:
    objects = tenants(provider, owners=(WORKLOAD,), repositories=("a", "b"))
    claim = read_cluster(objects).claims["team", "shop"]
    assert claim.owners == (Owner("carto.run", "Workload", "shop", "u-shop"),)
    assert claim.repositories == {"a", "b"}
    assert not claim.paused
    assert str(claim) == "team/shop"


@pytest.mark.parametrize("which", [0, 1])
def test_a_claim_is_paused_if_its_composite_is(which: int) -> None:
    objects = tenants(CLASSIC)
    objects[which]["metadata"]["annotations"] = PAUSED
    assert read_cluster(objects).claims["team", "shop"].paused


def test_a_definition_has_a_group_and_a_kind() -> None:
    cluster = read_cluster([DEFINITION])
    assert cluster.definitions == {"workloads.carto.run": ("carto.run", "Workload")}


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"kind": "Repository", "apiVersion": CLASSIC},
        {"kind": "Repository", "apiVersion": 1, "metadata": []},
        {"kind": "WorkloadECRRepo", "apiVersion": "tap.vrabbi.cloud/v1", "spec": 3},
        {
            "kind": "Repository",
            "apiVersion": CLUSTER,
            "metadata": {"ownerReferences": "x", "labels": 1, "annotations": None},
            "spec": "x",
            "status": [],
        },
    ],
)
def test_an_object_of_a_wrong_shape_is_no_error(broken: dict[str, object]) -> None:
    cluster = read_cluster([broken, *tenants(CLASSIC)])
    assert ("team", "shop") in cluster.claims
