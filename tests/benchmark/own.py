"""Measure the processor time of a request in process: bytes in, bytes out, no gRPC.

Every request is for another XR, and differs each time it is sent (cold_requests.py).
The handler is the one that `function-ecr-repos serve` gives to gRPC.

    own.py                     this checkout, beside an empty function
    own.py --against CHECKOUT  this checkout beside another one, as a ratio

Each side is a process; they take turns. A ratio is of two turns of one round.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, Self

import grpc
import yaml
from cold_requests import (
    CREATING,
    FIRST,
    REQUIRED,
    STEADY,
    Document,
    derive,
    repositories,
)
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from targets import Spread

ROOT = Path(__file__).parents[2]
CALL = "/apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction"
XRS = 1_000
ROUNDS = 20
PHASES = (FIRST, REQUIRED, CREATING, STEADY)
EMPTY = "an empty function"


class Handler(NamedTuple):
    """What gRPC calls for a request."""

    parse: Callable[[bytes], Any]
    run: Callable[[Any, None], Coroutine[Any, Any, fnv1.RunFunctionResponse]]
    serialize: Callable[[fnv1.RunFunctionResponse], bytes]

    def microseconds(self, requests: Iterable[bytes]) -> float:
        """Return the processor time of a request: the mean of many."""
        messages = list(requests)
        began = time.process_time_ns()
        for message in messages:
            self.serialize(self.respond(message))
        return (time.process_time_ns() - began) / len(messages) / 1000

    def respond(self, message: bytes) -> fnv1.RunFunctionResponse:
        """Return the response to a request."""
        coroutine = self.run(self.parse(message), None)
        try:
            coroutine.send(None)
        except StopIteration as returned:
            response: fnv1.RunFunctionResponse = returned.value
            return response
        raise RuntimeError("RunFunction must not wait for anything")


def empty() -> Handler:
    """Return the empty function's handler."""
    from empty_function import Empty  # noqa: PLC0415  # what is measured imports less

    return Handler(
        fnv1.RunFunctionRequest.FromString,
        Empty().RunFunction,
        functools.partial(fnv1.RunFunctionResponse.SerializeToString),
    )


class _Details(NamedTuple):
    method: str
    invocation_metadata: tuple[()] = ()


class _Server:
    """Replaces gRPC's server: accepts the registered handlers, but does not serve."""

    def __init__(self, then: Callable[[Handler], None]) -> None:
        self._then, self._handlers = then, list[grpc.GenericRpcHandler]()

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        self._handlers += handlers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Ports, and what the generated stubs register beside it.
        return lambda *_, **__: 1

    async def start(self) -> NoReturn:
        """Take over where gRPC would start to serve."""
        (found,) = filter(None, (h.service(_Details(CALL)) for h in self._handlers))
        self._then(
            Handler(
                found.request_deserializer, found.unary_unary, found.response_serializer
            )
        )
        sys.exit()


def serve(then: Callable[[Handler], None]) -> None:
    """Start the function as its console script does, up to gRPC's own start."""
    from function.main import cli  # noqa: PLC0415  # of the checkout that is measured

    grpc.aio.server = lambda *_, **__: _Server(then)
    cli(["serve", "--insecure", "--address=127.0.0.1:0", "--metrics-address="])


def work(handler: Handler) -> None:
    """Take a turn for each line on standard input, which has derive()'s arguments.

    The first line has the composed resources of a response to a steady request.
    """
    composed = handler.respond(next(derive(STEADY, 1))).desired.resources
    print(json.dumps(sorted(composed)), flush=True)
    for line in sys.stdin:
        print(handler.microseconds(derive(*json.loads(line))), flush=True)


class Worker:
    """A process that measures one side."""

    def __init__(
        self,
        python: Sequence[object],
        *,
        checkout: Path | None = None,
        is_empty: bool = False,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start it.

        Args:
            python: The command of the Python that runs it.
            checkout: The checkout whose function to measure; by default the installed
                one.
            is_empty: Whether to measure the empty function instead.
            env: Its environment variables.
        """
        path = [str(checkout)] if checkout else []
        path += filter(None, [env.get("PYTHONPATH", os.environ.get("PYTHONPATH"))])
        self._process = subprocess.Popen(
            [
                *(*map(str, python), __file__, "--work"),
                *(["--empty"] if is_empty else []),
            ],
            env={**os.environ, **env, "PYTHONPATH": ":".join(path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        self._is_empty = is_empty

    def __enter__(self) -> Self:
        composed = json.loads(self._line())
        if composed != ([] if self._is_empty else sorted(repositories(0))):
            sys.exit(f"own: a worker's function composes {composed}")
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def turn(self, *derived: object) -> float:
        """Return the microseconds of a request.

        Args:
            derived: The arguments of derive().
        """
        assert self._process.stdin
        print(json.dumps(derived), file=self._process.stdin, flush=True)
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            sys.exit("own: a worker ended; its error is above")
        return line


def compare(
    workers: dict[str, Worker],
    phases: Iterable[str],
    rounds: int,
    xrs: int,
    step: Document | None = None,
) -> dict[str, dict[str, list[float]]]:
    """Return each side's microseconds, round by round, by phase."""
    found: dict[str, dict[str, list[float]]] = {}
    for phase in phases:
        turns: dict[str, list[float]] = {name: [] for name in workers}
        for worker in workers.values():
            worker.turn(phase, xrs, 0, step)  # imports and caches
        for number in range(1, rounds + 1):
            names = list(workers)[:: 1 if number % 2 else -1]
            for name in names:
                turns[name].append(workers[name].turn(phase, xrs, number, step))
        found[phase] = turns
    return found


def main() -> None:
    """Print a line for each phase."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: 20")
    parser.add_argument("--xrs", type=int, default=XRS, help="default: 1000")
    parser.add_argument("--phase", action="append", help="default: all but large")
    parser.add_argument("--input", type=Path, help="the pipeline step's input, as YAML")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--empty", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        return work(empty()) if given.empty else serve(work)
    step = yaml.safe_load(given.input.read_text()) if given.input else None
    other = str(given.against) if given.against else EMPTY
    with ExitStack() as stack:
        workers = {
            "this checkout": stack.enter_context(
                Worker([sys.executable], checkout=ROOT)
            ),
            other: stack.enter_context(
                Worker(
                    [sys.executable],
                    checkout=given.against and given.against.resolve(),
                    is_empty=not given.against,
                )
            ),
        }
        found = compare(workers, given.phase or PHASES, given.rounds, given.xrs, step)
    for phase, turns in found.items():
        ours, theirs = turns.values()
        ratio = Spread.ratio(ours, theirs)
        print(
            f"{phase:9} {Spread.of(ours).median:6.1f} µs, {other} "
            f"{Spread.of(theirs).median:6.1f} µs: {ratio.median:.3f} times "
            f"({ratio.least:.3f} to {ratio.most:.3f})"
        )
    return None


if __name__ == "__main__":
    main()
