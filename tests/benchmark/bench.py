"""Measures the function beside an empty one and its peers, and holds it to targets.

Prints each target as held or MISSED, and fails where one is missed. Writes the figures
to docs/performance.json, and from them charts and tables for docs/performance.md.
With --quick it measures less, for less than a minute, and writes nothing.
"""

import argparse
import datetime
import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

# What is forked is another program at once, and gRPC's care for forks may never end.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "image"))
sys.path.insert(0, str(Path(__file__).parents[2] / "docs/pictures"))

import caught
import machine
import own
import packed
import performance
import scale
import tables
from ghz import Generator
from processes import Programs
from rounds import CLIENTS, Asked, Turn, medians, ratio, take_turns
from servers import FAILURES, FLOOR, OURS, PATCH, Server, kinds
from shipped import Shipped, unpacked
from targets import Spread, judge, rounded

REPORT = Path(__file__).parents[2] / "docs/performance.json"
ROUNDS = {caught.STEADY: 15, caught.FIRST: 8, caught.LARGE: 8}
TURN_S = 0.5
STARTS, BLOCKS = 11, 20
WARM, MANY_REQUESTS, MANY_XRS = 1_000, 100_000, 10_000
# Those of which it is asked; the others are too slow for so many requests.
REMEMBERED = (FLOOR, OURS, PATCH)

Figures = dict[str, Any]


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Bench:
    """One run.

    Attributes:
        figures: Those that the targets are about.
        report: All there are.
    """

    def __init__(self, programs: Programs, shipped: Shipped, *, quick: bool) -> None:
        """Build what is not built, and begin."""
        self._programs, self._shipped, self._quick = programs, shipped, quick
        self._generator = Generator(programs.guard, programs.directory)
        self._kinds = kinds(shipped)
        self.figures: dict[str, float] = {}
        self.report: Figures = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": machine.described(shipped.version()),
            "versions": machine.versions(),
            "requests": {n: len(caught.many(n, 1)[0]) for n in caught.NAMES},
            "servers": {name: {} for name in self._kinds},
            "ratios": {},
        }

    def run(self) -> None:
        """Measure all."""
        self._own()
        self._starts()
        self._turns()
        if self._quick:
            return
        self._memory()
        self._scale()
        self._image()

    def _own(self) -> None:
        say("processor time in RunFunction")
        blocks = 3 if self._quick else BLOCKS
        self.report |= json.loads(self._shipped.run(own.__file__, blocks))
        ours = self.report["own_us"][caught.STEADY][OURS]
        self.figures["own_us"] = ours["answer"]["median"]

    def _starts(self) -> None:
        took: dict[str, list[float]] = {name: [] for name in self._kinds}
        for number in range((3 if self._quick else STARTS) + 1):
            say(f"starts: {number}")
            for name, kind in self._kinds.items():
                server = Server(self._programs, kind)
                server.stop()
                if number:  # the first one reads the disk, and may compile
                    took[name].append(server.start_ms)
        for name, times in took.items():
            self._of(name)["start_ms"] = Spread.of(times).rounded()
        self.figures["start_ms"] = Spread.of(took[OURS]).median

    def _turns(self) -> None:
        servers = {n: Server(self._programs, k) for n, k in self._kinds.items()}
        plan = {caught.STEADY: 3} if self._quick else ROUNDS
        for request, rounds in plan.items():
            asked = [
                Asked(s, self._generator.messages(s.kind.messages(request)))
                for s in servers.values()
            ]
            turns = dict(
                zip(
                    servers,
                    take_turns(
                        self._generator,
                        asked,
                        rounds,
                        seconds=TURN_S,
                        say=lambda text, what=request: say(f"{what}: {text}"),
                    ),
                    strict=True,
                )
            )
            for name, each in turns.items():
                self._of(name)[request] = medians(each)
            self._ratios(request, turns)
        self._clients(servers[OURS])
        for server in servers.values():
            server.stop()

    def _ratios(self, request: str, turns: dict[str, list[Turn]]) -> None:
        """Say how much slower ours is than the floor, how much faster than others."""
        ours = turns[OURS]
        found = {}
        for name, theirs in turns.items():
            if name == OURS:
                continue
            slower = name == FLOOR
            p50 = (ours, theirs) if slower else (theirs, ours)
            found[name] = {
                "p50": ratio(*p50, "p50"),
                "rate": ratio(ours, theirs, "rate"),
                "cpu_us": ratio(*p50, "cpu_us"),
            }
        self.report["ratios"][request] = {
            name: {key: spread.rounded() for key, spread in each.items()}
            for name, each in found.items()
        }
        if request == caught.STEADY:
            for short, name in (("floor", FLOOR), ("patch", PATCH)):
                for key in ("p50", "rate"):
                    self.figures[f"{key}_to_{short}"] = found[name][key].median

    def _memory(self) -> None:
        after: dict[str, float] = {}
        for name, kind in self._kinds.items():
            server = Server(self._programs, kind, f"{name}, memory")
            memory = {"start": server.memory_mb()}
            if name in REMEMBERED:
                say(f"memory: {name}, {MANY_REQUESTS:,} requests")
                one = self._generator.messages(kind.messages(caught.STEADY))
                self._ask(server, one, WARM)
                memory["warm"] = server.memory_mb()
                self._ask(server, one, MANY_REQUESTS)
                memory["requests"] = after[name] = server.memory_mb()
                server.stop()
                if name == OURS:
                    self.figures["growth_mb"] = memory["requests"] - memory["warm"]
                server = Server(self._programs, kind, f"{name}, memory of XRs")
            say(f"memory: {name}, {MANY_XRS:,} XRs")
            many = self._generator.messages(kind.messages(caught.STEADY, MANY_XRS))
            self._ask(server, many, MANY_XRS)
            memory["xrs"] = server.memory_mb()
            server.stop()
            self._of(name)["memory_mb"] = {k: rounded(v) for k, v in memory.items()}
        self.figures["memory_to_patch"] = after[OURS] / after[PATCH]

    def _ask(self, server: Server, messages: Path, count: int) -> None:
        self._generator.run(server.address, messages, clients=CLIENTS, count=count)

    def _clients(self, server: Server) -> None:
        if self._quick:
            return
        messages = self._generator.messages(server.kind.messages(caught.STEADY))
        self.report["clients"] = scale.by_clients(
            self._generator, server, messages, say, 2 * TURN_S
        )
        self.figures["failed"] = sum(row["failed"] for row in self.report["clients"])

    def _scale(self) -> None:
        messages = self._generator.messages(caught.many(caught.STEADY, 1))
        self.report["processes"] = scale.by_processes(
            *(self._programs, self._generator, self._shipped),
            *(messages, say, 2 * TURN_S),
        )
        self.report["xrs"] = scale.by_xrs(
            self._programs, self._generator, self._kinds, say
        )

    def _image(self) -> None:
        say("the image")
        image = packed.measure(self._shipped, STARTS)
        self.report["image"] = {
            "size_mb": rounded(image.size_mb),
            "start_ms": image.start_ms.rounded(),
        }

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
        "--report", type=Path, default=REPORT, help="where the figures are written"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not Path("/proc/self/status").exists():
        sys.exit("bench: other programs' memory is read from /proc: needs Linux")
    try:
        with unpacked() as shipped, closing(Programs("bench")) as programs:
            bench = Bench(programs, shipped, quick=given.quick)
            bench.run()
    except FAILURES as e:
        sys.exit(f"bench: {e}")
    except KeyboardInterrupt:
        return 130
    verdicts = judge(bench.figures)
    if given.quick:
        say("quick: neither memory nor many clients, XRs and processes, nor the image")
        verdicts = [v for v in verdicts if v.figure is not None]
    else:
        bench.report["targets"] = {
            v.target.key: None if v.figure is None else rounded(v.figure)
            for v in verdicts
        }
        given.report.write_text(json.dumps(bench.report, indent=1) + "\n")
        say(f"wrote {given.report}")
        if given.report == REPORT:
            performance.write()
            tables.write()
    for verdict in verdicts:
        print(verdict)
    return 0 if all(v.held for v in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
