"""Repositories that no claim owns."""

import pytest

from function.impact.images import ImageCount, Registry
from function.impact.leftovers import leftovers
from function.impact.objects import read_cluster
from function.impact.report import deletes_images
from function.impact.verdict import Outcome
from tests.builders import APIS, CLASSIC
from tests.clusters import ACCOUNT, REGION, managed, tenants


@pytest.mark.parametrize("provider", APIS)
def test_those_that_no_claim_owns_are_listed_with_the_reason(provider: str) -> None:
    cluster = read_cluster(
        [
            *tenants(provider),
            managed(provider, "tap/shop"),
            managed(provider, "tap/orphan", controlled=False),
        ]
    )
    repositories = [
        Registry("tap/shop", REGION, ACCOUNT),
        Registry("tap/shop", "us-east-1", ACCOUNT),
        Registry("tap/orphan", REGION, ACCOUNT),
        Registry("tap/by-hand", REGION, ACCOUNT),
        Registry("tapestry/shop", REGION, ACCOUNT),
        Registry("tap", REGION, ACCOUNT),
    ]
    held = ImageCount(1, 10)
    found = leftovers(repositories, cluster, ["tap"], lambda _: held)
    assert [(i.registry.name, i.registry.region, i.verdict.reason) for i in found] == [
        ("tap/by-hand", REGION, "no claim in this cluster owns it"),
        (
            *("tap/orphan", REGION),
            "its managed resource has no owner, so no deletion of a claim reaches it",
        ),
        (
            *("tap/shop", "us-east-1"),
            "a claim owns the one in eu-west-2; as a replica it is never deleted",
        ),
    ]
    assert {i.verdict.outcome for i in found} == {Outcome.LEFT}
    assert {i.held for i in found} == {held}
    assert not deletes_images(found)


@pytest.mark.parametrize(
    ("prefix", "under"),
    [
        ("tap", True),
        ("/tap/", True),
        ("tap/team", True),
        ("tap/{namespace}", True),
        ("tap/*", True),
        ("*", True),
        ("ta", False),
        ("tap/team/shop", False),
        ("TAP", False),
    ],
)
def test_a_prefix_is_one_of_the_platform_settings(prefix: str, *, under: bool) -> None:
    registry = Registry("tap/team/shop", REGION, ACCOUNT)
    found = leftovers([registry], read_cluster([]), [prefix], lambda _: None)
    assert bool(found) == under


def test_another_account_is_another_registry() -> None:
    cluster = read_cluster([*tenants(CLASSIC), managed(CLASSIC, "tap/shop")])
    registry = Registry("tap/shop", REGION, "2" * 12)
    (found,) = leftovers([registry], cluster, ["tap"], lambda _: None)
    assert found.verdict.reason == "no claim in this cluster owns it"
