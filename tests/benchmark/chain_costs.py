"""What claims cost, as figures: per claim, and this function's to the recipe's.

Pure: bench_chain.py measures, tables.py shows.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from changes import Breaker
from targets import rounded

OURS, RECIPE = "function-ecr-repos", "patch-and-transform"
# Whose processor time counts. The function is the Composition's own.
CROSSPLANE, PROVIDER, API_SERVER, FUNCTION = (
    "Crossplane",
    "the provider",
    "the API server",
    "the function",
)
NOTHING_COUNTED = Breaker(0, 0)
# The phases, by their keys in the report.
PHASES = {
    "created_one": "one claim at a time",
    "created_many": "{at_once} claims at once",
    "deleted_one": "one claim at a time, deleted",
    "deleted_many": "{at_once} claims at once, deleted",
}


@dataclass
class Cost:
    """What one claim, or one batch of claims, has cost.

    Attributes:
        claims: How many claims.
        seconds: How long each of them took. Of one that took too long, the patience.
        late: How many took too long.
        writes: The write requests, by program, verb and resource.
        changes: What changed, by kind.
        breaker: What Crossplane's circuit breakers counted.
        cpu_s: The processor time, by program.
    """

    claims: int = 0
    seconds: list[float] = field(default_factory=list)
    late: int = 0
    writes: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    breaker: Breaker = NOTHING_COUNTED
    cpu_s: dict[str, float] = field(default_factory=dict)


def together(costs: Iterable[Cost]) -> Cost:
    """Return several costs as one."""
    total = Cost()
    for cost in costs:
        total.claims += cost.claims
        total.seconds += cost.seconds
        total.late += cost.late
        total.writes.update(cost.writes)
        total.changes.update(cost.changes)
        total.breaker = Breaker(
            total.breaker.opens + cost.breaker.opens,
            total.breaker.events + cost.breaker.events,
        )
        for program, used in cost.cpu_s.items():
            total.cpu_s[program] = total.cpu_s.get(program, 0.0) + used
    return total


def percentile(values: Iterable[float], percent: float) -> float:
    """Return a percentile of values: the smallest that so many are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Figure:
    """A figure of a Composition.

    Attributes:
        key: Its name in the report.
        says: What it is, in a table.
        of: Computes it.
        compared: Whether the ratio to the recipe's means something. What is rarely
            more than 0 is counted instead.
    """

    key: str
    says: str
    of: Callable[[Cost], float]
    compared: bool = True


def _cpu(program: str) -> Callable[[Cost], float]:
    return lambda cost: 1000 * cost.cpu_s[program] / cost.claims


FIGURES = (
    Figure("mean_s", "seconds, mean", lambda cost: statistics.fmean(cost.seconds)),
    Figure("p50_s", "seconds, p50", lambda cost: statistics.median(cost.seconds)),
    Figure("p99_s", "seconds, p99", lambda cost: percentile(cost.seconds, 99)),
    Figure("writes", "write requests", lambda cost: cost.writes.total() / cost.claims),
    Figure("changes", "changes", lambda cost: cost.changes.total() / cost.claims),
    Figure("events", "breaker events", lambda cost: cost.breaker.events / cost.claims),
    Figure("crossplane_ms", "CPU ms, Crossplane", _cpu(CROSSPLANE)),
    Figure("provider_ms", "CPU ms, provider", _cpu(PROVIDER)),
    Figure("api_server_ms", "CPU ms, API server", _cpu(API_SERVER)),
    Figure("function_ms", "CPU ms, function", _cpu(FUNCTION)),
    Figure(
        "cpu_ms", "CPU ms, all four", lambda c: 1000 * sum(c.cpu_s.values()) / c.claims
    ),
    Figure("opens", "open breakers", lambda c: c.breaker.opens, compared=False),
    Figure("late", "not in time", lambda c: c.late, compared=False),
)

Phase = dict[str, Any]


def figures(cost: Cost) -> dict[str, float]:
    """Return what one claim costs, by the keys of FIGURES; the last two are counts."""
    return {figure.key: rounded(figure.of(cost)) for figure in FIGURES}


def ratio(ours: float, theirs: float) -> float | None:
    """Return ours to theirs; None if there is nothing to compare with."""
    return rounded(ours / theirs) if theirs else None


def reported(costs: Mapping[str, Cost], at_once: int) -> Phase:
    """Return a phase in the format of the report.

    Args:
        costs: What the claims of each Composition have cost in this phase.
        at_once: How many were created or deleted at once.
    """
    of = {name: figures(cost) for name, cost in costs.items()}
    return {
        "claims": costs[OURS].claims,
        "at_once": at_once,
        **of,
        "ratios": {
            figure.key: ratio(of[OURS][figure.key], of[RECIPE][figure.key])
            for figure in FIGURES
            if figure.compared
        },
        "writes_by": {
            name: {
                what: rounded(times / cost.claims)
                for what, times in sorted(cost.writes.items())
            }
            for name, cost in costs.items()
        },
    }


def title(key: str, phase: Phase) -> str:
    """Return what a phase is called."""
    return PHASES[key].format_map(phase)


def compared(phase: Phase) -> list[list[str]]:
    """Return a row for each figure of a phase: what it is, ours, theirs, the ratio."""
    return [
        [
            figure.says,
            shown(phase[OURS][figure.key]),
            shown(phase[RECIPE][figure.key]),
            _ratio(phase, figure),
        ]
        for figure in FIGURES
    ]


def shown(value: float | None) -> str:
    """Return a figure with its significant digits; None was not counted."""
    if value is None:
        return "not counted"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def short(phase: Phase, figure: Figure) -> str:
    """Return the ratio of a figure, or both counts."""
    if figure.compared:
        return _ratio(phase, figure)
    return f"{shown(phase[OURS][figure.key])} : {shown(phase[RECIPE][figure.key])}"


def _ratio(phase: Phase, figure: Figure) -> str:
    found = phase["ratios"].get(figure.key)
    return "" if found is None else f"{found:.2f}"


def in_order(number: int, names: Sequence[str]) -> Sequence[str]:
    """Return the order of a round: AB, then BA, so that no one is always first."""
    return names if number % 2 == 0 else names[::-1]


def claim_names(kind: str, part: str, claims: int) -> list[str]:
    """Return the names of claims of one round: each has the same beginning."""
    return [f"{kind}-{part}-{n}" for n in range(claims)]
