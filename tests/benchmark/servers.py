"""The servers that are measured, each a process of its own.

They serve without TLS, as the load generator calls them, and otherwise as in
production: metrics are on, and the log goes to a file. Those in Python run in the
image's Python.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import make
import yaml
from build import BuildError, build
from cold_requests import FIRST, STEADY, Document, derive, repositories
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from ghz import LoadError
from google.protobuf import json_format
from image_python import ImagePython
from processes import NotReadyError, Program, Programs, free_port

HERE = Path(__file__).parent
RECIPE = HERE.parent / "conformance/original/composition.yaml"
OURS = "function-ecr-repos"
EMPTY = "an empty function"
PATCH = "patch-and-transform"
PATIENCE_S = 30.0


class WrongResponseError(Exception):
    """A server's response is not what it would be measured for."""


# What ends a run, with a message that says what to fix.
FAILURES = (make.ImageError, BuildError, LoadError, NotReadyError, WrongResponseError)


@dataclass(frozen=True)
class Kind:
    """A server that can be started.

    Attributes:
        name: Its name in the report.
        command: Its command line, from its HOST:PORT.
        step: The input of its pipeline step.
        env: Its environment variables.
    """

    name: str
    command: Callable[[str], list[object]]
    step: Document | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def requests(self, phase: str, xrs: int = 1, visit: int = 0) -> Iterator[bytes]:
        """Yield a request of each XR, as this server receives it."""
        return derive(phase, xrs, visit, self.step)


def ours(python: ImagePython) -> Kind:
    """Return the function, as its image runs it."""
    flags = ("serve", "--insecure", "--metrics-address=127.0.0.1:0")
    return Kind(
        OURS,
        lambda address: [
            *(*python.command, python.function),
            *(*flags, f"--address={address}"),
        ],
        env=python.env,
    )


def kinds(python: ImagePython) -> dict[str, Kind]:
    """Return the three by name; the one in Go is built if it is not yet."""
    recipe = yaml.safe_load(RECIPE.read_text())["spec"]["resources"]
    resources = {
        "apiVersion": "pt.fn.crossplane.io/v1beta1",
        "kind": "Resources",
        "resources": recipe,
    }
    patch = build(PATCH)
    found = (
        Kind(
            EMPTY,
            lambda address: [*python.command, HERE / "empty_function.py", address],
            env=python.env,
        ),
        ours(python),
        Kind(
            PATCH,
            lambda address: [patch, "--insecure", f"--address={address}"],
            resources,
        ),
    )
    return {kind.name: kind for kind in found}


class Server:
    """A running server that has responded correctly.

    Attributes:
        kind: The kind of server.
        address: Its HOST:PORT.
        start_ms: Milliseconds from the start of its process to its first response.
    """

    def __init__(self, programs: Programs, kind: Kind, label: str = "") -> None:
        """Start it, and check its responses.

        Args:
            programs: The programs of this run.
            kind: The kind of server.
            label: Its name among the programs, if several are of the same kind.

        Raises:
            WrongResponseError: Its response is wrong, or it does not respond.
        """
        self.kind = kind
        self.address = f"127.0.0.1:{free_port()}"
        started = time.monotonic()
        self._program: Program = programs.start(
            label or kind.name,
            *kind.command(self.address),
            env=kind.env,
        )
        self._wait_until_listening()
        response = call(self.address, next(kind.requests(FIRST)))
        self.start_ms = (time.monotonic() - started) * 1000
        if kind.name == EMPTY:
            return
        check(kind.name, response, ready=False)
        steady = call(self.address, next(kind.requests(STEADY)))
        check(kind.name, steady, ready=True)

    def _wait_until_listening(self) -> None:
        host, _, port = self.address.rpartition(":")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
            except OSError:
                self._program.check()
                if time.monotonic() > deadline:
                    raise WrongResponseError(
                        f"nothing listens on {self.address}"
                    ) from None
                time.sleep(0.001)
            else:
                return

    def cpu_s(self) -> float:
        """Return the processor time that it has used, in seconds."""
        # As clock_getcpuclockid(3) makes it: /proc counts in hundredths of a second.
        return time.clock_gettime((~self._program.pid << 3) | 2)

    def memory_mb(self) -> float:
        """Return its resident memory, in MB."""
        status = Path(f"/proc/{self._program.pid}/status").read_text()
        (line,) = [row for row in status.splitlines() if row.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024 / 1e6

    def log_bytes(self) -> int:
        """Return the length of its log."""
        return self._program.log.stat().st_size

    def stop(self) -> None:
        """Stop it."""
        self._program.stop()


def call(address: str, request: bytes) -> fnv1.RunFunctionResponse:
    """Return a server's response to a request."""
    with grpc.insecure_channel(address) as channel:
        stub = grpcv1.FunctionRunnerServiceStub(channel)
        response: fnv1.RunFunctionResponse = stub.RunFunction(
            fnv1.RunFunctionRequest.FromString(request),
            timeout=PATIENCE_S,
            wait_for_ready=True,
        )
    return response


def check(name: str, response: fnv1.RunFunctionResponse, *, ready: bool) -> None:
    """Compare a response to the first XR with what the recipe composes.

    Raises:
        WrongResponseError: It has something else.
    """
    desired = response.desired.resources
    manifests = {
        key: json_format.MessageToDict(r.resource) for key, r in desired.items()
    }
    names = {
        key: manifest["metadata"]["annotations"]["crossplane.io/external-name"]
        for key, manifest in manifests.items()
    }
    fatal = [r.message for r in response.results if r.severity == fnv1.SEVERITY_FATAL]
    is_ready = all(r.ready == fnv1.READY_TRUE for r in desired.values())
    if names != repositories(0) or fatal or is_ready != ready:
        raise WrongResponseError(
            f"{name} responds with {names}, ready: {is_ready}, fatal results: {fatal}"
        )
