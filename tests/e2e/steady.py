"""Measure what claims cost in the steady state: calls of the function, and CPU.

The claims are applied directly, without Kyverno. Counting begins when all are Ready
and Crossplane has not called the function for longer than the default ttl of a minute.

Ten minutes do not cover what Crossplane does once an hour. --play-hour shortens both
hourly intervals, so that a whole hour is covered in less time.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import claims as made
import psutil
from control_plane import KubectlError
from processes import NotReadyError
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from system import FUNCTION, System, WithoutKyverno

from function.composition.ttl import STEADY_SECONDS

# The default ttl of Crossplane's function SDK.
DEFAULT_SECONDS = 60
# If an XR changes often, Crossplane opens its circuit breaker and drops its events. The
# first event after this time closes it. Until then the XR reconciles every minute.
BREAKER_SECONDS = 310
# No calls for this long means that all claims have been created.
UP_SECONDS = 10
# By this time Crossplane would have repeated a call with a ttl of a minute: its jitter
# is a tenth.
QUIET_SECONDS = 70
MOST_AN_HOUR = 2
TIMES_FEWER = 10


class Comparable(WithoutKyverno):
    """The system with a function whose ttl can be changed."""

    function_program = (
        sys.executable,
        Path(__file__).parent / "with_ttl.py",
        "serve",
    )


def quiet(system: System, seconds: float = QUIET_SECONDS) -> Callable[[], bool]:
    """Return a probe: whether the function was not called for this long."""
    last, since = system.calls(), time.monotonic()

    def probe() -> bool:
        nonlocal last, since
        if (now := system.calls()) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > seconds

    return probe


@dataclass(frozen=True)
class Phase:
    """The result of one measurement.

    Attributes:
        name: The ttl that was measured.
        calls: How often the function was called.
        hours: The hours that were covered; 1 with --play-hour.
        function: CPU seconds of the function.
        crossplane: CPU seconds of Crossplane.
    """

    name: str
    calls: int
    hours: float
    function: float
    crossplane: float

    def hourly_calls(self, claims: int) -> float:
        """Return the calls per XR and hour."""
        return self.calls / claims / self.hours


class Steady:
    """Creates claims and measures what they cost."""

    def __init__(self, system: System, console: Console, claims: int) -> None:
        self._system, self._console, self._claims = system, console, claims

    def set_ttl(self, seconds: int) -> None:
        """Restart the function with another ttl for steady responses."""
        function = self._system[FUNCTION]
        function.stop()
        function.start(STEADY_SECONDS=str(seconds))
        self._system.wait("the function serves metrics", self._serves_metrics)

    def _serves_metrics(self) -> bool:
        try:
            return self._system.calls() >= 0
        except OSError:
            return False

    def make(self) -> None:
        """Create the claims, and wait until all are Ready."""
        started = time.monotonic()
        manifests = [made.manifest(f"steady-{n}", f"steady-{n}") for n in self._all()]
        self._system.kubectl.apply(*manifests)
        with self._console.status("Claims become Ready"):
            self._system.wait("every claim is Ready", self.ready, 600)
        self._say(f"{self._claims} claims Ready in {time.monotonic() - started:.0f} s")

    def _all(self) -> range:
        return range(self._claims)

    def _say(self, what: str) -> None:
        self._console.print(f"[green]✔[/] {what}", highlight=False)

    def ready(self) -> bool:
        """Whether each claim is Ready."""
        found = self._system.kubectl.all("workloadecrrepos")
        ready = [c for c in found if made.condition(c, "Ready").get("status") == "True"]
        return len(ready) == self._claims

    def settle(self) -> None:
        """Wait until no claim is reconciled, as docs/production.md describes."""
        started = time.monotonic()
        # An XR reports an open circuit breaker only after it reports Ready.
        self._system.wait("all are created", quiet(self._system, UP_SECONDS), 120)
        opened = self._open_breakers()
        self._say(f"{opened} of their XRs have an open circuit breaker")
        with self._console.status("Claims settle"):
            if opened:
                may_close = time.monotonic() + BREAKER_SECONDS
                self._system.wait(
                    "the circuit breakers may close",
                    lambda: time.monotonic() >= may_close,
                    BREAKER_SECONDS + 60,
                )
                self.reconcile_all()
            self._system.wait("no XR is reconciled", quiet(self._system), 600)
        self._say(f"settled: {time.monotonic() - started:.0f} s")
        if opened := self._open_breakers():
            raise NotReadyError(f"{opened} circuit breakers are still open")

    def _open_breakers(self) -> int:
        """Return the number of XRs whose circuit breaker is open."""
        xrs = self._system.kubectl.all("xworkloadecrrepos")
        return sum(
            made.condition(x, "Responsive").get("status") == "False" for x in xrs
        )

    def reconcile_all(self) -> None:
        """Make Crossplane reconcile each XR now."""
        before = self._system.calls()
        self._system.kubectl(
            *("annotate", "xworkloadecrrepos", "--all", "--overwrite"),
            f"example.org/asked={time.time_ns()}",
        )
        self._system.wait(
            "each XR is reconciled",
            lambda: self._system.calls() - before >= self._claims,
        )

    def count(self, name: str, seconds: float, hours: float) -> Phase:
        """Count calls and CPU for a time; `hours` is what that time represents."""
        programs = [
            psutil.Process(self._system[program].pid)
            for program in (FUNCTION, "crossplane")
        ]
        before = self._system.calls()
        cpu = [_cpu(program) for program in programs]
        started = time.monotonic()
        said = started

        def over() -> bool:
            nonlocal said
            now = time.monotonic()
            if now - said >= 60:  # a minute
                said = now
                self._console.print(
                    f"  {(now - started) / 60:.0f} min: "
                    f"{self._system.calls() - before} calls",
                    highlight=False,
                )
            return now - started >= seconds

        with self._console.status(f"Counting: {name}"):
            self._system.wait("the time is over", over, seconds + 60)
        used = [_cpu(p) - b for p, b in zip(programs, cpu, strict=True)]
        if not self.ready():
            raise NotReadyError("a claim is no longer Ready: the result is not valid")
        return Phase(name, self._system.calls() - before, hours, *used)


def _cpu(program: psutil.Process) -> float:
    return float(sum(program.cpu_times()[:2]))


def _table(phases: list[Phase], claims: int) -> Table:
    table = Table(
        "ttl",
        "calls",
        "per XR and hour",
        "CPU s, function",
        "CPU s, crossplane",
        box=None,
    )
    for phase in phases:
        table.add_row(
            phase.name,
            str(phase.calls),
            f"{phase.hourly_calls(claims):.2f}",
            f"{phase.function:.2f}",
            f"{phase.crossplane:.2f}",
        )
    return table


def compare(steady: Steady, claims: int, minutes: float) -> tuple[list[Phase], str]:
    """Measure with our ttl and with the default; return both and any problem."""
    hours = minutes / 60
    ours = steady.count(f"{STEADY_SECONDS} s, ours", minutes * 60, hours)
    steady.set_ttl(DEFAULT_SECONDS)
    steady.reconcile_all()
    default = steady.count(f"{DEFAULT_SECONDS} s, default", minutes * 60, hours)
    wrong = ""
    if ours.hourly_calls(claims) > MOST_AN_HOUR:
        wrong = f"more than {MOST_AN_HOUR} calls per XR and hour"
    elif default.calls < TIMES_FEWER * max(ours.calls, 1):
        wrong = f"the default causes less than {TIMES_FEWER} times as many calls"
    return [ours, default], wrong


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="make steady", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=10, help="length of each measurement (10)"
    )
    parser.add_argument("--xrs", type=int, default=50, help="how many claims (50)")
    parser.add_argument(
        "--play-hour",
        action="store_true",
        help="cover a whole hour in --minutes instead: set our ttl and Crossplane's "
        "--sync-interval, an hour each, to --minutes",
    )
    args = parser.parse_args()
    if args.minutes * 60 <= DEFAULT_SECONDS or args.xrs < 1:
        parser.error("--minutes must be more than 1, --xrs at least 1")
    console = Console(highlight=False)
    # Handle SIGTERM like Ctrl-C, so that every started program is stopped.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    system = Comparable("steady", lambda s: console.print(f"[green]✔[/] {s}"))
    seconds = round(args.minutes * 60) if args.play_hour else STEADY_SECONDS
    if args.play_hour:
        system.crossplane_flags = (f"--sync-interval={seconds}s",)
    try:
        os.environ["STEADY_SECONDS"] = str(seconds)
        with console.status("Starting"):
            system.start()
        steady = Steady(system, console, args.xrs)
        steady.make()
        steady.settle()
        wrong = ""
        if args.play_hour:
            phases = [steady.count(f"{seconds} s for an hour", seconds, 1)]
        else:
            phases, wrong = compare(steady, args.xrs, args.minutes)
        console.print(_table(phases, args.xrs))
        if wrong:
            console.print(f"[red]✘[/] {wrong}")
        return bool(wrong)
    except KeyboardInterrupt:
        console.print("Cleaning up")
        return 130
    except (NotReadyError, KubectlError) as e:
        console.print("[red]✘[/]", escape(str(e)))
        return 1
    finally:
        system.close()


if __name__ == "__main__":
    sys.exit(main())
