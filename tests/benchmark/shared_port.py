"""The function in one of several processes that share a port: a trial, see scale.py.

`function-ecr-repos serve` does not: the kernel gives a connection to one of them, and
Crossplane has one connection.
"""

import asyncio
import sys

import grpc
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1

from function.fn import FunctionRunner

READY = "serving"


async def serve(address: str) -> None:
    """Serve until killed."""
    logging.configure(logging.Level.INFO)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 1)])
    # The generated stubs have no types.
    grpcv1.add_FunctionRunnerServiceServicer_to_server(  # type: ignore[no-untyped-call]
        FunctionRunner(), server
    )
    server.add_insecure_port(address)
    await server.start()
    print(READY, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
