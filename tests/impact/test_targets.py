"""What a deletion reaches, on each provider API."""

import pytest

from function.impact.objects import Cluster, read_cluster
from function.impact.targets import Target, UnknownTargetError, deleted_claims, reach
from tests.builders import APIS, CLASSIC, CLUSTER, NAMESPACED
from tests.clusters import DEFINITION, PAUSED, WORKLOAD, managed, tenants

OTHER_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "holds"}


def world(provider: str) -> Cluster:
    """Two claims in team, one of them a Workload's, and one claim in other."""
    return read_cluster(
        [
            *tenants(provider, owners=(WORKLOAD,)),
            *tenants(provider, "lone"),
            *tenants(provider, namespace="other"),
            managed(provider, "tap/shop"),
            managed(provider, "tap/shop-bundle", composed="bundlerepo"),
            managed(provider, "tap/lone", ("team", "lone")),
            managed(provider, "tap/other", ("other", "shop")),
            DEFINITION,
        ]
    )


def names(cluster: Cluster, target: Target) -> set[str]:
    found = list(reach(cluster, target))
    assert not [each.obstacle for each in found if each.obstacle]
    return {each.managed.repository.external_name for each in found}


SHOP = {"tap/shop", "tap/shop-bundle"}
ALL = {*SHOP, "tap/lone", "tap/other"}


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("target", "want"),
    [
        (Target("namespace", "team"), {*SHOP, "tap/lone"}),
        (Target("namespace", "empty"), set()),
        (Target("claim", "shop", "team"), SHOP),
        (Target("claim", "shop", "other"), {"tap/other"}),
        (Target("owner", "shop", "team", "workload"), SHOP),
        (Target("owner", "shop", "team", "workloads"), SHOP),
        (Target("owner", "shop", "team", "workloads.carto.run"), SHOP),
        (Target("owner", "other", "team", "workload"), set()),
        (Target("owner", "shop", "other", "workload"), set()),
        (Target("crd", "workloads.carto.run"), SHOP),
        (Target("crd", "workloadecrrepos.tap.vrabbi.cloud"), ALL),
        (Target("crd", "xworkloadecrrepos.tap.vrabbi.cloud"), ALL),
        (Target("configuration"), ALL),
    ],
    # A set's text has another order in each process.
    ids=lambda value: str(value) if isinstance(value, Target) else None,
)
def test_a_deletion_reaches(provider: str, target: Target, want: set[str]) -> None:
    assert names(world(provider), target) == want


@pytest.mark.parametrize("provider", APIS)
def test_the_crd_of_a_provider_takes_its_managed_resources(provider: str) -> None:
    for other in APIS:
        target = Target("crd", f"repositories.{other.partition('/')[0]}")
        want = ALL if other == provider else set()
        assert names(world(provider), target) == want


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            Target("claim", "shop", "nowhere"),
            "there is no claim shop in namespace nowhere",
        ),
        (
            Target("crd", "workload"),
            "there is no CustomResourceDefinition workload. Its name is PLURAL.GROUP",
        ),
        (
            Target("owner", "shop", "team", "wrkload"),
            "no claim has an owner of the kind wrkload; only these kinds own claims: "
            "workload. The types are namespace,",
        ),
        (
            Target("owner", "shop", "team", "workloads.example.org"),
            "no claim has an owner of the kind workloads.example.org",
        ),
    ],
)
def test_a_target_that_does_not_exist_is_an_error(target: Target, message: str) -> None:
    cluster = world(CLASSIC)
    for use in (
        lambda: deleted_claims(cluster, target),
        lambda: reach(cluster, target),
    ):
        with pytest.raises(UnknownTargetError, match=message):
            list(use())


def test_a_kind_is_unknown_if_no_claim_has_an_owner() -> None:
    cluster = read_cluster(tenants(CLASSIC))
    with pytest.raises(UnknownTargetError, match="no claim has an owner\\. The types"):
        list(reach(cluster, Target("owner", "shop", "team", "workload")))


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    "target",
    [
        Target("owner", "shop", "team", "workload"),
        Target("crd", "workloads.carto.run"),
    ],
)
def test_a_claim_with_another_owner_stays(provider: str, target: Target) -> None:
    """The garbage collector deletes an object when all of its owners are gone."""
    cluster = read_cluster(
        [
            *tenants(provider, owners=(WORKLOAD, OTHER_OWNER)),
            managed(provider, "tap/shop"),
            DEFINITION,
        ]
    )
    (found,) = reach(cluster, target)
    assert found.obstacle == "ConfigMap holds owns the claim too, so it stays"
    assert not found.temporary
    for all_claims in (Target("namespace", "team"), Target("configuration")):
        assert names(cluster, all_claims) == {"tap/shop"}


@pytest.mark.parametrize("provider", APIS)
def test_what_no_composite_controls_stays_with_its_claim_gone(provider: str) -> None:
    orphan = managed(provider, "tap/shop", controlled=False)
    cluster = read_cluster([*tenants(provider), orphan])
    (found,) = reach(cluster, Target("claim", "shop", "team"))
    assert found.obstacle == "its managed resource has no owner, so it stays"
    assert not found.temporary


def test_a_namespace_takes_every_managed_resource_in_it() -> None:
    """Those that somebody created by hand too; Kubernetes deletes all objects in it."""
    by_hand = managed(NAMESPACED, "by-hand", None)
    orphan = managed(NAMESPACED, "orphan", controlled=False)
    cluster = read_cluster([by_hand, orphan, managed(CLASSIC, "cluster", None)])
    assert names(cluster, Target("namespace", "team")) == {"by-hand", "orphan"}
    assert not names(cluster, Target("configuration"))


@pytest.mark.parametrize("provider", [CLASSIC, CLUSTER])
def test_managed_resources_of_other_claims_go_with_their_namespace(
    provider: str,
) -> None:
    """Their kind is another one, or the file has no claims."""
    cluster = read_cluster([managed(provider, "tap/shop")])
    assert names(cluster, Target("namespace", "team")) == {"tap/shop"}
    assert names(cluster, Target("configuration")) == {"tap/shop"}
    foreign = managed(provider, "theirs")
    foreign["metadata"]["ownerReferences"][0]["kind"] = "XBucket"
    cluster = read_cluster([foreign])
    assert names(cluster, Target("namespace", "team")) == {"theirs"}
    assert not names(cluster, Target("configuration"))


@pytest.mark.parametrize("provider", APIS)
def test_what_is_paused_waits(provider: str) -> None:
    paused = read_cluster(
        [*tenants(provider), managed(provider, "tap/shop", annotations=PAUSED)]
    )
    by_claim = read_cluster(
        [*tenants(provider, paused=True), managed(provider, "tap/shop")]
    )
    for cluster, what in ((paused, "managed resource"), (by_claim, "claim")):
        (found,) = reach(cluster, Target("claim", "shop", "team"))
        assert found.obstacle == (
            f"its {what} is paused: it goes when crossplane.io/paused is removed"
        )
        assert found.temporary
