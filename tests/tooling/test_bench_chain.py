"""What the chain's benchmark counts, and how it becomes figures."""

import json
from collections import Counter
from pathlib import Path

import pytest
from apis import APIS, Api
from bench_chain import OURS, RECIPE, Cost, figures, percentile, ratio, recipe, together
from changes import Breaker, Log, Write, belongs, breaker, count, writes

METRICS = """\
# TYPE circuit_breaker_opens_total counter
circuit_breaker_opens_total{controller="composite/xs.example.org"} 2
circuit_breaker_events_total{controller="composite/xs.example.org",result="Allowed"} 90
circuit_breaker_events_total{controller="composite/xs.example.org",result="Dropped"} 8
circuit_breaker_events_total{controller="composite/ys.example.org",result="Allowed"} 7
"""


def audited(resource: str, name: str, **more: str) -> str:
    reference = {"resource": resource, "name": name, **more}
    return json.dumps(
        {
            "verb": "update",
            "userAgent": "crossplane/v2 (linux)",
            "objectRef": reference,
            "responseStatus": {"code": 200},
        }
    )


def test_writes_are_read_from_the_audit_log() -> None:
    lines = [
        audited("xs", "a", subresource="status"),
        audited("xs", "a", subresource="status"),
        audited("leases", "crossplane-leader"),
    ]
    found = [*writes(lines)]
    assert found == [Write("crossplane", "update", "xs/status", "a", 200)] * 2
    assert count(found) == {"crossplane update xs/status": 2}


@pytest.mark.parametrize(
    ("name", "want", "reason"),
    [
        ("ours-1", True, "the claim"),
        ("ours-1-x7k2p", True, "its XR and its managed resources"),
        ("ours-1.18a", True, "its events"),
        ("u-1", True, "what is named after a UID"),
        ("ours-10", False, "another claim"),
        ("ours-10-x7k2p", False, "another claim's"),
        ("", False, "what has no name"),
    ],
)
def test_what_belongs_to_a_claim(name: str, *, want: bool, reason: str) -> None:
    assert belongs(name, "ours-1", frozenset({"u-1"})) == want, reason


def test_the_breaker_of_one_controller_is_read() -> None:
    found = breaker(METRICS, "composite/xs.example.org")
    assert found == Breaker(opens=2, events=98)
    assert found.since(Breaker(1, 90)) == Breaker(1, 8)
    assert breaker("", "composite/xs.example.org") == Breaker(0, 0)


def test_a_log_gives_whole_new_lines(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("old\n")
    log = Log(file)
    with file.open("a") as more:
        more.write("one\ntwo\nthr")
    assert log.new_lines() == ["one", "two"]
    with file.open("a") as more:
        more.write("ee\n")
    assert log.new_lines() == ["three"]


def cost(seconds: float, opens: int = 0) -> Cost:
    return Cost(
        claims=1,
        ready_s=[seconds],
        writes=Counter({"crossplane patch xs": 3}),
        changes=Counter({"XR": 2, "Repository": 4}),
        breaker=Breaker(opens, 50),
        cpu_s={"crossplane": 0.5, OURS: 0.1, f"function-{RECIPE}": 0.2},
    )


def test_figures_are_per_claim() -> None:
    found = figures(together([cost(1.0), cost(3.0, opens=1)]), OURS)
    assert found["seconds, p50"] == 2.0
    assert found["seconds, p99"] == 3.0
    assert (found["writes"], found["changed objects"]) == (3.0, 6.0)
    assert (found["breaker events"], found["open breakers"]) == (50.0, 1.0)
    assert found["processor s, function"] == pytest.approx(0.1)
    assert figures(cost(1.0), RECIPE)["processor s, function"] == pytest.approx(0.2)


def test_percentiles_and_ratios() -> None:
    assert [percentile([3, 1, 2], p) for p in (0, 50, 99)] == [1, 2, 3]
    assert ratio(1.0, 2.0) == 0.5
    assert ratio(1.0, 0.0) is None


@pytest.mark.parametrize("api", APIS.values(), ids=APIS)
def test_the_recipe_composes_resources_of_each_api(api: Api) -> None:
    spec = recipe(api)["spec"]
    (step,) = spec["pipeline"]
    resources = step["input"]["resources"]
    assert [each["name"] for each in resources] == ["imagerepo", "bundlerepo"]
    versions = {each["base"]["apiVersion"] for each in resources}
    assert versions == {api.api_version}
