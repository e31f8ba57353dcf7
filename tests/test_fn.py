"""RunFunction: whole requests, whole responses."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from hypothesis import given, settings
from hypothesis import strategies as st

from function import fn
from tests.builders import (
    INPUT,
    RECIPE_NAME,
    RECIPE_PARAMETERS,
    call,
    desired,
    recipe_observed,
    recipe_repository,
    recipe_xr,
    request,
)


def test_the_example_of_the_recipe() -> None:
    rsp = call(request(recipe_xr()))
    assert desired(rsp) == {
        "imagerepo": recipe_repository(RECIPE_NAME),
        "bundlerepo": recipe_repository(f"{RECIPE_NAME}-bundle"),
    }
    assert [r.severity for r in rsp.results] == [fnv1.SEVERITY_WARNING]
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_FALSE, "Creating")


def test_ready_repositories_are_reported() -> None:
    rsp = call(
        request(
            recipe_xr(),
            observed={
                "imagerepo": recipe_observed(RECIPE_NAME),
                "bundlerepo": recipe_observed(f"{RECIPE_NAME}-bundle"),
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
                for word, name in (
                    ("image", RECIPE_NAME),
                    ("bundle", f"{RECIPE_NAME}-bundle"),
                )
            }
        }
    }
    assert dict(rsp.desired.composite.connection_details) == {
        "imageRepositoryUri": f"host/{RECIPE_NAME}".encode(),
        "bundleRepositoryUri": f"host/{RECIPE_NAME}-bundle".encode(),
        "region": b"eu-west-2",
    }
    assert not rsp.results
    (c,) = rsp.conditions
    assert (c.status, c.reason) == (fnv1.STATUS_CONDITION_TRUE, "Available")


def test_the_desired_state_of_earlier_steps_is_passed_on() -> None:
    earlier = {
        "composite": {"resource": {"status": {"theirs": "kept"}}},
        "resources": {
            "theirs": {"resource": {"kind": "Theirs"}, "ready": "READY_TRUE"}
        },
    }
    rsp = call(request(recipe_xr(), desired=earlier, context={"theirs": 1}))
    assert rsp.desired.resources["theirs"].ready == fnv1.READY_TRUE
    status = resource.struct_to_dict(rsp.desired.composite.resource)["status"]
    assert status["theirs"] == "kept"
    assert status["repositories"]["image"]["name"] == RECIPE_NAME
    assert rsp.context["theirs"] == 1


def test_an_input_without_a_bundle_and_with_defaults() -> None:
    rsp = call(
        request(
            recipe_xr({"workloadName": "w"}),
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


NO_PARAMETERS: list[Any] = [
    *(None, "", 1, True, [], {}, "ä\x1b[31m\u202e", "x" * 1_000_000)
]


@pytest.mark.parametrize(
    ("composite", "given_input", "field", "reason"),
    [
        *(
            pytest.param(
                recipe_xr({**RECIPE_PARAMETERS, name: value}),
                {},
                f"spec.parameters.{name}",
                "InvalidParameters",
                id=f"{name}={value!r}",
            )
            for name in RECIPE_PARAMETERS
            for value in NO_PARAMETERS
        ),
        pytest.param(
            recipe_xr("x"), {}, "spec.parameters", "InvalidParameters", id="text"
        ),
        pytest.param(
            recipe_xr(claimRef=None),
            {},
            "spec.claimRef.namespace",
            "InvalidParameters",
            id="no namespace",
        ),
        pytest.param(
            recipe_xr(),
            {**INPUT, "bundel": True},
            "input.bundel",
            "InvalidParameters",
            id="unknown field",
        ),
        pytest.param(
            recipe_xr(),
            {"kind": "Input"},
            "input.apiVersion",
            "InvalidParameters",
            id="no version",
        ),
        pytest.param(
            recipe_xr(),
            {**INPUT, "allow": {"regions": ["us-*"]}},
            "spec.parameters.region",
            "NotAllowed",
            id="region not allowed",
        ),
        pytest.param(
            recipe_xr(),
            {**INPUT, "allow": {"providerNames": []}},
            "spec.parameters.providerName",
            "NotAllowed",
            id="nothing allowed",
        ),
    ],
)
def test_bad_input_is_fatal_and_keeps_earlier_steps(
    composite: dict[str, Any], given_input: dict[str, Any], field: str, reason: str
) -> None:
    earlier = {"resources": {"theirs": {"resource": {"kind": "Theirs"}}}}
    rsp = call(request(composite, input=given_input, desired=earlier))
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
    rsp = call(request(xr, input=given_input))
    assert "internal error" not in "".join(r.message for r in rsp.results)
    assert rsp.results[-1].severity == fnv1.SEVERITY_FATAL


def test_an_unexpected_error_is_a_fatal_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(fn, "observe", broken)
    (result,) = call(request(recipe_xr())).results
    assert result.severity == fnv1.SEVERITY_FATAL
    assert "secret" not in result.message
