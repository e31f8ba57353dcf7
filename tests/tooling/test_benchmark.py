"""What the benchmark concludes from what it measures, and what the page says of it."""

import json
from pathlib import Path
from typing import Any

import caught
import performance
import pytest
import tables
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from ghz import LoadError, Report
from probe import Ask, recovery_s
from servers import NAMES, WrongAnswerError, check
from targets import SOAK, TARGETS, Spread, Target, judge

DOCS = Path(__file__).parents[2] / "docs"
HELD = {t.key: t.limit for t in TARGETS}
NAN = float("nan")


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        pytest.param(HELD, [], id="a limit is within itself"),
        pytest.param({**HELD, "own_us": 60.1}, ["own_us"], id="more than at most"),
        pytest.param(
            {**HELD, "rate_to_floor": 0.91}, ["rate_to_floor"], id="less than at least"
        ),
        pytest.param(
            {**HELD, "rate_to_floor": 3.0, "start_ms": 1.0}, [], id="better is no miss"
        ),
        pytest.param(
            {k: v for k, v in HELD.items() if k != "growth_mb"},
            ["growth_mb"],
            id="what was not measured is missed",
        ),
        pytest.param(
            {**HELD, "p50_to_patch": NAN, "p50_to_floor": NAN},
            ["p50_to_floor", "p50_to_patch"],
            id="what is no number is missed",
        ),
    ],
)
def test_targets(figures: dict[str, float], missed: list[str]) -> None:
    assert [v.target.key for v in judge(figures) if not v.held] == missed


def test_a_missed_target_is_printed_with_its_figure() -> None:
    target = Target("x", "start to first answer", 250, "ms")
    said = [str(v) for v in judge({"x": 260.0}, [target])]
    said += [str(v) for v in judge({"x": 240.04}, [target])]
    said += [str(v) for v in judge({}, [target])]
    assert said == [
        "MISSED start to first answer: 260 ms (at most 250)",
        "ok     start to first answer: 240 ms (at most 250)",
        "MISSED start to first answer: not measured (at most 250)",
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


def test_a_report_without_a_good_answer_has_no_latency() -> None:
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


def asks(*took_ms: float) -> list[Ask]:
    """Return calls that began every quarter of a second."""
    return [Ask(n / 4, took) for n, took in enumerate(took_ms)]


@pytest.mark.parametrize(
    ("seen", "want"),
    [
        pytest.param(asks(*[1.0] * 9), 0.0, id="never slow"),
        pytest.param(asks(1, 1, 1, 1, 9, 9, *[1.0] * 5), 0.5, id="slow for a while"),
        pytest.param(
            asks(1, 1, 1, 1, 1, 9, *[1.0] * 5), 0.5, id="quick for less than a second"
        ),
        pytest.param(asks(*[1.0] * 4, *[9.0] * 9), None, id="it never comes"),
        pytest.param(asks(*[1.0] * 4, 9, 1, 1), None, id="not seen for a second"),
    ],
)
def test_recovery_is_a_second_of_quick_answers(
    seen: list[Ask], want: float | None
) -> None:
    assert recovery_s(seen, ended=1.0, bound_ms=2.0) == want


def answer(names: dict[str, str], *, ready: bool) -> fnv1.RunFunctionResponse:
    rsp = fnv1.RunFunctionResponse()
    for key, name in names.items():
        annotations = {"crossplane.io/external-name": name}
        desired = rsp.desired.resources[key]
        desired.resource.update({"metadata": {"annotations": annotations}})
        desired.ready = fnv1.READY_TRUE if ready else fnv1.READY_UNSPECIFIED
    return rsp


def test_a_peer_that_answers_otherwise_is_not_measured() -> None:
    check("peer", answer(NAMES, ready=True), ready=True)
    fatal = answer(NAMES, ready=True)
    fatal.results.add(severity=fnv1.SEVERITY_FATAL, message="no input")
    wrong = [
        answer({}, ready=True),
        answer({**NAMES, "imagerepo": "tap/other"}, ready=True),
        answer(NAMES, ready=False),
        fatal,
    ]
    for rsp in wrong:
        with pytest.raises(WrongAnswerError):
            check("peer", rsp, ready=True)


def metadata(observed: fnv1.Resource) -> dict[str, Any]:
    return dict(resource.struct_to_dict(observed.resource)["metadata"])


def test_many_xrs_are_many_and_cost_the_same_to_read() -> None:
    messages = caught.many(caught.STEADY, 12)
    assert len({len(m) for m in messages}) == 1
    requests = [fnv1.RunFunctionRequest.FromString(m) for m in messages]
    xrs = [metadata(r.observed.composite) for r in requests]
    assert len({xr["uid"] for xr in xrs}) == len({xr["name"] for xr in xrs}) == 12
    assert len({r.meta.tag for r in requests}) == 12
    live = metadata(requests[7].observed.resources["imagerepo"])
    assert live["annotations"]["crossplane.io/external-name"].endswith(
        "/app-00007-default"
    )


def test_the_large_request_has_fifty_others() -> None:
    (message,) = caught.many(caught.LARGE, 1)
    req = fnv1.RunFunctionRequest.FromString(message)
    assert len(req.desired.resources) == 50
    assert len(req.observed.resources) == 52


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_is_of_the_report(theme: str) -> None:
    name = f"performance-{theme}.svg"
    drawn = performance.pictures()[name]
    assert (DOCS / "pictures" / name).read_text() == drawn, "run `make pictures`"


def test_the_pages_tables_are_of_the_reports() -> None:
    page = tables.PAGE.read_text()
    made = tables.tables(
        json.loads(tables.REPORT.read_text()), json.loads(tables.SOAKED.read_text())
    )
    assert page == tables.fill(page, made), "run tests/benchmark/tables.py"


def test_what_the_readme_says_of_speed_was_measured() -> None:
    assert "takes about half the time" in (DOCS.parent / "README.md").read_text()
    measured = json.loads(tables.REPORT.read_text())["ratios"]["steady"]
    assert measured["patch-and-transform"]["p50"]["median"] > 1.8


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
