"""Connection details: the secret of a claim, and the object of a namespaced XR."""

import base64
from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import (
    APIS,
    CLASSIC,
    INPUT,
    NAMESPACED,
    call,
    desired,
    is_fatal,
    live,
    request,
    run,
    with_full_rights,
    xr,
)

CLAIMS = [each for each in APIS if each != NAMESPACED]
IMAGE_DETAILS = {"imageRepositoryUri": b"host/tap/shop-default", "region": b"eu-west-2"}


def with_secret(
    provider: str,
    secret: dict[str, bytes],
    observed: Any = None,
    *,
    earlier: dict[str, bytes] | None = None,
    **step_input: Any,
) -> fnv1.RunFunctionResponse:
    """Call RunFunction for an image; its XR has a connection secret with this data.

    Args:
        provider: The Input's.
        secret: The data of the connection secret.
        observed: The image's managed resource.
        earlier: The connection details that earlier steps desire.
        step_input: The Input's other fields.
    """
    req = request(
        xr(provider),
        observed={"imagerepo": {"resource": observed}} if observed else {},
        input={**INPUT, "provider": provider, "bundle": False, **step_input},
        requiredResources={"contenders-imagerepo": {"items": []}},
    )
    for key, value in secret.items():
        req.observed.composite.connection_details[key] = value
    for key, value in (earlier or {}).items():
        req.desired.composite.connection_details[key] = value
    return call(req)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_connection_details_of_a_namespaced_xr(kind: str) -> None:
    given: dict[str, Any] = {"connection": {"kind": kind}}
    assert "connection" not in run(NAMESPACED, **given).desired.resources
    rsp = run(NAMESPACED, live(NAMESPACED), **given)
    made = resource.struct_to_dict(rsp.desired.resources["connection"].resource)
    encoded = kind == "Secret"
    assert made == {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "shop-repositories"},
        **({"type": "connection.crossplane.io/v1alpha1"} if encoded else {}),
        "data": {
            "imageRepositoryUri": "aG9zdC90YXAvc2hvcC1kZWZhdWx0"
            if encoded
            else "host/tap/shop-default",
            "region": "ZXUtd2VzdC0y" if encoded else "eu-west-2",
        },
    }
    assert rsp.desired.resources["connection"].ready == fnv1.READY_TRUE
    refused = run(CLASSIC, **given).results[-1]
    assert "input.connection" in refused.message


@pytest.mark.parametrize("provider", CLAIMS)
def test_a_secret_keeps_the_details_that_are_not_known_any_more(provider: str) -> None:
    """Else Crossplane would write it at each reconcile: it never removes a key."""
    gone = {"existingRepositoryUri": b"host/a", "worker-aRepositoryUri": b"host/b"}
    rsp = with_secret(provider, {**IMAGE_DETAILS, **gone}, live(provider))
    assert dict(rsp.desired.composite.connection_details) == {**IMAGE_DETAILS, **gone}
    # The image is created again, and its URI is not known yet.
    rsp = with_secret(provider, IMAGE_DETAILS)
    assert dict(rsp.desired.composite.connection_details) == IMAGE_DETAILS


@pytest.mark.parametrize("provider", CLAIMS)
def test_a_known_detail_replaces_the_one_of_the_secret(provider: str) -> None:
    rsp = with_secret(
        provider, {"imageRepositoryUri": b"old", "region": b"old"}, live(provider)
    )
    assert dict(rsp.desired.composite.connection_details) == IMAGE_DETAILS


@pytest.mark.parametrize(
    "key", ["password", "endpoint", "RepositoryUri", "myregion", "A_RepositoryUri"]
)
def test_details_of_other_steps_are_not_repeated(key: str) -> None:
    rsp = with_secret(CLASSIC, {key: b"theirs"}, live(CLASSIC))
    assert dict(rsp.desired.composite.connection_details) == IMAGE_DETAILS


def test_details_of_earlier_steps_are_passed_on() -> None:
    key = "cacheRepositoryUri"
    rsp = with_secret(CLASSIC, {key: b"old"}, live(CLASSIC), earlier={key: b"new"})
    found = rsp.desired.composite.connection_details
    assert dict(found) == {**IMAGE_DETAILS, "cacheRepositoryUri": b"new"}


@pytest.mark.parametrize("provider", CLAIMS)
def test_a_refused_claim_with_reduced_rights_keeps_its_details(provider: str) -> None:
    gone = {**IMAGE_DETAILS, "existingRepositoryUri": b"host/a"}
    rsp = with_secret(
        provider,
        gone,
        with_full_rights(provider),
        deletion="Never",
        allow={"regions": ["us-*"]},
    )
    assert not is_fatal(rsp)
    assert rsp.conditions[0].reason == "NotAllowed"
    assert dict(rsp.desired.composite.connection_details) == gone


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_the_object_stays_while_no_uri_is_known(kind: str) -> None:
    """Pods mount it, and a person may have deleted the managed resources."""
    given: dict[str, Any] = {"connection": {"kind": kind}}
    value = "host/tap/shop-default"
    if kind == "Secret":
        value = base64.b64encode(value.encode()).decode()
    mine: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "shop-repositories"},
        **({"type": "connection.crossplane.io/v1alpha1"} if kind == "Secret" else {}),
        "data": {"imageRepositoryUri": value},
    }
    managed_by = {"labels": {"a": "b"}, "uid": "1", "resourceVersion": "2"}
    found = {**mine, "metadata": {**mine["metadata"], **managed_by}}
    rsp = run(NAMESPACED, others={"connection": found}, **given)
    assert rsp.conditions[0].reason == "Creating"
    assert desired(rsp)["connection"] == mine
    assert rsp.desired.resources["connection"].ready == fnv1.READY_TRUE
    assert "connection" not in desired(run(NAMESPACED, **given))
