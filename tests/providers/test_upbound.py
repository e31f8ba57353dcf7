"""Upbound's providers: a tag proves who created a repository."""

from typing import Any

import pytest

from function.ecr.naming import RepositoryName
from function.ecr.options import NO_OPTIONS
from function.ecr.repository import DesiredRepository, ProviderConfig
from function.providers.registry import PROVIDERS
from tests.builders import (
    CLUSTER,
    FULL,
    NAME,
    NAMESPACED,
    OBSERVE_CREATE,
    OBSERVE_ONLY,
    READY,
    SIGNATURE,
    desired_image,
    live,
    rights,
    run,
    xr,
)


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("signature", "tags", "made", "reason"),
    [
        ("ours", {}, True, "ours signed it as it created it"),
        ("theirs", {}, False, "another cluster's composite did, or a past one"),
        ("", {}, False, "nobody did: it was there before, or was made by hand"),
        ("", {"crossplane-name": "x"}, False, "a name proves nothing"),
        ("ours", {"crossplane-name": "x"}, True, "a name is not needed"),
    ],
)
def test_creation_is_proven_by_the_composites_own_tag(
    provider: str, signature: str, tags: dict[str, str], reason: str, *, made: bool
) -> None:
    """The provider's record says only that it began to create (upjet)."""
    observed = live(provider, signature=signature)
    observed["metadata"]["name"] = "x"
    observed["spec"]["forProvider"]["tags"] = tags
    observed["status"]["atProvider"].setdefault("tags", {}).update(tags)
    rsp = run(provider, observed)
    assert rights(desired_image(rsp))[1] == (FULL if made else OBSERVE_ONLY)[1], reason
    assert rsp.conditions[0].reason == ("Available" if made else "Adopted")
    assert desired_image(rsp)["spec"]["initProvider"] == {"tags": {SIGNATURE: "ours"}}


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_the_tag_is_sent_at_creation_only(provider: str) -> None:
    """The spec's own tags are written onto whatever stands there."""
    repository = DesiredRepository(
        RepositoryName(NAME),
        "eu-west-2",
        ProviderConfig("aws"),
        options=NO_OPTIONS.model_copy(
            update={"tags": {SIGNATURE: "ours", "team": "a"}}
        ),
        composite_uid="ours",
    )
    spec = PROVIDERS[provider].repository_manifest(
        repository, management_policies=True
    )["spec"]
    assert spec["forProvider"]["tags"] == {"team": "a"}
    assert spec["initProvider"]["tags"] == {SIGNATURE: "ours"}


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_tag_that_the_provider_may_have_written_proves_nothing(
    provider: str,
) -> None:
    observed = live(provider)
    observed["spec"]["forProvider"]["tags"] = {SIGNATURE: "ours"}
    assert rights(desired_image(run(provider, observed)))[1] == OBSERVE_ONLY[1]


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("deletion", "want"),
    [
        ("OnlyCreated", ["Observe", "Create", "Update", "Delete"]),
        ("Never", ["Observe", "Create", "Update"]),
    ],
)
def test_a_provider_without_default_tags_never_copies_the_tag(
    provider: str, deletion: str, want: list[str]
) -> None:
    """With --skip-default-tags, LateInitialize fills spec.forProvider.tags from ECR.

    upjet, pkg/resource/lateinit.go, handleMap: where the spec has none. With the right
    to update, it would write our signature onto a repository that replaces ours.
    """
    observed = live(provider)
    observed["metadata"]["finalizers"] = ["finalizer.managedresource.crossplane.io"]
    del observed["spec"]["forProvider"]["tags"]
    rsp = run(provider, observed, deletion=deletion)
    assert rights(desired_image(rsp))[1] == want


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_an_xr_without_a_uid_sends_no_tag_and_proves_nothing(provider: str) -> None:
    composite = xr(provider)
    del composite["metadata"]["uid"]
    rsp = run(provider, live(provider, signature=""), composite=composite)
    manifest = desired_image(rsp)
    assert rights(manifest)[1] == OBSERVE_ONLY[1]
    assert "initProvider" not in manifest["spec"]


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_creation_that_has_only_started_earns_no_right(provider: str) -> None:
    observed = live(provider)
    observed["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    rsp = run(provider, observed)
    assert rights(desired_image(rsp))[1] == OBSERVE_CREATE[1]
    assert rsp.conditions[0].reason == "Creating"


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([{"type": "Synced", "status": "False", "message": "one"}], '"one"'),
        ([{"type": "LastAsyncOperation", "status": "False", "message": "two"}], "two"),
        (
            [
                {"type": "LastAsyncOperation", "status": "False", "message": "two"},
                {"type": "Synced", "status": "True"},
            ],
            "two",
        ),
        (
            [
                {"type": "LastAsyncOperation", "status": "False", "message": "two"},
                {"type": "Synced", "status": "False", "message": "one"},
            ],
            '"one"',
        ),
    ],
)
def test_the_providers_error_is_in_the_condition(
    provider: str, conditions: list[dict[str, str]], said: str
) -> None:
    rsp = run(provider, live(provider, conditions=conditions))
    assert said in rsp.conditions[0].message


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_the_tag_of_a_repository_that_is_gone_proves_nothing(provider: str) -> None:
    """The status is a past one, and what stands there next may be someone else's."""
    gone = {
        "type": "Synced",
        "status": "False",
        "message": "observe failed: external resource does not exist",
    }
    observed = live(provider, conditions=[READY, gone])
    assert rights(desired_image(run(provider, observed)))[1] == OBSERVE_CREATE[1]


def test_a_repository_has_one_resource_name_and_competitors_in_all_namespaces() -> None:
    one = desired_image(run(NAMESPACED, composite=same_repository("a-b", "c")))
    two = desired_image(run(NAMESPACED, composite=same_repository("a", "b-c")))
    assert one["metadata"]["annotations"] == two["metadata"]["annotations"]
    assert one["metadata"]["labels"] == two["metadata"]["labels"]
    assert one["metadata"]["name"] == two["metadata"]["name"]
    selector = run(NAMESPACED).requirements.resources["contenders-imagerepo"]
    assert not selector.HasField("namespace")


def same_repository(workload: str, namespace: str) -> dict[str, Any]:
    composite = xr(NAMESPACED, namespace)
    composite["spec"]["parameters"]["workloadName"] = workload
    return composite


def test_a_namespaced_provider_config_belongs_to_its_namespace() -> None:
    kind: dict[str, Any] = {"providerConfigKind": "ProviderConfig"}
    one = desired_image(run(NAMESPACED, composite=same_repository("a-b", "c"), **kind))
    two = desired_image(run(NAMESPACED, composite=same_repository("a", "b-c"), **kind))
    assert one["spec"]["providerConfigRef"] == {"name": "aws", "kind": "ProviderConfig"}
    assert one["metadata"]["labels"] != two["metadata"]["labels"]


# A repository that this composite adopted, as a person tagged it.

PERSONS_TAGS = {"team": "shop", "app.kubernetes.io/name": "shop"}
PROVIDERS_TAGS = {
    "crossplane-kind": "x",
    "crossplane-name": "y",
    "crossplane-providerconfig": "z",
}
MANAGED: dict[str, Any] = {
    "image": {"scanOnPush": True, "tags": {"team": "ours", "cost": "1"}}
}
UPDATES = ["Observe", "Update"]


def adopted(
    provider: str,
    *,
    protected: dict[str, str] | None = None,
    updates: bool = False,
    done: bool = False,
    observed: int | None = 2,
) -> dict[str, Any]:
    """Return an adopted repository's managed resource.

    Args:
        provider: The provider API.
        protected: The tags that its spec protects.
        updates: Whether the provider may update.
        done: Whether it has done so, with MANAGED.
        observed: The generation that the provider has reconciled.
    """
    synced: dict[str, Any] = {"type": "Synced", "status": "True"}
    if observed:
        synced["observedGeneration"] = observed
    found = live(provider, signature="theirs", conditions=[READY, synced])
    found["metadata"]["generation"] = 2
    spec = found["spec"]
    spec["managementPolicies"] = UPDATES if updates else ["Observe"]
    spec["initProvider"] = {"tags": {SIGNATURE: "ours", **(protected or {})}}
    spec["forProvider"]["tags"] = PROVIDERS_TAGS | ({"cost": "1"} if updates else {})
    found["status"]["atProvider"] |= {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilter": [
            {"filter": "dev-*", "filterType": "WILDCARD"}
        ],
        "imageScanningConfiguration": {"scanOnPush": done},
        "encryptionConfiguration": [{"encryptionType": "KMS", "kmsKey": "key"}],
        "tags": {SIGNATURE: "theirs", **PERSONS_TAGS, **PROVIDERS_TAGS}
        | ({"cost": "1"} if done else {}),
    }
    return found


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_an_update_of_an_adopted_repository_has_all_that_ecr_has(provider: str) -> None:
    observed = adopted(provider, protected=PERSONS_TAGS)
    rsp = run(provider, observed, adopt="Manage", **MANAGED)
    spec = desired_image(rsp)["spec"]
    assert spec["managementPolicies"] == UPDATES
    assert spec.get("deletionPolicy", "Orphan") == "Orphan"
    assert spec["forProvider"] == {
        "region": "eu-west-2",
        "forceDelete": False,
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilter": [
            {"filter": "dev-*", "filterType": "WILDCARD"}
        ],
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": [{"encryptionType": "KMS", "kmsKey": "key"}],
        "tags": {"cost": "1"},
    }
    assert spec["initProvider"] == {"tags": {SIGNATURE: "ours", **PERSONS_TAGS}}
    (condition,) = rsp.conditions
    assert condition.reason == "Adopted"
    assert "The options apply to them too (`adopt: Manage`)" in condition.message


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("state", "updates", "protects", "reason"),
    [
        ({}, False, True, "first the spec protects the tags"),
        ({"protected": {"team": "shop"}}, False, True, "and all of them"),
        ({"protected": PERSONS_TAGS, "observed": 1}, False, True, "not seen yet"),
        ({"protected": PERSONS_TAGS}, True, True, "nothing else was found"),
        ({"protected": PERSONS_TAGS, "updates": True}, True, True, "ECR has it not"),
        (
            {
                "protected": PERSONS_TAGS,
                "updates": True,
                "done": True,
                "observed": None,
            },
            True,
            True,
            "its update has ended, and it has not looked at ECR since",
        ),
        (
            {"protected": PERSONS_TAGS, "updates": True, "done": True},
            False,
            False,
            "the update is done",
        ),
        ({"done": True}, False, False, "ECR has everything"),
    ],
)
def test_the_right_to_update_an_adopted_repository_ends(
    provider: str, state: dict[str, Any], reason: str, *, updates: bool, protects: bool
) -> None:
    observed = adopted(provider, **state)
    spec = desired_image(run(provider, observed, adopt="Manage", **MANAGED))["spec"]
    assert spec["managementPolicies"] == (UPDATES if updates else ["Observe"]), reason
    assert spec["initProvider"]["tags"] == (
        {SIGNATURE: "ours", **(PERSONS_TAGS if protects else {})}
    ), reason
    if not updates:
        assert spec["forProvider"] == {"region": "eu-west-2", "forceDelete": False}


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({}, OBSERVE_ONLY[1]),
        ({"adopt": "Manage"}, UPDATES),
        ({"adopt": "Manage", "deletion": "Never"}, UPDATES),
        ({"adopt": "Manage", "deletion": "Always"}, FULL[1]),
    ],
)
def test_only_adopt_and_always_give_rights_to_an_adopted_repository(
    provider: str, given: dict[str, Any], want: list[str]
) -> None:
    observed = adopted(provider, protected=PERSONS_TAGS)
    assert rights(desired_image(run(provider, observed, **given, **MANAGED)))[1] == want


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_repository_of_another_claim_is_not_managed(provider: str) -> None:
    rsp = run(
        provider,
        adopted(provider, protected=PERSONS_TAGS),
        competitors=[live(provider, uid="theirs")],
        adopt="Manage",
        **MANAGED,
    )
    assert rsp.conditions[0].reason == "NameTaken"
    assert rights(desired_image(rsp))[1] == OBSERVE_ONLY[1]
