"""Write the tables of docs/performance.md and of the README beside this file.

    tables.py       writes them from docs/chain.json, performance.json and soak.json

In a page, a comment `figures: NAME` begins a table's place, `end of figures` ends it.
"""

import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from chain_costs import FIGURES, RECIPE, Phase, compared, short, title
from targets import SOAK, TARGETS, Target, judge

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, README = DOCS / "performance.md", Path(__file__).parent / "README.md"
REPORT, SOAKED = DOCS / "performance.json", DOCS / "soak.json"
CHAIN = DOCS / "chain.json"
OURS, EMPTY, PATCH = "function-ecr-repos", "an empty function", "patch-and-transform"
PHASES = {
    "first": "first pass",
    "required": "first pass, with required resources",
    "creating": "creating",
    "steady": "steady state",
    "large": "large",
}

Report = dict[str, Any]


def pages() -> dict[Path, str]:
    """Return each page's text with the tables of the reports."""
    report, soaked, chain = (
        json.loads(file.read_text()) for file in (REPORT, SOAKED, CHAIN)
    )
    tables = {
        PAGE: {
            "created": _chain(chain, ("created_one", "created_many")),
            "deleted": _chain(chain, ("deleted_one", "deleted_many"), NOT_OF_DELETION),
            "ratios": _ratios(report, ("steady", "first", "large"), _ratio),
            "resources": _resources(report),
            "clients": _clients(report),
        },
        README: {
            **{f"chain_{api}": _phases(found) for api, found in chain["apis"].items()},
            "chain_measured": _chain_measured(chain),
            "targets": _verdicts(report["targets"], TARGETS),
            "ratios": _ratios(report, report["ratios"], _spread),
            "latency": _latency(report),
            "own": _own(report),
            "xrs": _xrs(report),
            "soak": _verdicts(soaked["figures"], SOAK),
            "overload": _overload(soaked),
            "measured": _measured(report, soaked),
        },
    }
    return {page: fill(page.read_text(), found) for page, found in tables.items()}


def fill(page: str, tables: dict[str, str]) -> str:
    """Return a page with its tables in their places.

    Raises:
        ValueError: A table has no place in the page, or a place has no table.
    """
    pattern = r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)"
    places = [found[2] for found in re.finditer(pattern, page, re.DOTALL)]
    if sorted(places) != sorted(tables):
        raise ValueError(f"places {sorted(places)}, tables {sorted(tables)}")
    return re.sub(
        pattern, lambda m: f"{m[1]}\n{tables[m[2]]}\n\n{m[3]}", page, flags=re.DOTALL
    )


def write() -> None:
    """Write the pages."""
    for page, text in pages().items():
        page.write_text(text)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    """Return a figure with its significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(found: dict[str, float]) -> str:
    return f"{found['median']:.2f}"


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


def _ratios(
    report: Report, phases: Iterable[str], shown: Callable[[dict[str, float]], str]
) -> str:
    return _table(
        ["request", "compared with", "p50", "requests/s", "processor time"],
        [
            [
                PHASES[phase],
                name,
                *(shown(found[key]) for key in ("p50", "rate", "cpu_us")),
            ]
            for phase in phases
            for name, found in report["ratios"][phase].items()
        ],
    )


def _latency(report: Report) -> str:
    return _table(
        ["request", "", "p50 ms", "p99 ms", "requests/s", "processor time, µs"],
        [
            [
                f"{PHASES[phase]}, {size:,} bytes",
                name,
                *(
                    _number(figures[phase][key])
                    for key in ("p50", "p99", "rate", "cpu_us")
                ),
            ]
            for phase, size in report["bytes"].items()
            for name, figures in report["servers"].items()
        ],
    )


def _own(report: Report) -> str:
    return _table(
        ["request", f"{OURS}, µs", f"{EMPTY}, µs"],
        [
            [PHASES[phase], _spread(found[OURS]), _spread(found[EMPTY])]
            for phase, found in report["own_us"].items()
        ],
    )


def _xrs(report: Report) -> str:
    return _table(
        ["XRs", "µs"],
        [
            [f"{int(xrs):,}", _spread(found)]
            for xrs, found in report["own_us_by_xrs"].items()
        ],
    )


BOTH = (OURS, RECIPE)
APIS = {"classic": "classic", "upbound": "Upbound"}
# What of the figures the page for users has. The README has all.
IN_SHORT = (
    ("mean_s", "time, mean"),
    ("p50_s", "time, p50"),
    ("p99_s", "time, p99"),
    ("writes", "writes to the API server"),
    ("changes", "changes of its objects"),
    ("events", "events that the circuit breaker counts"),
    ("crossplane_ms", "processor time, Crossplane"),
    ("provider_ms", "processor time, provider"),
    ("api_server_ms", "processor time, API server"),
    ("function_ms", "processor time, function"),
    ("cpu_ms", "processor time, all four"),
    ("opens", "open circuit breakers, ours : theirs"),
    ("late", "not in time, ours : theirs"),
)


# Crossplane does not call the function for an XR that is being deleted.
NOT_OF_DELETION = frozenset({"function_ms"})


def _chain(
    chain: Report, keys: Sequence[str], without: frozenset[str] = frozenset()
) -> str:
    """Return the ratios of some phases on each provider API."""
    phases = {
        f"{APIS[api]}: {_at_once(found[key])}": found[key]
        for api, found in chain["apis"].items()
        for key in keys
    }
    figures = {figure.key: figure for figure in FIGURES}
    rows = [
        [says, *(short(phase, figures[key]) for phase in phases.values())]
        for key, says in IN_SHORT
        if key not in without
        and (
            key != "late" or any(p[of]["late"] for p in phases.values() for of in BOTH)
        )
    ]
    return _table(["", *phases], rows)


def _at_once(phase: Phase) -> str:
    return f"{phase['at_once']} at once" if phase["at_once"] > 1 else "one at a time"


def _phases(phases: dict[str, Phase]) -> str:
    """Return all figures of one provider API: ours, the recipe's, the ratio."""
    columns = [compared(phase) for phase in phases.values()]
    return _table(
        ["per claim", *(title(key, phase) for key, phase in phases.items())],
        [
            [
                of_phases[0][0],
                *(
                    f"{ours} : {theirs}" + (f" = {ratio}" if ratio else "")
                    for _, ours, theirs, ratio in of_phases
                ),
            ]
            for of_phases in zip(*columns, strict=True)
        ],
    )


def _chain_measured(chain: Report) -> str:
    on, counts = chain["machine"], chain["apis"].values()
    claims = {
        f"{phase['claims']}, {_at_once(phase)}"
        for phases in counts
        for phase in phases.values()
    }
    return _table(
        ["", ""],
        [
            [
                "machine",
                f"{on['processor']}, {on['cores']} cores, {on['memory_gb']} GB",
            ],
            ["system", f"{on['kernel']}, Python {on['python']}"],
            ["measured", chain["date"]],
            ["load average at the start", str(on["load"])],
            ["claims of each", "; ".join(sorted(claims))],
            *([name, version] for name, version in chain["versions"].items()),
        ],
    )


def _resources(report: Report) -> str:
    return _table(
        ["", "start to first response, ms", "memory at start, MB", "under load, MB"],
        [
            [
                name,
                _number(figures["start_ms"]["median"]),
                *(_number(figures["memory_mb"][key]) for key in ("start", "loaded")),
            ]
            for name, figures in report["servers"].items()
        ],
    )


def _clients(report: Report) -> str:
    return _table(
        ["calls at once", "requests/s", "p50 ms", "p99 ms", "failed"],
        [
            [_number(row[key]) for key in ("clients", "rate", "p50", "p99", "failed")]
            for row in report["clients"]
        ],
    )


def _overload(soaked: Report) -> str:
    """Return the requests that were sent in each phase, and the responses."""
    steady, over, after = (soaked[key] for key in ("steady", "overload", "after"))
    return _table(
        ["", "sent/s", "OK/s", "p50 ms", "p99 ms", "too late", "peak MB"],
        [
            _at_rate(f"{len(steady)} minutes at 80 %", steady),
            [
                "a minute's overload",
                *(_number(over[key]) for key in ("sent", "succeeded", "p50", "p99")),
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
    names = ("crossplane-function-sdk-python", "grpcio", "protobuf", PATCH, "ghz")
    loads = [str(each["machine"]["load"]) for each in (report, soaked)]
    rows = [
        ["machine", f"{on['processor']}, {on['cores']} cores, {on['memory_gb']} GB"],
        ["system", f"{on['kernel']}, Python {on['python']}, Go {versions['go']}"],
        ["measured", f"{report['date']}; the soak {soaked['date']}"],
        ["load average at the start", "; the soak ".join(loads)],
        *([name, versions[name]] for name in names),
    ]
    return _table(["", ""], rows)


if __name__ == "__main__":
    write()
