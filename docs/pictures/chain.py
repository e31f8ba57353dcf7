"""Draw the chain from a Workload to Amazon ECR, for light and dark pages.

`make pictures` writes chain-light.svg and chain-dark.svg next to this file.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH = 600
_FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_LEFT, _RIGHT, _BOX, _GAP = 20, WIDTH - 20, 58, 50

TITLE = "The chain from a workload to Amazon ECR"
DESCRIPTION = (
    "A team applies a Workload. A Kyverno policy creates a WorkloadECRRepo claim for "
    "it. Crossplane calls this function, and the function returns two Repository "
    "resources. provider-aws creates the two repositories in Amazon ECR. Their URIs "
    "appear in the claim."
)


class Colours(NamedTuple):
    """The colors for one theme."""

    text: str
    faint: str
    box: str
    line: str
    ours: str
    ours_text: str


THEMES = {
    "light": Colours("#1f2328", "#57606a", "#f6f8fa", "#8c959f", "#0f766e", "#ffffff"),
    "dark": Colours("#e6edf3", "#9ea7b3", "#161b22", "#6e7681", "#2dd4bf", "#04201d"),
}


@dataclass(frozen=True)
class Box:
    """One box of the chain."""

    name: str
    says: str
    left: int = _LEFT
    right: int = _RIGHT
    ours: bool = False


# From top to bottom.
ROWS: list[list[Box]] = [
    [Box("Workload", "applied by a team; or a Deployment, a Knative Service, …")],
    [Box("WorkloadECRRepo", "the claim: repository names, URIs and conditions")],
    [
        Box(
            "function-ecr-repos",
            "checks names and ownership, returns resources",
            ours=True,
        )
    ],
    [
        Box("Repository imagerepo", "a managed resource", right=WIDTH // 2 - 10),
        Box("Repository bundlerepo", "a managed resource", left=WIDTH // 2 + 10),
    ],
    [
        Box("tap/workloads/shop-default", "in Amazon ECR", right=WIDTH // 2 - 10),
        Box("…/shop-default-bundle", "in Amazon ECR", left=WIDTH // 2 + 10),
    ],
]
# The steps between the rows: what creates the lower row from the upper one.
STEPS = [
    "a Kyverno policy creates the claim",
    "Crossplane calls it over mutual TLS",
    "Crossplane applies the response",
    "provider-aws creates the repositories",
]


def draw(colours: Colours) -> str:
    """Return the picture as SVG text."""
    height = len(ROWS) * _BOX + len(STEPS) * _GAP + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="t d" '
        f'font-family="{_FONT}">',
        f'<title id="t">{TITLE}</title>',
        f'<desc id="d">{DESCRIPTION}</desc>',
    ]
    top = 20
    for index, row in enumerate(ROWS):
        parts += [_box(box, top, colours) for box in row]
        if index < len(STEPS):
            # One arrow per box between two pairs, otherwise one in the middle.
            pair = len(row) == len(ROWS[index + 1]) == 2  # noqa: PLR2004
            centres = [_centre(b) for b in row] if pair else [WIDTH // 2]
            start = top + _BOX
            parts += [_arrow(x, start, colours) for x in centres]
            parts.append(
                _step(STEPS[index], start + _GAP // 2, colours, beside=not pair)
            )
        top += _BOX + _GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def _centre(box: Box) -> int:
    return (box.left + box.right) // 2


def _box(box: Box, top: int, c: Colours) -> str:
    fill, text, faint = (
        (c.ours, c.ours_text, c.ours_text) if box.ours else (c.box, c.text, c.faint)
    )
    stroke = c.ours if box.ours else c.line
    middle = _centre(box)
    return (
        f'<rect x="{box.left}" y="{top}" width="{box.right - box.left}" '
        f'height="{_BOX}" rx="8" fill="{fill}" stroke="{stroke}"/>\n'
        f'<text x="{middle}" y="{top + 25}" text-anchor="middle" font-size="15" '
        f'font-weight="600" font-family="{_MONO}" fill="{text}">'
        f"{escape(box.name)}</text>\n"
        f'<text x="{middle}" y="{top + 45}" text-anchor="middle" font-size="13" '
        f'fill="{faint}">{escape(box.says)}</text>'
    )


def _arrow(x: int, top: int, c: Colours) -> str:
    end = top + _GAP - 3
    return (
        f'<path d="M{x} {top + 3}V{end}M{x - 5} {end - 6}L{x} {end}L{x + 5} {end - 6}" '
        f'fill="none" stroke="{c.line}" stroke-width="1.5"/>'
    )


def _step(text: str, y: int, c: Colours, *, beside: bool) -> str:
    """Write the step next to its arrow, or between two arrows."""
    x, anchor = (WIDTH // 2 + 14, "start") if beside else (WIDTH // 2, "middle")
    return (
        f'<text x="{x}" y="{y + 4}" text-anchor="{anchor}" font-size="13" '
        f'fill="{c.faint}">{escape(text)}</text>'
    )


def pictures() -> dict[str, str]:
    """Return the pictures by file name."""
    return {f"chain-{name}.svg": draw(colours) for name, colours in THEMES.items()}


if __name__ == "__main__":
    for file_name, svg in pictures().items():
        Path(__file__).with_name(file_name).write_text(svg, encoding="utf-8")
