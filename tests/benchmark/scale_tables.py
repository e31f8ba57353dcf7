"""Write the tables of docs/scale.md.

scale_tables.py       writes them from docs/scale.json

The settings are what was measured, extended along a line, with room to spare.
"""

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tables import fill

DOCS = Path(__file__).parents[2] / "docs"
PAGE, REPORT = DOCS / "scale.md", DOCS / "scale.json"
# The columns of the settings.
WORKLOADS = (100, 1000, 5000, 10_000)
FUNCTION = "function-ecr-repos"
PROGRAMS = {
    FUNCTION: "function",
    "crossplane": "Crossplane",
    "kube-apiserver": "API server",
    "etcd": "etcd",
}
BACKGROUND = "kyverno-background"
# The default limits of the Helm charts: crossplane v2.4.2 (resourcesCrossplane) and
# kyverno v1.19.1 (backgroundController.resources).
CROSSPLANE_MIB, BACKGROUND_MIB = 1024, 128
CPU_LIMITS = {"500m": 0.5, "1": 1.0, "2": 2.0}
# Memory that is free at the predicted use.
SPARE = 1.5
# Requests to the API server: provider-aws v0.58.0, cmd/provider/main.go, uses
# controller-runtime's default (v0.19.0, pkg/client/config), and has no flag for it.
REQUESTS_S = 20
# Poll intervals; the first one is the default.
POLL_MINUTES = (1, 10, 30, 60)
# Kyverno v1.19.1, pkg/config/config.go.
THRESHOLD = 1000

Figures = dict[str, Any]


def line(points: Mapping[int, float]) -> tuple[float, float]:
    """Return the slope and the start of the line that is closest to the points."""
    found = statistics.linear_regression([*points], [*points.values()])
    return found.slope, found.intercept


def predicted(points: Mapping[int, float], claims: int) -> float:
    """Return a value at a number of claims, on the line through what was measured."""
    slope, start = line(points)
    return start + max(slope, 0.0) * claims


def limit_mib(points: Mapping[int, float], claims: int, default: int) -> int:
    """Return a memory limit with room to spare: the default, doubled as needed."""
    needed = SPARE * predicted(points, claims)
    return default << max(0, math.ceil(math.log2(needed / default)))


def poll_delay_s(claims: int, poll_s: float) -> float:
    """Return how long each reconcile of the classic provider waits for its turn.

    Each of a claim's two repositories is reconciled once per poll interval, and each
    reconcile writes the status. With more of them than the provider may send, all of
    its writes wait, also those for a new claim.
    """
    return max(0.0, 2 * claims / REQUESTS_S - poll_s)


def poll_minutes(claims: int) -> int:
    """Return the classic provider's poll interval: polling needs half of its writes."""
    needed_s = 4 * claims / REQUESTS_S
    return next(minutes for minutes in POLL_MINUTES if needed_s <= minutes * 60)


def tables(report: Figures) -> dict[str, str]:
    """Return the tables, by name."""
    steps = [*report["claims"]["steps"], *report["crowd"]["steps"]]
    return {
        "settings": _settings(report),
        "cpu": _cpu(steps, report["provider"]["created"]),
        "growth": _growth(sorted(steps, key=lambda step: step["claims"])),
        "anchor": _anchor(report["claims"]["steps"][0], report["provider"]["created"]),
        "idle": _idle(report["claims"]),
        "flags": _flags(report["provider"]),
        "kyverno": _kyverno(report["kyverno"]["steps"]),
        "bursts": _bursts(report["kyverno"]["bursts"]),
        "measured": _measured(report),
    }


def write() -> None:
    """Write the page."""
    report = json.loads(REPORT.read_text())
    PAGE.write_text(fill(PAGE.read_text(), tables(report)))


def _points(steps: Iterable[Figures], program: str) -> dict[int, float]:
    return {step["claims"]: step["memory_mb"][program] for step in steps}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _settings(report: Figures) -> str:
    claims, generated = report["claims"]["steps"], report["kyverno"]["steps"]
    storage = {step["claims"]: step["storage_mb"] for step in claims}
    crossplane = _points([*claims, *report["crowd"]["steps"]], "crossplane")
    background = {
        step["workloads"]: max(step["memory_mb"][BACKGROUND], step["scan"]["memory_mb"])
        for step in generated
    }
    rows = {
        "function: replicas": ["2" for _ in WORKLOADS],
        "Crossplane: memory limit": [
            f"{limit_mib(crossplane, size, CROSSPLANE_MIB):,} MiB" for size in WORKLOADS
        ],
        "classic provider: `--poll`": [f"{poll_minutes(size)}m" for size in WORKLOADS],
        "Kyverno: `updateRequestThreshold`": [
            f"{max(THRESHOLD, size):,}" for size in WORKLOADS
        ],
        "Kyverno: background controller's memory limit": [
            f"{limit_mib(background, size, BACKGROUND_MIB):,} MiB" for size in WORKLOADS
        ],
        "etcd: data of the claims": [
            f"{line(storage)[0] * size:,.0f} MB" for size in WORKLOADS
        ],
    }
    most = max(crossplane)
    head = [f"{size:,}{' †' if size > most else ''}" for size in WORKLOADS]
    return _table(["workloads", *head], [[name, *row] for name, row in rows.items()])


def _cpu(steps: Sequence[Figures], real: Figures) -> str:
    """Return how many claims Crossplane can create, by the most that one took.

    Args:
        steps: What a claim took with the stand-in for the provider, first without more.
        real: What a claim took with the real provider.
    """
    used = [step["cpu_ms"]["crossplane"] for step in steps]
    per_claim_ms = max(used) * real["cpu_ms"]["crossplane"] / used[0]
    return _table(
        ["`resourcesCrossplane.limits.cpu`", "new claims a minute, at most"],
        [
            [limit, _number(60_000 * cores / per_claim_ms)]
            for limit, cores in CPU_LIMITS.items()
        ],
    )


def _per_claim(step: Figures) -> Iterator[str]:
    """Yield what a new claim costs: each program's time, and the function's calls."""
    for program in PROGRAMS:
        yield _number(step["cpu_ms"][program])
    yield _number(step["calls"])


def _growth(steps: Sequence[Figures]) -> str:
    return _table(
        [
            "claims",
            "of them paused",
            *(f"{name}, ms" for name in PROGRAMS.values()),
            "calls",
            "ms per call",
        ],
        [
            [
                f"{step['claims']:,}",
                f"{step.get('copies', 0):,}",
                *_per_claim(step),
                _number(step["call_ms"]),
            ]
            for step in steps
        ],
    )


def _anchor(stand_in: Figures, real: Figures) -> str:
    """Return what a new claim costs with the real provider, by its side."""
    return _table(
        ["", "claims", *(f"{name}, ms" for name in PROGRAMS.values()), "calls"],
        [
            [
                name,
                str(step["claims"]),
                *_per_claim(step),
            ]
            for name, step in (("in its place", stand_in), ("the provider", real))
        ],
    )


def _idle(found: Figures) -> str:
    return _table(
        [
            "claims",
            "function, MB",
            "Crossplane, MB",
            "API server, MB",
            "etcd's data, MB",
            "calls a minute",
            "Crossplane, ms a minute",
        ],
        [
            [
                f"{step.get('claims', 0):,}",
                *(
                    _number(step["memory_mb"][program])
                    for program in (FUNCTION, "crossplane", "kube-apiserver")
                ),
                _number(step["storage_mb"]),
                _number(step.get("idle_calls", 0)),
                _number(step["idle_ms"]["crossplane"]),
            ]
            for step in (found["empty"], *found["steps"])
        ],
    )


def _flags(found: Figures) -> str:
    return _table(
        [
            "`--poll`",
            "`--max-reconcile-rate`",
            "computed wait of each reconcile, s",
            "one more claim ready after, s",
        ],
        [
            [
                f"{each['poll_s']}s",
                str(each["rate"]),
                _number(each["delay_s"]),
                _number(statistics.median(each["single_s"])),
            ]
            for each in found["variants"]
        ],
    )


def _kyverno(steps: Sequence[Figures]) -> str:
    return _table(
        [
            "workloads",
            "created at once",
            "claims then",
            "background controller, ms per claim",
            "ms per workload of a scan",
            "memory after a scan, MB",
        ],
        [
            [
                f"{step['workloads']:,}",
                f"{step['added']:,}",
                f"{step['claims']:,}",
                _number(step["cpu_ms"][BACKGROUND]),
                _number(step["scan"]["cpu_ms"] / step["workloads"]),
                _number(step["scan"]["memory_mb"]),
            ]
            for step in steps
        ],
    )


def _bursts(bursts: Sequence[Figures]) -> str:
    return _table(
        ["`updateRequestThreshold`", "workloads at once", "claims", "dropped"],
        [
            [
                f"{each['threshold']:,}",
                f"{each['workloads']:,}",
                f"{each['claims']:,}",
                f"{each['workloads'] - each['claims']:,}",
            ]
            for each in bursts
        ],
    )


def _measured(report: Figures) -> str:
    return _table(
        ["", "processor", "memory", "load average at the start", "date"],
        [
            [
                part,
                f"{on['processor']}, {on['cores']} cores",
                f"{on['memory_gb']} GB",
                str(on["load"]),
                report[part]["date"],
            ]
            for part, on in ((part, report[part]["machine"]) for part in report)
        ],
    )


if __name__ == "__main__":
    write()
