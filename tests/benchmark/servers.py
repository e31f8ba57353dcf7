"""The servers that are measured, as processes of their own.

Each is asked in the clear, as the generator does, and with the rest as in production:
its metrics are on, and its log goes to a file. What is Python runs in the image's.
"""

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import caught
import grpc
import make
import yaml
from build import BuildError, build
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from ghz import LoadError
from processes import NotReadyError, Program, Programs, free_port
from shipped import Shipped

HERE = Path(__file__).parent
RECIPE = HERE.parent / "conformance/original/composition.yaml"
OURS = "function-ecr-repos"
FLOOR = "an empty function"
PATCH = "patch-and-transform"
TEMPLATING = "go-templating"
PATIENCE_S = 30.0
NAMES = {
    "imagerepo": "tap/workloads/example-app-default",
    "bundlerepo": "tap/workloads/example-app-default-bundle",
}


class WrongAnswerError(Exception):
    """A server's answer is not what it would be measured for."""


# What ends a run of all, with a word of what to mend.
FAILURES = (make.ImageError, BuildError, LoadError, NotReadyError, WrongAnswerError)


@dataclass(frozen=True)
class Kind:
    """A server that can be started.

    Attributes:
        name: What it is called.
        command: Its command line, from its HOST:PORT.
        step: The input that its pipeline step has.
        env: What is in its environment.
    """

    name: str
    command: Callable[[str], list[object]]
    step: caught.Document | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def messages(self, name: str, count: int = 1) -> list[bytes]:
        """Return a request of each of so many XRs, as this one is sent it."""
        return caught.many(name, count, self.step)


def ours(shipped: Shipped) -> Kind:
    """Return the function, as its image runs it."""
    flags = ("serve", "--insecure", "--metrics-address=127.0.0.1:0")
    return Kind(
        OURS,
        lambda address: [
            *(*shipped.python, shipped.function),
            *(*flags, f"--address={address}"),
        ],
        env=shipped.env,
    )


def kinds(shipped: Shipped) -> dict[str, Kind]:
    """Return the four by name, built where they must be."""
    recipe = yaml.safe_load(RECIPE.read_text())["spec"]["resources"]
    resources = {
        "apiVersion": "pt.fn.crossplane.io/v1beta1",
        "kind": "Resources",
        "resources": recipe,
    }
    template = yaml.safe_load((HERE / "go-templating.yaml").read_text())
    patch, templating = build(PATCH), build(TEMPLATING)
    found = (
        Kind(
            FLOOR,
            lambda address: [*shipped.python, HERE / "floor.py", address],
            env=shipped.env,
        ),
        ours(shipped),
        Kind(
            PATCH,
            lambda address: [patch, "--insecure", f"--address={address}"],
            resources,
        ),
        Kind(
            TEMPLATING,
            lambda address: [templating, "--insecure", f"--address={address}"],
            template,
        ),
    )
    return {kind.name: kind for kind in found}


class Server:
    """One that runs, and has answered rightly."""

    def __init__(self, programs: Programs, kind: Kind, label: str = "") -> None:
        """Start it, and ask it.

        Args:
            programs: Those of this run.
            kind: What it is.
            label: Its name among them, where there are several of a kind.

        Raises:
            WrongAnswerError: It composes something else, or does not answer.
        """
        self.kind = kind
        self.address = f"127.0.0.1:{free_port()}"
        started = time.monotonic()
        self.program: Program = programs.start(
            label or kind.name,
            *kind.command(self.address),
            env=kind.env,
        )
        with listening(self.address, self.program.check):
            rsp = ask(self.address, kind.messages(caught.FIRST)[0])
        self.start_ms = (time.monotonic() - started) * 1000
        if kind.name == FLOOR:
            return
        check(kind.name, rsp, ready=False)
        ready = ask(self.address, kind.messages(caught.STEADY)[0])
        check(kind.name, ready, ready=True)

    def cpu_s(self) -> float:
        """Return the processor time it has used, in seconds."""
        return cpu_s(self.program.pid)

    def memory_mb(self) -> float:
        """Return the memory it has resident, in MB."""
        status = Path(f"/proc/{self.program.pid}/status").read_text()
        (line,) = [row for row in status.splitlines() if row.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024 / 1e6

    def log_bytes(self) -> int:
        """Return how long its log is."""
        return self.program.log.stat().st_size

    def stop(self) -> None:
        """End it."""
        self.program.stop()


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    # As clock_getcpuclockid(3) makes it: /proc counts in hundredths of a second.
    return time.clock_gettime((~pid << 3) | 2)


def listening(address: str, check: Callable[[], None] = lambda: None) -> socket.socket:
    """Return a connection to a server, as soon as it takes one.

    Args:
        address: Its HOST:PORT.
        check: Called while it takes none; raises where it never will.

    Raises:
        WrongAnswerError: It takes none for long.
    """
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=1)
        except OSError:
            check()
            if time.monotonic() > deadline:
                raise WrongAnswerError(f"nothing listens on {address}") from None
            time.sleep(0.001)


def ask(address: str, message: bytes) -> fnv1.RunFunctionResponse:
    """Return a server's answer to a request."""
    with grpc.insecure_channel(address) as channel:
        stub = grpcv1.FunctionRunnerServiceStub(channel)
        rsp: fnv1.RunFunctionResponse = stub.RunFunction(
            fnv1.RunFunctionRequest.FromString(message),
            timeout=PATIENCE_S,
            wait_for_ready=True,
        )
    return rsp


def check(name: str, rsp: fnv1.RunFunctionResponse, *, ready: bool) -> None:
    """Hold an answer to what the recipe composes.

    Raises:
        WrongAnswerError: It has something else.
    """
    names = {
        key: str(
            desired.resource["metadata"]["annotations"]["crossplane.io/external-name"]
        )
        for key, desired in rsp.desired.resources.items()
    }
    said = [r.message for r in rsp.results if r.severity == fnv1.SEVERITY_FATAL]
    is_ready = all(d.ready == fnv1.READY_TRUE for d in rsp.desired.resources.values())
    if names != NAMES or said or is_ready != ready:
        raise WrongAnswerError(
            f"{name} answers with {names}, ready: {is_ready}, and says {said}"
        )
