"""What the benchmark of many claims counts, and what it concludes."""

import json
from typing import Any

import pytest
from scale import (
    CHUNK,
    PARTS,
    PER_NAMESPACE,
    Sample,
    chunks,
    copied,
    fits,
    mean_ms,
    metric,
    namespace,
    rounded,
    step,
)
from scale_tables import (
    PAGE,
    REPORT,
    WORKLOADS,
    limit_mib,
    line,
    poll_delay_s,
    poll_minutes,
    predicted,
    tables,
)
from stand_in import PAUSED, created, is_done
from tables import fill

from function.ecr.ownership import CreateRecord, created_by_provider
from function.providers.crossplane_runtime import REPOSITORY_ID

NOW = "2026-01-01T00:00:00Z"


def test_a_step_is_what_each_new_claim_has_used() -> None:
    before = Sample({"f": 1.0}, {"f": 60.0}, 10, 0.1, 20, 2.0, 1.0)
    after = Sample({"f": 2.0}, {"f": 61.0}, 90, 0.5, 60, 4.0, 5.0)
    found = step(110, 10, before, after)
    assert (found.claims, found.added) == (110, 10)
    assert found.cpu_ms == {"f": 100.0}
    assert found.memory_mb == {"f": 61.0}
    assert found.calls == 8.0
    assert found.call_ms == pytest.approx(5.0)
    assert found.reconciles == 4.0
    assert found.reconcile_ms == pytest.approx(50.0)
    assert found.waited_ms == pytest.approx(100.0)


def test_nothing_has_no_duration() -> None:
    assert mean_ms(0.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("name", "labels", "total"),
    [
        pytest.param("seen_count", 'controller="a"', 3.0, id="of one controller"),
        pytest.param("seen_count", "", 10.0, id="of all"),
        pytest.param("seen", "", 0.0, id="no other metric that begins so"),
        pytest.param("plain", "", 1500.0, id="without labels, with an exponent"),
    ],
)
def test_metric(name: str, labels: str, total: float) -> None:
    text = """\
# TYPE seen histogram
seen_count{controller="a",result="ok"} 2
seen_count{controller="a",result="error"} 1
seen_count{controller="b",result="ok"} 7
plain 1.5e+03
"""
    assert metric(text, name, labels) == total


def test_each_number_is_in_one_chunk_and_one_namespace() -> None:
    numbers = range(2 * CHUNK + 1)
    assert [n for chunk in chunks(numbers) for n in chunk] == [*numbers]
    assert max(map(len, chunks(numbers))) == CHUNK
    assert namespace(PER_NAMESPACE - 1) == namespace(0) != namespace(PER_NAMESPACE)


def test_a_copy_is_paused_and_has_names_of_its_own() -> None:
    identity = "r7nxvqfvuf4ev5ng32kpsvwchhtektba"
    resource = {
        "metadata": {
            "name": f"claim-0-{identity}",
            "uid": "1",
            "ownerReferences": [{"uid": "2"}],
            "labels": {REPOSITORY_ID: identity, "crossplane.io/claim-name": "claim-0"},
        },
        "spec": {"region": "eu-west-2"},
        "status": {"conditions": []},
    }
    found = copied(resource, "claim-0", 7)
    of_copy = found["metadata"]["labels"].pop(REPOSITORY_ID)
    assert len(of_copy) == len(identity)
    assert of_copy != identity
    assert of_copy != copied(resource, "claim-0", 8)["metadata"]["labels"].get(
        REPOSITORY_ID
    )
    assert found == {
        "metadata": {
            "name": f"copy-7-{of_copy}",
            "labels": {"crossplane.io/claim-name": "copy-7"},
            "annotations": {PAUSED: "true"},
        },
        "spec": {"region": "eu-west-2"},
    }


def test_no_step_begins_that_would_end_too_late() -> None:
    assert fits(100, added=90, per_claim_s=1, fixed_s=10)
    assert not fits(99, added=90, per_claim_s=1, fixed_s=10)


def test_figures_have_three_digits() -> None:
    assert rounded({"a": [1234.5, 0.012345], "b": 1234}) == {
        "a": [1230.0, 0.0123],
        "b": 1234,
    }


def test_the_line_through_what_was_measured() -> None:
    points = {100: 110.0, 200: 120.0, 400: 140.0}
    assert [*line(points)] == pytest.approx([0.1, 100.0])
    assert predicted(points, 1000) == pytest.approx(200.0)
    falling = {100: 50.0, 200: 40.0}
    assert predicted(falling, 1000) >= 50.0, "noise is no gain"


@pytest.mark.parametrize(
    ("claims", "limit"),
    [
        pytest.param(100, 128, id="the default is enough"),
        pytest.param(1000, 512, id="half as much again as predicted, doubled"),
    ],
)
def test_memory_limits(claims: int, limit: int) -> None:
    # 200 MiB at 1,000 claims: 300 with room to spare.
    points = {100: 65.0, 500: 125.0}
    assert limit_mib(points, claims, 128) == limit


@pytest.mark.parametrize(
    ("claims", "poll_s", "delay_s"),
    [
        pytest.param(600, 60, 0.0, id="600 claims need all of the requests"),
        pytest.param(1000, 60, 40.0, id="with more, every write waits"),
        pytest.param(1000, 600, 0.0, id="a longer interval"),
    ],
)
def test_polling_needs_requests(claims: int, poll_s: float, delay_s: float) -> None:
    assert poll_delay_s(claims, poll_s) == delay_s


@pytest.mark.parametrize(
    ("claims", "minutes"),
    [
        pytest.param(300, 1, id="the default"),
        pytest.param(301, 10, id="more"),
        *(pytest.param(n, None, id=f"{n} workloads") for n in WORKLOADS),
    ],
)
def test_the_poll_interval_leaves_half_of_the_requests(
    claims: int, minutes: int | None
) -> None:
    found = poll_minutes(claims)
    assert minutes in (found, None)
    assert poll_delay_s(2 * claims, found * 60) == 0.0


def test_the_stand_in_reports_what_the_function_accepts() -> None:
    metadata, status = created("apps/shop", "eu-west-2", NOW)
    annotations: dict[str, str] = metadata["metadata"]["annotations"]
    pending, succeeded = sorted(annotations)
    record = CreateRecord(annotations[pending], annotations[succeeded], "")
    assert created_by_provider(record, status["status"]["atProvider"]["createdAt"])
    assert is_done(status)
    assert not is_done({"status": {}})
    assert is_done({"metadata": {"annotations": {PAUSED: "true"}}})


@pytest.mark.parametrize("wrong", PARTS)
def test_the_page_has_the_report_s_tables(wrong: str) -> None:
    report: dict[str, Any] = json.loads(REPORT.read_text())
    page = PAGE.read_text()
    assert fill(page, tables(report)) == page
    report[wrong]["machine"]["cores"] = 77
    assert fill(page, tables(report)) != page
