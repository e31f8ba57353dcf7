"""What a new repository has so that its provider adds nothing."""

from typing import Any

import pytest

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    EXCLUSION,
    NAME,
    OBSERVE_CREATE,
    OBSERVE_ONLY,
    additions,
    desired_image,
    live,
    rights,
    run,
    sent_for_provider,
)

UPBOUND = [provider for provider in APIS if provider != CLASSIC]
SYNCED = {"type": "Synced", "status": "True"}
STARTED = {"crossplane.io/external-create-pending": "2026-01-01T00:00:00Z"}
DEFAULTS = {
    "imageTagMutability",
    "imageScanningConfiguration",
    "encryptionConfiguration",
}


@pytest.mark.parametrize("provider", UPBOUND)
def test_a_new_repository_has_them_and_keeps_them(provider: str) -> None:
    """Otherwise the provider would write twice more, into a spec that we also write."""
    new = desired_image(run(provider))
    want = {"region": "eu-west-2", "forceDelete": True, **additions(new)}
    assert new["spec"]["forProvider"] == want
    for observed in (live(provider), live(provider, conditions=[])):
        observed["spec"] |= new["spec"]
        assert sent_for_provider(run(provider, observed)) == want


@pytest.mark.parametrize("provider", APIS)
def test_a_repository_that_was_found_gets_none(provider: str) -> None:
    """It may have other values, and with `Always` the provider would apply these."""
    for deletion in ("OnlyCreated", "Always"):
        observed = live(provider, made=False)
        found = sent_for_provider(run(provider, observed, deletion=deletion))
        assert not found.keys() & {*DEFAULTS, "tags"}, deletion


@pytest.mark.parametrize("provider", UPBOUND)
@pytest.mark.parametrize(
    ("annotations", "conditions", "found", "reason"),
    [
        ({}, [], False, "the provider has not reconciled it"),
        ({}, [SYNCED], True, "it would have tried to create it"),
        (STARTED, [SYNCED], False, "it creates it"),
        ({}, [{**SYNCED, "status": "False"}], False, "it could not ask ECR"),
    ],
)
def test_a_repository_that_is_there_before_the_status_says_so_gets_none(
    provider: str,
    annotations: dict[str, str],
    conditions: list[dict[str, str]],
    reason: str,
    *,
    found: bool,
) -> None:
    """The change of the spec makes the provider look again, and fill in the status."""
    observed = live(provider, conditions=conditions)
    observed["metadata"]["annotations"] = {
        "crossplane.io/external-name": NAME,
        **annotations,
    }
    observed["status"].pop("atProvider")
    manifest = desired_image(run(provider, observed))
    assert rights(manifest)[1] == OBSERVE_CREATE[1]
    added = manifest["spec"]["forProvider"].keys() & {*DEFAULTS, "tags"}
    assert added == (set() if found else {*DEFAULTS, "tags"}), reason


CREATES = {"type": "Ready", "status": "False", "reason": "Creating"}
ECR_DEFAULTS = {
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": False},
}
FILLED_IN = {
    "imageTagMutability": "IMMUTABLE",
    "imageScanningConfiguration": {"scanOnPush": True},
}


@pytest.mark.parametrize(
    ("made", "conditions", "spec", "want", "reason"),
    [
        (True, [CREATES], {}, ECR_DEFAULTS, "just created, with ECR's defaults"),
        (True, [CREATES], FILLED_IN, FILLED_IN, "the provider was faster"),
        (
            True,
            None,
            FILLED_IN,
            FILLED_IN,
            "what we gave up, the provider writes again",
        ),
        (True, None, {}, {}, "it may have changed in ECR since it was created"),
        (False, [CREATES], {}, {}, "nothing proves yet who created it"),
        (False, None, FILLED_IN, {}, "it was there before"),
    ],
)
def test_the_classic_provider_gets_them_with_the_rights(
    made: bool,
    conditions: list[dict[str, str]] | None,
    spec: dict[str, Any],
    want: dict[str, Any],
    reason: str,
) -> None:
    """It applies options to what it finds. So they wait for the proof, as rights do."""
    observed = live(CLASSIC, made=made, conditions=conditions)
    if conditions:
        observed["status"].pop("atProvider")
    observed["spec"]["forProvider"] |= spec
    manifest = desired_image(run(CLASSIC, observed))
    sent = manifest["spec"]["forProvider"]
    assert {key: sent[key] for key in sent.keys() & DEFAULTS} == want, reason
    assert rights(manifest)[0] == ("Delete" if made else "Orphan"), reason


def test_an_option_that_is_requested_leaves_the_others_defaults() -> None:
    observed = live(CLASSIC, conditions=[CREATES])
    observed["status"].pop("atProvider")
    requested = {"imageTagMutability": "IMMUTABLE"}
    sent = sent_for_provider(run(CLASSIC, observed, repository=requested))
    assert {key: sent[key] for key in ECR_DEFAULTS} == ECR_DEFAULTS | requested


def test_a_provider_that_would_write_them_onto_what_it_finds_gets_none() -> None:
    sent = sent_for_provider(run(CLUSTER, managementPolicies=False))
    assert not sent.keys() & {*DEFAULTS, "tags"}


@pytest.mark.parametrize("provider", UPBOUND)
def test_what_only_observes_has_no_tags_of_the_provider(provider: str) -> None:
    """The provider adds none either."""
    observed = live(provider, made=False)
    manifest = desired_image(run(provider, observed))
    assert rights(manifest)[1] == OBSERVE_ONLY[1]
    assert "tags" not in manifest["spec"]["forProvider"]


@pytest.mark.parametrize("provider", UPBOUND)
@pytest.mark.parametrize(
    "options",
    [
        {**EXCLUSION, "scanOnPush": True},
        {"encryption": {"type": "KMS", "kmsKey": "arn:aws:kms:x:1:key/k"}},
    ],
    ids=str,
)
def test_an_option_that_nobody_requests_any_more_stays(
    provider: str, options: dict[str, Any]
) -> None:
    before = desired_image(run(provider, repository=options))
    observed = live(provider)
    observed["spec"] |= before["spec"]
    after = sent_for_provider(run(provider, observed))
    assert after == before["spec"]["forProvider"]


@pytest.mark.parametrize("provider", UPBOUND)
def test_requested_options_win(provider: str) -> None:
    observed = live(provider)
    sent = sent_for_provider(
        run(provider, observed, repository={**EXCLUSION, "scanOnPush": True})
    )
    assert sent["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert sent["imageScanningConfiguration"] == {"scanOnPush": True}
    observed["spec"]["forProvider"] = sent
    sent = sent_for_provider(
        run(provider, observed, repository={"imageTagMutability": "IMMUTABLE"})
    )
    assert sent["imageTagMutability"] == "IMMUTABLE"
    assert "imageTagMutabilityExclusionFilter" not in sent
