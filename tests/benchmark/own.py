"""What RunFunction itself costs, in this process: without gRPC and (de)serialising."""

import time
from typing import Protocol

import caught
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from floor import Nothing
from targets import Spread

from function.fn import FunctionRunner

BLOCKS, CALLS = 20, 500


class Runner(Protocol):
    """What answers requests."""

    async def RunFunction(  # noqa: N802  # gRPC's name
        self, req: fnv1.RunFunctionRequest, _: None
    ) -> fnv1.RunFunctionResponse: ...


def measure(name: str, blocks: int = BLOCKS) -> tuple[Spread, Spread]:
    """Return the microseconds that a request costs us, and an empty function.

    In turns, so that the machine's noise falls on both. Each call has a request that
    was just parsed, as in the server; parsing it is not counted.
    """
    logging.configure(logging.Level.INFO)
    data = caught.many(name, 1)[0]
    runners: tuple[Runner, Runner] = (FunctionRunner(), Nothing())
    means: tuple[list[float], list[float]] = ([], [])
    for runner in runners:
        _block(runner, data)
    for _ in range(blocks):
        for runner, found in zip(runners, means, strict=True):
            found.append(_block(runner, data))
    return Spread.of(means[0]), Spread.of(means[1])


def _block(runner: Runner, data: bytes) -> float:
    """Return the mean of some calls, with the garbage that they leave collected."""
    took = 0
    for _ in range(CALLS):
        req = fnv1.RunFunctionRequest.FromString(data)
        coroutine = runner.RunFunction(req, None)
        before = time.thread_time_ns()
        try:
            coroutine.send(None)
        except StopIteration:
            took += time.thread_time_ns() - before
    return took / CALLS / 1000
