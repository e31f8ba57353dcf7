"""Latency of the function beside one that does nothing, in one run.

Both answer the same request, that of a Ready XR with its managed fields, in turns, so
that the machine's noise falls on both. Prints the medians and their ratio.
"""

import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import grpc
import yaml
from crossplane.function import response, runtime
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import json_format

ROOT = Path(__file__).parents[2]
ROUNDS, CALLS = 40, 100


class Nothing(grpcv1.FunctionRunnerServiceServicer):
    """What any function costs: response.to(req)."""

    async def RunFunction(  # noqa: N802  # gRPC's name
        self, req: fnv1.RunFunctionRequest, _: grpc.aio.ServicerContext
    ) -> fnv1.RunFunctionResponse:
        return response.to(req)


def request() -> fnv1.RunFunctionRequest:
    """Return what Crossplane sends for the example once Ready: about 12 kB."""
    xr = yaml.safe_load((ROOT / "example/xr.yaml").read_text())
    observed = list(yaml.safe_load_all((ROOT / "example/observed.yaml").read_text()))
    for manifest in (xr, *observed):
        manifest["metadata"]["managedFields"] = [
            {
                "manager": manager,
                "operation": "Apply",
                "apiVersion": manifest["apiVersion"],
                "time": "2026-01-01T00:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    f"f:{section}": {
                        f"f:{name}-{i}": {}
                        for name in ("region", "annotations", "conditions", "ownerRef")
                        for i in range(4)
                    }
                    for section in ("metadata", "spec", "status")
                },
            }
            for manager in ("crossplane-composed", "crossplane", "provider-aws")
        ]
    resources = {
        o["metadata"]["annotations"]["crossplane.io/composition-resource-name"]: {
            "resource": o
        }
        for o in observed
    }
    return json_format.ParseDict(
        {
            "meta": {"tag": "t"},
            "observed": {"composite": {"resource": xr}, "resources": resources},
        },
        fnv1.RunFunctionRequest(),
    )


def main() -> None:
    """Measure, and print a line for each function and the ratio."""
    req = request()
    print(
        f"request: {req.ByteSize()} bytes; {ROUNDS} rounds of {CALLS} calls, 1 client"
    )
    commands = {
        "nothing": [sys.executable, __file__, "nothing"],
        "function-ecr-repos": [
            sys.executable,
            "-m",
            "function.main",
            "serve",
            "--metrics-address=",
        ],
    }
    with ExitStack() as stack:
        stubs = {}
        for port, (name, command) in enumerate(commands.items(), 50591):
            address = f"127.0.0.1:{port}"
            process = subprocess.Popen(  # noqa: S603
                [*command, "--insecure", "--address", address]
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            channel = stack.enter_context(grpc.insecure_channel(address))
            grpc.channel_ready_future(channel).result(timeout=30)
            stubs[name] = grpcv1.FunctionRunnerServiceStub(channel)
        seconds: dict[str, list[float]] = {name: [] for name in stubs}
        for _ in range(ROUNDS):
            for name, stub in stubs.items():
                for _ in range(CALLS):
                    before = time.perf_counter()
                    stub.RunFunction(req)
                    seconds[name].append(time.perf_counter() - before)
    medians = {name: statistics.median(s) for name, s in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: p50 {median * 1000:.3f} ms")
    ratio = medians["function-ecr-repos"] / medians["nothing"]
    print(f"ratio: {ratio:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["nothing"]:
        runtime.serve(Nothing(), sys.argv[-1], creds=None, insecure=True)
    else:
        main()
