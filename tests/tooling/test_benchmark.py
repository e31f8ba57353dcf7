"""The benchmark's requests, its conclusions, and the pages that show them."""

import json
import sys
from pathlib import Path
from typing import Any

import own
import pytest
import tables
from capture import phases
from cold_requests import (
    CREATING,
    FIRST,
    LARGE,
    PHASES,
    REQUIRED,
    SETTINGS,
    STEADY,
    captured,
    derive,
    repositories,
)
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from ghz import LoadError, Report
from google.protobuf import json_format
from probe import Call, recovery_s
from servers import WrongResponseError, check
from targets import SOAK, TARGETS, Spread, Target, judge

from tests.builders import call

DOCS = Path(__file__).parents[2] / "docs"
HELD = {t.key: t.limit for t in TARGETS}
NAMES = repositories(0)
NAN = float("nan")


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        pytest.param(HELD, [], id="a limit is within itself"),
        pytest.param({**HELD, "start_ms": 400.1}, ["start_ms"], id="more than at most"),
        pytest.param({**HELD, "start_ms": 1.0}, [], id="better is no miss"),
        pytest.param(
            {k: v for k, v in HELD.items() if k != "growth_mb"},
            ["growth_mb"],
            id="what was not measured is missed",
        ),
        pytest.param(
            {**HELD, "memory_to_patch": NAN, "failed": NAN},
            ["memory_to_patch", "failed"],
            id="what is no number is missed",
        ),
    ],
)
def test_targets(figures: dict[str, float], missed: list[str]) -> None:
    assert [v.target.key for v in judge(figures) if not v.held] == missed


def test_a_target_may_be_a_least_value() -> None:
    target = Target("x", "overload", 4.5, "times", at_least=True)
    assert [judge({"x": x}, [target])[0].held for x in (4.4, 4.5, 4.6)] == [
        False,
        True,
        True,
    ]


def test_a_missed_target_is_printed_with_its_figure() -> None:
    target = Target("x", "start to first response", 250, "ms")
    said = [str(v) for v in judge({"x": 260.0}, [target])]
    said += [str(v) for v in judge({"x": 240.04}, [target])]
    said += [str(v) for v in judge({}, [target])]
    assert said == [
        "MISSED start to first response: 260 ms (at most 250)",
        "ok     start to first response: 240 ms (at most 250)",
        "MISSED start to first response: not measured (at most 250)",
    ]


def test_a_ratio_is_of_figures_of_one_round() -> None:
    """The second round was slow for both, and tells the same."""
    assert Spread.ratio([1.1, 11.0, 1.2], [1.0, 10.0, 1.0]) == Spread(1.1, 1.1, 1.2)
    with pytest.raises(ValueError, match="shorter"):
        Spread.ratio([1.0, 2.0], [1.0])


def said(**changed: Any) -> str:
    report = {
        "count": 300,
        "total": 1_500_000_000,
        "statusCodeDistribution": {"OK": 298, "DeadlineExceeded": 2},
        "errorDistribution": {},
        "latencyDistribution": [
            {"percentage": 10, "latency": 400_000},
            {"percentage": 50, "latency": 510_000},
            {"percentage": 95, "latency": 900_000},
            {"percentage": 99, "latency": 1_700_000},
        ],
    }
    return json.dumps({**report, **changed})


def test_the_generators_report() -> None:
    report = Report.parse(said())
    assert (report.p50, report.p95, report.p99) == (0.51, 0.9, 1.7)
    assert report.rate == 200
    assert report.other_than("OK") == {"DeadlineExceeded": 2}
    assert not report.other_than("OK", "DeadlineExceeded")


def test_a_call_that_its_server_cancels_met_its_deadline() -> None:
    """There the deadline came first; what else is canceled stays that."""
    errors = {
        "rpc error: code = Canceled desc = CANCELLED": 2,
        "rpc error: code = Canceled desc = grpc: the client connection is closing": 1,
    }
    statuses = {"OK": 1, "Canceled": 3}
    text = said(count=4, statusCodeDistribution=statuses, errorDistribution=errors)
    assert Report.parse(text).statuses == {
        "OK": 1,
        "Canceled": 1,
        "DeadlineExceeded": 2,
    }


def test_a_report_without_an_ok_has_no_latency() -> None:
    report = Report.parse(said(latencyDistribution=None))
    assert not report.p50 <= 1e9


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("Summary:\n  Count: 200", id="no JSON"),
        pytest.param("{}", id="another document"),
        pytest.param("[]", id="no object"),
        pytest.param(said(count=0), id="no calls"),
    ],
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(LoadError):
        Report.parse(text)


def calls(*took_ms: float) -> list[Call]:
    """Return calls that began every quarter of a second."""
    return [Call(n / 4, took) for n, took in enumerate(took_ms)]


@pytest.mark.parametrize(
    ("seen", "want"),
    [
        pytest.param(calls(*[1.0] * 9), 0.0, id="never slow"),
        pytest.param(calls(1, 1, 1, 1, 9, 9, *[1.0] * 5), 0.5, id="slow for a while"),
        pytest.param(
            calls(1, 1, 1, 1, 1, 9, *[1.0] * 5), 0.5, id="fast for less than a second"
        ),
        pytest.param(calls(*[1.0] * 4, *[9.0] * 9), None, id="it never comes"),
        pytest.param(calls(*[1.0] * 4, 9, 1, 1), None, id="not seen for a second"),
    ],
)
def test_recovery_is_a_second_of_fast_responses(
    seen: list[Call], want: float | None
) -> None:
    assert recovery_s(seen, ended=1.0, bound_ms=2.0) == want


def response(names: dict[str, str], *, ready: bool) -> fnv1.RunFunctionResponse:
    rsp = fnv1.RunFunctionResponse()
    for key, name in names.items():
        annotations = {"crossplane.io/external-name": name}
        desired = rsp.desired.resources[key]
        desired.resource.update({"metadata": {"annotations": annotations}})
        desired.ready = fnv1.READY_TRUE if ready else fnv1.READY_UNSPECIFIED
    return rsp


def test_a_peer_with_a_wrong_response_is_not_measured() -> None:
    check("peer", response(NAMES, ready=True), ready=True)
    fatal = response(NAMES, ready=True)
    fatal.results.add(severity=fnv1.SEVERITY_FATAL, message="no input")
    wrong = [
        response({}, ready=True),
        response({**NAMES, "imagerepo": "tap/other"}, ready=True),
        response(NAMES, ready=False),
        fatal,
    ]
    for rsp in wrong:
        with pytest.raises(WrongResponseError):
            check("peer", rsp, ready=True)


@pytest.mark.parametrize(("phase", "ready"), [(FIRST, False), (STEADY, True)])
def test_the_function_composes_what_is_checked(phase: str, ready: bool) -> None:
    request = fnv1.RunFunctionRequest.FromString(next(derive(phase, 1)))
    check("ours", call(request), ready=ready)


Leaves = dict[str, Any]


def leaves(message: bytes) -> Leaves:
    """Return a request's values by their paths."""
    found: Leaves = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}/{key}")
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(inner, f"{path}/{index}")
        else:
            found[path] = value

    request = fnv1.RunFunctionRequest.FromString(message)
    walk(json_format.MessageToDict(request), "")
    return found


def changed(one: Leaves, other: Leaves) -> set[str]:
    """Return the keys of the values that differ."""
    return {path.rpartition("/")[2] for path in one if one[path] != other.get(path)}


@pytest.mark.parametrize("name", [*PHASES, *(f"upbound-{p}" for p in PHASES[:-1])])
def test_every_request_is_another_one_of_the_same_length(name: str) -> None:
    requests = [r for visit in range(3) for r in derive(name, 20, visit)]
    assert len(set(requests)) == 60
    assert len({len(r) for r in requests}) == 1


def test_an_xr_has_changed_when_it_comes_again() -> None:
    """In all that the API server and Crossplane count or date, and in nothing else."""
    first, again = (leaves(next(derive(STEADY, 1, visit))) for visit in (4, 5))
    assert changed(first, again) == {
        *("tag", "resourceVersion", "generation", "observedGeneration"),
        *("time", "lastTransitionTime", "lastPublishedTime"),
    }
    versions = [
        p for p in first if p.endswith("/resourceVersion") and not of_settings(p)
    ]
    assert len({first[p] for p in versions}) == len(versions) == 3
    assert all(int(again[p]) > int(first[p]) for p in versions)


def of_settings(path: str) -> bool:
    return path.startswith(f"/requiredResources/{SETTINGS}/")


@pytest.mark.parametrize("name", [*PHASES, *(f"upbound-{p}" for p in PHASES[:-1])])
def test_all_xrs_have_the_same_platform_settings(name: str) -> None:
    """The captured ones: they are one object, so the function caches them."""
    sent = captured(name)["requiredResources"][SETTINGS]
    for visit in (0, 1):
        for message in derive(name, 2, visit):
            request = fnv1.RunFunctionRequest.FromString(message)
            settings = request.required_resources[SETTINGS]
            assert json_format.MessageToDict(settings) == sent


def test_a_derived_request_is_the_captured_one_but_for_what_is_replaced() -> None:
    """Neither is a value missing, nor one left that is the captured XR's alone."""
    request = fnv1.RunFunctionRequest()
    json_format.ParseDict(captured(STEADY), request)
    original = leaves(request.SerializeToString())
    *_, last = derive(STEADY, 43)
    derived = leaves(last)
    assert len(original) == len(derived)
    text = json.dumps(derived)
    resource = captured(STEADY)["observed"]["composite"]["resource"]["metadata"]
    for own_value in (resource["uid"], resource["name"], "example-app", "-default"):
        assert own_value not in text
    external = [v for p, v in derived.items() if p.endswith("/external-name")]
    assert sorted(external) == sorted(repositories(42).values())


def test_what_belongs_together_stays_together() -> None:
    *_, last = derive(STEADY, 43)
    request = json_format.MessageToDict(fnv1.RunFunctionRequest.FromString(last))
    xr = request["observed"]["composite"]["resource"]
    managed = [r["resource"] for r in request["observed"]["resources"].values()]
    owners = {r["metadata"]["ownerReferences"][0]["uid"] for r in managed}
    assert owners == {xr["metadata"]["uid"]}
    names = {r["metadata"]["name"] for r in managed}
    assert names == {r["name"] for r in xr["spec"]["resourceRefs"]}


@pytest.mark.parametrize("prefix", ["", "upbound-"])
def test_the_captured_requests_are_of_their_phases(prefix: str) -> None:
    names = (FIRST, REQUIRED, CREATING, STEADY)
    requests = {name: captured(prefix + name) for name in names}
    assert phases(requests.values()) == requests


def test_a_request_without_the_platform_settings_is_of_no_phase() -> None:
    before = captured(FIRST)
    del before["requiredResources"]
    assert phases([before]) == {}


def test_the_large_request_has_fifty_others() -> None:
    request = fnv1.RunFunctionRequest.FromString(next(derive(LARGE, 1)))
    assert len(request.desired.resources) == 50
    assert len(request.observed.resources) == 52


def test_what_is_measured_in_process_is_what_is_served() -> None:
    with own.Worker([sys.executable], checkout=own.ROOT) as ours:
        found = own.compare({"ours": ours}, [STEADY], rounds=1, xrs=3)
    assert 10 < found[STEADY]["ours"][0] < 100_000


@pytest.mark.parametrize(
    "page", [tables.PAGE, tables.README], ids=lambda page: page.name
)
def test_the_pages_have_the_reports_tables(page: Path) -> None:
    assert page.read_text() == tables.pages()[page], "run tests/benchmark/tables.py"


def test_the_readme_claims_what_was_measured() -> None:
    readme = " ".join((DOCS.parent / "README.md").read_text().split())
    assert "A call for an idle claim takes less time" in readme
    ratios = json.loads(tables.REPORT.read_text())["ratios"]
    assert ratios[STEADY]["patch-and-transform"]["p50"]["median"] < 1


def test_a_table_without_a_place_is_no_page() -> None:
    place = "<!-- figures: a -->\nold\n<!-- end of figures -->\n"
    new = "<!-- figures: a -->\n\nnew\n\n<!-- end of figures -->\n"
    assert tables.fill(place, {"a": "new"}) == new
    assert tables.fill(new, {"a": "new"}) == new
    with pytest.raises(ValueError, match="places"):
        tables.fill(place, {"a": "new", "b": "new"})


@pytest.mark.parametrize("targets", [TARGETS, SOAK])
def test_every_target_has_another_name(targets: tuple[Target, ...]) -> None:
    assert len({t.key for t in targets}) == len(targets)
