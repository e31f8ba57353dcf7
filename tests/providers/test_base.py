"""What every provider has in common."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    FACTS,
    NAME,
    NAMESPACED,
    OBSERVE_CREATE,
    READY,
    SIGNATURE,
    additions,
    desired_image,
    live,
    rights,
    run,
)


@pytest.mark.parametrize("provider", APIS)
def test_a_new_repository(provider: str) -> None:
    api = APIS[provider]
    got = desired_image(run(provider, managementPolicies=True))
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
            "forProvider": {
                "forceDelete": True,
                "region": "eu-west-2",
                **additions(got),
            },
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


@pytest.mark.parametrize(
    ("provider", "given", "policy", "actions"),
    [
        (CLASSIC, None, "Orphan", None),
        (CLASSIC, False, "Orphan", None),
        (CLASSIC, True, *OBSERVE_CREATE),
        (CLUSTER, None, *OBSERVE_CREATE),
        (CLUSTER, False, "Orphan", None),
        (CLUSTER, True, *OBSERVE_CREATE),
        (NAMESPACED, None, None, OBSERVE_CREATE[1]),
        (NAMESPACED, True, None, OBSERVE_CREATE[1]),
    ],
)
def test_which_providers_get_management_policies(
    provider: str, policy: str | None, actions: list[str] | None, *, given: bool | None
) -> None:
    more: dict[str, Any] = {} if given is None else {"managementPolicies": given}
    assert rights(desired_image(run(provider, **more))) == (policy, actions)


@pytest.mark.parametrize("provider", APIS)
def test_status_fields_are_the_same_for_every_provider(provider: str) -> None:
    rsp = run(provider, live(provider))
    status = resource.struct_to_dict(rsp.desired.composite.resource)["status"]
    assert status["repositories"]["image"] == {"name": NAME, **FACTS}
    assert rsp.desired.resources["imagerepo"].ready == fnv1.READY_TRUE
    assert rsp.conditions[0].reason == "Available"


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
    told = desired_image(run(provider, observed))["metadata"]["annotations"]
    new = {name for name, value in told.items() if value == begun}
    assert new == {
        "crossplane.io/external-create-failed",
        "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned",
    }


@pytest.mark.parametrize("provider", [CLASSIC, CLUSTER, NAMESPACED])
def test_a_refused_creation_is_left_to_the_provider(provider: str) -> None:
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
    told = desired_image(run(provider, observed))["metadata"]["annotations"]
    assert set(told) == {"crossplane.io/external-name"}


@pytest.mark.parametrize("provider", APIS)
def test_an_observed_repository_that_is_gone_is_created_again(provider: str) -> None:
    gone = {
        "type": "Synced",
        "status": "False",
        "message": "observe failed: external resource does not exist",
    }
    observed = live(provider, made=False, conditions=[READY, gone])
    rsp = run(provider, observed, managementPolicies=True)
    assert rights(desired_image(rsp))[1] == OBSERVE_CREATE[1]
    assert rsp.desired.resources["imagerepo"].ready != fnv1.READY_TRUE
    assert rsp.conditions[0].reason == "Creating"
    assert "uri" not in str(resource.struct_to_dict(rsp.desired.composite.resource))
