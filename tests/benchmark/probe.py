"""Asks a server twenty times a second, and prints when and how long it took.

A process of its own: what loads the server must not delay it. Each line is the moment
that a call began, on the machine's monotonic clock, its milliseconds, and how it ended.

    probe.py HOST:PORT FILE
"""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import grpc

EVERY_S = 0.05
DEADLINE_S = 20.0
CALL = "/apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction"


class Ask(NamedTuple):
    """A call of the probe: when it began, and the milliseconds that it took."""

    began: float
    took_ms: float


def calls(log: Path) -> list[Ask]:
    """Return the calls that a probe has printed, those of whole lines."""
    rows = log.read_text().splitlines(keepends=True)
    whole = (row.split() for row in rows if row.endswith("\n"))
    return [Ask(float(began), float(took)) for began, took, _ in whole]


def recovery_s(asks: Iterable[Ask], ended: float, bound_ms: float) -> float | None:
    """Return how long after the load ended all calls were quick again, for a second.

    Args:
        asks: The probe's, in order.
        ended: When the load did.
        bound_ms: What is quick.

    Returns:
        Seconds until the first of them began; None where that never came.
    """
    since: float | None = None
    for ask in asks:
        if ask.began < ended:
            continue
        if ask.took_ms > bound_ms:
            since = None
            continue
        since = ask.began if since is None else since
        if ask.began - since >= 1:
            return max(0.0, since - ended)
    return None


def main() -> None:
    """Ask until killed."""
    address, file = sys.argv[1:]
    message = Path(file).read_bytes()
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(CALL)
        while True:
            began = time.monotonic()
            status = grpc.StatusCode.OK
            try:
                call(message, timeout=DEADLINE_S, wait_for_ready=True)
            except grpc.RpcError as e:
                status = e.code()
            took = time.monotonic() - began
            print(f"{began} {took * 1000} {status.name}", flush=True)
            time.sleep(max(0.0, EVERY_S - took))


if __name__ == "__main__":
    main()
