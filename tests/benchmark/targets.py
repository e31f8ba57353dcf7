"""What the function is held to, and whether a run of the benchmark shows it."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Spread:
    """A figure that was measured several times: the median, the least, the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return that of some values."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    @classmethod
    def ratio(cls, over: Iterable[float], under: Iterable[float]) -> Self:
        """Return that of each round's ratio: what slows a round slows both."""
        return cls.of(a / b for a, b in zip(over, under, strict=True))

    def rounded(self) -> dict[str, float]:
        """Return what is written down."""
        return {key: rounded(value) for key, value in asdict(self).items()}


def rounded(value: float) -> float:
    """Return a figure with the three or four digits that mean something."""
    return float(f"{value:.4g}")


@dataclass(frozen=True)
class Target:
    """A limit of one figure.

    Attributes:
        key: The figure's name in the report.
        says: What it is.
        limit: Where it ends.
        unit: What it counts.
        at_least: Whether the limit is the least, not the most.
    """

    key: str
    says: str
    limit: float
    unit: str
    at_least: bool = False

    def held_by(self, figure: float) -> bool:
        """Whether a figure is within the limit; one that is none is not."""
        return figure >= self.limit if self.at_least else figure <= self.limit


TARGETS = (
    Target("p50_to_floor", "p50 at 1 client, to an empty function's", 1.10, "times"),
    Target(
        "rate_to_floor",
        "requests/s at 32 clients, to an empty function's",
        0.92,
        "times",
        at_least=True,
    ),
    Target("own_us", "own processor time of a steady-state request", 60, "µs"),
    Target("failed", "calls that failed, at up to 256 clients", 0, "calls"),
    Target("growth_mb", "memory grown by 100,000 requests", 2, "MB"),
    Target("start_ms", "start to first answer", 250, "ms"),
    Target(
        "p50_to_patch",
        "p50 at 1 client: patch-and-transform's, to ours",
        1.8,
        "times",
        at_least=True,
    ),
    Target(
        "rate_to_patch",
        "requests/s at 32 clients, to patch-and-transform's",
        2,
        "times",
        at_least=True,
    ),
    Target("memory_to_patch", "memory, to patch-and-transform's", 1.1, "times"),
)

# What a soak and an overload are held to.
SOAK = (
    Target("other_errors", "calls that ended otherwise than by a deadline", 0, "calls"),
    Target("late", "calls at 80 % that ended by a deadline", 0, "calls"),
    Target("growth_mb", "memory grown from the first minute to the last", 4, "MB"),
    Target("offered", "what was asked, to what it can", 4.5, "times", at_least=True),
    # Three quarters of what package/runtime lets a pod have.
    Target("peak_mb", "most memory in the overload", 200, "MB"),
    Target("recovery_s", "until answers were quick again after it", 5, "s"),
    Target("p50_after", "p50 at 80 % after it, to before", 1.5, "times"),
    Target("cpu_us_after", "processor time at 80 % after it, to before", 1.1, "times"),
    Target("log_bytes", "log, of a request", 1, "bytes"),
)


@dataclass(frozen=True)
class Verdict:
    """Whether a target is held.

    Attributes:
        target: Which.
        figure: What was measured; None where nothing was.
    """

    target: Target
    figure: float | None

    @property
    def held(self) -> bool:
        """Whether it is held; what was not measured is not."""
        return self.figure is not None and self.target.held_by(self.figure)

    def __str__(self) -> str:
        target = self.target
        word = "at least" if target.at_least else "at most"
        figure = (
            "not measured"
            if self.figure is None
            else f"{self.figure:.4g} {target.unit}"
        )
        held = "ok" if self.held else "MISSED"
        return f"{held:6} {target.says}: {figure} ({word} {target.limit:g})"


def judge(
    figures: Mapping[str, float], targets: Iterable[Target] = TARGETS
) -> list[Verdict]:
    """Return a verdict on each target, from the figures by name."""
    return [Verdict(target, figures.get(target.key)) for target in targets]
