"""Load the function at 80 % of its capacity, overload it, and check that it recovers.

A request begins when it is due, even while earlier ones wait. Prints each target as
held or MISSED, and fails where one is missed. Writes docs/soak.json, and from it the
tables of the README beside this file.
"""

import argparse
import datetime
import json
import os
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

# gRPC's fork handlers may block for ever. The programs that are started do not need
# them, because they are not forks of this one.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "image"))

import machine
import probe
import tables
from cold_requests import FIRST, SETTINGS, STEADY, derive
from ghz import DEADLINE, Generator, Report
from image_python import ImagePython, unpacked
from probe import calls, recovery_s
from processes import Programs
from servers import FAILURES, Server, ours
from targets import SOAK, judge, rounded

REPORT = Path(__file__).parents[2] / "docs/soak.json"
XRS, VISITS = 3_000, 4
CLIENTS = 32
SHARE, TIMES = 0.8, 5
MINUTE_S, CAPACITY_S, QUIET_S = 60, 10, 5
# Near its capacity a server's p50 varies from minute to minute.
AFTER_MINUTES = 5
# Crossplane gives a reconcile two minutes. With that deadline, all calls of a minute's
# overload would succeed in the end.
DEADLINE_S = 2
PATIENCE_S = 60
WATCH_S = 0.5


def say(text: str) -> None:
    """Report progress."""
    print(f"soak: {text}", file=sys.stderr, flush=True)


def mixture(first_visit: int = 0) -> Iterator[bytes]:
    """Yield requests of all XRs, several visits each.

    Most XRs are Ready. One in ten is new, one in fifty has a region that is refused.
    """
    for visit in range(first_visit, first_visit + VISITS):
        pairs = zip(derive(STEADY, XRS, visit), derive(FIRST, XRS, visit), strict=True)
        for xr, (steady, first) in enumerate(pairs):
            if xr % 50 == 0:
                # Only the XR's: the settings contain the region too.
                xr_first, settings, rest = first.partition(SETTINGS.encode())
                wrong = xr_first.replace(b"eu-west-2", b"eu_west_2")
                yield wrong + settings + rest
            else:
                yield first if xr % 10 == 1 else steady


Minute = dict[str, float]


def _median(minutes: list[Minute], key: str) -> float:
    return statistics.median(minute[key] for minute in minutes)


class Soak:
    """One run.

    Attributes:
        figures: Those that have targets.
        report: All that was measured.
    """

    def __init__(self, programs: Programs, python: ImagePython, minutes: int) -> None:
        """Start the function."""
        self._minutes = minutes
        self._programs = programs
        self._generator = Generator(programs.guard, programs.directory)
        self._server = Server(programs, ours(python))
        self._visits = 0
        self._ended: Counter[str] = Counter()
        self._memory: list[float] = []
        self.figures: dict[str, float] = {}
        self.report: dict[str, Any] = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": machine.described(python.version()),
            "minutes": minutes,
        }

    def run(self) -> None:
        """Load it, overload it, and check that it recovers."""
        capacity = self._capacity()
        rate = int(capacity * SHARE)
        before = self._steady(rate)
        self._overload(capacity)
        after = self._phase(rate, AFTER_MINUTES, "after the overload: minute")
        self.report["steady"], self.report["after"] = before, after
        for key in ("p50", "cpu_us"):
            self.figures[f"{key}_after"] = _median(after, key) / _median(before, key)
        sent = sum(self._ended.values())
        self.figures["log_bytes"] = self._server.log_bytes() / sent
        others = {s: n for s, n in self._ended.items() if s not in ("OK", DEADLINE)}
        self.figures["other_errors"] = sum(others.values())
        self.report["ended"] = dict(self._ended)
        self.report["figures"] = {k: rounded(v) for k, v in self.figures.items()}

    def _capacity(self) -> float:
        say(f"capacity: {CLIENTS} clients, {CAPACITY_S} s")
        self._load(clients=CLIENTS, seconds=QUIET_S)
        capacity = self._load(clients=CLIENTS, seconds=CAPACITY_S).rate
        self.report["capacity"] = rounded(capacity)
        return capacity

    def _steady(self, rate: int) -> list[Minute]:
        minutes = self._phase(rate, self._minutes, "minute")
        self.figures["late"] = sum(minute["late"] for minute in minutes)
        self.figures["growth_mb"] = minutes[-1]["memory_mb"] - minutes[0]["memory_mb"]
        return minutes

    def _phase(self, rate: int, count: int, what: str) -> list[Minute]:
        return [
            self._minute(rate, f"{what} {number + 1} of {count}")
            for number in range(count)
        ]

    def _minute(self, rate: int, what: str) -> Minute:
        before = self._server.cpu_s()
        report = self._load(seconds=MINUTE_S, rate=rate)
        cpu_us = (self._server.cpu_s() - before) / report.count * 1e6
        memory = self._server.memory_mb()
        say(
            f"{what}: {report.rate:.0f} requests/s, p50 {report.p50:.2f} ms, "
            f"p99 {report.p99:.1f} ms, {cpu_us:.0f} µs of a processor each, "
            f"{memory:.1f} MB"
        )
        return {
            "rate": rounded(report.rate),
            "p50": rounded(report.p50),
            "p99": rounded(report.p99),
            "cpu_us": rounded(cpu_us),
            "late": report.statuses.get(DEADLINE, 0),
            "memory_mb": rounded(memory),
        }

    def _overload(self, capacity: float) -> None:
        message = self._programs.directory / "probe"
        message.write_bytes(next(derive(STEADY, 1)))
        prober = self._programs.start(
            "probe", sys.executable, probe.__file__, self._server.address, message
        )
        self._programs.wait("the probe gets responses", lambda: calls(prober.log))
        time.sleep(QUIET_S)
        quiet = sorted(c.took_ms for c in calls(prober.log))
        bound = 2 * quiet[int(len(quiet) * 0.99)]
        say(f"overload: {TIMES} times its capacity")
        with self._watched():
            report = self._load(
                seconds=MINUTE_S,
                rate=int(capacity * TIMES),
                timeout_s=DEADLINE_S,
            )
        began = time.monotonic() - report.seconds
        ended = began + MINUTE_S
        took = self._recovery_s(prober.log, ended, bound)
        prober.stop()
        if took is not None:
            self.figures["recovery_s"] = took
        good = report.statuses.get("OK", 0)
        self.figures["offered"] = report.count / MINUTE_S / capacity
        self.figures["peak_mb"] = max(self._memory)
        during = [c.took_ms for c in calls(prober.log) if began <= c.began <= ended]
        self.report["overload"] = {
            "sent": rounded(report.count / MINUTE_S),
            "succeeded": rounded(good / MINUTE_S),
            "late": report.statuses.get(DEADLINE, 0),
            "p50": rounded(report.p50),
            "p99": rounded(report.p99),
            "other_connection_p50": rounded(statistics.median(during)),
            "quick_ms": rounded(bound),
            "memory_peak_mb": rounded(max(self._memory)),
            # Every ten seconds: whether it stops growing.
            "memory_mb": [rounded(m) for m in self._memory[:: int(10 / WATCH_S)]],
        }

    def _recovery_s(self, log: Path, ended: float, bound: float) -> float | None:
        while True:
            took = recovery_s(calls(log), ended, bound)
            if took is not None or time.monotonic() > ended + PATIENCE_S:
                return took
            time.sleep(0.2)

    def _load(self, **how: Any) -> Report:
        """Send requests that were not sent before."""
        messages = self._generator.messages(mixture(self._visits))
        self._visits += VISITS
        report = self._generator.run(
            self._server.address, messages, failures=None, **how
        )
        messages.unlink()
        self._ended.update(report.statuses)
        return report

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Record the server's memory meanwhile."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(WATCH_S):
                self._memory.append(self._server.memory_mb())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=int, default=30, help="how long at 80 %% (default: 30)"
    )
    parser.add_argument(
        "--report", type=Path, default=REPORT, help="the file for the figures"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.minutes < 1:
        parser.error("--minutes: at least 1")
    try:
        with unpacked() as python, closing(Programs("soak")) as programs:
            soak = Soak(programs, python, given.minutes)
            soak.run()
    except FAILURES as e:
        sys.exit(f"soak: {e}")
    except KeyboardInterrupt:
        return 130
    given.report.write_text(json.dumps(soak.report, indent=1) + "\n")
    say(f"wrote {given.report}")
    if given.report == REPORT:
        tables.write()
    verdicts = judge(soak.figures, SOAK)
    for verdict in verdicts:
        print(verdict)
    return 0 if all(v.held for v in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
