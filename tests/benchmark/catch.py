"""Catches what Crossplane sends for a claim, from the first pass to the steady state.

Runs the whole chain as `make demo` does, with a Workload, and writes first.json and
steady.json of requests/.

    catch.py             runs the chain
    catch.py FILE …      is the function in it: `serve`, with each request told to FILE
"""

import functools
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import caught
import grpc
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.main import cli

NAMES = {"imagerepo", "bundlerepo"}


class Catching(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Tells each request before it is answered."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def intercept_service(
        self,
        continuation: Callable[[Any], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        if not details.method.endswith("/RunFunction"):
            return handler

        def parse(data: bytes) -> Any:
            request = fnv1.RunFunctionRequest.FromString(data)
            with self._file.open("a") as told:
                told.write(json.dumps(json_format.MessageToDict(request)) + "\n")
            return handler.request_deserializer(data)

        return grpc.unary_unary_rpc_method_handler(
            handler.unary_unary, parse, handler.response_serializer
        )


def serve(file: Path, arguments: list[str]) -> None:
    """Answer as the function does, and tell each request."""
    grpc.aio.server = functools.partial(grpc.aio.server, interceptors=[Catching(file)])
    cli(["serve", *arguments])


def steady(request: caught.Document) -> bool:
    """Whether a request is of an XR that is Ready, and says so."""
    observed = request["observed"]
    resources = [r["resource"] for r in observed.get("resources", {}).values()]
    return len(resources) == len(NAMES) and all(
        {"Ready", "Synced"} <= _true(resource)
        for resource in (*resources, observed["composite"]["resource"])
    )


def _true(resource: caught.Document) -> set[str]:
    conditions = resource.get("status", {}).get("conditions", [])
    return {c["type"] for c in conditions if c["status"] == "True"}


def catch() -> None:
    """Run the chain, and write the two requests."""
    import system  # noqa: PLC0415  # the function in it needs none of it

    running = system.System("catch")
    told = running.directory / "requests"
    told.touch()
    running.function_program = (sys.executable, __file__, str(told))
    workload = {
        "apiVersion": "carto.run/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": caught.WORKLOAD, "namespace": "default"},
        "spec": {"image": "example/shop"},
    }

    def requests() -> list[caught.Document]:
        rows = told.read_text().splitlines(keepends=True)
        return [json.loads(row) for row in rows if row.endswith("\n")]

    try:
        running.start()
        running.install_policy()
        running.kubectl.apply(workload)
        last = running.wait(
            "an XR is in its steady state",
            lambda: [r for r in requests() if steady(r)],
            240,
        )[-1]
        first = requests()[0]
    finally:
        running.close()
    for name, request in ((caught.FIRST, first), (caught.STEADY, last)):
        text = json.dumps(request, indent=1, sort_keys=True) + "\n"
        (caught.FOLDER / f"{name}.json").write_text(text)


if __name__ == "__main__":
    if sys.argv[1:]:
        serve(Path(sys.argv[1]), sys.argv[2:])
    else:
        catch()
