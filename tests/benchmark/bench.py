"""Measure the function beside an empty one and patch-and-transform.

Prints each target as held or MISSED, and fails where one is missed. Writes the figures
to docs/performance.json, and from them the tables of docs/performance.md and of the
README beside this file. With --quick it measures less, in about a minute, and writes
nothing.
"""

import argparse
import datetime
import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# gRPC's fork handlers may block for ever. The programs that are started do not need
# them, because they are not forks of this one.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "image"))

import machine
import own
import tables
from cold_requests import CREATING, FIRST, LARGE, REQUIRED, STEADY, derive
from ghz import Generator
from image_python import ImagePython, unpacked
from processes import Programs
from servers import EMPTY, FAILURES, OURS, PATCH, Server, kinds
from targets import TARGETS, Spread, judge, rounded

REPORT = Path(__file__).parents[2] / "docs/performance.json"
CLIENTS = 32
XRS = 1_000


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How often the servers take turns, by phase.
        own_rounds: The same in process.
        starts: How often each server is started.
        xrs: How many XRs one replica serves when it is asked whether it holds.
        clients: How many clients call at once then.
        visits: How often each of XRS XRs is sent before memory is read again.
    """

    rounds: dict[str, int]
    own_rounds: int
    starts: int
    xrs: tuple[int, ...] = ()
    clients: tuple[int, ...] = ()
    visits: int = 0


FULL = Plan(
    rounds={STEADY: 12, FIRST: 6, REQUIRED: 6, CREATING: 6, LARGE: 4},
    own_rounds=12,
    starts=9,
    xrs=(100, 10_000),
    clients=(32, 100, 256),
    visits=20,
)
QUICK = Plan({STEADY: 2, FIRST: 1}, 3, 3)
# A large request has 224 kB. Fewer are enough.
XRS_OF = {LARGE: 200}

Figures = dict[str, Any]


def say(text: str) -> None:
    """Report progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Turn:
    """What was measured of a server in one turn.

    Attributes:
        p50: The median response time with one client, in ms.
        p99: The 99th percentile of the response time with one client, in ms.
        rate: Requests per second with 32 clients.
        cpu_us: The server's processor time for each of those, in microseconds.
    """

    p50: float
    p99: float
    rate: float
    cpu_us: float


FIELDS = ("p50", "p99", "rate", "cpu_us")


def medians(turns: Iterable[Turn]) -> dict[str, float]:
    """Return the median of each figure."""
    found = list(turns)
    return {
        field: Spread.of(getattr(t, field) for t in found).rounded()["median"]
        for field in FIELDS
    }


def ratio(over: Iterable[Turn], under: Iterable[Turn], field: str) -> Spread:
    """Return one server's figure as a multiple of another's, round by round."""
    return Spread.ratio(
        (getattr(t, field) for t in over), (getattr(t, field) for t in under)
    )


class Bench:
    """One run.

    Attributes:
        figures: Those that have targets.
        report: All that was measured.
    """

    def __init__(self, programs: Programs, python: ImagePython, plan: Plan) -> None:
        """Build missing programs, and record the machine and the versions."""
        self._programs, self._python, self._plan = programs, python, plan
        self._generator = Generator(programs.guard, programs.directory)
        self._kinds = kinds(python)
        self.figures: dict[str, float] = {}
        self.report: Figures = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": machine.described(python.version()),
            "versions": machine.versions(),
            "xrs": XRS,
            "bytes": {p: len(next(derive(p, 1))) for p in plan.rounds},
            "servers": {name: {} for name in self._kinds},
            "ratios": {},
        }

    def run(self) -> None:
        """Measure everything."""
        self._own()
        self._starts()
        servers = {n: Server(self._programs, k) for n, k in self._kinds.items()}
        for phase, rounds in self._plan.rounds.items():
            self._compare(servers, phase, rounds)
        if self._plan.clients:
            self._clients(servers[OURS])
        for server in servers.values():
            server.stop()
        if self._plan.visits:
            self._memory()

    def _own(self) -> None:
        """Measure our own processor time, in process."""
        say("processor time in process")
        command, env = self._python.command, self._python.env
        with ExitStack() as stack:
            workers = {
                OURS: stack.enter_context(own.Worker(command, env=env)),
                EMPTY: stack.enter_context(own.Worker(command, env=env, is_empty=True)),
            }
            phases = (FIRST, REQUIRED, CREATING, STEADY)
            rounds = self._plan.own_rounds
            found = own.compare(workers, phases, rounds, XRS)
            self.report["own_us"] = {
                phase: {name: Spread.of(t).rounded() for name, t in turns.items()}
                for phase, turns in found.items()
            }
            by_xrs = {XRS: found[STEADY][OURS]}
            for xrs in self._plan.xrs:
                only = {OURS: workers[OURS]}
                found = own.compare(only, [STEADY], max(1, rounds // 4), xrs)
                by_xrs[xrs] = found[STEADY][OURS]
            self.report["own_us_by_xrs"] = {
                str(xrs): Spread.of(by_xrs[xrs]).rounded() for xrs in sorted(by_xrs)
            }

    def _starts(self) -> None:
        took: dict[str, list[float]] = {name: [] for name in self._kinds}
        for number in range(self._plan.starts + 1):
            say(f"starts: {number}")
            for name, kind in self._kinds.items():
                server = Server(self._programs, kind)
                server.stop()
                if number:  # the first start reads from disk, and may compile
                    took[name].append(server.start_ms)
        for name, times in took.items():
            self._of(name)["start_ms"] = Spread.of(times).rounded()
        self.figures["start_ms"] = Spread.of(took[OURS]).median

    def _compare(self, servers: dict[str, Server], phase: str, rounds: int) -> None:
        """Have the servers take turns, each of them first in some rounds.

        A shared machine is slow in one minute and fast in the next. So only the ratios
        within a round are compared.
        """
        turns: dict[str, list[Turn]] = {name: [] for name in servers}
        for number in range(rounds + 1):
            say(f"{phase}: round {number} of {rounds}")
            sent = self._requests(servers.values(), phase, number)
            names = list(servers)
            first = number % len(names)
            for name in names[first:] + names[:first]:
                turn = self._turn(servers[name], *sent[name])
                if number:  # the first one warms up
                    turns[name].append(turn)
            for file in {file for files in sent.values() for file in files}:
                file.unlink()
        for name, each in turns.items():
            self._of(name)[phase] = medians(each)
        self._ratios(phase, turns)

    def _requests(
        self, servers: Iterable[Server], phase: str, number: int
    ) -> dict[str, tuple[Path, Path]]:
        """Write each server's requests of a round: for one client, and for many.

        In a round each XR is sent three times, and has changed each time.
        """
        xrs = XRS_OF.get(phase, XRS)
        files: dict[str, tuple[Path, Path]] = {}
        found = {}
        for server in servers:
            kind = server.kind
            key = json.dumps(kind.step)
            if key not in files:
                one, *many = (
                    kind.requests(phase, xrs, 3 * number + n) for n in (1, 2, 3)
                )
                files[key] = (
                    self._generator.messages(one),
                    self._generator.messages(r for visit in many for r in visit),
                )
            found[kind.name] = files[key]
        return found

    def _turn(self, server: Server, one: Path, many: Path) -> Turn:
        alone = self._generator.run(server.address, one)
        before = server.cpu_s()
        crowd = self._generator.run(server.address, many, clients=CLIENTS)
        used = server.cpu_s() - before
        return Turn(alone.p50, alone.p99, crowd.rate, used / crowd.count * 1_000_000)

    def _ratios(self, phase: str, turns: dict[str, list[Turn]]) -> None:
        """Compute the ratio of our figures to those of each other server."""
        ours = turns[OURS]
        found = {
            name: {field: ratio(ours, theirs, field) for field in FIELDS}
            for name, theirs in turns.items()
            if name != OURS
        }
        self.report["ratios"][phase] = {
            name: {field: spread.rounded() for field, spread in each.items()}
            for name, each in found.items()
        }
        for name, short in ((EMPTY, "empty"), (PATCH, "patch")):
            for field, spread in found[name].items():
                self.figures[f"{phase}_{field}_to_{short}"] = spread.median

    def _clients(self, server: Server) -> None:
        """Increase the number of concurrent clients."""
        rows = []
        for clients in self._plan.clients:
            say(f"{clients} clients at once")
            requests = server.kind.requests(STEADY, 3 * XRS, 1_000 + clients)
            file = self._generator.messages(requests)
            report = self._generator.run(
                server.address, file, clients=clients, failures=None
            )
            file.unlink()
            rows.append(
                {
                    "clients": clients,
                    "failed": sum(report.other_than("OK").values()),
                    "rate": rounded(report.rate),
                    "p50": rounded(report.p50),
                    "p99": rounded(report.p99),
                }
            )
        self.report["clients"] = rows
        self.figures["failed"] = sum(row["failed"] for row in rows)

    def _memory(self) -> None:
        loaded: dict[str, float] = {}
        for name, kind in self._kinds.items():
            server = Server(self._programs, kind, f"{name}, memory")
            memory = {"start": server.memory_mb()}
            for visit in range(self._plan.visits + 1):
                say(f"memory: {name}, {visit * XRS:,} requests")
                file = self._generator.messages(kind.requests(STEADY, XRS, visit))
                self._generator.run(server.address, file, clients=CLIENTS)
                file.unlink()
                memory.setdefault("warm", server.memory_mb())
            memory["loaded"] = loaded[name] = server.memory_mb()
            server.stop()
            self._of(name)["memory_mb"] = {k: rounded(v) for k, v in memory.items()}
            if name == OURS:
                self.figures["growth_mb"] = memory["loaded"] - memory["warm"]
        self.figures["memory_to_patch"] = loaded[OURS] / loaded[PATCH]

    def _of(self, name: str) -> Figures:
        found: Figures = self.report["servers"][name]
        return found


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure less, and write nothing"
    )
    parser.add_argument(
        "--report", type=Path, default=REPORT, help="the file for the figures"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not Path("/proc/self/status").exists():
        sys.exit("bench: needs Linux: the programs' memory is read from /proc")
    try:
        with unpacked() as python, closing(Programs("bench")) as programs:
            bench = Bench(programs, python, QUICK if given.quick else FULL)
            bench.run()
    except FAILURES as e:
        sys.exit(f"bench: {e}")
    except KeyboardInterrupt:
        return 130
    verdicts = judge(bench.figures, TARGETS)
    if given.quick:
        say("quick: memory and many clients were not measured")
        verdicts = [v for v in verdicts if v.figure is not None]
    else:
        bench.report["targets"] = {
            v.target.key: None if v.figure is None else rounded(v.figure)
            for v in verdicts
        }
        given.report.write_text(json.dumps(bench.report, indent=1) + "\n")
        say(f"wrote {given.report}")
        if given.report == REPORT:
            tables.write()
    for verdict in verdicts:
        print(verdict)
    return 0 if all(v.held for v in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
