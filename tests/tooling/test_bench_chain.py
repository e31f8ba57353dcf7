"""What the chain's benchmark counts, and how it becomes figures."""

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tables
from apis import APIS, Api
from chain_costs import (
    API_SERVER,
    CROSSPLANE,
    FIGURES,
    FUNCTION,
    OURS,
    PROVIDER,
    RECIPE,
    Cost,
    claim_names,
    compared,
    figures,
    in_order,
    percentile,
    ratio,
    reported,
    short,
    title,
    together,
)
from chain_plan import KINDS, Plan, Results, arguments, measure
from changes import (
    Breaker,
    Change,
    Log,
    Write,
    belongs,
    breaker,
    claim_of,
    count,
    gone_s,
    quiet_for,
    ready_s,
    writes,
)
from recipe import recipe

UID = "0c5fa3a1-7d7e-4a43-a1c9-0d4d3d9f8c11"
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
        ("ours-b0-1", "ours-b0-1", "the claim"),
        ("ours-b0-1-x7k2p", "ours-b0-1", "its XR and its managed resources"),
        ("ours-b0-1.18a", "ours-b0-1", "its events"),
        ("ours-b0-10-x7k2p", "ours-b0-10", "another one's of the same round"),
        ("ours-b01-1", None, "another round's"),
        ("ours-b0", None, "no claim"),
        ("my-ours-b0-1", None, "it only ends like one"),
        ("", None, "what has no name"),
    ],
)
def test_the_claim_of_a_name(name: str, *, want: str | None, reason: str) -> None:
    assert claim_of(name, "ours-b0") == want, reason


@pytest.mark.parametrize(
    ("name", "want", "reason"),
    [
        ("ours-b0-1-x7k2p", True, "it has the claim's name"),
        (f"{UID}-imagerepo", True, "it has the UID of a claim's object"),
        (UID.replace("0", "1"), False, "another UID"),
        ("recipe-b0-1", False, "another claim"),
    ],
)
def test_what_belongs_to_claims(name: str, *, want: bool, reason: str) -> None:
    assert belongs(name, "ours-b0", frozenset({UID})) == want, reason


def test_a_change_is_read_from_an_event() -> None:
    metadata = {"name": "a", "uid": UID, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    conditions = [
        {"type": "Ready", "status": "True"},
        {"type": "Synced", "status": "False"},
    ]
    resource = {"kind": "X", "metadata": metadata, "status": {"conditions": conditions}}
    found = Change.parse(2.5, {"type": "MODIFIED", "object": resource})
    ready = frozenset({"Ready"})
    assert found == Change(2.5, "MODIFIED", "X", "a", UID, ready, deleting=True)
    del resource["status"], metadata["deletionTimestamp"]
    found = Change.parse(1.0, {"type": "ADDED", "object": resource})
    assert found == Change(1.0, "ADDED", "X", "a", UID)


def change(
    at: float, kind: str, name: str, kind_of: str = "MODIFIED", *true: str
) -> Change:
    return Change(at, kind_of, kind, name, UID, frozenset(true))


def test_the_time_to_ready_is_a_claims_own() -> None:
    """From when it was added to when it was Ready first, and not its XR."""
    claim = "WorkloadECRRepo"
    changes = [
        change(1, claim, "c-0", "ADDED"),
        change(2, claim, "c-1", "ADDED"),
        change(3, "XWorkloadECRRepo", "c-1-x", "MODIFIED", "Ready"),
        change(4, claim, "c-0", "MODIFIED", "Synced", "Ready"),
        change(5, claim, "c-0", "MODIFIED", "Synced"),
        change(6, claim, "c-0", "MODIFIED", "Synced", "Ready"),
    ]
    assert ready_s(changes, ["c-0", "c-1"]) == {"c-0": 3}


def test_a_claim_is_gone_with_its_last_object() -> None:
    claim = "WorkloadECRRepo"
    deleted = [
        Change(n, "MODIFIED", claim, f"c-{n}", UID, deleting=True) for n in (1, 2)
    ]
    changes = [
        *deleted,
        change(3, claim, "c-1", "DELETED"),
        change(4, "Repository", "c-2-a", "DELETED"),
        change(5, "Repository", "c-1-a", "DELETED"),
        change(6, "Repository", "c-1-b", "MODIFIED"),
        change(7, claim, "c-2", "DELETED"),
        change(8, "Repository", "c-1-b", "DELETED"),
    ]
    assert gone_s(changes, ["c-1", "c-2"], objects=3) == {"c-1": 7}
    assert gone_s(changes, ["c-1", "c-2"], objects=2) == {"c-1": 7, "c-2": 5}


def test_it_is_quiet_since_the_last_change() -> None:
    now = time.monotonic()
    assert 5 <= quiet_for([change(now - 9, "X", "a"), change(now - 5, "X", "b")]) < 6
    assert quiet_for([]) > 6


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


def cost(seconds: float = 1.0, opens: int = 0, late: int = 0, writes: int = 3) -> Cost:
    return Cost(
        claims=1,
        seconds=[seconds],
        late=late,
        writes=Counter({"crossplane patch xs": writes}),
        changes=Counter({"XR": 2, "Repository": 4}),
        breaker=Breaker(opens, 50),
        cpu_s={CROSSPLANE: 0.5, PROVIDER: 0.0, API_SERVER: 0.0, FUNCTION: 0.25},
    )


def test_figures_are_per_claim_but_for_what_is_counted() -> None:
    costs = [cost(1.0), cost(3.0, opens=2), cost(600.0, late=1, writes=6)]
    assert figures(together(costs)) == {
        "mean_s": 201.3,
        "p50_s": 3.0,
        "p99_s": 600.0,
        "writes": 4.0,
        "changes": 6.0,
        "events": 50.0,
        "crossplane_ms": 500.0,
        "provider_ms": 0.0,
        "api_server_ms": 0.0,
        "function_ms": 250.0,
        "cpu_ms": 750.0,
        "opens": 2.0,
        "late": 1.0,
    }


def test_together_changes_none_of_the_costs() -> None:
    one = cost()
    assert together([one, one]).claims == 2
    assert one == cost()


def test_percentiles_and_ratios() -> None:
    assert [percentile([3, 1, 2], p) for p in (0, 50, 99)] == [1, 2, 3]
    assert [percentile(range(1, 201), p) for p in (50, 99)] == [100, 198]
    assert ratio(1.0, 2.0) == 0.5
    assert ratio(1.0, 0.0) is None


def test_a_phase_is_reported() -> None:
    costs = {OURS: cost(2.0, opens=1), RECIPE: cost(4.0, writes=4)}
    phase = reported(costs, at_once=1)
    assert phase == json.loads(json.dumps(phase))
    assert (phase["claims"], phase["at_once"]) == (1, 1)
    assert phase[OURS] == figures(costs[OURS])
    assert phase["ratios"]["p50_s"] == 0.5
    assert phase["ratios"]["provider_ms"] is None
    assert not {"opens", "late"} & {*phase["ratios"]}
    assert phase["writes_by"][RECIPE] == {"crossplane patch xs": 4.0}


def test_a_phase_is_shown() -> None:
    costs = {OURS: cost(2.0, opens=1), RECIPE: cost(4.0, writes=4)}
    phase = reported(costs, at_once=200)
    assert title("deleted_many", phase) == "200 claims at once, deleted"
    rows = {row[0]: row[1:] for row in compared(phase)}
    assert rows["seconds, p50"] == ["2", "4", "0.50"]
    assert rows["CPU ms, provider"] == ["0", "0", ""]
    assert rows["open breakers"] == ["1", "0", ""]
    cells = {figure.key: short(phase, figure) for figure in FIGURES}
    assert (cells["writes"], cells["opens"]) == ("0.75", "1 : 0")


def chain(late: int = 0) -> dict[str, Any]:
    costs = {OURS: cost(late=late), RECIPE: cost(2.0)}
    phases = {
        "created_one": reported(costs, 1),
        "created_many": reported(costs, 200),
    }
    return {"apis": {"classic": phases}}


def test_the_users_table_has_ratios_and_counts() -> None:
    table = tables._chain(chain(), ["created_one", "created_many"])
    head, _, mean, *rows = table.splitlines()
    assert head == "|  | classic: one at a time | classic: 200 at once |"
    assert mean == "| time, mean | 0.50 | 0.50 |"
    assert rows[-1] == "| open circuit breakers, ours : theirs | 0 : 0 | 0 : 0 |"
    assert "| processor time, provider |  |  |" in rows, "nothing to compare with"
    assert "| processor time, function | 1.00 | 1.00 |" in rows
    without = tables._chain(chain(), ["created_one"], tables.NOT_OF_DELETION)
    assert "function" not in without
    late = tables._chain(chain(late=1), ["created_one", "created_many"])
    assert "| not in time, ours : theirs | 1 : 0 | 1 : 0 |" in late


def test_the_readmes_table_has_all_figures() -> None:
    phases = chain()["apis"]["classic"]
    head, _, *rows = tables._phases(phases).splitlines()
    assert head == "| per claim | one claim at a time | 200 claims at once |"
    assert len(rows) == len(FIGURES)
    assert rows[0] == "| seconds, mean | 1 : 2 = 0.50 | 1 : 2 = 0.50 |"
    assert rows[-1] == "| not in time | 0 : 0 | 0 : 0 |"


def test_the_compositions_take_turns_in_beginning() -> None:
    orders = [in_order(n, [OURS, RECIPE]) for n in range(3)]
    assert orders == [[OURS, RECIPE], [RECIPE, OURS], [OURS, RECIPE]]


def test_the_claims_of_a_round_have_one_beginning() -> None:
    names = claim_names("ours", "b0", 12)
    assert len({*names}) == 12
    assert [claim_of(name, "ours-b0") for name in names] == names
    assert not any(claim_of(name, "ours-s0") for name in names)


@pytest.mark.parametrize("api", APIS.values(), ids=APIS)
def test_the_recipe_composes_resources_of_each_api(api: Api) -> None:
    spec = recipe(api)["spec"]
    (step,) = spec["pipeline"]
    resources = step["input"]["resources"]
    assert [each["name"] for each in resources] == ["imagerepo", "bundlerepo"]
    versions = {each["base"]["apiVersion"] for each in resources}
    assert versions == {api.api_version}


class FakeBench:
    """Notes what it is told to do, in the order of it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def create(self, of: str, names: Sequence[str]) -> Cost:
        return self._did("+", of, names)

    def delete(self, of: str, names: Sequence[str]) -> Cost:
        return self._did("-", of, names)

    def rest(self) -> None:
        self.told.append("rest")

    def _did(self, what: str, of: str, names: Sequence[str]) -> Cost:
        assert all(name.startswith(KINDS[of]) for name in names)
        self.told.append(f"{what}{len(names)} {names[0]}")
        return dataclasses.replace(cost(), claims=len(names))


def told(first: int = 0, **plan: Any) -> tuple[list[str], Results]:
    """Return what the benchmark does after the warm-up, and its results."""
    bench, results = FakeBench(), Results()
    measure(bench, Plan(**plan), "upbound", first, results)
    assert bench.told[:2] == ["+3 ours-warm-0", "+3 recipe-warm-0"]
    return bench.told[2:], results


def test_claims_one_at_a_time_alternate() -> None:
    steps, results = told(single=2, batch=0)
    assert steps == [
        *("+1 ours-s0-0", "+1 recipe-s0-0", "+1 recipe-s1-0", "+1 ours-s1-0", "rest"),
        *("-1 ours-s0-0", "-1 recipe-s0-0", "-1 recipe-s1-0", "-1 ours-s1-0"),
    ]
    assert [*results] == ["created_one", "deleted_one"]
    assert results["created_one"]["claims"] == 2


def test_a_batch_is_gone_before_the_other_one_comes() -> None:
    steps, results = told(single=0, batch=9, rounds=2)
    assert steps == [
        *("+9 ours-b0-0", "rest", "-9 ours-b0-0"),
        *("+9 recipe-b0-0", "rest", "-9 recipe-b0-0"),
        *("+9 recipe-b1-0", "rest", "-9 recipe-b1-0"),
        *("+9 ours-b1-0", "rest", "-9 ours-b1-0"),
    ]
    assert [*results] == ["created_many", "deleted_many"]
    assert results["deleted_many"]["claims"] == 18
    assert results["deleted_many"]["at_once"] == 9


def test_the_recipe_may_begin_and_nothing_need_be_deleted() -> None:
    steps, results = told(first=1, single=1, batch=2, deletes=False)
    assert steps == [
        *("+1 recipe-s0-0", "+1 ours-s0-0"),
        *("+2 recipe-b0-0", "+2 ours-b0-0"),
    ]
    assert [*results] == ["created_one", "created_many"]


@pytest.mark.parametrize(
    ("given", "classic", "upbound"), [([], 200, 100), (["--batch", "7"], 7, 7)]
)
def test_so_many_claims_at_once_that_their_deletion_begins_in_quiet(
    given: list[str], classic: int, upbound: int
) -> None:
    plan, _ = arguments("", DEFAULT, given)
    assert (plan.at_once("classic"), plan.at_once("upbound")) == (classic, upbound)


DEFAULT = Path("docs/chain.json")


@pytest.mark.parametrize(
    ("given", "plan", "file"),
    [
        ([], Plan(), DEFAULT),
        (["--report", "a.json"], Plan(), Path("a.json")),
        (["--single", "5"], Plan(single=5), None),
        (
            ["--api", "upbound", "--report", "a.json", "--keep"],
            Plan(apis=("upbound",), deletes=False),
            Path("a.json"),
        ),
    ],
)
def test_only_a_whole_run_writes_the_pages_report(
    given: list[str], plan: Plan, file: Path | None
) -> None:
    assert arguments("", DEFAULT, given) == (plan, file)
