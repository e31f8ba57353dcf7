"""When options are sent to the provider, and what `existingName` gets."""

from typing import Any

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    FULL,
    NAMESPACED,
    OBSERVE_ONLY,
    OPTIONS,
    SIGNATURE,
    desired,
    is_fatal,
    live,
    reconcile,
    rights,
    run,
    sent_for_provider,
    status,
    xr,
)

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
def test_options_are_never_sent_for_a_repository_that_existed_before(
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
    if provider != CLASSIC and managed is None:
        options.add("encryptionConfiguration")  # ECR's default
    assert got.keys() - {"region", "forceDelete"} == (options if sent else set()), (
        reason
    )
    assert got["forceDelete"] == (made is False and not sent), reason


@pytest.mark.parametrize("managed", [True, False])
def test_encryption_is_sent_at_creation(*, managed: bool) -> None:
    """It can never be changed, and so never be written onto what is there."""
    encryption = {"type": "KMS"}
    rsp = run(
        CLUSTER, repository={"encryption": encryption}, managementPolicies=managed
    )
    assert sent_for_provider(rsp)["encryptionConfiguration"] == [
        {"encryptionType": "KMS"}
    ]


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("deletion", ["OnlyCreated", "Never", "Always"])
def test_an_adopted_repository_is_not_changed(provider: str, deletion: str) -> None:
    options = OPTIONS["all that every provider has"]
    observed = live(provider, made=False)
    rsp = run(provider, observed, repository=options, deletion=deletion)
    left = {"region": "eu-west-2", "forceDelete": True}
    assert (sent_for_provider(rsp) == left) == (deletion != "Always")
    assert (set(rsp.desired.resources) == {"imagerepo"}) == (deletion != "Always")


# A claim's existing repository (`existingName`): it is only used.

BASE = "team/base"
ALLOWED: dict[str, Any] = {"allow": {"existingNames": ["team/*", "{namespace}/*"]}}
GONE = {
    "type": "Synced",
    "status": "False",
    "message": "observe failed: external resource does not exist",
}
UPBOUNDS = pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])


def using(provider: str, name: Any = BASE) -> dict[str, Any]:
    composite = xr(provider)
    composite["spec"]["parameters"]["existingName"] = name
    return composite


def existing(provider: str, **state: Any) -> dict[str, Any]:
    found = live(provider, **({"signature": "theirs"} | state))
    found["metadata"]["annotations"]["crossplane.io/external-name"] = BASE
    found["spec"]["managementPolicies"] = ["Observe"]
    if "deletionPolicy" in found["spec"]:
        found["spec"]["deletionPolicy"] = "Orphan"
    return found


def respond(
    provider: str,
    observed: dict[str, Any] | None = None,
    composite: dict[str, Any] | None = None,
    **step_input: Any,
) -> fnv1.RunFunctionResponse:
    """Return the response for a claim with an image and an existing repository."""
    return run(
        provider,
        live(provider),
        others={"existingrepo": observed} if observed else {},
        composite=composite or using(provider),
        **(ALLOWED | step_input),
    )


@UPBOUNDS
@pytest.mark.parametrize("deletion", ["OnlyCreated", "Always", "Never"])
@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        (None, "nothing is there yet"),
        ({"conditions": [GONE]}, "it does not exist"),
        ({}, "it was found"),
        ({"signature": "ours"}, "this composite created it earlier"),
    ],
)
def test_an_existing_repository_is_only_observed(
    provider: str, deletion: str, observed: dict[str, Any] | None, reason: str
) -> None:
    found = None if observed is None else existing(provider, **observed)
    manifest = desired(respond(provider, found, deletion=deletion))["existingrepo"]
    assert rights(manifest)[0] in ("Orphan", None), reason
    assert rights(manifest)[1] == OBSERVE_ONLY[1], reason
    assert manifest["metadata"]["annotations"]["crossplane.io/external-name"] == BASE
    assert manifest["spec"]["forProvider"] == {
        "region": "eu-west-2",
        "forceDelete": False,
    }


@UPBOUNDS
def test_it_is_managed_only_if_the_settings_say_so(provider: str) -> None:
    given: dict[str, Any] = {"adopt": "Manage", "repository": {"scanOnPush": True}}
    observed = existing(provider)
    observed["metadata"]["generation"] = 1
    observed["status"]["conditions"].append(
        {"type": "Synced", "status": "True", "observedGeneration": 1}
    )
    for deletion in ("OnlyCreated", "Always"):
        rsp = respond(provider, observed, deletion=deletion, **given)
        manifest = desired(rsp)["existingrepo"]
        assert rights(manifest)[1] == ["Observe", "Update"]
        assert rights(manifest)[0] in ("Orphan", None)
        assert manifest["spec"]["forProvider"]["forceDelete"] is False


@UPBOUNDS
def test_what_the_claim_says_about_it(provider: str) -> None:
    rsp = respond(provider, existing(provider), deletion="Always")
    (condition,) = rsp.conditions
    assert condition.reason == "Adopted"
    assert f"Adopted, not created by this claim: {BASE}. " in condition.message
    assert condition.message.endswith("Deleting the claim keeps adopted repositories")
    assert status(rsp)["repositories"]["existing"]["name"] == BASE
    details = rsp.desired.composite.connection_details
    if provider == CLUSTER:
        assert details["existingRepositoryUri"]

    rsp = respond(provider, existing(provider, conditions=[GONE]))
    (condition,) = rsp.conditions
    assert condition.reason == "Creating"
    assert condition.message.startswith(
        f"The repository {BASE} does not exist, or the provider cannot read it. No "
        "claim creates it: create it in ECR, or change spec.parameters.existingName"
    )
    assert rsp.desired.resources["existingrepo"].ready != fnv1.READY_TRUE

    message = respond(provider).conditions[0].message
    assert message == f"Waiting for the provider to find the repository {BASE}"


@UPBOUNDS
def test_with_always_only_the_others_are_deleted(provider: str) -> None:
    rsp = run(
        provider,
        live(provider, made=False),
        others={"existingrepo": existing(provider)},
        composite=using(provider),
        deletion="Always",
        **ALLOWED,
    )
    assert rights(desired(rsp)["imagerepo"])[1] == FULL[1]
    assert f"with all their images, but keeps {BASE}" in rsp.conditions[0].message


@UPBOUNDS
def test_another_claims_repository_is_taken(provider: str) -> None:
    theirs = existing(provider, uid="theirs", signature="theirs")
    composite = using(provider)
    composite["metadata"]["uid"] = "ours"
    label = "ecrrepos.fn.tap.vrabbi.cloud/repository"
    (first,) = [m for n, m in desired(respond(provider)).items() if n == "existingrepo"]
    theirs["metadata"]["labels"] = first["metadata"]["labels"]
    assert label in theirs["metadata"]["labels"]
    rsp = reconcile(
        provider,
        live(provider),
        objects=[theirs],
        composite=composite,
        **ALLOWED,
    )
    assert rsp.conditions[0].reason == "NameTaken"
    assert BASE in rsp.conditions[0].message
    assert "existingrepo" not in desired(rsp)


@UPBOUNDS
def test_it_is_released_when_the_claim_names_it_no_longer(provider: str) -> None:
    rsp = respond(provider, existing(provider), xr(provider))
    assert "existingrepo" not in desired(rsp), "the repository stays: it is Observe"
    deletable = existing(provider)
    deletable["spec"] |= {"managementPolicies": ["*"], "deletionPolicy": "Delete"}
    rsp = respond(provider, deletable, xr(provider))
    assert rights(desired(rsp)["existingrepo"])[1] == ["Observe"], "first its rights"


@UPBOUNDS
def test_a_refused_claim_keeps_no_rights_on_it(provider: str) -> None:
    observed = existing(provider, signature="ours")
    observed["spec"]["managementPolicies"] = ["*"]
    composite = using(provider)
    composite["spec"]["parameters"]["region"] = "Here"
    rsp = respond(provider, observed, composite)
    assert not is_fatal(rsp)
    assert rights(desired(rsp)["existingrepo"])[1] == ["Observe"]


@UPBOUNDS
def test_its_tag_of_another_composite_is_never_ours(provider: str) -> None:
    manifest = desired(respond(provider, existing(provider)))["existingrepo"]
    assert manifest["spec"]["initProvider"]["tags"] == {SIGNATURE: "ours"}


@pytest.mark.parametrize(
    ("name", "given", "reason", "said"),
    [
        (BASE, {}, "NotAllowed", "the platform allows no value"),
        (
            BASE,
            {"allow": {"existingNames": ["x/*"]}},
            "NotAllowed",
            'the platform allows only "x/*"',
        ),
        ("Team/Base", ALLOWED, "InvalidParameters", "ECR repository names contain"),
        ("", ALLOWED, "InvalidParameters", "must not be empty"),
        (5, ALLOWED, "InvalidParameters", "it must be a string"),
        ("a" * 257, ALLOWED, "InvalidParameters", "at most 256 characters"),
        (
            "tap/shop-default",
            {"allow": {"existingNames": ["*"]}},
            "InvalidParameters",
            "it is the name of another repository of this claim",
        ),
        (
            BASE,
            {**ALLOWED, "managementPolicies": False},
            "InvalidParameters",
            "it would remove its tags",
        ),
    ],
)
def test_a_name_that_is_wrong_or_not_allowed(
    name: Any, given: dict[str, Any], reason: str, said: str
) -> None:
    rsp = run(CLUSTER, composite=using(CLUSTER, name), **given)
    assert is_fatal(rsp)
    (condition,) = rsp.conditions
    assert condition.reason == reason
    assert "spec.parameters.existingName" in condition.message
    assert said in condition.message


def test_the_classic_api_refuses_it() -> None:
    rsp = run(CLASSIC, composite=using(CLASSIC), **ALLOWED)
    assert is_fatal(rsp)
    assert (
        f"provider {CLASSIC} cannot use an existing repository: it would remove its "
        "tags" in rsp.conditions[0].message
    )


def test_the_namespace_may_be_part_of_what_is_allowed() -> None:
    rsp = run(CLUSTER, composite=using(CLUSTER, "default/base"), **ALLOWED)
    assert not is_fatal(rsp)
    rsp = run(CLUSTER, composite=using(CLUSTER, "other/base"), **ALLOWED)
    assert rsp.conditions[0].reason == "NotAllowed"
