"""Writes the tables of docs/performance.md from the reports.

    tables.py       writes them anew, from docs/performance.json and docs/soak.json

A comment `figures: NAME` begins a table's place in the page, `end of figures` ends it.
"""

import json
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from targets import SOAK, TARGETS, Target, judge

DOCS = Path(__file__).parents[2] / "docs"
PAGE, REPORT, SOAKED = (
    DOCS / name for name in ("performance.md", "performance.json", "soak.json")
)
OURS, FLOOR, PATCH = "function-ecr-repos", "an empty function", "patch-and-transform"
REQUESTS = {"first": "first pass", "steady": "steady state", "large": "large"}
# What a replica is planned for; the rest is for what comes at once.
SHARE = 0.8
MINUTE_S, HOUR_S = 60, 3600
COMPUTED = (1_000, 10_000, 100_000)

Report = dict[str, Any]


def tables(report: Report, soaked: Report) -> dict[str, str]:
    """Return each table by its name."""
    return {
        "targets": _verdicts(report["targets"], TARGETS),
        "ratios": _ratios(report),
        "latency": _latency(report),
        "own": _own(report),
        "stages": _stages(report),
        "resources": _resources(report),
        "clients": _clients(report),
        "xrs": _xrs(report),
        "replica": _replica(report),
        "processes": _processes(report),
        "soak": _verdicts(soaked["figures"], SOAK),
        "overload": _overload(soaked),
        "measured": _measured(report, soaked),
    }


def fill(page: str, made: dict[str, str]) -> str:
    """Return a page with its tables in their places.

    Raises:
        ValueError: A table has no place, or a place no table.
    """
    pattern = r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)"
    places = [found[2] for found in re.finditer(pattern, page, re.DOTALL)]
    if sorted(places) != sorted(made):
        raise ValueError(f"places {sorted(places)}, tables {sorted(made)}")
    return re.sub(
        pattern, lambda m: f"{m[1]}\n{made[m[2]]}\n\n{m[3]}", page, flags=re.DOTALL
    )


def write() -> None:
    """Write the page's tables anew."""
    made = tables(json.loads(REPORT.read_text()), json.loads(SOAKED.read_text()))
    PAGE.write_text(fill(PAGE.read_text(), made))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(found: dict[str, float]) -> str:
    median, least, most = (_number(found[k]) for k in ("median", "least", "most"))
    return f"{median} ({least} to {most})"


def _verdicts(figures: dict[str, float], targets: Iterable[Target]) -> str:
    rows = []
    for verdict in judge(figures, targets):
        target, figure = verdict.target, verdict.figure
        bound = "≥" if target.at_least else "≤"
        rows.append(
            [
                target.says,
                f"{bound} {target.limit:g} {target.unit}",
                "not measured"
                if figure is None
                else f"{_number(figure)} {target.unit}",
                "held" if verdict.held else "**missed**",
            ]
        )
    return _table(["", "target", "measured", ""], rows)


def _ratios(report: Report) -> str:
    return _table(
        [
            *("request", "beside", "p50, one client", "requests/s, 32 clients"),
            "processor time",
        ],
        [
            [
                REQUESTS[request],
                name,
                *(_spread(found[key]) for key in ("p50", "rate", "cpu_us")),
            ]
            for request, others in report["ratios"].items()
            for name, found in others.items()
        ],
    )


def _latency(report: Report) -> str:
    return _table(
        [
            "request",
            "",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "requests/s",
            "processor time, µs",
        ],
        [
            [
                f"{REQUESTS[request]}, {report['requests'][request]:,} bytes",
                name,
                *(
                    _number(figures[request][key])
                    for key in ("p50", "p95", "p99", "rate", "cpu_us")
                ),
            ]
            for request in REQUESTS
            for name, figures in report["servers"].items()
        ],
    )


def _own(report: Report) -> str:
    parts = ("parse", "answer", "serialize")
    return _table(
        ["request", "", "parse µs", "RunFunction µs", "serialise µs"],
        [
            [REQUESTS[request], name, *(_spread(found[part]) for part in parts)]
            for request, of in report["own_us"].items()
            for name, found in of.items()
        ],
    )


def _stages(report: Report) -> str:
    again, anew = (report["stages_us"][word] for word in ("again", "anew"))
    rows = [[stage, _spread(again[stage]), _spread(anew[stage])] for stage in again]
    total = [
        _number(sum(of["median"] for of in found.values())) for found in (again, anew)
    ]
    return _table(
        ["stage", "seen lately, µs", "never seen, µs"], [*rows, ["all", *total]]
    )


def _resources(report: Report) -> str:
    def shown(memory: dict[str, float], key: str) -> str:
        return _number(memory[key]) if key in memory else ""

    rows = [
        [
            name,
            _spread(figures["start_ms"]),
            *(
                shown(figures["memory_mb"], key)
                for key in ("start", "warm", "requests", "xrs")
            ),
        ]
        for name, figures in report["servers"].items()
    ]
    return _table(
        [
            *("", "start to first answer, ms", "MB at start", "after 1,000 requests"),
            *("after 100,000 more", "or after 10,000 XRs"),
        ],
        rows,
    )


def _clients(report: Report) -> str:
    return _table(
        ["clients at once", "requests/s", "p50 ms", "p99 ms", "failed"],
        [
            [
                str(row["clients"]),
                *(_number(row[key]) for key in ("rate", "p50", "p99", "failed")),
            ]
            for row in report["clients"]
        ],
    )


def _xrs(report: Report) -> str:
    return _table(
        [
            *("XRs", "", "p50 ms", "p99 ms", "requests/s", "processor time, µs"),
            *("to that of one", "MB"),
        ],
        [
            [
                f"{row['xrs']:,}",
                row["server"],
                *(_number(row[key]) for key in ("p50", "p99", "rate", "cpu_us")),
                _spread(row["cpu_to_one"]),
                _number(row["memory_mb"]),
            ]
            for row in report["xrs"]
        ],
    )


def _most(report: Report) -> dict[str, float]:
    (row,) = [r for r in report["xrs"] if r["server"] == OURS and r["xrs"] == 10_000]
    return dict(row)


def _replica(report: Report) -> str:
    """Return what XRs ask for and cost, and how many one replica carries."""
    most = _most(report)
    rows = []
    for xrs in COMPUTED:
        cells = [f"{xrs:,}"]
        for every in (MINUTE_S, HOUR_S):
            rate = xrs / every
            cells += [_number(rate), f"{_number(rate * most['cpu_us'] / 1e4)} %"]
        rows.append(cells)
    # Of what was measured when all miss what is remembered.
    carried = [most["rate"] * SHARE * every for every in (MINUTE_S, HOUR_S)]
    rows.append(
        [
            f"**one replica at {SHARE:.0%} would carry**",
            f"**{float(f'{carried[0]:.2g}'):,.0f} XRs**",
            "",
            f"**{float(f'{carried[1]:.2g}'):,.0f} XRs**",
            "",
        ]
    )
    return _table(
        ["XRs", "requests/s, each minute", "of a core", "each hour", "of a core"], rows
    )


def _processes(report: Report) -> str:
    return _table(
        [
            "processes",
            "connections",
            "requests/s",
            "the busiest one's share of the work",
        ],
        [
            [
                str(row["processes"]),
                str(row["connections"]),
                _spread(row["rate"]),
                f"{row['busiest_share']['median']:.0%}",
            ]
            for row in report["processes"]
        ],
    )


def _overload(soaked: Report) -> str:
    """Return what was asked of it in each phase, and what it answered."""
    steady, over, after = (soaked[key] for key in ("steady", "overload", "after"))
    return _table(
        ["", "asked/s", "answered/s", "p50 ms", "p99 ms", "too late", "most MB"],
        [
            _at_rate(f"{len(steady)} minutes at 80 %", steady),
            [
                "a minute's overload",
                *(_number(over[key]) for key in ("asked", "answered", "p50", "p99")),
                f"{over['late']:,}",
                _number(over["memory_peak_mb"]),
            ],
            _at_rate(f"{len(after)} minutes at 80 % again", after),
        ],
    )


def _at_rate(phase: str, minutes: list[Report]) -> list[str]:
    medians = (
        statistics.median(minute[key] for minute in minutes)
        for key in ("rate", "rate", "p50", "p99")
    )
    return [
        *(phase, *map(_number, medians)),
        f"{sum(minute['late'] for minute in minutes):,}",
        _number(max(minute["memory_mb"] for minute in minutes)),
    ]


def _measured(report: Report, soaked: Report) -> str:
    on, versions = report["machine"], report["versions"]
    names = (
        *("crossplane-function-sdk-python", "grpcio", "protobuf"),
        *(PATCH, "go-templating", "ghz"),
    )
    image = report["image"]
    rows = [
        ["machine", f"{on['processor']}, {on['cores']} cores, {on['memory_gb']} GB"],
        ["system", f"{on['kernel']}, Python {on['python']}, Go {versions['go']}"],
        ["measured", f"{report['date']}; the soak {soaked['date']}"],
        [
            "load average when it began",
            "; the soak ".join(
                str(each["machine"]["load"]) for each in (report, soaked)
            ),
        ],
        *([name, versions[name]] for name in names),
        [
            "image",
            f"{image['size_mb']:.3g} MB compressed; start to first answer "
            f"{_spread(image['start_ms'])} ms",
        ],
    ]
    return _table(["", ""], rows)


if __name__ == "__main__":
    write()
