"""RunFunction: whole requests, whole answers."""

import asyncio
from typing import Any

import pytest
from crossplane.function import logging, resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from function import fn
from function.ecr.repository import repository_id

PREFIX = "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap/workloads"
PARAMETERS = {
    "workloadName": "example-app",
    "repoPrefix": PREFIX,
    "region": "eu-west-2",
    "providerName": "aws-provider",
}
INPUT = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}
logging.configure(logging.Level.DISABLED)


def xr(parameters: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "XWorkloadECRRepo",
        "metadata": {"name": "example-app-ecr-repos-x7k2p"},
        "spec": {
            "claimRef": {"namespace": "default", "name": "example-app-ecr-repos"},
            "parameters": PARAMETERS if parameters is None else parameters,
            **spec,
        },
    }


def request(composite: dict[str, Any], **more: Any) -> fnv1.RunFunctionRequest:
    return json_format.ParseDict(
        {
            "meta": {"tag": "t"},
            "observed": {
                "composite": {"resource": composite},
                "resources": more.pop("observed", {}),
            },
            **more,
        },
        fnv1.RunFunctionRequest(),
    )


def run(req: fnv1.RunFunctionRequest) -> fnv1.RunFunctionResponse:
    return asyncio.run(fn.FunctionRunner().RunFunction(req, None))


def repository(
    name: str,
    *,
    policy: str = "Orphan",
    resource_name: str | None = None,
    region: str = "eu-west-2",
    config: str = "aws-provider",
) -> dict[str, Any]:
    identified = repository_id("ecr.aws.crossplane.io", config, region, name)
    return {
        "apiVersion": "ecr.aws.crossplane.io/v1beta1",
        "kind": "Repository",
        "metadata": {
            "name": resource_name or f"{name.rpartition('/')[2]}-{identified}",
            "annotations": {"crossplane.io/external-name": name},
            "labels": {
                "region": region,
                "ecrrepos.fn.tap.vrabbi.cloud/repository": identified,
            },
        },
        "spec": {
            "deletionPolicy": policy,
            "forProvider": {"forceDelete": True, "region": region},
            "providerConfigRef": {"name": config},
        },
    }


CREATED = {
    "crossplane.io/external-create-pending": "2026-01-01T00:00:00Z",
    "crossplane.io/external-create-succeeded": "2026-01-01T00:00:01Z",
}


def observed(name: str, *, created: bool = True, **more: str) -> dict[str, Any]:
    live = repository(name, **{"resource_name": "as-the-recipe-named-it", **more})
    live["metadata"]["annotations"] |= CREATED if created else {}
    live["status"] = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "atProvider": {
            "repositoryUri": f"host/{name}",
            "repositoryArn": f"arn:{name}",
            "registryId": "123456789012",
            "createdAt": "2026-01-01T00:00:01Z",
        },
    }
    return {"resource": live}


def desired(rsp: fnv1.RunFunctionResponse) -> dict[str, Any]:
    return {
        key: resource.struct_to_dict(r.resource)
        for key, r in rsp.desired.resources.items()
    }


NAME = f"{PREFIX}/example-app-default"


def test_the_recipes_own_example() -> None:
    rsp = run(request(xr()))
    assert desired(rsp) == {
        "imagerepo": repository(NAME),
        "bundlerepo": repository(f"{NAME}-bundle"),
    }
    assert [r.severity for r in rsp.results] == [fnv1.SEVERITY_WARNING]
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, "Creating")


def test_ready_repositories_are_reported() -> None:
    rsp = run(
        request(
            xr(),
            observed={
                "imagerepo": observed(NAME),
                "bundlerepo": observed(f"{NAME}-bundle"),
            },
        )
    )
    assert all(r.ready == fnv1.READY_TRUE for r in rsp.desired.resources.values())
    assert resource.struct_to_dict(rsp.desired.composite.resource) == {
        "status": {
            "repositories": {
                word: {
                    "name": name,
                    "uri": f"host/{name}",
                    "arn": f"arn:{name}",
                    "registryId": "123456789012",
                }
                for word, name in (("image", NAME), ("bundle", f"{NAME}-bundle"))
            }
        }
    }
    assert dict(rsp.desired.composite.connection_details) == {
        "imageRepositoryUri": f"host/{NAME}".encode(),
        "bundleRepositoryUri": f"host/{NAME}-bundle".encode(),
        "region": b"eu-west-2",
    }
    assert not rsp.results
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_TRUE, "Available")


def both(**more: Any) -> dict[str, Any]:
    return {
        "imagerepo": observed(NAME, **more),
        "bundlerepo": observed(f"{NAME}-bundle", **more),
    }


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
    rsp = run(request(xr({**PARAMETERS, **changed}), observed=both()))
    kept = {"policy": "Delete", "resource_name": "as-the-recipe-named-it"}
    assert desired(rsp) == {
        "imagerepo": repository(NAME, **kept),
        "bundlerepo": repository(f"{NAME}-bundle", **kept),
    }
    assert "Kept, because a repository never moves" in rsp.conditions[0].message
    assert next(iter(changed.values())) in rsp.conditions[0].message


def test_what_others_wrote_over_a_live_resource_is_shown_escaped() -> None:
    hostile = f"{NAME}\x1b[31m\n\u202e"
    live = {"imagerepo": observed(hostile, region="eu\x07", config="p\u0430")}
    rsp = run(request(xr(), observed=live))
    (c,) = rsp.conditions
    assert c.message.isprintable()
    assert c.message.isascii()
    assert r"\u001b[31m\n\u202e" in c.message
    assert r'"eu\u0007" by "p\u0430"' in c.message


def test_a_live_bundle_stays_where_bundle_is_switched_off() -> None:
    rsp = run(request(xr(), observed=both(), input={**INPUT, "bundle": False}))
    assert set(desired(rsp)) == {"imagerepo", "bundlerepo"}
    assert "`bundle` is false now" in rsp.conditions[0].message


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
    rsp = run(request(xr(), observed=both(created=created), input=given))
    assert {d["spec"]["deletionPolicy"] for d in desired(rsp).values()} == {policy}
    assert all(r.ready == fnv1.READY_TRUE for r in rsp.desired.resources.values())
    (c,) = rsp.conditions
    assert c.status == fnv1.STATUS_CONDITION_TRUE
    assert c.reason == ("Available" if created else "Adopted")
    if not created:
        goes = "deletes it" if deletion == "Always" else "keeps it"
        assert f"Deleting the claim {goes}" in c.message


def contender(name: str, uid: str = "theirs", **more: Any) -> dict[str, Any]:
    live = observed(name, **more)["resource"]
    live["metadata"]["ownerReferences"] = [
        {"uid": "of-no-controller"},
        {"uid": uid, "controller": True, "name": "secret-of-theirs"},
    ]
    return {"resource": live}


@pytest.mark.parametrize("api", ["required_resources", "extra_resources"])
@pytest.mark.parametrize("key", ["imagerepo", "bundlerepo"])
def test_the_loser_of_a_name_composes_nothing_and_is_told(key: str, api: str) -> None:
    name = NAME if key == "imagerepo" else f"{NAME}-bundle"
    composite = xr()
    composite["metadata"]["uid"] = "ours"
    found = {f"contenders-{key}": {"items": [contender(name)]}}
    rsp = run(request(composite, **{api: found}))
    assert not rsp.desired.resources
    assert rsp.desired.composite.ready == fnv1.READY_FALSE
    assert not rsp.desired.composite.connection_details
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, "NameTaken")
    assert name in c.message
    assert c.target == fnv1.TARGET_COMPOSITE_AND_CLAIM
    assert "secret" not in str(rsp)
    assert "host/" not in str(rsp)


def test_ones_own_managed_resource_is_no_contender() -> None:
    composite = xr()
    composite["metadata"]["uid"] = "ours"
    found = {"contenders-imagerepo": {"items": [contender(NAME, "ours")]}}
    rsp = run(request(composite, required_resources=found))
    assert set(desired(rsp)) == {"imagerepo", "bundlerepo"}


@pytest.mark.parametrize(
    ("capabilities", "older"),
    [(["CAPABILITY_CAPABILITIES", "CAPABILITY_REQUIRED_RESOURCES"], False), ([], True)],
)
def test_contenders_are_asked_for_by_the_repositorys_identity(
    capabilities: list[str], *, older: bool
) -> None:
    req = request(xr(), meta={"capabilities": capabilities})
    rsp = run(req)
    selector = rsp.requirements.resources["contenders-imagerepo"]
    want = repository(NAME)
    assert (selector.api_version, selector.kind) == (want["apiVersion"], want["kind"])
    label, repository_id = list(want["metadata"]["labels"].items())[1]
    assert dict(selector.match_labels.labels) == {label: repository_id}
    assert ("contenders-imagerepo" in rsp.requirements.extra_resources) == older


def test_nothing_is_asked_for_once_both_are_ours() -> None:
    rsp = run(request(xr(), observed=both()))
    assert not rsp.HasField("requirements") or not rsp.requirements.resources


@pytest.mark.parametrize("deletion", ["OnlyCreated", "Always"])
def test_a_live_loser_stays_and_may_not_delete(deletion: str) -> None:
    """Two are live where names differ: a resource from before this function's."""
    composite = xr()
    composite["metadata"]["uid"] = "ours"
    found = {"contenders-imagerepo": {"items": [contender(NAME)]}}
    rsp = run(
        request(
            composite,
            observed={"imagerepo": observed(NAME, created=False)},
            required_resources=found,
            input={**INPUT, "deletion": deletion},
        )
    )
    (only,) = desired(rsp).values()
    assert only["spec"]["deletionPolicy"] == "Orphan"
    assert rsp.desired.resources["imagerepo"].ready != fnv1.READY_TRUE
    assert rsp.conditions[0].reason == "NameTaken"
    assert not rsp.desired.composite.connection_details


def test_what_earlier_steps_desire_is_passed_on() -> None:
    earlier = {
        "composite": {"resource": {"status": {"theirs": "kept"}}},
        "resources": {
            "theirs": {"resource": {"kind": "Theirs"}, "ready": "READY_TRUE"}
        },
    }
    rsp = run(request(xr(), desired=earlier, context={"theirs": 1}))
    assert rsp.desired.resources["theirs"].ready == fnv1.READY_TRUE
    status = resource.struct_to_dict(rsp.desired.composite.resource)["status"]
    assert status["theirs"] == "kept"
    assert status["repositories"]["image"]["name"] == NAME
    assert rsp.context["theirs"] == 1


def test_the_input_can_leave_the_bundle_out_and_give_defaults() -> None:
    rsp = run(
        request(
            xr({"workloadName": "w"}),
            input={
                **INPUT,
                "bundle": False,
                "defaults": {
                    "repoPrefix": "tap",
                    "region": "eu-west-2",
                    "providerName": "p",
                },
            },
        )
    )
    assert list(rsp.desired.resources) == ["imagerepo"]
    assert rsp.conditions[0].reason == "Creating"


@pytest.mark.parametrize(
    ("composite", "given_input", "field", "reason"),
    [
        *(
            pytest.param(
                xr({**PARAMETERS, name: value}),
                {},
                f"spec.parameters.{name}",
                "InvalidParameters",
                id=f"{name}={value!r}",
            )
            for name in PARAMETERS
            for value in (None, "", 1, True, [], {}, "ä\x1b[31m\u202e", "x" * 1_000_000)
        ),
        pytest.param(xr("x"), {}, "spec.parameters", "InvalidParameters", id="text"),
        pytest.param(
            xr(claimRef=None),
            {},
            "spec.claimRef.namespace",
            "InvalidParameters",
            id="no namespace",
        ),
        pytest.param(
            xr(),
            {**INPUT, "bundel": True},
            "input.bundel",
            "InvalidParameters",
            id="unknown field",
        ),
        pytest.param(
            xr(),
            {"kind": "Input"},
            "input.apiVersion",
            "InvalidParameters",
            id="no version",
        ),
        pytest.param(
            xr(),
            {**INPUT, "allow": {"regions": ["us-*"]}},
            "spec.parameters.region",
            "NotAllowed",
            id="region not allowed",
        ),
        pytest.param(
            xr(),
            {**INPUT, "allow": {"providerNames": []}},
            "spec.parameters.providerName",
            "NotAllowed",
            id="nothing allowed",
        ),
    ],
)
def test_bad_input_is_fatal_and_loses_nothing(
    composite: dict[str, Any], given_input: dict[str, Any], field: str, reason: str
) -> None:
    earlier = {"resources": {"theirs": {"resource": {"kind": "Theirs"}}}}
    rsp = run(request(composite, input=given_input, desired=earlier))
    assert list(rsp.desired.resources) == ["theirs"]
    *warned, result = rsp.results
    assert result.severity == fnv1.SEVERITY_FATAL
    if composite.get("spec", {}).get("claimRef"):
        # Crossplane makes a claim's event of this one alone.
        (warning,) = warned
        assert warning.severity == fnv1.SEVERITY_WARNING
        assert warning.target == fnv1.TARGET_COMPOSITE_AND_CLAIM
        assert warning.message == result.message
    else:
        assert not warned
    assert field in result.message
    assert result.message.isprintable()
    assert len(result.message) < 1000
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["metadata", "spec"]),
        JSON
        | st.dictionaries(
            st.sampled_from(["claimRef", "parameters", "namespace", "name"]), JSON
        ),
    ),
    st.dictionaries(st.sampled_from(["kind", "allow", "bundle"]), JSON),
)
def test_no_request_crashes_it(xr: dict[str, Any], given_input: dict[str, Any]) -> None:
    rsp = run(request(xr, input=given_input))
    assert "internal error" not in "".join(r.message for r in rsp.results)
    assert rsp.results[-1].severity == fnv1.SEVERITY_FATAL


def test_an_unexpected_error_is_a_fatal_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(fn, "observe", broken)
    (result,) = run(request(xr())).results
    assert result.severity == fnv1.SEVERITY_FATAL
    assert "secret" not in result.message
