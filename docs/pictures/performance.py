"""Draws what the benchmark measured, for light and for dark pages.

`make pictures` writes performance-light.svg and performance-dark.svg beside this file,
from docs/performance.json, which `make bench` writes.
"""

import json
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from chain import THEMES, Colours

REPORT = Path(__file__).parents[1] / "performance.json"
OURS = "function-ecr-repos"
_FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_WIDTH, _LEFT, _RIGHT = 600, 160, 90
_ROW, _HEAD, _GAP, _FOOT = 24, 30, 14, 48


class Panel(NamedTuple):
    """One figure of all servers.

    Attributes:
        says: What it is.
        keys: Where it is among a server's.
        unit: What it counts.
        digits: How many behind the point.
    """

    says: str
    keys: tuple[str, str]
    unit: str
    digits: int = 0


PANELS = (
    Panel("Half of the answers within, one client", ("steady", "p50"), "ms", 2),
    Panel("Requests in a second, 32 clients (more is better)", ("steady", "rate"), ""),
    Panel("Processor time of a request", ("steady", "cpu_us"), "µs"),
    Panel("Memory after 10,000 XRs", ("memory_mb", "xrs"), "MB"),
)


def draw(report: dict[str, Any], colours: Colours) -> str:
    """Return the chart as SVG."""
    servers = report["servers"]
    height = len(PANELS) * (_HEAD + len(servers) * _ROW + _GAP) + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="t d" '
        f'font-family="{_FONT}">',
        '<title id="t">The function beside others</title>',
        f'<desc id="d">{escape(described(report))}</desc>',
    ]
    top = 0
    for panel in PANELS:
        parts.append(_text(panel.says, 10, top + 20, colours.text, size=14, bold=True))
        top += _HEAD
        values = {name: _value(figures, panel) for name, figures in servers.items()}
        longest = max(values.values())
        for name, value in values.items():
            parts.append(_bar(name, value, longest, panel, top, colours))
            top += _ROW
        top += _GAP
    size = f"{report['requests']['steady']:,}"
    for line in (
        f"{report['date']}, a steady-state request of {size} bytes",
        machine(report),
    ):
        parts.append(_text(line, 10, top + 12, colours.faint))
        top += 18
    return "\n".join([*parts, "</svg>"]) + "\n"


def machine(report: dict[str, Any]) -> str:
    """Return what the figures were measured on."""
    on, versions = report["machine"], report["versions"]
    return (
        f"{on['processor']}, {on['cores']} cores, {on['kernel']}, "
        f"Python {on['python']}, Go {versions['go']}"
    )


def described(report: dict[str, Any]) -> str:
    """Return what the chart shows, in words."""
    return " ".join(
        f"{panel.says}: "
        + ", ".join(
            f"{name} {_shown(_value(figures, panel), panel)}"
            for name, figures in report["servers"].items()
        )
        + "."
        for panel in PANELS
    )


def _value(figures: dict[str, Any], panel: Panel) -> float:
    outer, inner = panel.keys
    return float(figures[outer][inner])


def _shown(value: float, panel: Panel) -> str:
    return f"{value:,.{panel.digits}f} {panel.unit}".strip()


def _bar(  # noqa: PLR0913  # what, how long, where
    name: str, value: float, longest: float, panel: Panel, top: int, c: Colours
) -> str:
    ours = name == OURS
    width = max(1, round((_WIDTH - _LEFT - _RIGHT) * value / longest))
    middle = top + _ROW // 2 + 4
    return "\n".join(
        [
            _text(name, _LEFT - 8, middle, c.text, anchor="end", bold=ours),
            f'<rect x="{_LEFT}" y="{top + 3}" width="{width}" height="{_ROW - 6}" '
            f'rx="3" fill="{c.ours if ours else c.line}"/>',
            _text(_shown(value, panel), _LEFT + width + 6, middle, c.text, bold=ours),
        ]
    )


def _text(  # noqa: PLR0913  # what, where, how
    text: str,
    x: int,
    y: int,
    fill: str,
    *,
    size: int = 13,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}"{weight} '
        f'fill="{fill}">{escape(text)}</text>'
    )


def pictures() -> dict[str, str]:
    """Return each chart by its file's name."""
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    return {
        f"performance-{name}.svg": draw(report, colours)
        for name, colours in THEMES.items()
    }


def write() -> None:
    """Write the charts beside this file."""
    for file_name, svg in pictures().items():
        Path(__file__).with_name(file_name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    write()
