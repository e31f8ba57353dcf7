"""Latency and throughput of several servers, measured in turns.

A shared machine is slow in one second and fast in the next, so the servers take turns
of about a second, each round begins with another of them, and what is claimed of them
is the ratio within a round.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ghz import Generator
from servers import Server
from targets import Spread

CLIENTS = 32


class Length(TypedDict, total=False):
    """How long the generator asks: so many requests, or so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Turn:
    """What was seen of a server in one turn.

    Attributes:
        p50: What half of the answers took at most, at one client, in milliseconds.
        p95: The same of 95 %.
        p99: The same of 99 %.
        rate: Requests in a second at 32 clients.
        cpu_us: The server's processor time for each of those, in microseconds.
    """

    p50: float
    p95: float
    p99: float
    rate: float
    cpu_us: float


FIELDS = ("p50", "p95", "p99", "rate", "cpu_us")


@dataclass(frozen=True)
class Asked:
    """A server, and what it is asked."""

    server: Server
    messages: Path


def take_turns(
    generator: Generator,
    asked: Sequence[Asked],
    rounds: int,
    *,
    say: Callable[[str], None],
    seconds: float = 0,
    counts: Sequence[int] = (),
) -> list[list[Turn]]:
    """Return each server's turns, in the order of the servers.

    Args:
        generator: What asks.
        asked: Whom, and what.
        rounds: How many turns each has.
        say: Told how far it is.
        seconds: How long a turn asks with one client; twice as long with many.
        counts: How many requests that is for each, where it is not for some time.
    """
    lengths: list[Length] = [{"count": n} for n in counts] or [
        {"seconds": seconds} for _ in asked
    ]
    turns: list[list[Turn]] = [[] for _ in asked]
    for each, length in zip(asked, lengths, strict=True):
        # Its caches, its memory, its interpreter.
        generator.run(each.server.address, each.messages, clients=CLIENTS, **length)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        order = list(range(len(asked)))
        first = number % len(order)
        for index in order[first:] + order[:first]:
            turns[index].append(_turn(generator, asked[index], lengths[index]))
    return turns


def _turn(generator: Generator, asked: Asked, length: Length) -> Turn:
    server, messages = asked.server, asked.messages
    alone = generator.run(server.address, messages, **length)
    before = server.cpu_s()
    twice = length.copy()
    if "seconds" in twice:
        twice["seconds"] *= 2
    many = generator.run(server.address, messages, clients=CLIENTS, **twice)
    used = server.cpu_s() - before
    return Turn(
        alone.p50, alone.p95, alone.p99, many.rate, used / many.count * 1_000_000
    )


def medians(turns: Iterable[Turn]) -> dict[str, float]:
    """Return the median of each figure."""
    found = list(turns)
    return {
        field: Spread.of(getattr(t, field) for t in found).rounded()["median"]
        for field in FIELDS
    }


def ratio(over: Iterable[Turn], under: Iterable[Turn], field: str) -> Spread:
    """Return how one server's figure is to another's, round by round."""
    return Spread.ratio(
        (getattr(t, field) for t in over), (getattr(t, field) for t in under)
    )
