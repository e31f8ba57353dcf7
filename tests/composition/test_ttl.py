"""The ttl: how long a response stays valid."""

import copy
from typing import Any

import pytest

from function.composition.ttl import (
    PENDING_SECONDS,
    STEADY_SECONDS,
    WATCH_SUSPENDED_SECONDS,
)
from tests.builders import INPUT, call, captured, parsed


def ttl(request: dict[str, Any]) -> int:
    rsp = call(parsed(request))
    assert rsp.conditions
    return int(rsp.meta.ttl.seconds)


def image(request: dict[str, Any]) -> dict[str, Any]:
    return dict(request["observed"]["resources"]["imagerepo"]["resource"])


def condition(of: dict[str, Any], kind: str, status: str, message: str = "") -> None:
    conditions = of["status"].setdefault("conditions", [])
    conditions[:] = [c for c in conditions if c["type"] != kind]
    conditions.append({"type": kind, "status": status, "message": message})


def test_a_steady_response_is_valid_for_an_hour() -> None:
    assert ttl(captured("steady")) == STEADY_SECONDS == 3600


def unready(request: dict[str, Any]) -> None:
    condition(image(request), "Ready", "False")


def refused_by_ecr(request: dict[str, Any]) -> None:
    condition(image(request), "Synced", "False", "AccessDeniedException")


def found_there(request: dict[str, Any]) -> None:
    annotations = image(request)["metadata"]["annotations"]
    del annotations["crossplane.io/external-create-succeeded"]


def a_policy_to_come(request: dict[str, Any]) -> None:
    request["input"] = {**INPUT, "repository": {"lifecycle": {"keepLast": 5}}}


def refused(request: dict[str, Any]) -> None:
    xr = request["observed"]["composite"]["resource"]
    xr["spec"]["parameters"]["region"] = "nowhere"


def watch_suspended(request: dict[str, Any]) -> None:
    condition(request["observed"]["composite"]["resource"], "Responsive", "False")


def taken(request: dict[str, Any]) -> None:
    competitor = copy.deepcopy(image(request))
    competitor["metadata"]["ownerReferences"][0]["uid"] = "another"
    items = {"items": [{"resource": competitor}]}
    request["requiredResources"] = {"contenders-imagerepo": items}
    del request["observed"]["resources"]["imagerepo"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unready, "it is not there yet"),
        (refused_by_ecr, "the provider says what is wrong"),
        (found_there, "another claim may have it"),
        (a_policy_to_come, "a policy is not there yet"),
        (refused, "the claim is refused"),
        (watch_suspended, "Crossplane drops its events"),
    ],
)
def test_a_pending_response_is_valid_for_a_minute(change: Any, reason: str) -> None:
    request = captured("steady")
    change(request)
    assert ttl(request) == PENDING_SECONDS == 60, reason


@pytest.mark.parametrize(
    ("changes", "seconds", "reason"),
    [
        ([unready], WATCH_SUSPENDED_SECONDS, "it is ready within seconds"),
        ([a_policy_to_come], WATCH_SUSPENDED_SECONDS, "so does this"),
        ([unready, refused_by_ecr], PENDING_SECONDS, "it may take long"),
        ([taken], PENDING_SECONDS, "another claim owns it, maybe for ever"),
        ([refused], PENDING_SECONDS, "nothing is being created"),
    ],
)
def test_a_suspended_watch_shortens_the_ttl(
    changes: list[Any],
    seconds: int,
    reason: str,
) -> None:
    request = captured("steady")
    for change in [watch_suspended, *changes]:
        change(request)
    assert ttl(request) == seconds, reason
    assert WATCH_SUSPENDED_SECONDS == 10


def test_a_closed_circuit_breaker_does_not_shorten_the_ttl() -> None:
    request = captured("steady")
    condition(request["observed"]["composite"]["resource"], "Responsive", "True")
    assert ttl(request) == STEADY_SECONDS


def test_the_first_response_is_valid_for_a_minute() -> None:
    assert ttl(captured("first")) == PENDING_SECONDS
