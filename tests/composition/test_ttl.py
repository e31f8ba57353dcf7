"""The ttl: how long a response stays valid."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function.composition.ttl import (
    PENDING_SECONDS,
    RELEASE_SECONDS,
    RELEASE_TAKES,
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


def taken(request: dict[str, Any], key: str = "imagerepo") -> dict[str, Any]:
    """Let another claim have a repository; return the metadata of its resource."""
    competitor = request["observed"]["resources"].pop(key)
    competitor["resource"]["metadata"]["ownerReferences"][0]["uid"] = "another"
    labels = competitor["resource"]["metadata"]["labels"]
    labels["crossplane.io/claim-name"] = "another"
    required = request.setdefault("requiredResources", {})
    required[f"contenders-{key}"] = {"items": [competitor]}
    metadata: dict[str, Any] = competitor["resource"]["metadata"]
    return metadata


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


def ago(**duration: float) -> str:
    """Return a time of the past, as Kubernetes writes it."""
    return f"{datetime.now(UTC) - timedelta(**duration):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("minutes_ago", "seconds", "reason"),
    [
        (0, RELEASE_SECONDS, "it is gone within seconds"),
        (4, RELEASE_SECONDS, "the provider needs time"),
        (6, PENDING_SECONDS, "it may take for ever"),
        (-1, RELEASE_SECONDS, "the API server's clock is ahead"),
        (-6, PENDING_SECONDS, "one of the clocks is wrong"),
    ],
)
def test_a_deleted_owner_shortens_the_ttl_for_a_few_minutes(
    minutes_ago: int, seconds: int, reason: str
) -> None:
    request = captured("steady")
    taken(request)["deletionTimestamp"] = ago(minutes=minutes_ago)
    assert ttl(request) == seconds, reason
    watch_suspended(request)
    assert ttl(request) == seconds, reason
    assert RELEASE_SECONDS == 3
    assert timedelta(minutes=5) == RELEASE_TAKES


def test_an_unreadable_deletion_time_does_not_shorten_the_ttl() -> None:
    for deleted in ("soon", ago(seconds=1).removesuffix("Z")):
        request = captured("steady")
        taken(request)["deletionTimestamp"] = deleted
        assert ttl(request) == PENDING_SECONDS, deleted


def test_the_last_of_two_owners_decides() -> None:
    request = captured("steady")
    taken(request)["deletionTimestamp"] = ago(hours=1)
    bundle = taken(request, "bundlerepo")
    assert ttl(request) == PENDING_SECONDS, "one of them stays"
    bundle["deletionTimestamp"] = ago(seconds=1)
    assert ttl(request) == RELEASE_SECONDS


@pytest.mark.parametrize(
    ("minutes_ago", "seconds"), [(0, RELEASE_SECONDS), (6, PENDING_SECONDS)]
)
def test_a_predecessor_counts_as_deleted_since_the_new_xr_exists(
    minutes_ago: int, seconds: int
) -> None:
    """The garbage collector marks its managed resources a moment later."""
    request = captured("steady")
    xr = request["observed"]["composite"]["resource"]
    xr["metadata"]["creationTimestamp"] = ago(minutes=minutes_ago)
    claim = xr["metadata"]["labels"]["crossplane.io/claim-name"]
    taken(request)["labels"]["crossplane.io/claim-name"] = claim
    assert ttl(request) == seconds


def test_a_closed_circuit_breaker_does_not_shorten_the_ttl() -> None:
    request = captured("steady")
    condition(request["observed"]["composite"]["resource"], "Responsive", "True")
    assert ttl(request) == STEADY_SECONDS


def test_the_first_response_is_valid_for_a_minute() -> None:
    assert ttl(captured("first")) == PENDING_SECONDS
