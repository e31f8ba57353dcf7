"""Capture the requests that Crossplane sends for one XR, from the first to Ready.

Runs the whole chain as `make demo` does, creates a Workload, and writes one request of
each phase to requests/.

    capture.py API             runs the chain; API is classic or upbound
    capture.py --serve FILE …  is the function in the chain: `serve` with more options,
                               which also writes each request to FILE
"""

import functools
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import grpc
from cold_requests import FOLDER, NAMESPACE, SETTINGS, WORKLOAD, Document
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.main import cli

REPOSITORIES = 2
# Requests for the classic provider have no prefix, because it is the default.
PREFIXES = {"classic": "", "upbound": "upbound-"}


class Recorder(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Writes each request to a file before it is handled."""

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
            with self._file.open("a") as file:
                file.write(json.dumps(json_format.MessageToDict(request)) + "\n")
            return handler.request_deserializer(data)

        return grpc.unary_unary_rpc_method_handler(
            handler.unary_unary, parse, handler.response_serializer
        )


def serve(file: Path, arguments: list[str]) -> None:
    """Serve as the function does, and record each request."""
    grpc.aio.server = functools.partial(grpc.aio.server, interceptors=[Recorder(file)])
    cli(["serve", *arguments])


def phases(requests: Iterable[Document]) -> dict[str, Document]:
    """Return one request of each phase, by the phase's name.

    `first` is the first one that comes with the platform settings. `required` is the
    first that comes with the other resources that the function required. `creating` is
    the first that observes both managed resources, not yet Ready. `steady` is the last
    one whose XR and managed resources are all Ready.

    A request without the platform settings is of no phase: the function only requires
    them.
    """
    found: dict[str, Document] = {}
    for request in requests:
        required = request.get("requiredResources", {})
        if SETTINGS not in required:
            continue
        ready = [_is_ready(r["resource"]) for r in _observed(request)]
        found.setdefault("first", request)
        if len(required) > 1 and not ready:
            found.setdefault("required", request)
        if len(ready) == REPOSITORIES and not any(ready):
            found.setdefault("creating", request)
        if (
            len(ready) == REPOSITORIES
            and all(ready)
            and _is_ready(request["observed"]["composite"]["resource"])
        ):
            found["steady"] = request
    return found


def _observed(request: Document) -> list[Document]:
    return list(request["observed"].get("resources", {}).values())


def _is_ready(resource: Document) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    true = {c["type"] for c in conditions if c["status"] == "True"}
    return {"Ready", "Synced"} <= true


def capture(api: str) -> None:
    """Run the chain, and write a request of each phase."""
    import system  # noqa: PLC0415  # the function in the chain does not need it
    from apis import APIS  # noqa: PLC0415

    running = system.System("capture", api=APIS[api])
    recorded = running.directory / "requests"
    recorded.touch()
    running.function_program = (sys.executable, __file__, "--serve", str(recorded))
    workload = {
        "apiVersion": "carto.run/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": WORKLOAD, "namespace": NAMESPACE},
        "spec": {"image": "example/shop"},
    }

    def found() -> dict[str, Document]:
        rows = recorded.read_text().splitlines(keepends=True)
        return phases(json.loads(row) for row in rows if row.endswith("\n"))

    try:
        running.start()
        running.install_policy()
        running.kubectl.apply(workload)
        running.wait("the XR is Ready", lambda: "steady" in found(), 240)
        for phase, request in found().items():
            text = json.dumps(request, indent=1, sort_keys=True) + "\n"
            (FOLDER / f"{PREFIXES[api]}{phase}.json").write_text(text)
    finally:
        running.close()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]), sys.argv[3:])
    else:
        capture(sys.argv[1])
