"""Fill the response, in order. What earlier steps desire is passed on."""

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.composition.conditions import CONDITION, Condition
from function.composition.connection_details import missing_details
from function.composition.desired import DesiredState
from function.composition.required_settings import require_settings
from function.composition.ttl import PENDING_SECONDS
from function.errors import InvalidRequestError
from function.structs import fill, struct

_INTERNAL_ERROR = (
    "internal error: this is a bug in function-ecr-repos. Nothing was changed. Please "
    "report it with the traceback from the function's log"
)


def respond(
    req: fnv1.RunFunctionRequest, desired: DesiredState
) -> fnv1.RunFunctionResponse:
    """Return the response with a desired state."""
    rsp = _response(req, desired.ttl_seconds)
    resources, composite = rsp.desired.resources, rsp.desired.composite
    for name, (manifest, ready) in desired.resources.items():
        resource = resources[name]
        resource.Clear()  # an earlier step may desire one of that name
        fill(resource.resource, manifest)
        resource.ready = fnv1.READY_TRUE if ready else fnv1.READY_UNSPECIFIED
    if desired.unready:
        # Without desired resources, Crossplane would call the XR ready.
        composite.ready = fnv1.READY_FALSE
    if desired.status is not None:
        # Earlier steps may have written a status too.
        status = composite.resource.fields["status"].struct_value
        for key in desired.status:
            status.fields[key].Clear()
        fill(status, desired.status)
    details = composite.connection_details
    for key, value in desired.connection_details.items():
        details[key] = value
    published = req.observed.composite.connection_details
    for key, value in missing_details(published, details):
        details[key] = value
    if desired.requirements is not None:
        rsp.requirements.MergeFrom(desired.requirements)
    require_settings(req, rsp.requirements)
    if desired.condition:
        _add_condition(rsp, desired.condition, claim=desired.claim_is_told)
    for message in desired.warnings:
        _add_result(rsp, fnv1.SEVERITY_WARNING, message)
    return rsp


def respond_with_refusal(
    req: fnv1.RunFunctionRequest,
    error: InvalidRequestError,
    reduced: DesiredState | None = None,
) -> fnv1.RunFunctionResponse:
    """Return the response that refuses a request.

    Args:
        req: The request.
        error: Why it is refused.
        reduced: What the claim has, with fewer rights; None changes nothing.
    """
    rsp = respond(req, reduced or DesiredState())
    _add_condition(rsp, Condition(reason=error.reason, message=str(error)))
    composite = req.observed.composite.resource
    claimed = bool(struct(struct(composite, "spec"), "claimRef").fields)
    if reduced or claimed:
        # Crossplane ignores the target of a fatal result, so no event would reach the
        # claim. A warning before it does, and so does the condition.
        _add_result(rsp, fnv1.SEVERITY_WARNING, str(error), error.reason)
    if not reduced:
        _add_result(rsp, fnv1.SEVERITY_FATAL, str(error), error.reason)
    return rsp


def respond_with_settings_requirement(
    req: fnv1.RunFunctionRequest,
) -> fnv1.RunFunctionResponse:
    """Return the response to a first call, which only requires the platform settings.

    Crossplane never applies it: the requirements are new, so it calls again.
    """
    rsp = _response(req, PENDING_SECONDS)
    require_settings(req, rsp.requirements)
    return rsp


def respond_with_internal_error(
    req: fnv1.RunFunctionRequest,
) -> fnv1.RunFunctionResponse:
    """Return the response to a request that met a bug of the function."""
    rsp = _response(req, PENDING_SECONDS)
    rsp.results.add(severity=fnv1.SEVERITY_FATAL, message=_INTERNAL_ERROR)
    return rsp


def _response(
    req: fnv1.RunFunctionRequest, ttl_seconds: int
) -> fnv1.RunFunctionResponse:
    rsp = fnv1.RunFunctionResponse()
    # As arguments, they would be serialized and parsed.
    rsp.desired.CopyFrom(req.desired)
    rsp.context.CopyFrom(req.context)
    rsp.meta.tag = req.meta.tag
    rsp.meta.ttl.seconds = ttl_seconds
    return rsp


def _add_condition(
    rsp: fnv1.RunFunctionResponse, condition: Condition, *, claim: bool = True
) -> None:
    """Put a condition on the XR, and on its claim."""
    rsp.conditions.add(
        type=CONDITION,
        status=fnv1.STATUS_CONDITION_TRUE
        if condition.ready
        else fnv1.STATUS_CONDITION_FALSE,
        reason=condition.reason,
        message=condition.message,
        target=fnv1.TARGET_COMPOSITE_AND_CLAIM if claim else fnv1.TARGET_COMPOSITE,
    )


def _add_result(
    rsp: fnv1.RunFunctionResponse,
    severity: fnv1.Severity,
    message: str,
    reason: str | None = None,
) -> None:
    """Add a result; it becomes an event of the XR and its claim on each reconcile."""
    rsp.results.add(
        severity=severity,
        message=message,
        reason=reason,
        target=fnv1.TARGET_COMPOSITE_AND_CLAIM,
    )
