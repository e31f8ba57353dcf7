"""Competitors for a repository are looked for in every API that is served."""

from typing import Any

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.composition.required_settings import REQUIREMENT
from tests.builders import (
    CLASSIC,
    CLUSTER,
    NAME,
    NAMESPACED,
    OBSERVE_ONLY,
    RECIPE_NAME,
    call,
    desired,
    desired_image,
    live,
    recipe_both,
    recipe_competitor,
    recipe_repository,
    recipe_xr,
    reconcile,
    request,
    rights,
    run,
    status,
    xr,
)


@pytest.mark.parametrize("api", ["required_resources", "extra_resources"])
@pytest.mark.parametrize("key", ["imagerepo", "bundlerepo"])
def test_a_claim_whose_name_is_taken_composes_nothing(key: str, api: str) -> None:
    name = RECIPE_NAME if key == "imagerepo" else f"{RECIPE_NAME}-bundle"
    composite = recipe_xr()
    composite["metadata"]["uid"] = "ours"
    found = {f"contenders-{key}": {"items": [recipe_competitor(name)]}}
    rsp = call(request(composite, **{api: found}))
    assert not rsp.desired.resources
    assert rsp.desired.composite.ready == fnv1.READY_FALSE
    assert not rsp.desired.composite.connection_details
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, "NameTaken")
    assert name in c.message
    assert c.target == fnv1.TARGET_COMPOSITE_AND_CLAIM
    assert "secret" not in str(rsp)
    assert "host/" not in str(rsp)


def test_the_composites_own_resource_is_no_competitor() -> None:
    composite = recipe_xr()
    composite["metadata"]["uid"] = "ours"
    found = {
        "contenders-imagerepo": {"items": [recipe_competitor(RECIPE_NAME, "ours")]}
    }
    rsp = call(request(composite, required_resources=found))
    assert set(desired(rsp)) == {"imagerepo", "bundlerepo"}


@pytest.mark.parametrize(
    ("capabilities", "older"),
    [(["CAPABILITY_CAPABILITIES", "CAPABILITY_REQUIRED_RESOURCES"], False), ([], True)],
)
def test_competitors_are_selected_by_the_repository_id(
    capabilities: list[str], *, older: bool
) -> None:
    req = request(recipe_xr(), meta={"capabilities": capabilities})
    rsp = call(req)
    selector = rsp.requirements.resources["contenders-imagerepo"]
    want = recipe_repository(RECIPE_NAME)
    assert (selector.api_version, selector.kind) == (want["apiVersion"], want["kind"])
    label, repository_id = list(want["metadata"]["labels"].items())[1]
    assert dict(selector.match_labels.labels) == {label: repository_id}
    assert ("contenders-imagerepo" in rsp.requirements.extra_resources) == older


def test_nothing_is_required_when_both_repositories_are_ours() -> None:
    rsp = call(request(recipe_xr(), observed=recipe_both()))
    assert [*rsp.requirements.resources] == [REQUIREMENT]


def test_a_forged_claim_on_a_namespaced_xr_is_not_read() -> None:
    """What another claim left behind is not the tenant's who writes its name."""
    forged = xr(NAMESPACED)
    forged["spec"]["claimRef"] = {"namespace": "theirs", "name": "shop"}
    left = live(NAMESPACED, uid="gone")
    left["metadata"].pop("ownerReferences")
    left["metadata"]["labels"] |= {
        "crossplane.io/claim-namespace": "theirs",
        "crossplane.io/claim-name": "shop",
    }
    rsp = run(NAMESPACED, composite=forged, competitors=[left])
    assert rsp.conditions[0].reason == "NameTaken"


@pytest.mark.parametrize("provider", [CLASSIC, CLUSTER, NAMESPACED])
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "not marked yet"])
def test_a_claim_waits_until_its_predecessor_is_gone(
    provider: str, *, marked: bool
) -> None:
    composite = xr(provider)
    composite["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    theirs = live(provider, uid="theirs")
    if marked:
        theirs["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    else:
        theirs["metadata"]["namespace"] = "default"
        theirs["metadata"]["labels"] |= {
            "crossplane.io/claim-namespace": "default",
            "crossplane.io/claim-name": "shop",
            "crossplane.io/composite": "shop" if provider == NAMESPACED else "shop-x",
        }
    rsp = run(provider, composite=composite, competitors=[theirs])
    assert not rsp.desired.resources
    assert rsp.desired.composite.ready == fnv1.READY_FALSE
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, "PreviousDeleting")
    assert c.message == (
        f"The previous claim's managed resource of the repository {NAME} is still "
        "being deleted. This claim continues by itself afterwards. If this takes "
        "longer than five minutes, contact the platform team"
    )
    assert "theirs" not in str(rsp)
    assert status(rsp)["repositories"]["image"] == {"name": NAME}


@pytest.mark.parametrize("provider", [CLASSIC, CLUSTER, NAMESPACED])
@pytest.mark.parametrize("own", [True, False], ids=["own claim", "another claim"])
def test_only_its_own_predecessors_problem_is_shown(
    provider: str, *, own: bool
) -> None:
    theirs = live(provider, uid="theirs")
    theirs["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    theirs["metadata"]["namespace"] = "default"
    theirs["metadata"]["labels"] |= {
        "crossplane.io/claim-namespace": "default",
        "crossplane.io/claim-name": "shop" if own else "other",
        "crossplane.io/composite": {
            NAMESPACED: "shop" if own else "other",
        }.get(provider, "x"),
    }
    said = "delete failed: RepositoryNotEmptyException: it still contains images"
    theirs["status"]["conditions"] = [
        {"type": "Synced", "status": "False", "message": said}
    ]
    (c,) = run(provider, competitors=[theirs]).conditions
    assert c.reason == "PreviousDeleting"
    assert ("still holds images" in c.message) is own
    if own:
        assert c.message == (
            f"The previous claim's managed resource of the repository {NAME} is not "
            "deleted, because the repository still holds images. It keeps them. This "
            "claim adopts the repository after the platform team has run "
            "`function-ecr-repos release`"
        )


def test_a_name_that_one_claim_releases_and_another_has_is_taken() -> None:
    going, staying = live(NAMESPACED, uid="a"), live(NAMESPACED, uid="b", made=False)
    going["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    rsp = run(NAMESPACED, competitors=[going, staying])
    assert rsp.conditions[0].reason == "NameTaken"


@pytest.mark.parametrize("key", ["imagerepo", "bundlerepo"])
def test_a_taken_name_is_reported_before_a_released_one(key: str) -> None:
    names = {"imagerepo": RECIPE_NAME, "bundlerepo": f"{RECIPE_NAME}-bundle"}
    found = {k: recipe_competitor(name) for k, name in names.items()}
    found[key]["resource"]["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    del names[key]
    rsp = call(
        request(
            recipe_xr(),
            required_resources={
                f"contenders-{k}": {"items": [each]} for k, each in found.items()
            },
        )
    )
    (c,) = rsp.conditions
    (taken,) = names.values()
    assert c.reason == "NameTaken"
    assert c.message.startswith(f"Another claim already owns the repository {taken}. ")


V1: list[str] = []
V2_0 = ["CAPABILITY_CAPABILITIES", "CAPABILITY_REQUIRED_RESOURCES"]
V2_4 = [*V2_0, "CAPABILITY_REQUIRED_SCHEMAS"]
REPOSITORY = "contenders-imagerepo"


def lock(*sources: str) -> dict[str, Any]:
    """Return Crossplane's Lock, with packages such as example/provider-aws:v1.2.3."""
    return {
        "apiVersion": "pkg.crossplane.io/v1beta1",
        "kind": "Lock",
        "metadata": {"name": "lock"},
        "packages": [
            {
                "source": f"xpkg.example.org/{source.partition(':')[0]}",
                "version": source.partition(":")[2],
            }
            for source in sources
        ],
    }


PACKAGES = {
    CLASSIC: "crossplane-contrib/provider-aws:v0.58.0",
    CLUSTER: "upbound/provider-aws-ecr:v2.5.0",
    NAMESPACED: "upbound/provider-aws-ecr:v2.5.0",
}
PAIRS = [(own, other) for own in PACKAGES for other in PACKAGES if own != other]


@pytest.mark.parametrize(("own", "other"), PAIRS)
@pytest.mark.parametrize(
    ("capabilities", "cluster"),
    [(V1, True), (V2_4, True), (V1, False), (V2_0, False), (V2_4, False)],
    ids=["v1", "v2.4", "files", "files, v2.0", "files, v2.4"],
)
def test_an_owner_in_another_api_is_found(
    own: str, other: str, capabilities: list[str], *, cluster: bool
) -> None:
    objects = [live(other, uid="theirs")]
    if cluster:
        objects.append(lock(PACKAGES[own], PACKAGES[other]))
    # Upbound's package serves both of its APIs.
    serves = {own, other, CLUSTER, NAMESPACED} if cluster else None
    cluster_has: dict[str, Any] = {
        "objects": objects,
        "capabilities": capabilities,
        "serves": serves,
    }
    rsp = reconcile(own, **cluster_has)
    assert rsp.conditions[0].reason == "NameTaken"
    assert not rsp.desired.resources
    # One that met it all the same may only look, whatever `deletion` says.
    met = live(own, made=False)
    rsp = reconcile(own, met, deletion="Always", managementPolicies=True, **cluster_has)
    assert rsp.conditions[0].reason == "NameTaken"
    assert rights(desired_image(rsp))[1] == OBSERVE_ONLY[1]


@pytest.mark.parametrize("own", PACKAGES)
@pytest.mark.parametrize("capabilities", [V1, V2_0, V2_4], ids=["v1", "v2.0", "v2.4"])
@pytest.mark.parametrize(
    "packages",
    [
        [],
        ["crossplane-contrib/provider-helm:v1.0.0"],
        ["renamed/by-a-mirror:v1.0.0"],
        ["upbound/provider-aws-ecr:sha256:0"],
        ["upbound/provider-aws-ecr:v1.0.0", "someone/provider-aws:v0.20.0"],
    ],
    ids=["none installed", "others", "renamed", "by digest", "old ones"],
)
def test_a_kind_that_is_not_served_is_never_required(
    own: str, capabilities: list[str], packages: list[str]
) -> None:
    """Crossplane would fail the reconcile."""
    rsp = reconcile(
        own, objects=[lock(*packages)], capabilities=capabilities, serves={own}
    )
    assert rsp.conditions[0].reason == "Creating"


def test_a_kind_whose_provider_is_gone_is_not_required() -> None:
    """It is served until its last resource goes, but nobody may list it any more."""
    rsp = reconcile(
        CLUSTER,
        objects=[lock(PACKAGES[CLUSTER])],
        capabilities=V2_4,
        serves={CLUSTER, CLASSIC},
    )
    assert {*rsp.requirements.resources} == {REPOSITORY, "package-lock", REQUIREMENT}


def test_resources_that_an_older_function_required_are_ignored() -> None:
    """Crossplane v2.4 hands over what the last reconcile required, of any version."""
    rsp = reconcile(
        CLUSTER,
        objects=[lock(PACKAGES[CLUSTER])],
        capabilities=V2_4,
        serves={CLUSTER},
        seeds={REPOSITORY: {"items": []}},
    )
    assert rsp.conditions[0].reason == "Creating"


@pytest.mark.parametrize("own", PACKAGES)
def test_no_competitors_are_required_when_the_repository_is_ours(own: str) -> None:
    rsp = reconcile(own, live(own), capabilities=V2_4, serves={own})
    assert [*rsp.requirements.resources] == [REQUIREMENT]
