"""A repository's policies: when they are created and removed."""

from typing import Any

import pytest
from crossplane.function import resource

from function.ecr.naming import RepositoryName
from function.ecr.options import RepositoryOptions
from function.ecr.policies import PolicyKind, desired_policy
from function.ecr.repository import (
    DesiredRepository,
    ProviderConfig,
    ProviderRights,
)
from function.providers.registry import DEFAULT
from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    LIFECYCLE,
    NAMESPACED,
    OPTIONS,
    PERMISSIONS,
    POLICIES,
    live,
    live_policies,
    run,
)

BUNDLE = DesiredRepository(
    RepositoryName("t/x-bundle"), "eu-west-2", ProviderConfig("p")
)


@pytest.mark.parametrize(
    ("rights", "want", "reason"),
    [
        (
            ProviderRights.OBSERVE_ONLY,
            False,
            "it was adopted, or belongs to another claim",
        ),
        (
            ProviderRights.OBSERVE_CREATE,
            False,
            "nothing is known to have created it yet",
        ),
        (ProviderRights.ORPHAN_ON_DELETE, True, "it may be changed"),
        (ProviderRights.FULL, True, "it may be changed and deleted"),
    ],
)
def test_only_a_repository_that_may_be_changed_gets_a_policy(
    rights: ProviderRights, *, want: bool, reason: str
) -> None:
    options = RepositoryOptions.model_validate({"lifecycle": {"keepLast": 1}})
    repository = BUNDLE._replace(options=options, rights=rights)
    attached = desired_policy(
        DEFAULT, PolicyKind.LIFECYCLE, repository, None, exists=True
    )
    assert (attached is not None) is want, reason


def goes(manifest: dict[str, Any]) -> bool:
    """Whether a policy is deleted from ECR with its resource."""
    spec = manifest["spec"]
    actions: list[str] = spec.get("managementPolicies", ["*"])
    return spec.get("deletionPolicy") != "Orphan" and actions == ["*"]


@pytest.mark.parametrize(
    ("provider", "made", "now", "was_deletable", "want", "reason"),
    [
        (
            CLASSIC,
            True,
            POLICIES,
            None,
            {LIFECYCLE: False, PERMISSIONS: True},
            "as asked",
        ),
        (
            CLUSTER,
            True,
            POLICIES,
            None,
            {LIFECYCLE: True, PERMISSIONS: True},
            "as asked",
        ),
        (CLASSIC, True, {}, None, {LIFECYCLE: True}, "to be deleted, and then let go"),
        (CLASSIC, True, {}, True, {}, "let go, and deleted"),
        (CLUSTER, True, {}, None, {}, "let go, and deleted"),
        (
            CLASSIC,
            True,
            OPTIONS["lifecycle"],
            None,
            {LIFECYCLE: False},
            "the classic provider changes a text",
        ),
        (
            CLUSTER,
            True,
            OPTIONS["lifecycle"],
            None,
            {},
            "it is created again once it is gone",
        ),
        (
            NAMESPACED,
            True,
            OPTIONS["permissions"],
            None,
            {PERMISSIONS: True},
            "Upbound's changes who may pull",
        ),
        (
            CLASSIC,
            False,
            POLICIES,
            None,
            {LIFECYCLE: True},
            "not ours any more: removed",
        ),
        (CLASSIC, False, POLICIES, True, {}, "let go, and deleted"),
        (NAMESPACED, False, POLICIES, None, {}, "not ours any more: removed"),
        (CLUSTER, False, {}, None, {}, "whatever the claim requests"),
        (
            NAMESPACED,
            False,
            POLICIES,
            False,
            {LIFECYCLE: True, PERMISSIONS: True},
            "first the right",
        ),
    ],
)
def test_live_policies_that_are_kept_or_removed(
    provider: str,
    now: dict[str, Any],
    was_deletable: bool | None,
    want: dict[str, bool],
    reason: str,
    *,
    made: bool,
) -> None:
    found = live_policies(provider, POLICIES, deletable=was_deletable)
    rsp = run(provider, live(provider, made=made), others=found, repository=now)
    got = {
        name: goes(resource.struct_to_dict(r.resource))
        for name, r in rsp.desired.resources.items()
        if name != "imagerepo"
    }
    assert got == want, reason


@pytest.mark.parametrize("provider", APIS)
def test_the_policy_of_a_replaced_repository_is_removed(provider: str) -> None:
    """Its controller may have set it earlier, and it would expire foreign images."""
    found = live_policies(provider, POLICIES, deletable=True)
    replaced = live(provider, signature="theirs")
    if provider == CLASSIC:
        replaced["status"]["atProvider"]["createdAt"] = "2026-01-02T00:00:00Z"
    rsp = run(provider, replaced, others=found, repository=POLICIES)
    assert rsp.conditions[0].reason == "Adopted"
    assert set(rsp.desired.resources) == {"imagerepo"}, "Crossplane deletes the rest"


def test_the_policy_of_a_repository_that_is_gone_is_released() -> None:
    """The classic provider could not delete its resource."""
    found = live_policies(CLASSIC, POLICIES)
    gone = live(CLASSIC)
    del gone["status"]
    rsp = run(CLASSIC, gone, others=found, repository=POLICIES)
    assert set(rsp.desired.resources) == {"imagerepo"}


def test_a_bundle_is_released_after_its_policies() -> None:
    lost: dict[str, Any] = {"competitors": [live(CLASSIC, uid="theirs")]}
    names = {
        f"bundlerepo-{name.partition('-')[2]}": name
        for name in (LIFECYCLE, PERMISSIONS)
    }
    found = live_policies(CLASSIC, POLICIES)
    bundle = live(CLASSIC)
    bundle["spec"]["deletionPolicy"] = "Delete"
    bundle["spec"]["forProvider"]["forceDelete"] = False
    others = {ours: found[theirs] for ours, theirs in names.items()}
    seen = []
    for _ in range(3):
        rsp = run(
            CLASSIC,
            live(CLASSIC, made=False),
            bundle=True,
            others={"bundlerepo": bundle, **others},
            repository=POLICIES,
            **lost,
        )
        seen.append(set(rsp.desired.resources) - {"imagerepo"})
        others = {k: m for k, m in others.items() if k in rsp.desired.resources}
        for name, manifest in others.items():
            manifest["spec"] = resource.struct_to_dict(
                rsp.desired.resources[name].resource
            )["spec"]
    assert seen == [{"bundlerepo", "bundlerepo-lifecycle"}, {"bundlerepo"}, set()]
