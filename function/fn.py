"""RunFunction: observe, decide, respond."""

from datetime import UTC, datetime
from logging import DEBUG

import grpc
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1

from function.composition.desired import decide
from function.composition.observed import observe
from function.composition.reduced_rights import reduce_rights
from function.composition.required_settings import settings_are_known
from function.composition.response import (
    respond,
    respond_with_internal_error,
    respond_with_refusal,
    respond_with_settings_requirement,
)
from function.errors import (
    InvalidParameterError,
    InvalidRequestError,
    NotAllowedError,
    quote,
)
from function.structs import struct, text


class FunctionRunner(grpcv1.FunctionRunnerServiceServicer):
    """Composes the ECR repositories of a workload."""

    def __init__(self) -> None:
        """Create a FunctionRunner; configure logging before."""
        # Bound once, because each use of an unbound logger creates a logger.
        self.log = logging.get_logger().bind()

    async def RunFunction(  # noqa: N802  # gRPC's name
        self,
        req: fnv1.RunFunctionRequest,
        _: grpc.aio.ServicerContext | None,
    ) -> fnv1.RunFunctionResponse:
        """Return the response to one request, whatever happens.

        No exception reaches gRPC, which would send its text to the caller.
        """
        debug = self.log.is_enabled_for(DEBUG)
        try:
            if debug:
                self.log.debug("Running function", **_log_context(req))
            if not settings_are_known(req):
                return respond_with_settings_requirement(req)
            observed = observe(req, datetime.now(UTC))
            try:
                desired = decide(observed)
            except (InvalidParameterError, NotAllowedError) as error:
                self._log_refusal(req, error)
                return respond_with_refusal(req, error, reduce_rights(observed))
            return respond(req, desired)
        except InvalidRequestError as error:
            self._log_refusal(req, error)
            return respond_with_refusal(req, error)
        except Exception:
            self.log.exception("Unexpected error", tag=req.meta.tag)
            return respond_with_internal_error(req)

    def _log_refusal(
        self, req: fnv1.RunFunctionRequest, error: InvalidRequestError
    ) -> None:
        if self.log.is_enabled_for(DEBUG):
            self.log.debug(
                "Refused request",
                reason=error.reason,
                message=str(error),
                **_log_context(req),
            )


def _log_context(req: fnv1.RunFunctionRequest) -> dict[str, str]:
    """Return the log keys of a request: its tag, XR and namespace."""
    composite = req.observed.composite.resource
    metadata = struct(composite, "metadata")
    claim = struct(struct(composite, "spec"), "claimRef")
    namespace = text(metadata, "namespace") or text(claim, "namespace")
    return {
        "tag": req.meta.tag,
        "xr": quote(text(metadata, "name")),
        "namespace": quote(namespace),
    }
