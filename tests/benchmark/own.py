"""What an answer costs in this process: parsing, RunFunction, serialising; no gRPC.

own.py BLOCKS   prints it as JSON, and the stages of ours; for the image's Python
"""

import functools
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import caught
import grpc
import stages
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from floor import Nothing
from ghz import CALL
from servers import FLOOR, OURS
from targets import Spread

from function import fn
from function.server import grpc as server

CALLS = 500


class Parts(NamedTuple):
    """Microseconds of processor time, each the spread of some blocks' means."""

    parse: Spread
    answer: Spread
    serialize: Spread


class _Handler(NamedTuple):
    """What a server calls for a request."""

    parse: Callable[[bytes], Any]
    answer: Callable[[Any, None], Coroutine[Any, Any, fnv1.RunFunctionResponse]]
    serialize: Callable[[fnv1.RunFunctionResponse], bytes]


class _Details(NamedTuple):
    method: str
    invocation_metadata: tuple[()] = ()


def measure(name: str, blocks: int) -> tuple[Parts, Parts]:
    """Return what a request costs us, and an empty function.

    In turns, so that the machine's noise falls on both.
    """
    logging.configure(logging.Level.INFO)
    data = caught.many(name, 1)[0]
    handlers = (_ours(), _floor())
    found: tuple[list[list[float]], ...] = ([], [])
    for handler in handlers:
        _block(handler, data)
    for _ in range(blocks):
        for handler, means in zip(handlers, found, strict=True):
            means.append(_block(handler, data))
    ours, floor = (
        Parts(*(Spread.of(part) for part in zip(*means, strict=True)))
        for means in found
    )
    return ours, floor


def _ours() -> _Handler:
    made = server._handlers(fn.FunctionRunner())
    generic = [made] if isinstance(made, grpc.GenericRpcHandler) else list(made)
    (handler,) = filter(None, (g.service(_Details(f"/{CALL}")) for g in generic))
    return _Handler(
        handler.request_deserializer, handler.unary_unary, handler.response_serializer
    )


def _floor() -> _Handler:
    return _Handler(
        fnv1.RunFunctionRequest.FromString,
        Nothing().RunFunction,
        functools.partial(fnv1.RunFunctionResponse.SerializeToString),
    )


def _block(handler: _Handler, data: bytes) -> list[float]:
    """Return the means of some calls, with the garbage that they leave collected."""
    now = time.thread_time_ns
    parse = answer = serialize = 0
    for _ in range(CALLS):
        began = now()
        req = handler.parse(data)
        parsed = now()
        try:
            handler.answer(req, None).send(None)
        except StopIteration as returned:
            answered = now()
            handler.serialize(returned.value)
            serialize += now() - answered
        parse += parsed - began
        answer += answered - parsed
    return [part / CALLS / 1000 for part in (parse, answer, serialize)]


def main() -> None:
    """Print the figures of each request, and of each stage."""
    blocks = int(sys.argv[1])
    found = {}
    for name in caught.NAMES:
        ours, floor = measure(name, blocks)
        found[name] = {
            who: {part: of.rounded() for part, of in parts._asdict().items()}
            for who, parts in ((OURS, ours), (FLOOR, floor))
        }
    by_stage = {
        word: {
            stage: of.rounded()
            for stage, of in stages.measure(blocks, anew=anew).items()
        }
        for word, anew in (("again", False), ("anew", True))
    }
    print(json.dumps({"own_us": found, "stages_us": by_stage}))


if __name__ == "__main__":
    main()
