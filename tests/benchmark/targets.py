"""The targets of the benchmarks, and whether a run meets them."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class Spread:
    """The median, the lowest and the highest of several measurements."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the spread of some values."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    @classmethod
    def ratio(cls, over: Iterable[float], under: Iterable[float]) -> Self:
        """Return the spread of the ratios within each round."""
        return cls.of(a / b for a, b in zip(over, under, strict=True))

    def rounded(self) -> dict[str, float]:
        """Return the spread in the format of the report."""
        return {key: rounded(value) for key, value in asdict(self).items()}


def rounded(value: float) -> float:
    """Return a figure with four significant digits."""
    return float(f"{value:.4g}")


@dataclass(frozen=True)
class Target:
    """A limit of one figure.

    Attributes:
        key: The figure's name in the report.
        says: The description of the figure.
        limit: The highest value that meets the target.
        unit: The figure's unit.
        at_least: Whether the limit is the lowest value instead.
    """

    key: str
    says: str
    limit: float
    unit: str
    at_least: bool = False

    def held_by(self, figure: float) -> bool:
        """Whether a figure is within the limit; NaN is not."""
        return figure >= self.limit if self.at_least else figure <= self.limit


# Keys: the phase, the figure, and whose figure it is compared with.
TARGETS = (
    Target(
        "steady_p50_to_empty",
        "steady state: p50, to an empty function's",
        1.35,
        "times",
    ),
    Target(
        "steady_rate_to_empty",
        "steady state: requests/s, to an empty function's",
        0.7,
        "times",
        at_least=True,
    ),
    # 1.5 times as fast.
    Target(
        "steady_p50_to_patch",
        "steady state: p50, to patch-and-transform's",
        0.667,
        "times",
    ),
    Target(
        "steady_rate_to_patch",
        "steady state: requests/s, to patch-and-transform's",
        1.6,
        "times",
        at_least=True,
    ),
    Target(
        "steady_cpu_us_to_patch",
        "steady state: processor time, to patch-and-transform's",
        0.5,
        "times",
    ),
    Target(
        "first_p50_to_patch", "first pass: p50, to patch-and-transform's", 1, "times"
    ),
    # 5 times as fast.
    Target("large_p50_to_patch", "large: p50, to patch-and-transform's", 0.2, "times"),
    Target("start_ms", "start to first response", 400, "ms"),
    Target("memory_to_patch", "memory, to patch-and-transform's", 1.35, "times"),
    Target("growth_mb", "memory growth over 20,000 requests", 2, "MB"),
    Target("failed", "failed calls with up to 256 clients", 0, "calls"),
)

# The targets of `make soak`.
SOAK = (
    Target("other_errors", "calls that failed other than by a deadline", 0, "calls"),
    Target("late", "calls at 80 % that missed their deadline", 0, "calls"),
    Target("growth_mb", "memory growth from the first minute to the last", 4, "MB"),
    Target("offered", "overload, to the capacity", 4.5, "times", at_least=True),
    # Three quarters of the limit in package/runtime.
    Target("peak_mb", "peak memory in the overload", 200, "MB"),
    Target("recovery_s", "seconds until responses are fast again", 5, "s"),
    Target("p50_after", "p50 at 80 % after the overload, to before", 1.5, "times"),
    Target(
        "cpu_us_after", "processor time after the overload, to before", 1.1, "times"
    ),
    Target("log_bytes", "log bytes per request", 1, "bytes"),
)


@dataclass(frozen=True)
class Verdict:
    """A target, and its figure of one run.

    Attributes:
        target: The target.
        figure: The figure; None if it was not measured.
    """

    target: Target
    figure: float | None

    @property
    def held(self) -> bool:
        """Whether it is held. A target without a figure is missed."""
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
    """Return a verdict for each target. Figures have the targets' keys."""
    return [Verdict(target, figures.get(target.key)) for target in targets]
