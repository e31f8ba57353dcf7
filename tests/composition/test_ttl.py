"""For how long an answer is good."""

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


def test_what_is_settled_is_good_for_an_hour() -> None:
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


def unheard(request: dict[str, Any]) -> None:
    condition(request["observed"]["composite"]["resource"], "Responsive", "False")


def taken(request: dict[str, Any]) -> None:
    rival = copy.deepcopy(image(request))
    rival["metadata"]["ownerReferences"][0]["uid"] = "another"
    contenders = {"items": [{"resource": rival}]}
    request["requiredResources"] = {"contenders-imagerepo": contenders}
    del request["observed"]["resources"]["imagerepo"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unready, "it is not there yet"),
        (refused_by_ecr, "the provider says what is wrong"),
        (found_there, "another claim may have it"),
        (a_policy_to_come, "a policy is not there yet"),
        (refused, "it cannot be met"),
        (unheard, "Crossplane drops what happens to it"),
    ],
)
def test_what_is_open_is_good_for_a_minute(change: Any, reason: str) -> None:
    request = captured("steady")
    change(request)
    assert ttl(request) == PENDING_SECONDS == 60, reason


@pytest.mark.parametrize(
    ("changes", "seconds", "reason"),
    [
        ([unready], WATCH_SUSPENDED_SECONDS, "it comes within seconds"),
        ([a_policy_to_come], WATCH_SUSPENDED_SECONDS, "so does this"),
        ([unready, refused_by_ecr], PENDING_SECONDS, "it may not come for long"),
        ([taken], PENDING_SECONDS, "another has it, maybe for ever"),
        ([refused], PENDING_SECONDS, "nothing comes"),
    ],
)
def test_what_comes_unheard_is_looked_for_soon(
    changes: list[Any],
    seconds: int,
    reason: str,
) -> None:
    request = captured("steady")
    for change in [unheard, *changes]:
        change(request)
    assert ttl(request) == seconds, reason
    assert WATCH_SUSPENDED_SECONDS == 10


def test_a_breaker_that_is_closed_is_nothing_open() -> None:
    request = captured("steady")
    condition(request["observed"]["composite"]["resource"], "Responsive", "True")
    assert ttl(request) == STEADY_SECONDS


def test_the_first_pass_is_good_for_a_minute() -> None:
    assert ttl(captured("first")) == PENDING_SECONDS
