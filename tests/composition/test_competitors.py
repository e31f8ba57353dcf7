"""Who else asks for a repository, in every API that is served and in no other."""

import asyncio
from typing import Any

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format
from test_registry import (
    CLASSIC,
    CLUSTER,
    NAMESPACED,
    OBSERVE,
    image,
    live,
    policies,
    xr,
)

from function import fn
from function.providers.registry import PROVIDERS

V1: list[str] = []
V2_0 = ["CAPABILITY_CAPABILITIES", "CAPABILITY_REQUIRED_RESOURCES"]
V2_4 = [*V2_0, "CAPABILITY_REQUIRED_SCHEMAS"]
REPOSITORY = "contenders-imagerepo"


def lock(*sources: str) -> dict[str, Any]:
    """Return Crossplane's Lock, with packages such as example/provider-aws:v1.2.3."""
    return {
        "apiVersion": "pkg.crossplane.io/v1beta1",
        "kind": "Lock",
        "metadata": {"name": "lock"},
        "packages": [
            {
                "source": f"xpkg.example.org/{source.partition(':')[0]}",
                "version": source.partition(":")[2],
            }
            for source in sources
        ],
    }


def reconcile(  # what a cluster has
    provider: str,
    observed: dict[str, Any] | None = None,
    *,
    objects: list[dict[str, Any]] | None = None,
    capabilities: list[str] | None = None,
    serves: set[str] | None = None,
    composite: dict[str, Any] | None = None,
    seeds: dict[str, Any] | None = None,
    **given: Any,
) -> fnv1.RunFunctionResponse:
    """Call the function as Crossplane does, with what its requirements select.

    Args:
        objects: All there is.
        capabilities: What Crossplane says that it can.
        serves: The APIs that are served; another one fails the reconcile. None for
            what knows no kinds, such as a test.
        seeds: Required resources of the last reconcile (v2.4).
    """
    resources = {"imagerepo": {"resource": observed}} if observed else {}
    request: dict[str, Any] = {
        "meta": {"capabilities": capabilities or []},
        "observed": {
            "composite": {"resource": composite or xr(provider)},
            "resources": resources,
        },
        "input": {
            "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
            "kind": "Input",
            "provider": provider,
            "bundle": False,
            **given,
        },
        "requiredResources": seeds or {},
    }
    requirements = None
    for _ in range(5):
        req = json_format.ParseDict(request, fnv1.RunFunctionRequest())
        rsp = asyncio.run(fn.FunctionRunner().RunFunction(req, None))
        if any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results):
            return rsp
        if rsp.requirements == requirements:
            return rsp
        requirements = rsp.requirements
        for field, selectors in (
            ("requiredResources", requirements.resources),
            ("extraResources", requirements.extra_resources),
        ):
            request[field] = {
                name: {"items": select(selector, objects or [], serves)}
                for name, selector in selectors.items()
            }
        request["requiredSchemas"] = {
            name: {"openapiV3": {"type": "object"}} if api.api_version in serves else {}
            for name, api in requirements.schemas.items()
            if serves is not None
        }
    raise AssertionError("the requirements never settle")


def select(
    selector: fnv1.ResourceSelector,
    objects: list[dict[str, Any]],
    serves: set[str] | None,
) -> list[dict[str, Any]]:
    api = selector.api_version
    if serves is not None and api in PROVIDERS:
        assert api in serves, f"no matches for kind {selector.kind} in {api}"
    return [
        {"resource": found}
        for found in objects
        if (found["apiVersion"], found["kind"]) == (api, selector.kind)
        and (
            found["metadata"].get("name") == selector.match_name
            if selector.WhichOneof("match") == "match_name"
            else selector.match_labels.labels.items()
            <= found["metadata"].get("labels", {}).items()
        )
    ]


PACKAGES = {
    CLASSIC: "crossplane-contrib/provider-aws:v0.58.0",
    CLUSTER: "upbound/provider-aws-ecr:v2.5.0",
    NAMESPACED: "upbound/provider-aws-ecr:v2.5.0",
}
PAIRS = [(own, other) for own in PACKAGES for other in PACKAGES if own != other]


@pytest.mark.parametrize(("own", "other"), PAIRS)
@pytest.mark.parametrize(
    ("capabilities", "cluster"),
    [(V1, True), (V2_4, True), (V1, False), (V2_0, False), (V2_4, False)],
    ids=["v1", "v2.4", "files", "files, v2.0", "files, v2.4"],
)
def test_an_owner_in_another_api_is_seen(
    own: str, other: str, capabilities: list[str], *, cluster: bool
) -> None:
    objects = [live(other, uid="theirs")]
    if cluster:
        objects.append(lock(PACKAGES[own], PACKAGES[other]))
    # Upbound's package serves both of its APIs.
    serves = {own, other, CLUSTER, NAMESPACED} if cluster else None
    cluster_has = {"objects": objects, "capabilities": capabilities, "serves": serves}
    rsp = reconcile(own, **cluster_has)
    assert rsp.conditions[0].reason == "NameTaken"
    assert not rsp.desired.resources
    # One that met it all the same may only look, whatever `deletion` says.
    met = live(own, made=False)
    rsp = reconcile(own, met, deletion="Always", managementPolicies=True, **cluster_has)
    assert rsp.conditions[0].reason == "NameTaken"
    assert policies(image(rsp))[1] == OBSERVE[1]


@pytest.mark.parametrize("own", PACKAGES)
@pytest.mark.parametrize("capabilities", [V1, V2_0, V2_4], ids=["v1", "v2.0", "v2.4"])
@pytest.mark.parametrize(
    "packages",
    [
        [],
        ["crossplane-contrib/provider-helm:v1.0.0"],
        ["renamed/by-a-mirror:v1.0.0"],
        ["upbound/provider-aws-ecr:sha256:0"],
        ["upbound/provider-aws-ecr:v1.0.0", "someone/provider-aws:v0.20.0"],
    ],
    ids=["none installed", "others", "renamed", "by digest", "old ones"],
)
def test_a_kind_that_is_not_served_is_never_required(
    own: str, capabilities: list[str], packages: list[str]
) -> None:
    """Crossplane would fail the reconcile."""
    rsp = reconcile(
        own, objects=[lock(*packages)], capabilities=capabilities, serves={own}
    )
    assert rsp.conditions[0].reason == "Creating"


def test_a_kind_whose_provider_is_gone_is_not_required() -> None:
    """It is served until its last resource goes, but nobody may list it any more."""
    rsp = reconcile(
        CLUSTER,
        objects=[lock(PACKAGES[CLUSTER])],
        capabilities=V2_4,
        serves={CLUSTER, CLASSIC},
    )
    assert set(rsp.requirements.resources) == {REPOSITORY, "package-lock"}


def test_what_an_older_function_required_is_no_answer() -> None:
    """Crossplane v2.4 hands over what the last reconcile required, of any version."""
    rsp = reconcile(
        CLUSTER,
        objects=[lock(PACKAGES[CLUSTER])],
        capabilities=V2_4,
        serves={CLUSTER},
        seeds={REPOSITORY: {"items": []}},
    )
    assert rsp.conditions[0].reason == "Creating"


@pytest.mark.parametrize("own", PACKAGES)
def test_nobody_is_looked_for_once_a_repository_is_ours(own: str) -> None:
    rsp = reconcile(own, live(own), capabilities=V2_4, serves={own})
    assert not rsp.HasField("requirements") or not rsp.requirements.ListFields()
