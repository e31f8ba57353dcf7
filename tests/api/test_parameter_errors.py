"""All errors of an XR's parameters, and that the function's is among them."""

from typing import Any

import pytest
from crossplane.function import resource
from hypothesis import given
from hypothesis import strategies as st

from function.api.parameter_errors import parameter_errors
from tests.builders import CLASSIC, CLUSTER, NAMESPACED, run, settings_of, xr

HOST = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"


def composite(**changes: Any) -> dict[str, Any]:
    """Return an XR with other parameters, or another namespace; None removes one."""
    changed = xr(CLASSIC)
    spec = changed["spec"]
    for key, value in changes.items():
        target = spec["claimRef"] if key == "namespace" else spec["parameters"]
        target[key] = value
        if value is None:
            del target[key]
    return changed


def errors(xr: dict[str, Any], **step_input: Any) -> list[str]:
    struct = resource.dict_to_struct(xr)
    return [str(e) for e in parameter_errors(struct, settings_of(**step_input))]


@pytest.mark.parametrize(
    ("changes", "step_input", "fields", "why"),
    [
        ({}, {}, [], "nothing is wrong"),
        (
            {"region": "Here", "workloadName": "Shop", "providerName": "A"},
            {},
            ["region", "workloadName", "providerName"],
            "each is wrong alone",
        ),
        (
            {"region": None, "workloadName": "", "repoPrefix": 5},
            {},
            ["region", "workloadName", "repoPrefix"],
            "each is missing, empty or no string",
        ),
        (
            {"region": "us-east-1", "repoPrefix": "b", "providerName": "c"},
            {
                "allow": {
                    "regions": ["eu-*"],
                    "repoPrefixes": ["tap"],
                    "providerNames": ["aws"],
                }
            },
            ["region", "repoPrefix", "providerName"],
            "none is allowed",
        ),
        (
            {"namespace": "shop", "repoPrefix": "tap/shop/a"},
            {"allow": {"repoPrefixes": ["tap/{namespace}/*"]}},
            [],
            "a path of the claim's namespace",
        ),
        (
            {"namespace": "shop", "repoPrefix": "tap/a/b"},
            {"allow": {"repoPrefixes": ["tap/{namespace}/*"]}},
            ["repoPrefix"],
            "a path of another namespace",
        ),
        (
            {"namespace": "shop", "repoPrefix": None},
            {
                "allow": {"repoPrefixes": ["tap/{namespace}"]},
                "defaults": {"repoPrefix": "tap/{namespace}"},
            },
            [],
            "the default is the path of the claim's namespace",
        ),
        (
            {"namespace": "n" * 63, "repoPrefix": "a" * 193},
            {"allow": {"repoPrefixes": ["a*"]}},
            ["repoPrefix, spec.parameters.workloadName"],
            "too long together: reported once",
        ),
        ({"region": "Here", "repoPrefix": f"{HOST}/tap"}, {}, ["region"], "no region"),
        (
            {"region": "us-east-1", "repoPrefix": f"{HOST}/tap"},
            {"allow": {"regions": ["eu-*"]}},
            ["region", "repoPrefix"],
            "the host is in another region, which is not allowed either",
        ),
        (
            {"repoPrefix": "a" * 200, "workloadName": "b" * 60, "region": "Here"},
            {},
            ["region", "repoPrefix, spec.parameters.workloadName"],
            "too long together",
        ),
        (
            {"repository": {"tags": {"a": 5, "b": 6}, "scanOnPush": 7, "tagz": {}}},
            {"allow": {"overrides": ["tags"]}},
            [
                "repository.scanOnPush",
                "repository.tagz",
                "repository.tags.a",
                "repository.tags.b",
            ],
            "options of the workload's own",
        ),
        (
            {"repository": 5, "region": "Here"},
            {},
            ["region", "repository"],
            "options that are no object",
        ),
    ],
)
def test_each_error_is_reported(
    changes: dict[str, Any], step_input: dict[str, Any], fields: list[str], why: str
) -> None:
    found = errors(composite(**changes), **step_input)
    # A Struct has no order: nor have the errors of an object in it.
    assert sorted(e.partition(":")[0] for e in found) == sorted(
        f"spec.parameters.{field}" for field in fields
    ), why


def test_an_option_that_does_not_exist_has_a_suggestion() -> None:
    (error,) = errors(composite(repository={"tagz": {}}))
    assert "claims to set no options (did you mean tags?)" in error
    (error,) = errors(composite(repository={"tags": {}}))
    assert "did you mean" not in error


@pytest.mark.parametrize("spec", [5, {"parameters": 5}])
def test_a_wrong_object_is_the_only_error(spec: Any) -> None:
    (error,) = errors(xr(CLASSIC) | {"spec": spec})
    assert "it must be an object" in error


def test_an_input_for_other_xrs() -> None:
    (error,) = errors(composite(), provider=NAMESPACED)
    assert error.startswith("input.provider: ")
    assert errors(xr(NAMESPACED), provider=NAMESPACED) == []


VALUES = st.sampled_from(
    [None, "", "a", "A", "aws", "tap", "eu-west-2", HOST, "b" * 99]
)
INPUTS = st.sampled_from(
    [
        *({}, {"registryHost": "Keep"}, {"defaults": {"region": "us-east-1"}}),
        {"allow": {"regions": ["us-*"], "repoPrefixes": ["a", "b*"]}},
        {"bundle": False, "allow": {"overrides": ["scanOnPush"]}},
        {"allow": {"repoPrefixes": ["{namespace}"]}},
    ]
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(
                ("workloadName", "repoPrefix", "region", "providerName"), VALUES
            ),
            "namespace": st.sampled_from(["a", "A", "tap"]),
            "repository": st.sampled_from([5, {}, {"tags": {}}, {"scanOnPush": 5}]),
        },
    ),
    INPUTS,
)
def test_the_error_of_the_function_is_one_of_them(
    changes: dict[str, Any], step_input: dict[str, Any]
) -> None:
    changed = composite(**changes)
    found = errors(changed, **step_input)
    rsp = run(CLASSIC, composite=changed, **step_input)
    fatal = [r.message for r in rsp.results if r.severity == 1]
    assert bool(found) == bool(fatal)
    assert set(fatal) <= set(found)


@pytest.mark.parametrize(
    ("name", "namespace", "wrong", "why"),
    [
        ("default/base", "default", False, "the namespace is its own"),
        ("other/base", "default", True, "it is another namespace's"),
        ("Base", "default", True, "ECR refuses it"),
        ("other/base", "Wrong", False, "nobody knows what is allowed there"),
    ],
)
def test_an_existing_repository_is_checked_with_the_namespace(
    name: str, namespace: str, why: str, *, wrong: bool
) -> None:
    claim = composite(existingName=name, namespace=namespace)
    found = errors(claim, provider=CLUSTER, allow={"existingNames": ["{namespace}/*"]})
    assert any("existingName" in each for each in found) == wrong, why
    assert len(found) <= 1
