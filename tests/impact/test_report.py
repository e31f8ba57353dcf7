"""What happens to each repository, once."""

from function.impact.images import ImageCount, Registry
from function.impact.objects import read_cluster
from function.impact.report import (
    Impact,
    deletes_images,
    impacts,
    merged,
    owner_text,
    without_managed_resource,
)
from function.impact.targets import Target, reach
from function.impact.verdict import Outcome
from tests.builders import APIS, CLUSTER, NAMESPACED, OBSERVE_ONLY, Json
from tests.clusters import ACCOUNT, REGION, managed, tenants

NAMESPACE = Target("namespace", "team")


def judged(
    *objects: Json, images: int | None = 2, target: Target = NAMESPACE
) -> list[Impact]:
    held = None if images is None else ImageCount(images, images * 10)
    return impacts(reach(read_cluster(objects), target), lambda _: held)


def test_a_repository_is_deleted_or_kept_by_the_rights_of_its_claim() -> None:
    for provider in APIS:
        found = judged(
            *tenants(provider),
            managed(provider, "tap/kept", made=False, rights=OBSERVE_ONLY),
            managed(provider, "tap/gone"),
        )
        assert [(i.registry, i.verdict.outcome, i.claim) for i in found] == [
            (Registry("tap/gone", REGION, ACCOUNT), Outcome.DELETED, ("team", "shop")),
            (Registry("tap/kept", REGION, ACCOUNT), Outcome.KEPT, ("team", "shop")),
        ]
        assert [owner_text(i) for i in found] == ["team/shop"] * 2
        assert deletes_images(found)


def test_images_that_nobody_counted_may_be_deleted() -> None:
    assert deletes_images(judged(managed(CLUSTER, "tap/shop"), images=None))
    assert not deletes_images(judged(managed(CLUSTER, "tap/shop"), images=0))
    careful = managed(CLUSTER, "tap/shop", force=False)
    assert not deletes_images(judged(careful, images=None))


def test_of_two_managed_resources_the_one_that_deletes_decides() -> None:
    creator = managed(NAMESPACED, "tap/shop")
    observer = managed(
        *(NAMESPACED, "tap/shop", ("team", "late")),
        made=False,
        rights=OBSERVE_ONLY,
        account="",
    )
    observer["metadata"]["name"] = "late"
    for objects in ((creator, observer), (observer, creator)):
        (found,) = judged(*objects)
        assert found.verdict.outcome is Outcome.DELETED
        assert found.claim == ("team", "shop")
        assert found.registry.account == ACCOUNT


def test_one_name_in_two_regions_or_accounts_is_two_repositories() -> None:
    found = judged(
        managed(CLUSTER, "tap/shop"),
        managed(CLUSTER, "tap/shop", region="us-east-1"),
    )
    assert [i.registry.region for i in found] == [REGION, "us-east-1"]
    other = managed(CLUSTER, "tap/shop", account="2" * 12)
    other["metadata"]["name"] = "another"
    found = judged(managed(CLUSTER, "tap/shop"), other)
    assert [i.registry.account for i in found] == [ACCOUNT, "2" * 12]


def test_images_that_one_of_two_deletes_are_deleted() -> None:
    (one,) = judged(managed(CLUSTER, "tap/shop"))
    harmless = one._replace(verdict=one.verdict._replace(deletes_images=False))
    (found,) = merged([harmless, one])
    assert found.verdict.deletes_images


def test_without_a_managed_resource_a_repository_is_kept() -> None:
    cluster = read_cluster(
        [
            *tenants(CLUSTER, repositories=("tap/shop", "tap/shop-bundle")),
            managed(CLUSTER, "tap/shop"),
        ]
    )
    (found,) = without_managed_resource(
        cluster.claims.values(), cluster, lambda _: None
    )
    assert found.registry == Registry("tap/shop-bundle", "", "")
    assert (found.managed, found.claim) == (None, ("team", "shop"))
    assert found.verdict.outcome is Outcome.KEPT
    assert not found.verdict.deletes_images


def test_a_composite_without_a_claim_has_its_own_name() -> None:
    (found,) = judged(managed(CLUSTER, "tap/shop"))
    assert owner_text(found._replace(claim=("", "xr"))) == "xr"
    assert not owner_text(found._replace(claim=("", "")))
