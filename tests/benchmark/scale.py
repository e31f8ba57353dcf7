"""What one replica carries: many XRs, many clients, more processes."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import caught
import shared_port
from ghz import Generator
from processes import Programs, answers, free_port
from rounds import CLIENTS, Asked, medians, ratio, take_turns
from servers import FLOOR, OURS, Kind, Server, cpu_s
from shipped import Shipped
from targets import Spread, rounded

# Between 100 and 1,000, what is remembered of XRs stops to fit.
XRS = (1, 10, 100, 1_000, 2_000, 4_000, 10_000)
CLIENT_COUNTS = (1, 8, 32, 100, 256)
LEAST_REQUESTS = 1_000
ROUNDS = 3
# So many that the kernel gives some to each of two processes.
SHARED = 8

Row = dict[str, Any]
Say = Callable[[str], None]


def by_xrs(
    programs: Programs, generator: Generator, kinds: dict[str, Kind], say: Say
) -> list[Row]:
    """Return what a request costs as one replica serves ever more XRs.

    Each count has a server of its own, and each turn asks for all XRs one after the
    other, at one client and at many: the worst order for what remembers the last few.
    """
    counts = [(OURS, n) for n in XRS] + [(FLOOR, XRS[0]), (FLOOR, XRS[-1])]
    rows: list[Row] = []
    asked = [
        Asked(
            Server(programs, kinds[name], f"{name} {n} XRs"),
            generator.messages(kinds[name].messages(caught.STEADY, n)),
        )
        for name, n in counts
    ]
    try:
        turns = take_turns(
            generator,
            asked,
            ROUNDS,
            counts=[max(n, LEAST_REQUESTS) for _, n in counts],
            say=lambda text: say(f"many XRs: {text}"),
        )
        base = {OURS: turns[0], FLOOR: turns[-2]}
        for (name, n), each, server in zip(counts, turns, asked, strict=True):
            rows.append(
                {
                    "server": name,
                    "xrs": n,
                    **medians(each),
                    "memory_mb": rounded(server.server.memory_mb()),
                    "cpu_to_one": ratio(each, base[name], "cpu_us").rounded(),
                }
            )
    finally:
        for each_asked in asked:
            each_asked.server.stop()
    return rows


def by_clients(
    generator: Generator, server: Server, messages: Path, say: Say, seconds: float
) -> list[Row]:
    """Return what ever more clients at once get of one replica."""
    found: dict[int, list[tuple[float, ...]]] = {n: [] for n in CLIENT_COUNTS}
    failed = dict.fromkeys(CLIENT_COUNTS, 0)
    for number in range(ROUNDS):
        say(f"many clients: round {number + 1} of {ROUNDS}")
        for clients in CLIENT_COUNTS:
            report = generator.run(
                server.address,
                messages,
                clients=clients,
                seconds=seconds,
                failures=None,
            )
            failed[clients] += sum(report.other_than("OK").values())
            found[clients].append((report.rate, report.p50, report.p99))
    return [
        {
            "clients": clients,
            "failed": failed[clients],
            **{
                field: Spread.of(values).rounded()["median"]
                for field, values in zip(
                    ("rate", "p50", "p99"), zip(*seen, strict=True), strict=True
                )
            },
        }
        for clients, seen in found.items()
    ]


def by_processes(
    programs: Programs,
    generator: Generator,
    shipped: Shipped,
    messages: Path,
    say: Say,
    seconds: float,
) -> list[Row]:
    """Return what two processes on one port get of one connection, and of several.

    The busiest's share is of the processor time that both used.
    """
    say("two processes, one port")
    address = f"127.0.0.1:{free_port()}"
    running = []
    for number in (1, 2):
        metrics = f"127.0.0.1:{free_port()}"
        running.append(
            programs.start(
                f"shared port {number}",
                *(*shipped.python, shared_port.__file__, address, metrics),
                env=shipped.env,
            )
        )
        ready = f"http://{metrics}/readyz"
        programs.wait("it serves", functools.partial(answers, ready))
    rows: list[Row] = []
    try:
        for connections in (1, SHARED):
            rates, shares = [], []
            for _ in range(ROUNDS):
                before = [cpu_s(p.pid) for p in running]
                report = generator.run(
                    address,
                    messages,
                    clients=CLIENTS,
                    connections=connections,
                    seconds=seconds,
                )
                used = [cpu_s(p.pid) - b for p, b in zip(running, before, strict=True)]
                rates.append(report.rate)
                shares.append(max(used) / sum(used))
            rows.append(
                {
                    "processes": len(running),
                    "connections": connections,
                    "rate": Spread.of(rates).rounded(),
                    "busiest_share": Spread.of(shares).rounded(),
                }
            )
    finally:
        for program in running:
            program.stop()
    return rows
