"""A refused claim loses the rights that it has not earned, and nothing else."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    FULL,
    LIFECYCLE,
    NAMESPACED,
    OBSERVE_ONLY,
    OPTIONS,
    ORPHAN_ON_DELETE,
    PERMISSIONS,
    POLICIES,
    desired,
    is_fatal,
    live,
    live_policies,
    reconcile,
    rights,
    run,
    with_full_rights,
    xr,
)

ALL_OPTIONS = OPTIONS["all that every provider has"]


def refused(provider: str, **parameters: Any) -> dict[str, Any]:
    composite = xr(provider)
    composite["spec"]["parameters"] |= parameters or {"region": "Here"}
    return composite


@pytest.mark.parametrize("provider", APIS)
def test_never_removes_only_the_right_to_delete(provider: str) -> None:
    image = with_full_rights(provider, ALL_OPTIONS)
    others = live_policies(provider, POLICIES)
    given: dict[str, Any] = {"deletion": "Never", "repository": ALL_OPTIONS}
    before = desired(run(provider, image, others=others, **given))["imagerepo"]
    rsp = run(provider, image, others=others, composite=refused(provider), **given)
    assert not is_fatal(rsp)
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, "InvalidParameters")
    assert "spec.parameters.region" in c.message
    assert [r.message for r in rsp.results] == [c.message]
    got = desired(rsp)
    assert set(got) == {"imagerepo", LIFECYCLE, PERMISSIONS}, (
        "what is missing would be deleted"
    )
    assert got["imagerepo"] == before, "as if the claim were not refused"
    for name in (LIFECYCLE, PERMISSIONS):
        assert got[name]["spec"] == others[name]["spec"]
    assert {r.ready for r in rsp.desired.resources.values()} == {fnv1.READY_TRUE}
    status = resource.struct_to_dict(rsp.desired.composite.resource)["status"]
    assert status["repositories"]["image"]["uri"] == "host/tap/shop-default"
    assert rsp.desired.composite.connection_details["imageRepositoryUri"]

    image["spec"] |= got["imagerepo"]["spec"]
    again = run(provider, image, others=others, composite=refused(provider), **given)
    assert is_fatal(again), "nothing is left to take, so Crossplane changes nothing"
    assert not again.desired.resources
    assert again.conditions[0].message == c.message


def theirs(provider: str) -> dict[str, Any]:
    return live(provider, uid="theirs")


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("what", "deletion", "want"),
    [
        ("replaced", "OnlyCreated", OBSERVE_ONLY),
        ("replaced", "Never", OBSERVE_ONLY),
        ("replaced", "Always", FULL),
        ("another's", "OnlyCreated", OBSERVE_ONLY),
        ("another's", "Always", OBSERVE_ONLY),
        ("created", "OnlyCreated", FULL),
        ("created", "Always", FULL),
        ("created", "Never", ORPHAN_ON_DELETE),
        ("created", "WhenEmpty", ORPHAN_ON_DELETE),
    ],
)
def test_a_refused_claim_keeps_what_it_has_earned(
    provider: str, what: str, deletion: str, want: tuple[str, list[str]]
) -> None:
    image = with_full_rights(provider)
    if what != "created":
        at = image["status"]["atProvider"]
        if provider == CLASSIC:
            at["createdAt"] = "2026-01-02T00:00:00Z"
        else:
            at["tags"] = {"function-ecr-repos/created-by": "theirs"}
    competitors = [theirs(provider)] if what == "another's" else []
    rsp = run(
        provider,
        image,
        competitors=competitors,
        composite=refused(provider),
        deletion=deletion,
        managementPolicies=True,
    )
    if want is FULL:
        rsp = reconcile(
            provider,
            image,
            composite=refused(provider),
            deletion=deletion,
            managementPolicies=True,
        )
        assert is_fatal(rsp)
        assert not rsp.desired.resources
        return
    got = desired(rsp)["imagerepo"]
    assert rights(got)[0] == (want[0] if APIS[provider].has_deletion_policy else None)
    assert rights(got)[1] == want[1]
    assert not is_fatal(rsp)
    assert rsp.conditions[0].reason == "InvalidParameters"
    if what == "another's":
        assert "host" not in str(rsp.desired.composite)


@pytest.mark.parametrize("provider", APIS)
def test_competitors_are_required_before_an_adopted_repository_is_kept(
    provider: str,
) -> None:
    """On a fatal result Crossplane would fetch nothing."""
    image = live(provider, made=False)
    image["spec"] = with_full_rights(provider)["spec"]
    wrong = refused(provider)
    rsp = run(provider, image, composite=wrong, deletion="Always", required=False)
    assert not is_fatal(rsp)
    assert "contenders-imagerepo" in rsp.requirements.resources
    assert rights(desired(rsp)["imagerepo"]) == rights(image)


@pytest.mark.parametrize("provider", APIS)
def test_the_requirements_of_a_refused_claim_settle(provider: str) -> None:
    """Crossplane gives up if they depend on what it has sent (v2.4.2, xfn)."""
    image = live(provider, made=False)
    image["spec"] = with_full_rights(provider)["spec"]
    first, second = (
        run(
            provider,
            image,
            competitors=[theirs(provider)],
            required=required,
            composite=refused(provider),
            deletion="Always",
            managementPolicies=True,
        )
        for required in (False, True)
    )
    for rsp in (first, second):
        assert "contenders-imagerepo" in rsp.requirements.resources
    assert rights(desired(second)["imagerepo"])[1] == ["Observe"]


@pytest.mark.parametrize("provider", APIS)
def test_a_refused_claim_never_gets_more_rights(provider: str) -> None:
    rsp = run(provider, live(provider), composite=refused(provider))
    assert is_fatal(rsp), "it created its repository, and has not been given it yet"


@pytest.mark.parametrize("provider", APIS)
def test_the_policies_of_a_replaced_repository_are_removed(provider: str) -> None:
    image = with_full_rights(provider)
    at = image["status"]["atProvider"]
    at["createdAt"] = "2026-01-02T00:00:00Z"
    at["tags"] = {}
    others = live_policies(provider, POLICIES, deletable=True)
    rsp = run(provider, image, others=others, composite=refused(provider))
    assert set(desired(rsp)) == {"imagerepo"}
    others = live_policies(provider, POLICIES, deletable=False)
    rsp = run(provider, image, others=others, composite=refused(provider))
    assert set(desired(rsp)) == {"imagerepo", LIFECYCLE, PERMISSIONS}, (
        "first the right to delete"
    )
    assert set(map(str, (rights(m)[0] for m in desired(rsp).values()))) <= {
        *("Orphan", "Delete", "None")
    }


@pytest.mark.parametrize(
    ("composite", "given", "reason"),
    [
        (refused(CLUSTER), {}, "InvalidParameters"),
        (refused(CLUSTER, region=5), {}, "InvalidParameters"),
        (xr(CLUSTER), {"allow": {"regions": []}}, "NotAllowed"),
        (refused(CLUSTER, repository={"tags": {}}), {}, "NotAllowed"),
        (xr(CLUSTER) | {"spec": {"parameters": "x"}}, {}, "InvalidParameters"),
    ],
)
def test_rights_are_reduced_whatever_the_reason(
    composite: dict[str, Any], given: dict[str, Any], reason: str
) -> None:
    rsp = run(
        CLUSTER,
        with_full_rights(CLUSTER),
        composite=composite,
        deletion="Never",
        **given,
    )
    assert not is_fatal(rsp)
    assert rsp.conditions[0].reason == reason
    assert rights(desired(rsp)["imagerepo"]) == ORPHAN_ON_DELETE


@pytest.mark.parametrize("given", [{"bundel": True}, {"repository": {"x": 1}}])
def test_a_broken_input_stays_fatal(given: dict[str, Any]) -> None:
    rsp = run(CLUSTER, with_full_rights(CLUSTER), deletion="Never", **given)
    assert is_fatal(rsp), "what it says of deletion is not known"


def test_both_repositories_and_the_connection_details_are_kept() -> None:
    connection = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-repositories", "uid": "x", "labels": {"a": "b"}},
        "type": "connection.crossplane.io/v1alpha1",
        "data": {"region": "ZXUtd2VzdC0y"},
    }
    bundle = with_full_rights(NAMESPACED)
    bundle["metadata"]["annotations"]["crossplane.io/external-name"] += "-bundle"
    rsp = run(
        NAMESPACED,
        with_full_rights(NAMESPACED),
        others={"bundlerepo": bundle, "connection": connection},
        composite=refused(NAMESPACED),
        deletion="Never",
        connection={"kind": "Secret"},
    )
    got = desired(rsp)
    assert set(got) == {"imagerepo", "bundlerepo", "connection"}
    assert {tuple(rights(got[n])[1] or ()) for n in ("imagerepo", "bundlerepo")} == {
        tuple(ORPHAN_ON_DELETE[1])
    }
    connection["metadata"] = {"name": "shop-repositories"}
    assert got["connection"] == connection


def test_what_the_function_recorded_stays_recorded() -> None:
    image = with_full_rights(CLASSIC)
    marks = {
        "crossplane.io/external-create-failed": "2026-01-01T00:00:00Z",
        "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned": "2026-01-01T00:00:00Z",
    }
    image["metadata"]["annotations"] |= marks
    rsp = run(CLASSIC, image, composite=refused(CLASSIC), deletion="Never")
    told = desired(rsp)["imagerepo"]["metadata"]["annotations"]
    assert told.items() >= marks.items()


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_refused_claim_does_not_update_what_it_adopted(provider: str) -> None:
    """Its spec does not follow ECR any more: it would remove new tags for ever."""
    image = live(provider, made=False)
    image["spec"]["managementPolicies"] = ["Observe", "Update"]
    image["spec"]["forProvider"]["tags"] = {"team": "shop", "crossplane-name": "x"}
    others = live_policies(provider, POLICIES, deletable=True)
    rsp = reconcile_refused(provider, image, others)
    got = desired(rsp)
    assert rights(got["imagerepo"])[1] == ["Observe"]
    assert "tags" not in got["imagerepo"]["spec"]["forProvider"]
    for name in (LIFECYCLE, PERMISSIONS):
        assert got[name]["spec"] == others[name]["spec"], "the policies stay"
    assert rsp.conditions[0].reason == "InvalidParameters"


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_refused_claim_keeps_the_policies_of_what_it_adopted(provider: str) -> None:
    image = live(provider, made=False)
    image["spec"]["managementPolicies"] = ["Observe"]
    others = live_policies(provider, POLICIES, deletable=True)
    assert is_fatal(reconcile_refused(provider, image, others)), "nothing changes"


def reconcile_refused(
    provider: str, image: dict[str, Any], others: dict[str, Any]
) -> fnv1.RunFunctionResponse:
    """Return the response to a refused claim, under `adopt: Manage`."""
    return run(
        provider,
        image,
        others=others,
        competitors=[],
        composite=refused(provider),
        adopt="Manage",
        repository=POLICIES,
    )
