"""Where the processor time of one answer goes, stage by stage."""

import functools
import time
from collections.abc import Callable
from typing import Any

import caught
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from targets import Spread

from function import fn
from function.composition import desired as answer
from function.composition import observed as seen
from function.composition import request as wire
from function.server import metrics

CALLS = 200
# Those that remember what they did.
REMEMBERING = (seen._asked, seen._live, seen._attached, answer.answer)


def measure(blocks: int, *, anew: bool) -> dict[str, Spread]:
    """Return microseconds by stage, of a steady-state request.

    Args:
        blocks: Over how many the spread is.
        anew: Whether nothing of it was seen before.
    """
    logging.configure(logging.Level.INFO)
    data = caught.many(caught.STEADY, 1)[0]
    whole = fn.FunctionRunner().answer(wire.parse_request(data))
    means: dict[str, list[float]] = {}
    for block in range(blocks + 1):
        spent: dict[str, int] = {}
        for _ in range(CALLS):
            if anew:
                for each in REMEMBERING:
                    each.cache_clear()
            answered = _answer(data, functools.partial(_timed, spent))
        assert answered == whole, "these stages are not what the function does"
        if block:  # the first one only warms up
            for stage, nanoseconds in spent.items():
                means.setdefault(stage, []).append(nanoseconds / CALLS / 1000)
    return {stage: Spread.of(found) for stage, found in means.items()}


def _answer(
    data: bytes, stage: Callable[[str, Callable[[], Any]], Any]
) -> fnv1.RunFunctionResponse:
    """Do what FunctionRunner.answer and the server do, a stage at a time."""
    req = stage(
        "parse the request, no further than needed", lambda: wire.parse_request(data)
    )
    said = stage("read what it says", lambda: seen.read(req))
    answered = stage("decide, and compose the answer", lambda: answer.answer(said))
    rsp = stage("begin a response with what earlier steps want", lambda: fn._begun(req))
    stage("merge the two", lambda: fn._merge(rsp, answered))
    stage("count it", lambda: metrics.METRICS.record(rsp, 0.0001))
    stage("serialise", lambda: rsp.SerializeToString(deterministic=True))
    return rsp


def _timed(spent: dict[str, int], stage: str, do: Callable[[], Any]) -> Any:
    now = time.thread_time_ns
    began = now()
    result = do()
    spent[stage] = spent.get(stage, 0) + now() - began
    return result
