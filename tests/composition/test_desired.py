"""The desired state: rights, and which repositories are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.composition.desired import decide
from function.composition.observed import observe
from function.composition.response import respond
from function.composition.ttl import SETTLING_SECONDS, SETTLING_TAKES
from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    FULL,
    INPUT,
    NAME,
    NAMESPACED,
    OBSERVE_ONLY,
    ORPHAN_ON_DELETE,
    RECIPE_NAME,
    Json,
    call,
    desired,
    desired_image,
    is_fatal,
    live,
    recipe_both,
    recipe_competitor,
    recipe_observed,
    recipe_xr,
    request,
    rights,
    run,
    with_full_rights,
    xr,
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
        (True, "WhenEmpty", ORPHAN_ON_DELETE, "it would still delete images"),
        (False, "OnlyCreated", OBSERVE_ONLY, "it was there before"),
        (False, "Never", OBSERVE_ONLY, "it was there before"),
        (False, "WhenEmpty", OBSERVE_ONLY, "it was there before"),
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


@pytest.mark.parametrize("provider", APIS)
def test_under_when_empty_the_right_to_delete_waits_for_the_provider(
    provider: str,
) -> None:
    image = with_full_rights(provider)
    at_provider = image["status"]["atProvider"]

    def decide() -> tuple[str | None, list[str] | None]:
        """Apply the response, and return the rights in it."""
        given: Json = {"deletion": "WhenEmpty", "repository": {"forceDelete": True}}
        rsp = run(provider, image, managementPolicies=True, **given)
        got = desired(rsp)["imagerepo"]
        assert got["spec"]["forProvider"]["forceDelete"] is False
        image["spec"] |= got["spec"]
        return rights(got)

    def want(of: tuple[str, list[str]]) -> tuple[str | None, list[str]]:
        return of[0] if APIS[provider].has_deletion_policy else None, of[1]

    at_provider["forceDelete"] = True
    assert decide() == want(ORPHAN_ON_DELETE)
    if provider != CLASSIC:
        assert decide() == want(ORPHAN_ON_DELETE), "it has not applied that yet"
    at_provider["forceDelete"] = False
    assert decide() == want(FULL)
    assert decide() == want(FULL)


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


# A new claim: what its XR says changes once, when all of its repositories are there.

EVERY_PROVIDER = (CLASSIC, CLUSTER, NAMESPACED)
BOTH = {"imagerepo": NAME, "bundlerepo": f"{NAME}-bundle"}
DENIED = {"type": "Synced", "status": "False", "message": "AccessDenied"}


def new_composite(provider: str, status: Json | None = None, **metadata: str) -> Json:
    """Return an XR as Crossplane sends it: with a creation time."""
    found = xr(provider)
    found["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z"} | metadata
    return {**found, **({"status": status} if status else {})}


def one_of_both(provider: str, name: str, *, there: bool) -> Json:
    """Return a managed resource that was created, or that is being created."""
    found = live(provider)
    found["metadata"]["annotations"]["crossplane.io/external-name"] = BOTH[name]
    if not there:
        found["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    return found


def response(provider: str, composite: Json, **there: bool) -> fnv1.RunFunctionResponse:
    """Return the response for repositories that are there, or are being created."""
    observed = {
        name: {"resource": one_of_both(provider, name, there=each)}
        for name, each in there.items()
    }
    step = {**INPUT, "provider": provider}
    return call(request(composite, observed=observed, input=step))


def said(rsp: fnv1.RunFunctionResponse) -> tuple[Any, ...]:
    """Return everything that changes the XR itself."""
    (condition,) = rsp.conditions
    found = rsp.desired.composite
    return (
        (condition.status, condition.reason, condition.message),
        resource.struct_to_dict(found.resource),
        dict(found.connection_details),
        found.ready,
    )


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_nothing_changes_until_all_repositories_are_there(provider: str) -> None:
    new = new_composite(provider)
    steps: list[dict[str, bool]] = [
        {},
        {"imagerepo": False, "bundlerepo": False},
        {"imagerepo": True, "bundlerepo": False},
        {"imagerepo": False, "bundlerepo": True},
    ]
    first, *later = [said(response(provider, new, **step)) for step in steps]
    condition, status, details, ready = first
    assert condition[1:] == (
        "Creating",
        f"Waiting for the provider to create {NAME}, {NAME}-bundle",
    )
    assert (status, details) == ({}, {})
    assert ready == fnv1.READY_FALSE, "else Crossplane names the unready resources"
    assert later == [first] * 3

    rsp = response(provider, new, imagerepo=True, bundlerepo=True)
    condition, status, details, ready = said(rsp)
    assert condition[1] == "Available"
    assert {*status["status"]["repositories"]} == {"image", "bundle"}
    assert all(each["uri"] for each in status["status"]["repositories"].values())
    assert bool(details)
    assert ready == fnv1.READY_UNSPECIFIED
    assert {each.ready for each in rsp.desired.resources.values()} == {fnv1.READY_TRUE}


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_what_is_there_is_reported_if_the_rest_has_a_problem(provider: str) -> None:
    observed = {
        name: {"resource": one_of_both(provider, name, there=name == "imagerepo")}
        for name in BOTH
    }
    observed["bundlerepo"]["resource"]["status"]["conditions"].append(DENIED)
    step = {**INPUT, "provider": provider}
    rsp = call(request(new_composite(provider), observed=observed, input=step))
    (_, _, message), status, details, ready = said(rsp)
    assert message.startswith(f"Waiting for the provider to create {NAME}-bundle. ")
    assert "uri" in status["status"]["repositories"]["image"]
    assert "imageRepositoryUri" in details
    assert ready == fnv1.READY_UNSPECIFIED


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (
            new_composite(CLASSIC, {"repositories": {"image": {"name": NAME}}}),
            "what was reported stays: server-side apply would remove it",
        ),
        (
            new_composite(CLASSIC, creationTimestamp=""),
            "nothing follows for an XR in a file",
        ),
    ],
    ids=["reported", "file"],
)
def test_another_xr_reports_what_is_there(known: Json, reason: str) -> None:
    rsp = response(CLASSIC, known, imagerepo=True, bundlerepo=False)
    (_, _, message), status, details, ready = said(rsp)
    assert message == f"Waiting for the provider to create {NAME}-bundle"
    assert "uri" in status["status"]["repositories"]["image"], reason
    assert "imageRepositoryUri" in details
    assert ready == fnv1.READY_UNSPECIFIED


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
@pytest.mark.parametrize(
    ("seconds", "there", "problem", "status", "want", "reason"),
    [
        (1, {}, False, {}, False, "it takes seconds"),
        (1, {"imagerepo": True, "bundlerepo": False}, False, {}, False, "so it does"),
        (6, {}, False, {}, True, "it takes longer, and nobody knows how long"),
        (-6, {}, False, {}, True, "the clocks differ"),
        (1, {"imagerepo": True, "bundlerepo": False}, True, {}, True, "ECR refuses"),
        (6, {"imagerepo": True, "bundlerepo": True}, False, {}, True, "all are there"),
        (1, {}, False, {"repositories": {"image": {"name": NAME}}}, True, "not new"),
    ],
)
def test_a_claim_is_told_what_will_not_change_within_seconds(
    provider: str,
    seconds: int,
    there: dict[str, bool],
    status: Json,
    reason: str,
    *,
    problem: bool,
    want: bool,
) -> None:
    """Each change of a claim makes Crossplane reconcile it again."""
    observed = {
        name: {"resource": one_of_both(provider, name, there=each)}
        for name, each in there.items()
    }
    if problem:
        observed["bundlerepo"]["resource"]["status"]["conditions"].append(DENIED)
    req = request(
        new_composite(provider, status),
        observed=observed,
        input={**INPUT, "provider": provider},
    )
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    rsp = respond(req, decide(observe(req, now)))
    told = rsp.conditions[0].target == fnv1.TARGET_COMPOSITE_AND_CLAIM
    assert told == want, reason
    assert (rsp.meta.ttl.seconds == SETTLING_SECONDS) == (not want)


# What the XR has when its URIs are published, and when it said that it is ready.
PUBLISHED: Json = {"repositories": {"image": {"name": NAME}}}
SAID: Json = {"conditions": [{"type": "RepositoriesReady", "status": "True"}]}
BY_ANOTHER: Json = {"conditions": [{"type": "Ready", "status": "True"}]}


def response_after(
    seconds: int, provider: str, status: Json, seen: int | None
) -> fnv1.RunFunctionResponse:
    """Return the response so long after the XR's creation; both repositories are ready.

    Args:
        seconds: How long.
        provider: The provider's API.
        status: The XR's status.
        seen: The generation of the managed resources that the provider says that it has
            seen, of 3.
    """
    observed = {}
    for name in BOTH:
        managed = one_of_both(provider, name, there=True)
        managed["metadata"]["generation"] = 3
        synced: Json = {"type": "Synced", "status": "True"}
        if seen is not None:
            synced["observedGeneration"] = seen
        managed["status"]["conditions"].append(synced)
        observed[name] = {"resource": managed}
    composite = new_composite(provider, status)
    step = {**INPUT, "provider": provider}
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    req = request(composite, observed=observed, input=step)
    return respond(req, decide(observe(req, now)))


@pytest.mark.parametrize(
    ("provider", "seconds", "status", "seen", "want", "reason"),
    [
        (CLASSIC, 1, {}, 3, False, "the URIs come first"),
        (CLASSIC, 1, PUBLISHED, 2, False, "the provider changes something soon"),
        (CLASSIC, 1, PUBLISHED, 3, True, "nothing is left to change"),
        (CLASSIC, 1, {**PUBLISHED, **SAID}, 2, True, "it said so before"),
        (CLASSIC, 1, BY_ANOTHER, 2, True, "it was ready through another function"),
        (CLASSIC, 60, PUBLISHED, 2, False, "many claims at once take minutes"),
        (CLASSIC, 301, PUBLISHED, 2, True, "no claim waits for ever"),
        (CLASSIC, 1, PUBLISHED, None, True, "an older provider does not say"),
        (CLASSIC, -301, {}, 2, True, "the clocks differ"),
        (CLUSTER, 1, {}, 2, True, "this provider is slower"),
        (NAMESPACED, 1, {}, 2, True, "this provider is slower"),
    ],
)
def test_a_new_claim_is_ready_when_nothing_is_left_to_change(
    provider: str,
    seconds: int,
    status: Json,
    seen: int | None,
    reason: str,
    *,
    want: bool,
) -> None:
    """Otherwise Crossplane would set it back, from an XR that its cache still has."""
    rsp = response_after(seconds, provider, status, seen)
    condition, written, details, ready = said(rsp)
    assert all(each["uri"] for each in written["status"]["repositories"].values())
    assert bool(details) == want, reason
    assert ready == (fnv1.READY_UNSPECIFIED if want else fnv1.READY_FALSE), reason
    first = said(response(provider, new_composite(provider)))
    assert condition[1] == ("Available" if want else "Creating"), reason
    assert (condition == first[0]) == (not want), "the message stays until it is ready"
    told = rsp.conditions[0].target == fnv1.TARGET_COMPOSITE_AND_CLAIM
    assert told == (want or seconds > SETTLING_TAKES.seconds), reason
    assert (rsp.meta.ttl.seconds == SETTLING_SECONDS) == (not told), reason


def test_a_new_claim_with_a_problem_hears_of_it_at_once() -> None:
    observed = {
        name: {"resource": one_of_both(CLASSIC, name, there=True)} for name in BOTH
    }
    observed["imagerepo"]["resource"]["status"]["conditions"].append(DENIED)
    req = request(new_composite(CLASSIC), observed=observed, input=INPUT)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=1)
    rsp = respond(req, decide(observe(req, now)))
    assert rsp.conditions[0].reason == "Available"
    assert "AccessDenied" in rsp.conditions[0].message


# Named repositories


LAYOUT: Json = {
    "bundle": True,
    "repositories": {
        "cache": {"imageTagMutability": "MUTABLE", "lifecycle": {"keepLast": 20}},
        "chart": {"name": "{prefix}/charts/{workload}"},
    },
    "allow": {"repositories": ["worker*"]},
    "repository": {"imageTagMutability": "IMMUTABLE"},
}
WITH_WORKERS = {"repositories": ["worker-b", "worker-a"]}


def with_parameters(provider: str, **parameters: Any) -> Json:
    composite = xr(provider)
    composite["spec"]["parameters"] |= parameters
    return composite


def names_of(rsp: fnv1.RunFunctionResponse) -> Json:
    return {
        name: manifest["metadata"]["annotations"]["crossplane.io/external-name"]
        for name, manifest in desired(rsp).items()
    }


def of(provider: str, key: str, *, external_name: str = "", **options: Any) -> Json:
    """Return the live managed resource of one of the named repositories."""
    composite = with_parameters(provider, **WITH_WORKERS)
    rsp = run(provider, composite=composite, **LAYOUT)
    manifest = live(provider)
    composed = desired(rsp)[f"{key}repo"]
    name = external_name or f"{NAME}-{key}"
    manifest["metadata"] |= {
        "name": composed["metadata"]["name"],
        "labels": composed["metadata"]["labels"],
        "annotations": {
            **manifest["metadata"]["annotations"],
            "crossplane.io/external-name": name,
        },
    }
    manifest["spec"]["forProvider"] |= options
    return manifest


@pytest.mark.parametrize("provider", APIS)
def test_each_named_repository_is_composed(provider: str) -> None:
    rsp = run(provider, composite=with_parameters(provider, **WITH_WORKERS), **LAYOUT)
    assert not is_fatal(rsp), rsp.results
    assert names_of(rsp) == {
        "imagerepo": NAME,
        "bundlerepo": f"{NAME}-bundle",
        "cacherepo": f"{NAME}-cache",
        "chartrepo": "tap/charts/shop",
        "worker-arepo": f"{NAME}-worker-a",
        "worker-brepo": f"{NAME}-worker-b",
    }
    (c,) = rsp.conditions
    assert "shop-default-worker-b" in c.message
    assert {*rsp.requirements.resources} >= {"contenders-worker-arepo"}


@pytest.mark.parametrize("provider", APIS)
def test_a_named_repository_has_its_own_options(provider: str) -> None:
    others = {
        "bundlerepo": of(provider, "bundle"),
        "cacherepo": of(provider, "cache"),
        "chartrepo": of(provider, "chart", external_name="tap/charts/x"),
    }
    got = desired(run(provider, live(provider), others=others, **LAYOUT))
    mutable = {
        name: manifest["spec"]["forProvider"]["imageTagMutability"] == "MUTABLE"
        for name, manifest in got.items()
        if name.endswith("repo")
    }
    assert mutable == {
        "imagerepo": False,
        "bundlerepo": False,
        "cacherepo": True,
        "chartrepo": False,
    }
    assert {*got} - {*mutable} == {"cacherepo-lifecycle"}


@pytest.mark.parametrize("provider", APIS)
def test_a_named_repository_earns_its_rights_after_the_image(provider: str) -> None:
    others = {"cacherepo": of(provider, "cache")}
    without = desired(run(provider, others=others, **LAYOUT))
    assert rights(without["cacherepo"])[1] != FULL[1]
    with_image = desired(run(provider, live(provider), others=others, **LAYOUT))
    assert FULL[0] in rights(with_image["cacherepo"]) or (
        rights(with_image["cacherepo"])[1] == FULL[1]
    )


@pytest.mark.parametrize("provider", APIS)
def test_all_repositories_are_reported(provider: str) -> None:
    others = {"cacherepo": of(provider, "cache")}
    layout = {**LAYOUT, "bundle": False, "repositories": {"cache": {}}}
    rsp = run(provider, live(provider), others=others, **layout)
    composite = resource.struct_to_dict(rsp.desired.composite.resource)
    assert {*composite["status"]["repositories"]} == {"image", "cache"}
    (uri,) = composite["status"]["moreRepositories"]
    assert uri == composite["status"]["repositories"]["cache"]["uri"]
    details = rsp.desired.composite.connection_details
    assert {*details} == {"imageRepositoryUri", "cacheRepositoryUri", "region"}
    assert rsp.conditions[0].reason == "Available"


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize("key", ["cache", "worker-a"])
def test_a_repository_that_nobody_requests_any_more_is_kept(
    provider: str, key: str
) -> None:
    """Neither its rights nor its options change: other options could delete images."""
    others = {f"{key}repo": of(provider, key)}
    composite = with_parameters(provider, **WITH_WORKERS)
    layout: Json = {**LAYOUT, "bundle": False, "repositories": {"cache": {}}}
    before = desired(
        run(provider, live(provider), others=others, composite=composite, **layout)
    )[f"{key}repo"]
    others[f"{key}repo"]["spec"] = before["spec"]
    rsp = run(
        provider,
        live(provider),
        others=others,
        bundle=False,
        repository={"imageTagMutability": "MUTABLE", "lifecycle": {"keepLast": 1}},
    )
    got = desired(rsp)
    assert before["spec"]["forProvider"]["imageTagMutability"] == "IMMUTABLE"
    assert got[f"{key}repo"]["spec"] == before["spec"]
    assert f"{key}repo-lifecycle" not in got
    (c,) = rsp.conditions
    assert c.reason == "Available"
    assert f"({key} is no longer in `repositories`)" in c.message
    assert f" {before['metadata']['name']}" in c.message, "how to delete it"
    assert rsp.desired.composite.connection_details[f"{key}RepositoryUri"]


@pytest.mark.parametrize("provider", APIS)
def test_what_a_person_deletes_is_not_composed_again(provider: str) -> None:
    others = {"cacherepo": of(provider, "cache")}
    others["cacherepo"]["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    rsp = run(provider, live(provider), others=others)
    assert {*desired(rsp)} == {"imagerepo"}
    assert rsp.conditions[0].reason == "Available"
    requested = run(provider, live(provider), others=others, repositories={"cache": {}})
    assert {*desired(requested)} == {"imagerepo", "cacherepo"}


@pytest.mark.parametrize("provider", APIS)
def test_a_kept_repository_keeps_its_policies(provider: str) -> None:
    layout: Json = {"repositories": {"cache": {"lifecycle": {"keepLast": 20}}}}
    others = {"cacherepo": of(provider, "cache")}
    composed = desired(run(provider, live(provider), others=others, **layout))
    policy = composed["cacherepo-lifecycle"]
    policy["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    others["cacherepo-lifecycle"] = policy
    got = desired(
        run(
            provider,
            live(provider),
            others=others,
            repository={"lifecycle": {"keepLast": 1}},
        )
    )
    assert got["cacherepo-lifecycle"]["spec"] == composed["cacherepo-lifecycle"]["spec"]


def test_another_steps_repository_is_none_of_ours() -> None:
    others = {"basisrepo": of(CLASSIC, "cache")}
    req = request(
        xr(CLASSIC),
        observed={"basisrepo": {"resource": others["basisrepo"]}},
        desired={"resources": {"basisrepo": {"resource": {"kind": "Theirs"}}}},
    )
    assert desired(call(req))["basisrepo"] == {"kind": "Theirs"}
    del others["basisrepo"]["metadata"]["labels"]
    assert "basisrepo" not in desired(run(CLASSIC, others=others)), "not ours at all"


@pytest.mark.parametrize("provider", APIS)
def test_a_released_image_releases_all_repositories(provider: str) -> None:
    cache = of(provider, "cache")
    for field, none in (("deletionPolicy", "Orphan"), ("managementPolicies", ["*"])):
        if field in cache["spec"]:
            cache["spec"][field] = none
    lost = run(
        provider,
        live(provider, made=False),
        competitors=[live(provider, uid="theirs")],
        others={"cacherepo": cache},
        managementPolicies=True,
        repositories={"cache": {}},
    )
    assert lost.conditions[0].reason == "NameTaken"
    kept = desired(lost).get("cacherepo")
    assert kept is None or kept["spec"]["forProvider"]["forceDelete"] is False


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"name": "{prefix}/{namespace}/{workload}"}, "would have the same name"),
        ({"repositories": {"a": {"suffix": "-bundle"}}}, "bundle and a of a workload"),
        ({"repositories": {"a": {"suffix": "a-"}}}, "would break ECR's rules"),
        ({"repositories": {"image": {}}}, "are reserved"),
        ({"repositories": {"A": {}}}, "RFC 1123"),
        ({"repositories": {"a": {"suffix": "{repository}"}}}, "no placeholders"),
        ({"repositories": {"a": {"tags": {"aws:a": "b"}}}}, "reserved for AWS"),
        ({"name": "{prefix}"}, "must contain {workload}"),
        ({"suffix": "{workload}"}, "there is no placeholder"),
        ({"repositories": {f"a{n}": {} for n in range(21)}}, "at most 20"),
    ],
)
def test_a_layout_that_cannot_work(layout: Json, words: str) -> None:
    rsp = run(CLASSIC, live(CLASSIC), **{"bundle": True, **layout})
    assert is_fatal(rsp)
    assert words in rsp.conditions[0].message
    assert rsp.conditions[0].reason == "InvalidParameters"


@pytest.mark.parametrize(
    ("added", "reason", "words"),
    [
        (["other"], "NotAllowed", 'the platform allows only "worker*"'),
        (["Worker"], "InvalidParameters", "RFC 1123 label"),
        (["image"], "InvalidParameters", "reserved"),
        (["cache"], "InvalidParameters", "has this repository already"),
        (["worker", "worker"], "InvalidParameters", "has this repository already"),
        ("worker", "InvalidParameters", "must be a list"),
        ([1], "InvalidParameters", "must be a string"),
        ([f"worker{n}" for n in range(17)], "InvalidParameters", "at most 16 names"),
        (["worker\x1b[31m"], "InvalidParameters", r"worker\u001b[31m"),
    ],
)
def test_a_name_that_a_claim_cannot_add(added: Any, reason: str, words: str) -> None:
    composite = with_parameters(CLASSIC, repositories=added)
    rsp = run(CLASSIC, composite=composite, **LAYOUT)
    (c,) = rsp.conditions
    assert (c.reason, is_fatal(rsp)) == (reason, True)
    assert words in c.message


def test_no_name_can_be_added_by_default() -> None:
    composite = with_parameters(CLASSIC, repositories=["worker"])
    (c,) = run(CLASSIC, composite=composite).conditions
    assert (c.reason, "allows no value" in c.message) == ("NotAllowed", True)


@pytest.mark.parametrize("provider", APIS)
def test_a_new_key_cannot_ask_for_the_name_of_a_live_repository(provider: str) -> None:
    """Both would be one object in Kubernetes, with two composed resource names."""
    others = {"cacherepo": of(provider, "cache")}
    repositories = {"buildcache": {"suffix": "-cache"}}
    rsp = run(provider, live(provider), others=others, repositories=repositories)
    assert is_fatal(rsp)
    assert "it is the name of this claim's repository cache" in rsp.results[0].message


@pytest.mark.parametrize("provider", APIS)
def test_live_repositories_keep_their_names_when_the_template_changes(
    provider: str,
) -> None:
    new: Json = {"name": "{prefix}/{namespace}/{workload}{suffix}"}
    others = {"cacherepo": of(provider, "cache")}
    layout: Json = {"repositories": {"cache": {}, "sbom": {}}}
    rsp = run(provider, live(provider), others=others, **layout, **new)
    assert names_of(rsp) == {
        "imagerepo": NAME,
        "cacherepo": f"{NAME}-cache",
        "sbomrepo": "tap/default/shop-sbom",
    }
    assert "never moved or replaced" in rsp.conditions[0].message
