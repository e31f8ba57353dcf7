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

PREFIX = "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap/workloads"
PARAMETERS = {
    "workloadName": "example-app",
    "repoPrefix": PREFIX,
    "region": "eu-west-2",
    "providerName": "aws-provider",
}
logging.configure(logging.Level.DISABLED)


def xr(parameters: Any = None, **spec: Any) -> dict[str, Any]:  # noqa: ANN401
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


def request(composite: dict[str, Any], **more: Any) -> fnv1.RunFunctionRequest:  # noqa: ANN401
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


def repository(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "ecr.aws.crossplane.io/v1beta1",
        "kind": "Repository",
        "metadata": {
            "annotations": {"crossplane.io/external-name": name},
            "labels": {"region": "eu-west-2"},
        },
        "spec": {
            "forProvider": {"forceDelete": True, "region": "eu-west-2"},
            "providerConfigRef": {"name": "aws-provider"},
        },
    }


def observed(name: str) -> dict[str, Any]:
    live = repository(name)
    live["status"] = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "atProvider": {
            "repositoryUri": f"host/{name}",
            "repositoryArn": f"arn:{name}",
            "registryId": "123456789012",
        },
    }
    return {"resource": live}


NAME = f"{PREFIX}/example-app-default"


def test_the_recipes_own_example() -> None:
    rsp = run(request(xr()))
    got = {
        key: resource.struct_to_dict(r.resource)
        for key, r in rsp.desired.resources.items()
    }
    assert got == {
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


def test_a_live_resource_is_never_pointed_at_another_repository() -> None:
    rsp = run(
        request(
            xr({**PARAMETERS, "repoPrefix": "other", "region": "us-east-1"}),
            observed={
                "imagerepo": observed(NAME),
                "bundlerepo": observed(f"{NAME}-bundle"),
            },
        )
    )
    assert resource.struct_to_dict(
        rsp.desired.resources["imagerepo"].resource
    ) == repository(NAME)
    assert "other/example-app-default" in rsp.conditions[0].message


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


INPUT = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}


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
    (result,) = rsp.results
    assert result.severity == fnv1.SEVERITY_FATAL
    assert result.target == fnv1.TARGET_COMPOSITE_AND_CLAIM
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
    assert [r.severity for r in rsp.results] == [fnv1.SEVERITY_FATAL]


def test_an_unexpected_error_is_a_fatal_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(fn, "parse_composite", broken)
    (result,) = run(request(xr())).results
    assert result.severity == fnv1.SEVERITY_FATAL
    assert "secret" not in result.message
