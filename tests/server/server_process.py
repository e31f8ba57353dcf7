"""The server as a process of its own, and a first call to it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from processes import free_port

from function.composition.required_settings import REQUIREMENT

SERVE = [sys.executable, "-m", "function.main", "serve"]
TIMEOUT_SECONDS = 20
# Of an XR without parameters, where there are no platform settings.
EMPTY = fnv1.RunFunctionRequest(required_resources={REQUIREMENT: fnv1.Resources()})


@contextmanager
def serving(*args: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the server with some options; yield its address and its process."""
    port = free_port()
    # The last one of an option counts, so a test can set --metrics-address.
    defaults = ("--address", f"127.0.0.1:{port}", "--metrics-address", "")
    process = subprocess.Popen([*SERVE, *defaults, *args])
    try:
        yield f"localhost:{port}", process
    finally:
        process.kill()
        process.wait()


def call(channel: grpc.Channel) -> fnv1.RunFunctionResponse:
    """Wait for the server, and call it."""
    rsp: fnv1.RunFunctionResponse = grpcv1.FunctionRunnerServiceStub(
        channel
    ).RunFunction(EMPTY, wait_for_ready=True, timeout=TIMEOUT_SECONDS)
    return rsp
