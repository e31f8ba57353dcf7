"""RunFunction: a request is read, answered, and both are counted and logged."""

import time
from logging import DEBUG

import grpc
from crossplane.function import logging, response
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import struct_pb2 as structpb

from function.answer import answer, set_condition
from function.errors import InvalidRequestError, quote
from function.fields import struct, text
from function.metrics import COUNTS
from function.seen import read
from function.status import Condition

_UNEXPECTED = (
    "internal error: the function met something it was not built for. Nothing was "
    "changed. Its log has the traceback; please report it"
)


class FunctionRunner(grpcv1.FunctionRunnerServiceServicer):
    """Composes a workload's ECR repositories."""

    def __init__(self) -> None:
        """Create a FunctionRunner; logging must be configured before."""
        # Bound once: until then each use makes a logger.
        self.log = logging.get_logger().bind()

    async def RunFunction(  # noqa: N802  # gRPC's name
        self,
        req: fnv1.RunFunctionRequest,
        _: grpc.aio.ServicerContext | None,
    ) -> fnv1.RunFunctionResponse:
        """Answer one request; whatever happens, with a response."""
        started = time.perf_counter()
        rsp = self._answer(req)
        COUNTS.add(rsp, time.perf_counter() - started)
        return rsp

    def _answer(self, req: fnv1.RunFunctionRequest) -> fnv1.RunFunctionResponse:
        debugging = self.log.is_enabled_for(DEBUG)
        try:
            if debugging:
                self.log.debug("Running function", **_subject(req))
            rsp = response.to(req)
            _run(req, rsp)
        except InvalidRequestError as e:
            if debugging:
                self.log.debug("Refused", reason=e.reason, why=str(e), **_subject(req))
            return _refuse(req, e)
        except Exception:
            # gRPC would send the exception's text to the caller and drop the call.
            self.log.exception("Unexpected error", tag=req.meta.tag)
            rsp = response.to(req)
            response.fatal(rsp, _UNEXPECTED)
        return rsp


def _run(req: fnv1.RunFunctionRequest, rsp: fnv1.RunFunctionResponse) -> None:
    answered = answer(read(req))
    rsp.MergeFromString(answered.response)
    status = rsp.desired.composite.resource.fields["status"].struct_value
    status.MergeFromString(answered.status)


def _refuse(
    req: fnv1.RunFunctionRequest, error: InvalidRequestError
) -> fnv1.RunFunctionResponse:
    # Made anew: nothing half-composed goes out, what earlier steps want stays.
    rsp = response.to(req)
    set_condition(
        rsp,
        Condition(
            ready=False,
            reason=error.reason,
            message=str(error),
        ),
    )
    severities = [fnv1.SEVERITY_FATAL]
    if _claim(req).fields:
        # A fatal result's target is ignored, so no event of it reaches the claim. A
        # warning's before it does, and the condition beside it.
        severities.insert(0, fnv1.SEVERITY_WARNING)
    for severity in severities:
        rsp.results.append(
            fnv1.Result(
                severity=severity,
                message=str(error),
                reason=error.reason,
                target=fnv1.TARGET_COMPOSITE_AND_CLAIM,
            )
        )
    return rsp


def _subject(req: fnv1.RunFunctionRequest) -> dict[str, str]:
    """Return what a log line says of a request: its tag, XR and namespace."""
    xr = req.observed.composite.resource
    metadata = struct(xr, "metadata")
    return {
        "tag": req.meta.tag,
        "xr": quote(text(metadata, "name")),
        "namespace": quote(
            text(metadata, "namespace") or text(_claim(req), "namespace")
        ),
    }


def _claim(req: fnv1.RunFunctionRequest) -> structpb.Struct:
    return struct(struct(req.observed.composite.resource, "spec"), "claimRef")
