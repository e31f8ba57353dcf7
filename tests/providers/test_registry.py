"""Each provider's API: what a repository becomes, and what is read back."""

import asyncio
from typing import Any, NamedTuple

import pytest
from crossplane.function import logging, resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function import fn
from function.ecr.naming import RepositoryName
from function.ecr.options import NO_OPTIONS
from function.ecr.repository import DesiredRepository, ProviderConfig
from function.providers.registry import PROVIDERS

logging.configure(logging.Level.DISABLED)
CLASSIC = "ecr.aws.crossplane.io/v1beta1"
CLUSTER = "ecr.aws.upbound.io/v1beta2"
NAMESPACED = "ecr.aws.m.upbound.io/v1beta1"
NAME = "tap/shop-default"
SIGNATURE = "function-ecr-repos/created-by"
RECORD = "ecrrepos.fn.tap.vrabbi.cloud/created-by"
MARK = {
    "crossplane.io/external-create-pending": "2026-01-01T00:00:00Z",
    "crossplane.io/external-create-succeeded": "2026-01-01T00:00:01Z",
}
MADE_AT = "2026-01-01T00:00:01Z"
READY = {"type": "Ready", "status": "True"}


class Api(NamedTuple):
    """What is different from one provider to the next."""

    config: dict[str, str]
    facts: dict[str, str]  # how its status calls uri, arn, registryId
    has_deletion_policy: bool = True


APIS = {
    CLASSIC: Api(
        {"name": "aws"},
        {"uri": "repositoryUri", "arn": "repositoryArn", "registryId": "registryId"},
    ),
    CLUSTER: Api(
        {"name": "aws"},
        {"uri": "repositoryUrl", "arn": "arn", "registryId": "registryId"},
    ),
    NAMESPACED: Api(
        {"name": "aws", "kind": "ClusterProviderConfig"},
        {"uri": "repositoryUrl", "arn": "arn", "registryId": "registryId"},
        has_deletion_policy=False,
    ),
}
FACTS = {"uri": f"host/{NAME}", "arn": f"arn:{NAME}", "registryId": "123456789012"}


def test_every_provider_has_its_table() -> None:
    assert set(PROVIDERS) == set(APIS)


def xr(provider: str, namespace: str = "default") -> dict[str, Any]:
    spec: dict[str, Any] = {
        "parameters": {
            "workloadName": "shop",
            "repoPrefix": "tap",
            "region": "eu-west-2",
            "providerName": "aws",
        }
    }
    metadata = {"name": "shop", "uid": "ours"}
    if provider == NAMESPACED:
        metadata["namespace"] = namespace
    else:
        spec["claimRef"] = {"namespace": namespace, "name": "shop"}
    return {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "XR",
        "metadata": metadata,
        "spec": spec,
    }


def run(  # each test has its own
    provider: str,
    observed: dict[str, Any] | None = None,
    *,
    rivals: list[dict[str, Any]] | None = None,
    asked: bool = True,
    composite: dict[str, Any] | None = None,
    others: dict[str, dict[str, Any]] | None = None,
    **given: Any,
) -> fnv1.RunFunctionResponse:
    request: dict[str, Any] = {
        "observed": {
            "composite": {"resource": composite or xr(provider)},
            "resources": {
                name: {"resource": manifest}
                for name, manifest in {
                    "imagerepo": observed,
                    **(others or {}),
                }.items()
                if manifest
            },
        },
        "input": {
            "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
            "kind": "Input",
            "provider": provider,
            "bundle": False,
            **given,
        },
        "requiredResources": {
            "contenders-imagerepo": {"items": [{"resource": r} for r in rivals or []]}
        }
        if asked
        else {},
    }
    req = json_format.ParseDict(request, fnv1.RunFunctionRequest())
    return asyncio.run(fn.FunctionRunner().RunFunction(req, None))


def image(rsp: fnv1.RunFunctionResponse) -> dict[str, Any]:
    assert not rsp.results, rsp.results
    return resource.struct_to_dict(rsp.desired.resources["imagerepo"].resource)


def live(  # each row of a table has its own
    provider: str,
    *,
    made: bool = True,
    conditions: list[dict[str, str]] | None = None,
    signature: str | None = None,
    uid: str = "",
    day: int = 1,
) -> dict[str, Any]:
    """Return an observed managed resource, as its provider leaves it when it is ready.

    Args:
        signature: What ECR's tag of ours says; None for its creator's UID.
        uid: That of its controller, where it is another's.
        day: When it was asked for.
    """
    manifest = image(run(provider))
    metadata = manifest["metadata"]
    at = f"2026-01-0{day}T00:00:00Z"
    metadata |= {"creationTimestamp": at, "uid": f"of-{uid}"}
    metadata["annotations"] |= MARK if made else {}
    if uid:
        metadata["ownerReferences"] = [{"controller": True, "uid": uid}]
    manifest["status"] = {
        "conditions": [READY] if conditions is None else conditions,
        "atProvider": {
            theirs: FACTS[ours] for ours, theirs in APIS[provider].facts.items()
        },
    }
    if uid:
        manifest["spec"].get("initProvider", {}).get("tags", {})[SIGNATURE] = uid
    if signature is None:
        signature = (uid or "ours") if made else ""
    if provider == CLASSIC:
        manifest["status"]["atProvider"]["createdAt"] = MADE_AT
    elif signature:
        manifest["status"]["atProvider"]["tags"] = {SIGNATURE: signature}
    return manifest


# deletionPolicy and managementPolicies
CREATE = ("Orphan", ["Observe", "Create"])
OBSERVE = ("Orphan", ["Observe"])
KEEP = ("Orphan", ["Observe", "Create", "Update", "LateInitialize"])
ALL = ("Delete", ["*"])


def policies(manifest: dict[str, Any]) -> tuple[str | None, list[str] | None]:
    spec = manifest["spec"]
    return spec.get("deletionPolicy"), spec.get("managementPolicies")


@pytest.mark.parametrize("provider", APIS)
def test_a_new_repository(provider: str) -> None:
    api = APIS[provider]
    got = image(run(provider, managementPolicies=True))
    name, identity = got["metadata"]["name"], got["metadata"]["labels"]
    assert got == {
        "apiVersion": provider,
        "kind": "Repository",
        "metadata": {
            "name": name,
            "annotations": {"crossplane.io/external-name": NAME},
            "labels": {"region": "eu-west-2", **identity},
        },
        "spec": {
            **({"deletionPolicy": "Orphan"} if api.has_deletion_policy else {}),
            "managementPolicies": ["Observe", "Create"],
            "forProvider": {"forceDelete": True, "region": "eu-west-2"},
            **(
                {}
                if provider == CLASSIC
                else {"initProvider": {"tags": {SIGNATURE: "ours"}}}
            ),
            "providerConfigRef": api.config,
        },
    }
    (identified,) = set(identity.values()) - {"eu-west-2"}
    assert name == f"shop-default-{identified}"


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("made", "deletion", "want", "reason"),
    [
        (True, "OnlyCreated", ALL, "the right to change and delete is earned"),
        (True, "Always", ALL, "by creating it"),
        (True, "Never", KEEP, "but not the one to delete"),
        (False, "OnlyCreated", OBSERVE, "it was there before"),
        (False, "Never", OBSERVE, "it was there before"),
        (False, "Always", ALL, "as the recipe did"),
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
    policy, actions = policies(
        image(run(provider, observed, deletion=deletion, managementPolicies=True))
    )
    assert policy == (want[0] if APIS[provider].has_deletion_policy else None), reason
    assert actions == want[1], reason


@pytest.mark.parametrize(
    ("provider", "given", "policy", "actions"),
    [
        (CLASSIC, None, "Orphan", None),
        (CLASSIC, False, "Orphan", None),
        (CLASSIC, True, *CREATE),
        (CLUSTER, None, *CREATE),
        (CLUSTER, False, "Orphan", None),
        (CLUSTER, True, *CREATE),
        (NAMESPACED, None, None, CREATE[1]),
        (NAMESPACED, True, None, CREATE[1]),
    ],
)
def test_who_is_told_by_management_policies(
    provider: str, policy: str | None, actions: list[str] | None, *, given: bool | None
) -> None:
    more = {} if given is None else {"managementPolicies": given}
    assert policies(image(run(provider, **more))) == (policy, actions)


@pytest.mark.parametrize("provider", APIS)
def test_facts_come_back_under_one_name(provider: str) -> None:
    rsp = run(provider, live(provider))
    status = resource.struct_to_dict(rsp.desired.composite.resource)["status"]
    assert status["repositories"]["image"] == {"name": NAME, **FACTS}
    assert rsp.desired.resources["imagerepo"].ready == fnv1.READY_TRUE
    assert rsp.conditions[0].reason == "Available"


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("signature", "tags", "made", "reason"),
    [
        ("ours", {}, True, "ours signed it as it created it"),
        ("theirs", {}, False, "another cluster's composite did, or a past one"),
        ("", {}, False, "nobody did: it was there before, or was made by hand"),
        ("", {"crossplane-name": "x"}, False, "a name proves nothing"),
        ("ours", {"crossplane-name": "x"}, True, "nor is it asked for"),
    ],
)
def test_created_is_what_has_the_composites_own_signature(
    provider: str, signature: str, tags: dict[str, str], reason: str, *, made: bool
) -> None:
    """The provider's record says only that it began to create (upjet)."""
    observed = live(provider, signature=signature)
    observed["metadata"]["name"] = "x"
    observed["spec"]["forProvider"]["tags"] = tags
    observed["status"]["atProvider"].setdefault("tags", {}).update(tags)
    rsp = run(provider, observed)
    assert policies(image(rsp))[1] == (ALL if made else OBSERVE)[1], reason
    assert rsp.conditions[0].reason == ("Available" if made else "Adopted")
    assert image(rsp)["spec"]["initProvider"] == {"tags": {SIGNATURE: "ours"}}


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_signature_is_asked_for_at_the_creation_alone(provider: str) -> None:
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
def test_a_signature_that_the_provider_may_have_written_proves_nothing(
    provider: str,
) -> None:
    observed = live(provider)
    observed["spec"]["forProvider"]["tags"] = {SIGNATURE: "ours"}
    assert policies(image(run(provider, observed)))[1] == OBSERVE[1]


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
@pytest.mark.parametrize(
    ("deletion", "want"),
    [
        ("OnlyCreated", ["Observe", "Create", "Update", "Delete"]),
        ("Never", ["Observe", "Create", "Update"]),
    ],
)
def test_a_provider_that_tags_nothing_copies_no_signature(
    provider: str, deletion: str, want: list[str]
) -> None:
    """With --skip-default-tags, LateInitialize fills spec.forProvider.tags from ECR.

    upjet, pkg/resource/lateinit.go, handleMap: where the spec has none. With the right
    to update, it would write our signature onto a repository that replaces ours.
    """
    observed = live(provider)
    observed["metadata"]["finalizers"] = ["finalizer.managedresource.crossplane.io"]
    rsp = run(provider, observed, deletion=deletion)
    assert policies(image(rsp))[1] == want


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_an_xr_without_a_uid_signs_and_proves_nothing(provider: str) -> None:
    composite = xr(provider)
    del composite["metadata"]["uid"]
    rsp = run(provider, live(provider, signature=""), composite=composite)
    manifest = image(rsp)
    assert policies(manifest)[1] == OBSERVE[1]
    assert "initProvider" not in manifest["spec"]


@pytest.mark.parametrize(
    ("created_at", "want", "reason"),
    [
        (MADE_AT, ALL, "between the marks"),
        (
            "2019-01-01T00:00:00Z",
            OBSERVE,
            "the provider was pointed at another account",
        ),
        ("2026-01-01T01:00:00Z", OBSERVE, "it was put in place of ours"),
        ("", OBSERVE, "nobody knows when"),
    ],
)
def test_the_classic_provider_created_what_is_as_old_as_its_marks(
    created_at: str, want: tuple[str, list[str]], reason: str
) -> None:
    observed = live(CLASSIC)
    observed["status"]["atProvider"]["createdAt"] = created_at
    rsp = run(CLASSIC, observed)
    assert policies(image(rsp)) == (want[0], None), reason
    assert rsp.conditions[0].reason == ("Available" if want is ALL else "Adopted")


@pytest.mark.parametrize(
    ("recorded", "want", "policy", "reason"),
    [
        (None, "ours", "Delete", "created now, or by an older version"),
        ("ours", "ours", "Delete", "recorded before"),
        ("theirs", "theirs", "Orphan", "restored: another composite created it"),
    ],
)
def test_a_record_of_the_classic_provider_is_its_composites(
    recorded: str | None, want: str, policy: str, reason: str
) -> None:
    """Who restores a managed resource restores its record, under another UID."""
    observed = live(CLASSIC)
    if recorded:
        observed["metadata"]["annotations"][RECORD] = recorded
    rsp = run(CLASSIC, observed)
    got = image(rsp)
    assert got["metadata"]["annotations"][RECORD] == want, reason
    assert got["spec"]["deletionPolicy"] == policy, reason
    said = "Available" if policy == "Delete" else "Adopted"
    assert rsp.conditions[0].reason == said, reason


@pytest.mark.parametrize("deletion", ["Always", "Never"])
def test_a_restored_record_stays_whatever_it_gives(deletion: str) -> None:
    """Else the next call would find none, and take it for this composite's."""
    observed = live(CLASSIC)
    observed["metadata"]["annotations"][RECORD] = "theirs"
    got = image(run(CLASSIC, observed, deletion=deletion))
    assert got["metadata"]["annotations"][RECORD] == "theirs"


def test_what_was_adopted_records_nothing() -> None:
    got = image(run(CLASSIC, live(CLASSIC, made=False)))
    assert RECORD not in got["metadata"]["annotations"]


@pytest.mark.parametrize("provider", [CLASSIC, CLUSTER, NAMESPACED])
def test_an_abandoned_attempt_is_recorded_by_more_than_its_mark(provider: str) -> None:
    """Of a change of `external-create-failed` alone no provider takes notice."""
    observed = live(provider, made=False)
    begun = "2026-01-01T00:00:09Z"
    annotations = observed["metadata"]["annotations"]
    annotations["crossplane.io/external-create-pending"] = begun
    said = "cannot determine creation result - remove the annotation"
    observed["status"]["conditions"] = [
        {"type": "Synced", "status": "False", "message": said}
    ]
    told = image(run(provider, observed))["metadata"]["annotations"]
    new = {name for name, value in told.items() if value == begun}
    assert new == {
        "crossplane.io/external-create-failed",
        "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned",
    }


@pytest.mark.parametrize("provider", [CLASSIC, CLUSTER, NAMESPACED])
def test_a_refused_attempt_is_the_providers_to_record(provider: str) -> None:
    """Told of it at once, it would try again without the wait that grows."""
    observed = live(provider, made=False)
    within_the_second = dict.fromkeys(
        (
            "crossplane.io/external-create-pending",
            "crossplane.io/external-create-failed",
        ),
        "2026-01-01T00:00:09Z",
    )
    observed["metadata"]["annotations"] |= within_the_second
    observed["status"]["conditions"] = [
        {"type": "Synced", "status": "False", "message": "AccessDeniedException"}
    ]
    told = image(run(provider, observed))["metadata"]["annotations"]
    assert set(told) == {"crossplane.io/external-name"}


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_a_creation_that_has_only_begun_gives_no_right(provider: str) -> None:
    observed = live(provider)
    observed["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    rsp = run(provider, observed)
    assert policies(image(rsp))[1] == CREATE[1]
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
def test_what_the_provider_says_went_wrong(
    provider: str, conditions: list[dict[str, str]], said: str
) -> None:
    rsp = run(provider, live(provider, conditions=conditions))
    assert said in rsp.conditions[0].message


@pytest.mark.parametrize("provider", APIS)
def test_what_was_only_observed_and_is_gone_is_made_anew(provider: str) -> None:
    gone = {
        "type": "Synced",
        "status": "False",
        "message": "observe failed: external resource does not exist",
    }
    observed = live(provider, made=False, conditions=[READY, gone])
    rsp = run(provider, observed, managementPolicies=True)
    assert policies(image(rsp))[1] == CREATE[1]
    assert rsp.desired.resources["imagerepo"].ready != fnv1.READY_TRUE
    assert rsp.conditions[0].reason == "Creating"
    assert "uri" not in str(resource.struct_to_dict(rsp.desired.composite.resource))


@pytest.mark.parametrize("provider", [CLUSTER, NAMESPACED])
def test_the_signature_of_what_is_gone_proves_nothing(provider: str) -> None:
    """The status is a past one, and what stands there next may be someone else's."""
    gone = {
        "type": "Synced",
        "status": "False",
        "message": "observe failed: external resource does not exist",
    }
    observed = live(provider, conditions=[READY, gone])
    assert policies(image(run(provider, observed)))[1] == CREATE[1]


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
    rsp = run(NAMESPACED, ours, rivals=[theirs] if theirs else [])
    assert (rsp.conditions[0].reason == "NameTaken") == taken, reason
    manifest = image(rsp)
    assert "namespace" not in manifest["metadata"]
    assert policies(manifest) == (None, OBSERVE[1] if taken else ALL[1]), reason


def race(
    provider: str,
    image: dict[str, Any] | None,
    bundle: dict[str, Any],
    **more: Any,
) -> dict[str, Any] | None:
    """Return what is desired of a live bundle."""
    managed = {"managementPolicies": True}
    rsp = run(
        provider, image, bundle=True, others={"bundlerepo": bundle}, **managed, **more
    )
    if "bundlerepo" not in rsp.desired.resources:
        return None
    return resource.struct_to_dict(rsp.desired.resources["bundlerepo"].resource)


@pytest.mark.parametrize("provider", APIS)
@pytest.mark.parametrize(
    ("image", "want", "reason"),
    [
        ("absent", CREATE, "nobody knows who gets it"),
        ("asked for", CREATE, "nobody knows who gets it"),
        ("created", ALL, "both are ours"),
        ("adopted", ALL, "both are ours"),
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
    assert policies(got)[1] == want[1], reason


@pytest.mark.parametrize("provider", APIS)
def test_a_bundle_that_has_earned_its_rights_keeps_them(provider: str) -> None:
    """While an image that was deleted by hand is created again."""
    bundle = live(provider)
    bundle["spec"]["managementPolicies"] = ["*"]
    assert policies(race(provider, None, bundle) or {})[1] == ALL[1]


@pytest.mark.parametrize("provider", APIS)
def test_who_loses_the_image_releases_the_bundle_that_it_created(provider: str) -> None:
    lost = {"rivals": [live(provider, uid="theirs")]}
    image, bundle = live(provider, made=False), live(provider)
    got = race(provider, image, bundle, **lost)
    assert got
    assert policies(got)[1] == ALL[1]
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
    assert policies(got)[1] == OBSERVE[1], "it holds images, and stays in ECR"


def test_a_repository_has_one_name_and_its_contenders_are_in_all_namespaces() -> None:
    one = image(run(NAMESPACED, composite=same_repository("a-b", "c")))
    two = image(run(NAMESPACED, composite=same_repository("a", "b-c")))
    assert one["metadata"]["annotations"] == two["metadata"]["annotations"]
    assert one["metadata"]["labels"] == two["metadata"]["labels"]
    assert one["metadata"]["name"] == two["metadata"]["name"]
    selector = run(NAMESPACED).requirements.resources["contenders-imagerepo"]
    assert not selector.HasField("namespace")


def same_repository(workload: str, namespace: str) -> dict[str, Any]:
    composite = xr(NAMESPACED, namespace)
    composite["spec"]["parameters"]["workloadName"] = workload
    return composite


def test_a_provider_config_of_a_namespace_is_that_namespaces() -> None:
    kind = {"providerConfigKind": "ProviderConfig"}
    one = image(run(NAMESPACED, composite=same_repository("a-b", "c"), **kind))
    two = image(run(NAMESPACED, composite=same_repository("a", "b-c"), **kind))
    assert one["spec"]["providerConfigRef"] == {"name": "aws", "kind": "ProviderConfig"}
    assert one["metadata"]["labels"] != two["metadata"]["labels"]


def test_a_live_resource_keeps_the_kind_of_its_provider_config() -> None:
    rsp = run(NAMESPACED, live(NAMESPACED), providerConfigKind="ProviderConfig")
    assert image(rsp)["spec"]["providerConfigRef"] == APIS[NAMESPACED].config
    assert "by ClusterProviderConfig/aws" in rsp.conditions[0].message


@pytest.mark.parametrize(("old", "new"), [(CLASSIC, CLUSTER), (CLUSTER, CLASSIC)])
def test_a_live_resource_keeps_its_provider(old: str, new: str) -> None:
    rsp = run(new, live(old))
    assert image(rsp)["apiVersion"] == old
    assert f"`provider` is {new} now" in rsp.conditions[0].message


@pytest.mark.parametrize(
    ("provider", "composite", "given", "field", "mend"),
    [
        (CLASSIC, xr(NAMESPACED), {}, "input.provider", NAMESPACED),
        (CLUSTER, xr(NAMESPACED), {}, "input.provider", NAMESPACED),
        (NAMESPACED, xr(CLASSIC), {}, "input.provider", CLUSTER),
        ("ecr.aws.example.org/v1", xr(CLASSIC), {}, "input.provider", CLASSIC),
        (
            NAMESPACED,
            xr(NAMESPACED),
            {"managementPolicies": False},
            "input.managementPolicies",
            CLUSTER,
        ),
        (
            CLASSIC,
            xr(CLASSIC),
            {"providerConfigKind": "ProviderConfig"},
            "input.providerConfigKind",
            NAMESPACED,
        ),
    ],
)
def test_what_cannot_work_is_refused_with_what_can(
    provider: str,
    composite: dict[str, Any],
    given: dict[str, Any],
    field: str,
    mend: str,
) -> None:
    result = run(provider, composite=composite, **given).results[-1]
    assert result.severity == fnv1.SEVERITY_FATAL
    assert field in result.message
    assert mend in result.message


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
    rsp = run(NAMESPACED, composite=forged, rivals=[left])
    assert rsp.conditions[0].reason == "NameTaken"


def test_a_provider_config_is_spoken_of_by_its_kind() -> None:
    assert str(ProviderConfig("aws")) == "aws"
    assert str(ProviderConfig("aws", "ProviderConfig")) == "ProviderConfig/aws"
