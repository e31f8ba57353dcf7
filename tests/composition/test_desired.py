"""What is desired of what is observed: rights, and what a live repository keeps."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    FULL,
    INPUT,
    NAMESPACED,
    OBSERVE_CREATE,
    OBSERVE_ONLY,
    OPTIONS,
    ORPHAN_ON_DELETE,
    RECIPE_NAME,
    RECIPE_PARAMETERS,
    call,
    desired,
    desired_image,
    live,
    recipe_both,
    recipe_competitor,
    recipe_observed,
    recipe_repository,
    recipe_xr,
    request,
    rights,
    run,
    sent_for_provider,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"repoPrefix": "other"},
        {"workloadName": "other"},
        {"region": "us-east-1"},
        {"providerName": "other"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_live_resource_is_never_pointed_at_another_repository(
    changed: dict[str, str],
) -> None:
    rsp = call(
        request(recipe_xr({**RECIPE_PARAMETERS, **changed}), observed=recipe_both())
    )
    kept = {"policy": "Delete", "resource_name": "as-the-recipe-named-it"}
    assert desired(rsp) == {
        "imagerepo": recipe_repository(RECIPE_NAME, **kept),
        "bundlerepo": recipe_repository(f"{RECIPE_NAME}-bundle", **kept),
    }
    assert (
        "Kept, because existing repositories are never moved"
        in rsp.conditions[0].message
    )
    assert next(iter(changed.values())) in rsp.conditions[0].message


def test_what_others_wrote_over_a_live_resource_is_shown_escaped() -> None:
    hostile = f"{RECIPE_NAME}\x1b[31m\n\u202e"
    live = {"imagerepo": recipe_observed(hostile, region="eu\x07", config="p\u0430")}
    rsp = call(request(recipe_xr(), observed=live))
    (c,) = rsp.conditions
    assert c.message.isprintable()
    assert c.message.isascii()
    assert r"\u001b[31m\n\u202e" in c.message
    assert r'"eu\u0007" with providerName "p\u0430"' in c.message


def test_a_live_bundle_stays_where_bundle_is_switched_off() -> None:
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
        assert f"Deleting the claim {goes} adopted repositories" in c.message


@pytest.mark.parametrize("deletion", ["OnlyCreated", "Always"])
def test_a_live_loser_stays_and_may_not_delete(deletion: str) -> None:
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
def test_of_two_in_two_namespaces_who_created_it_has_it(
    ours: dict[str, Any], theirs: dict[str, Any] | None, reason: str, *, taken: bool
) -> None:
    rsp = run(NAMESPACED, ours, competitors=[theirs] if theirs else [])
    assert (rsp.conditions[0].reason == "NameTaken") == taken, reason
    manifest = desired_image(rsp)
    assert "namespace" not in manifest["metadata"]
    assert rights(manifest) == (None, OBSERVE_ONLY[1] if taken else FULL[1]), reason


def race(
    provider: str,
    image: dict[str, Any] | None,
    bundle: dict[str, Any],
    **more: Any,
) -> dict[str, Any] | None:
    """Return what is desired of a live bundle."""
    given: dict[str, Any] = {"bundle": True, "managementPolicies": True, **more}
    rsp = run(provider, image, others={"bundlerepo": bundle}, **given)
    if "bundlerepo" not in rsp.desired.resources:
        return None
    return resource.struct_to_dict(rsp.desired.resources["bundlerepo"].resource)


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("image", "want", "reason"),
    [
        ("absent", OBSERVE_CREATE, "nobody knows who gets it"),
        ("asked for", OBSERVE_CREATE, "nobody knows who gets it"),
        ("created", FULL, "both are ours"),
        ("adopted", FULL, "both are ours"),
    ],
)
def test_a_bundle_earns_nothing_before_its_image_is_decided(
    provider: str, image: str, want: tuple[str, list[str]], reason: str
) -> None:
    observed = None if image == "absent" else live(provider, made=image == "created")
    if observed and image == "asked for":
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


@pytest.mark.parametrize("provider", APIS)
def test_who_loses_the_image_releases_the_bundle_that_it_created(provider: str) -> None:
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


def test_a_live_resource_keeps_the_kind_of_its_provider_config() -> None:
    rsp = run(NAMESPACED, live(NAMESPACED), providerConfigKind="ProviderConfig")
    assert desired_image(rsp)["spec"]["providerConfigRef"] == APIS[NAMESPACED].config
    assert "providerName ClusterProviderConfig/aws" in rsp.conditions[0].message


@pytest.mark.parametrize(("old", "new"), [(CLASSIC, CLUSTER), (CLUSTER, CLASSIC)])
def test_a_live_resource_keeps_its_provider(old: str, new: str) -> None:
    rsp = run(new, live(old))
    assert desired_image(rsp)["apiVersion"] == old
    assert f"`provider` is now {new}" in rsp.conditions[0].message


WRITTEN = {
    "imageTagMutability": "IMMUTABLE",
    "scanOnPush": True,
    "tags": {"team": "shop"},
    "forceDelete": False,
}


@pytest.mark.parametrize(
    ("provider", "managed", "made", "deletion", "sent", "reason"),
    [
        (
            CLASSIC,
            None,
            None,
            "OnlyCreated",
            False,
            "it would write onto what it finds",
        ),
        (CLASSIC, True, None, "OnlyCreated", False, "its Create takes no tags anyway"),
        (CLASSIC, None, False, "OnlyCreated", False, "there before"),
        (CLASSIC, None, False, "Never", False, "there before"),
        (CLASSIC, None, False, "Always", True, "full rights, as the recipe's"),
        (CLASSIC, None, True, "OnlyCreated", True, "created"),
        (CLASSIC, None, True, "Never", True, "created"),
        (CLUSTER, None, None, "OnlyCreated", True, "it may create, and not update"),
        (CLUSTER, False, None, "OnlyCreated", False, "it would write them"),
        (CLUSTER, False, True, "OnlyCreated", True, "created"),
        (CLUSTER, None, False, "OnlyCreated", False, "there before"),
        (NAMESPACED, None, None, "OnlyCreated", True, "it may create, and not update"),
        (NAMESPACED, None, False, "OnlyCreated", False, "there before"),
    ],
)
def test_options_are_never_written_onto_what_was_there_before(
    provider: str,
    deletion: str,
    reason: str,
    *,
    managed: bool | None,
    made: bool | None,
    sent: bool,
) -> None:
    more: dict[str, Any] = {} if managed is None else {"managementPolicies": managed}
    observed = None if made is None else live(provider, made=made)
    got = sent_for_provider(
        run(provider, observed, repository=WRITTEN, deletion=deletion, **more)
    )
    options = {"imageTagMutability", "imageScanningConfiguration", "tags"}
    assert got.keys() - {"region", "forceDelete"} == (options if sent else set()), (
        reason
    )
    assert got["forceDelete"] == (made is False and not sent), reason


@pytest.mark.parametrize("managed", [True, False])
def test_encryption_is_sent_with_the_creation(*, managed: bool) -> None:
    """It can never be changed, and so never be written onto what is there."""
    encryption = {"type": "KMS"}
    rsp = run(
        CLUSTER, repository={"encryption": encryption}, managementPolicies=managed
    )
    assert sent_for_provider(rsp)["encryptionConfiguration"] == [
        {"encryptionType": "KMS"}
    ]


ENCRYPTED = [{"encryptionType": "KMS", "kmsKey": "arn:aws:kms:x:1:key/a"}]


@pytest.mark.parametrize(
    ("asked", "said", "reason"),
    [
        ({"type": "AES256"}, True, "another type"),
        ({"type": "KMS", "kmsKey": "arn:aws:kms:x:1:key/b"}, True, "another key"),
        ({"type": "KMS", "kmsKey": "arn:aws:kms:x:1:key/a"}, False, "the same key"),
        ({"type": "KMS", "kmsKey": "arn:aws:kms:x:1:alias/a"}, False, "maybe the same"),
        ({"type": "KMS"}, False, "any key"),
    ],
)
@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_live_repository_keeps_its_encryption(
    provider: str, asked: dict[str, str], reason: str, *, said: bool
) -> None:
    observed = live(provider)
    observed["status"]["atProvider"]["encryptionConfiguration"] = ENCRYPTED
    rsp = run(provider, observed, repository={"encryption": asked})
    assert sent_for_provider(rsp)["encryptionConfiguration"] == ENCRYPTED, reason
    assert ("and encryption KMS" in rsp.conditions[0].message) == said, reason


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("deletion", ["OnlyCreated", "Never", "Always"])
def test_what_was_there_before_is_left_as_it_is(provider: str, deletion: str) -> None:
    options = OPTIONS["all that every provider has"]
    observed = live(provider, made=False)
    rsp = run(provider, observed, repository=options, deletion=deletion)
    left = {"region": "eu-west-2", "forceDelete": True}
    assert (sent_for_provider(rsp) == left) == (deletion != "Always")
    assert (set(rsp.desired.resources) == {"imagerepo"}) == (deletion != "Always")
