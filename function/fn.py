"""RunFunction: a request is read, answered and logged."""

from logging import DEBUG

import grpc
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import duration_pb2
from google.protobuf import struct_pb2 as structpb

from function.composition.conditions import Condition
from function.composition.desired import Answer, answer, set_condition
from function.composition.observed import observe, read
from function.composition.reduced_rights import reduce
from function.composition.request import Request, parse_request, parse_xr
from function.composition.ttl import PENDING_SECONDS
from function.errors import (
    BrokenRequestError,
    InvalidParameterError,
    InvalidRequestError,
    NotAllowedError,
    quote,
)
from function.structs import struct, text

_PENDING = duration_pb2.Duration(seconds=PENDING_SECONDS)
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
        req: fnv1.RunFunctionRequest | Request,
        _: grpc.aio.ServicerContext | None,
    ) -> fnv1.RunFunctionResponse:
        """Answer one request; whatever happens, with a response."""
        if isinstance(req, fnv1.RunFunctionRequest):
            req = parse_request(req.SerializeToString())
        return self.answer(req)

    def answer(self, req: Request) -> fnv1.RunFunctionResponse:
        """Answer one request as it came; whatever happens, with a response."""
        debugging = self.log.is_enabled_for(DEBUG)
        try:
            if debugging:
                self.log.debug("Running function", **_subject(req))
            rsp = _begun(req)
            seen = read(req)
            # What is large is answered each time: one claim that is edited again and
            # again must not fill the memory.
            by = answer if seen.usual else answer.__wrapped__
            _merge(rsp, by(seen))
        except InvalidRequestError as e:
            if debugging:
                self.log.debug("Refused", reason=e.reason, why=str(e), **_subject(req))
            return self._refuse(req, e)
        except Exception:
            # gRPC would send the exception's text to the caller and drop the call.
            self.log.exception("Unexpected error", tag=req.meta.tag)
            rsp = _begun(req)
            rsp.results.add(severity=fnv1.SEVERITY_FATAL, message=_UNEXPECTED)
        return rsp

    def _refuse(
        self, req: Request, error: InvalidRequestError
    ) -> fnv1.RunFunctionResponse:
        try:
            return _refuse(req, error)
        except Exception:
            self.log.exception("Unexpected error", tag=req.meta.tag)
            return _refusal(req, error, fatal=True)


def _begun(req: Request) -> fnv1.RunFunctionResponse:
    """Return a response that passes on what earlier steps want.

    It is response.to() of the SDK, whose module imports pydantic: see settings.py.
    """
    return fnv1.RunFunctionResponse(
        meta=fnv1.ResponseMeta(tag=req.meta.tag, ttl=_PENDING),
        desired=req.desired,
        context=req.context,
    )


def _merge(rsp: fnv1.RunFunctionResponse, answered: Answer) -> None:
    rsp.MergeFromString(answered.response)
    status = rsp.desired.composite.resource.fields["status"].struct_value
    status.MergeFromString(answered.status)


def _refuse(req: Request, error: InvalidRequestError) -> fnv1.RunFunctionResponse:
    """Refuse a request: nothing is changed, unless live resources must lose rights."""
    # What a broken Input says of deletion is not known.
    if isinstance(error, InvalidParameterError | NotAllowedError):
        rsp = _refusal(req, error, fatal=False)
        if reduce(req, observe(req), rsp):
            return rsp
    return _refusal(req, error, fatal=True)


def _refusal(
    req: Request, error: InvalidRequestError, *, fatal: bool
) -> fnv1.RunFunctionResponse:
    # Made anew: nothing half-composed goes out, what earlier steps want stays.
    rsp = _begun(req)
    set_condition(rsp, Condition(reason=error.reason, message=str(error)))
    severities = [fnv1.SEVERITY_FATAL] if fatal else []
    if not fatal or _claim(_xr(req)).fields:
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


def _subject(req: Request) -> dict[str, str]:
    """Return what a log line says of a request: its tag, XR and namespace."""
    xr = _xr(req)
    metadata = struct(xr, "metadata")
    return {
        "tag": req.meta.tag,
        "xr": quote(text(metadata, "name")),
        "namespace": quote(
            text(metadata, "namespace") or text(_claim(xr), "namespace")
        ),
    }


def _xr(req: Request) -> structpb.Struct:
    try:
        return parse_xr(req.observed.composite.resource)[0]
    except BrokenRequestError:
        return structpb.Struct()


def _claim(xr: structpb.Struct) -> structpb.Struct:
    return struct(struct(xr, "spec"), "claimRef")
