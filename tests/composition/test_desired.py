"""The desired state: rights, and which repositories are kept."""

from typing import Any

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    FULL,
    INPUT,
    NAMESPACED,
    OBSERVE_ONLY,
    ORPHAN_ON_DELETE,
    RECIPE_NAME,
    call,
    desired,
    desired_image,
    live,
    recipe_both,
    recipe_competitor,
    recipe_observed,
    recipe_xr,
    request,
    rights,
    run,
)


def test_text_from_a_live_resource_is_escaped() -> None:
    hostile = f"{RECIPE_NAME}\x1b[31m\n\u202e"
    live = {"imagerepo": recipe_observed(hostile, region="eu\x07", config="p\u0430")}
    rsp = call(request(recipe_xr(), observed=live))
    (c,) = rsp.conditions
    assert c.message.isprintable()
    assert c.message.isascii()
    assert r"\u001b[31m\n\u202e" in c.message
    assert r'"eu\u0007" with providerName "p\u0430"' in c.message


def test_a_live_bundle_is_kept_when_bundle_is_false() -> None:
    rsp = call(
        request(recipe_xr(), observed=recipe_both(), input={**INPUT, "bundle": False})
    )
    assert set(desired(rsp)) == {"imagerepo", "bundlerepo"}
    assert "`bundle` is now false" in rsp.conditions[0].message


@pytest.mark.parametrize(
    ("deletion", "created", "policy"),
    [
        (None, True, "Delete"),
        (None, False, "Orphan"),
        ("OnlyCreated", True, "Delete"),
        ("OnlyCreated", False, "Orphan"),
        ("Always", True, "Delete"),
        ("Always", False, "Delete"),
        ("Never", True, "Orphan"),
        ("Never", False, "Orphan"),
    ],
)
def test_the_right_to_delete_is_earned_by_creating(
    deletion: str | None, *, created: bool, policy: str
) -> None:
    given = {**INPUT, "deletion": deletion} if deletion else {}
    rsp = call(request(recipe_xr(), observed=recipe_both(created=created), input=given))
    assert {d["spec"]["deletionPolicy"] for d in desired(rsp).values()} == {policy}
    assert all(r.ready == fnv1.READY_TRUE for r in rsp.desired.resources.values())
    (c,) = rsp.conditions
    assert c.status == fnv1.STATUS_CONDITION_TRUE
    assert c.reason == ("Available" if created else "Adopted")
    if not created:
        goes = "also deletes" if deletion == "Always" else "keeps"
        assert f"Deleting the claim {goes} adopted" in c.message


@pytest.mark.parametrize("deletion", ["OnlyCreated", "Always"])
def test_a_live_resource_in_a_conflict_is_kept_without_the_right_to_delete(
    deletion: str,
) -> None:
    """Two are live where names differ: a resource from before this function's."""
    composite = recipe_xr()
    composite["metadata"]["uid"] = "ours"
    found = {"contenders-imagerepo": {"items": [recipe_competitor(RECIPE_NAME)]}}
    rsp = call(
        request(
            composite,
            observed={"imagerepo": recipe_observed(RECIPE_NAME, created=False)},
            required_resources=found,
            input={**INPUT, "deletion": deletion},
        )
    )
    (only,) = desired(rsp).values()
    assert only["spec"]["deletionPolicy"] == "Orphan"
    assert rsp.desired.resources["imagerepo"].ready != fnv1.READY_TRUE
    assert rsp.conditions[0].reason == "NameTaken"
    assert not rsp.desired.composite.connection_details


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("made", "deletion", "want", "reason"),
    [
        (True, "OnlyCreated", FULL, "the right to change and delete is earned"),
        (True, "Always", FULL, "by creating it"),
        (True, "Never", ORPHAN_ON_DELETE, "but not the one to delete"),
        (False, "OnlyCreated", OBSERVE_ONLY, "it was there before"),
        (False, "Never", OBSERVE_ONLY, "it was there before"),
        (False, "Always", FULL, "as the recipe did"),
    ],
)
def test_rights(
    provider: str,
    deletion: str,
    want: tuple[str, list[str]],
    reason: str,
    *,
    made: bool,
) -> None:
    observed = live(provider, made=made)
    policy, actions = rights(
        desired_image(
            run(provider, observed, deletion=deletion, managementPolicies=True)
        )
    )
    assert policy == (want[0] if APIS[provider].has_deletion_policy else None), reason
    assert actions == want[1], reason


@pytest.mark.parametrize(
    ("ours", "theirs", "taken", "reason"),
    [
        (live(NAMESPACED), None, False, "nobody else asks"),
        (live(NAMESPACED, made=False), live(NAMESPACED, uid="z"), True, "they made it"),
        (live(NAMESPACED), live(NAMESPACED, made=False, uid="a"), False, "we made it"),
        (
            live(NAMESPACED, made=False, day=2),
            live(NAMESPACED, uid="a", signature="ours"),
            True,
            "they found it first",
        ),
        (
            live(NAMESPACED),
            live(NAMESPACED, uid="a", signature="ours"),
            False,
            "both read our signature",
        ),
    ],
)
def test_of_two_namespaces_the_creator_owns_the_repository(
    ours: dict[str, Any], theirs: dict[str, Any] | None, reason: str, *, taken: bool
) -> None:
    rsp = run(NAMESPACED, ours, competitors=[theirs] if theirs else [])
    assert (rsp.conditions[0].reason == "NameTaken") == taken, reason
    manifest = desired_image(rsp)
    assert "namespace" not in manifest["metadata"]
    assert rights(manifest) == (None, OBSERVE_ONLY[1] if taken else FULL[1]), reason


@pytest.mark.parametrize(("old", "new"), [(CLASSIC, CLUSTER), (CLUSTER, CLASSIC)])
def test_a_live_resource_keeps_its_provider(old: str, new: str) -> None:
    rsp = run(new, live(old))
    assert desired_image(rsp)["apiVersion"] == old
    assert f"`provider` is now {new}" in rsp.conditions[0].message
