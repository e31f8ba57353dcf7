"""Calls a server twenty times a second, and prints when and how long it took.

It is a process of its own, so that the load does not delay it. Each line has the time
when a call began (the machine's monotonic clock), its milliseconds, and its status.

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


class Call(NamedTuple):
    """A call of the probe: when it began, and its milliseconds."""

    began: float
    took_ms: float


def calls(log: Path) -> list[Call]:
    """Return the calls that a probe has printed in whole lines."""
    rows = log.read_text().splitlines(keepends=True)
    whole = (row.split() for row in rows if row.endswith("\n"))
    return [Call(float(began), float(took)) for began, took, _ in whole]


def recovery_s(seen: Iterable[Call], ended: float, bound_ms: float) -> float | None:
    """Return how long after the load all calls were fast again, for a second.

    Args:
        seen: The probe's calls, in order.
        ended: When the load ended.
        bound_ms: The milliseconds that a fast call takes at most.

    Returns:
        Seconds until the first of them began; None if that never happened.
    """
    since: float | None = None
    for call in seen:
        if call.began < ended:
            continue
        if call.took_ms > bound_ms:
            since = None
            continue
        since = call.began if since is None else since
        if call.began - since >= 1:
            return max(0.0, since - ended)
    return None


def main() -> None:
    """Call until killed."""
    address, file = sys.argv[1:]
    message = Path(file).read_bytes()
    with grpc.insecure_channel(address) as channel:
        run = channel.unary_unary(CALL)
        while True:
            began = time.monotonic()
            status = grpc.StatusCode.OK
            try:
                run(message, timeout=DEADLINE_S, wait_for_ready=True)
            except grpc.RpcError as e:
                status = e.code()
            took = time.monotonic() - began
            print(f"{began} {took * 1000} {status.name}", flush=True)
            time.sleep(max(0.0, EVERY_S - took))


if __name__ == "__main__":
    main()
