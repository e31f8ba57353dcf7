"""A function that does nothing, served by the SDK: the minimum cost of a function."""

import sys

import grpc
from crossplane.function import response, runtime
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1


class Empty(grpcv1.FunctionRunnerServiceServicer):
    """Returns the desired state of earlier steps unchanged."""

    async def RunFunction(  # noqa: N802  # gRPC's name
        self, req: fnv1.RunFunctionRequest, _: grpc.aio.ServicerContext | None
    ) -> fnv1.RunFunctionResponse:
        return response.to(req)


if __name__ == "__main__":
    runtime.serve(Empty(), sys.argv[1], creds=None, insecure=True)
