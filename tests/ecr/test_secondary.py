"""The bundle beside its image."""

from typing import Any

import pytest
from crossplane.function import resource

from function.ecr.naming import RepositoryName
from function.ecr.options import RepositoryOptions
from function.ecr.ownership import Ownership
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
    ProviderRights,
)
from function.ecr.secondary import release_secondary, secondary_rights
from tests.builders import (
    APIS,
    CLUSTER,
    FULL,
    NAME,
    NAMESPACED,
    OBSERVE_CREATE,
    OBSERVE_ONLY,
    live,
    rights,
    run,
)

CONFIG = ProviderConfig("p")
BUNDLE = DesiredRepository(RepositoryName("t/x-bundle"), "eu-west-2", CONFIG)
MINE = BUNDLE._replace(rights=ProviderRights.FULL)
UNFORCED = MINE._replace(options=RepositoryOptions(forceDelete=False))
LEFT_ALONE = BUNDLE._replace(rights=ProviderRights.OBSERVE_ONLY)
NEW = ObservedRepository(force_delete=True)
DELETABLE = ObservedRepository(deletable=True, force_delete=True)


@pytest.mark.parametrize(
    ("repository", "own", "ownership", "want", "reason"),
    [
        (
            BUNDLE,
            ObservedRepository(creation_started=True),
            Ownership.PENDING,
            BUNDLE,
            "it may be made right now",
        ),
        (BUNDLE, NEW, Ownership.PENDING, None, "nobody has tried to"),
        (
            BUNDLE,
            ObservedRepository(creation_started=True, problem="AccessDenied"),
            Ownership.PENDING,
            None,
            "the other claim need not wait for what cannot be made",
        ),
        (BUNDLE, NEW, Ownership.ADOPTED, None, "it stays in ECR"),
        (BUNDLE, NEW, Ownership.CREATED, None, "Never: it stays in ECR"),
        (
            BUNDLE,
            DELETABLE,
            Ownership.CREATED,
            BUNDLE,
            "Never: first it may not be deleted",
        ),
        (
            LEFT_ALONE,
            DELETABLE,
            Ownership.ADOPTED,
            LEFT_ALONE,
            "first it may not be deleted",
        ),
        (MINE, NEW, Ownership.CREATED, UNFORCED, "to be deleted if it is empty"),
        (MINE, DELETABLE, Ownership.CREATED, UNFORCED, "though it was ready once"),
        (
            MINE,
            ObservedRepository(deletable=True),
            Ownership.CREATED,
            None,
            "and then deleted",
        ),
        (
            MINE,
            ObservedRepository(deleting_since="2026-01-01T00:00:00Z"),
            Ownership.CREATED,
            None,
            "it is being deleted",
        ),
        (
            MINE,
            ObservedRepository(
                deleting_since="2026-01-01T00:00:00Z",
                deletable=True,
                problem="RepositoryNotEmptyException",
            ),
            Ownership.CREATED,
            LEFT_ALONE,
            "it holds images: it stays in ECR",
        ),
    ],
)
def test_a_bundle_whose_image_belongs_to_another_claim(
    repository: DesiredRepository,
    own: ObservedRepository,
    ownership: Ownership,
    want: DesiredRepository | None,
    reason: str,
) -> None:
    assert release_secondary(repository, own, ownership) == want, reason


def race(
    provider: str,
    image: dict[str, Any] | None,
    bundle: dict[str, Any],
    **more: Any,
) -> dict[str, Any] | None:
    """Return what is desired of a live bundle."""
    annotations = bundle["metadata"]["annotations"]
    annotations["crossplane.io/external-name"] = f"{NAME}-bundle"
    given: dict[str, Any] = {"bundle": True, "managementPolicies": True, **more}
    rsp = run(provider, image, others={"bundlerepo": bundle}, **given)
    if "bundlerepo" not in rsp.desired.resources:
        return None
    return resource.struct_to_dict(rsp.desired.resources["bundlerepo"].resource)


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("image", "want", "reason"),
    [
        ("absent", OBSERVE_CREATE, "its owner is not known yet"),
        ("pending", OBSERVE_CREATE, "its owner is not known yet"),
        ("created", FULL, "both are ours"),
        ("adopted", FULL, "both are ours"),
    ],
)
def test_a_bundle_earns_no_rights_before_its_image(
    provider: str, image: str, want: tuple[str, list[str]], reason: str
) -> None:
    observed = None if image == "absent" else live(provider, made=image == "created")
    if observed and image == "pending":
        del observed["status"]
    got = race(provider, observed, live(provider))
    assert got, reason
    assert rights(got)[1] == want[1], reason


@pytest.mark.parametrize("provider", APIS)
def test_a_bundle_that_has_earned_its_rights_keeps_them(provider: str) -> None:
    """While an image that was deleted by hand is created again."""
    bundle = live(provider)
    bundle["spec"]["managementPolicies"] = ["*"]
    assert rights(race(provider, None, bundle) or {})[1] == FULL[1]


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_bundle_is_released_after_the_provider_knows_that_it_must_not_force(
    provider: str,
) -> None:
    """Terraform deletes with the value that it applied last, whatever the spec says."""
    lost: dict[str, Any] = {"competitors": [live(provider, uid="theirs")]}
    image, bundle = live(provider, made=False), live(provider)
    bundle["status"]["atProvider"]["forceDelete"] = True
    got = race(provider, image, bundle, **lost)
    assert got
    bundle["spec"] = got["spec"]
    assert race(provider, image, bundle, **lost) == got, "its images are not safe yet"
    bundle["status"]["atProvider"]["forceDelete"] = False
    assert race(provider, image, bundle, **lost) is None, "to be deleted if it is empty"


@pytest.mark.parametrize("provider", APIS)
def test_a_claim_without_its_image_releases_the_bundle_it_created(
    provider: str,
) -> None:
    lost: dict[str, Any] = {"competitors": [live(provider, uid="theirs")]}
    image, bundle = live(provider, made=False), live(provider)
    got = race(provider, image, bundle, **lost)
    assert got
    assert rights(got)[1] == FULL[1]
    assert got["spec"]["forProvider"]["forceDelete"] is False, "if it is empty"
    bundle["spec"] = got["spec"]
    assert race(provider, image, bundle, **lost) is None, "to be deleted"
    bundle["metadata"]["deletionTimestamp"] = "2026-01-01T00:01:00Z"
    assert race(provider, image, bundle, **lost) is None
    bundle["status"]["conditions"] = [
        {"type": "Synced", "status": "False", "message": "RepositoryNotEmptyException"}
    ]
    got = race(provider, image, bundle, **lost)
    assert got
    assert rights(got)[1] == OBSERVE_ONLY[1], "it holds images, and stays in ECR"


@pytest.mark.parametrize(
    ("image", "want", "reason"),
    [
        (Ownership.ADOPTED, ProviderRights.CHANGE_ADOPTED, "the image is ours"),
        (Ownership.PENDING, ProviderRights.OBSERVE_ONLY, "not yet"),
        (Ownership.CONFLICT, ProviderRights.OBSERVE_ONLY, "it goes to another claim"),
    ],
)
def test_an_adopted_bundle_is_changed_after_its_image_is_ours(
    image: Ownership, want: ProviderRights, reason: str
) -> None:
    bundle = ObservedRepository(arn="arn")
    got = secondary_rights(ProviderRights.CHANGE_ADOPTED, image, bundle)
    assert got is want, reason
