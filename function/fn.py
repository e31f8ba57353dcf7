"""RunFunction: the only module that knows the request and the response."""

import dataclasses
import functools
from logging import DEBUG
from typing import Any

import grpc
from crossplane.function import logging, response
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import struct_pb2 as structpb

from function.composite import Composite, parse_composite
from function.errors import InvalidRequestError, quote
from function.input import Input, parse_input
from function.naming import RepositoryName
from function.providers import classic
from function.repository import UNKNOWN, Facts, Repository
from function.status import (
    CONDITION,
    Condition,
    condition,
    connection_details,
    repository_status,
)

# Existing installations have these names. They never change: Crossplane deletes an
# observed resource whose name is missing from the desired state.
IMAGE, BUNDLE = "imagerepo", "bundlerepo"

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
    settings = parse_input(req.input)
    composite = parse_composite(req.observed.composite.resource, settings)
    facts = {
        key: classic.facts(observed.resource)
        for key in (IMAGE, BUNDLE)
        if (observed := req.observed.resources.get(key)) is not None
    }
    wanted = _wanted(composite, settings)
    repositories = {
        key: _keep_identity(repository, facts.get(key, UNKNOWN))
        for key, repository in wanted.items()
    }
    _compose(rsp, repositories, facts)
    _report(rsp, composite, wanted, repositories, facts)


def _wanted(composite: Composite, settings: Input) -> dict[str, Repository]:
    names = {IMAGE: composite.image}
    if settings.bundle:
        names[BUNDLE] = composite.bundle
    return {
        key: Repository(name, composite.region, composite.provider_config)
        for key, name in names.items()
    }


def _keep_identity(wanted: Repository, observed: Facts) -> Repository:
    """Keep a live resource on the repository it has.

    Crossplane pins an observed resource's metadata.name, but not its external name:
    a changed parameter would silently point it at another repository.
    """
    name = RepositoryName(observed.external_name or wanted.name)
    region = observed.region or wanted.region
    if (name, region) == (wanted.name, wanted.region):
        return wanted
    return dataclasses.replace(wanted, name=name, region=region)


def _compose(
    rsp: fnv1.RunFunctionResponse,
    repositories: dict[str, Repository],
    facts: dict[str, Facts],
) -> None:
    for key, repository in repositories.items():
        desired = rsp.desired.resources[key]
        desired.Clear()
        desired.resource.ParseFromString(_manifest(repository))
        if key in facts and facts[key].ready:
            desired.ready = fnv1.READY_TRUE


def _report(
    rsp: fnv1.RunFunctionResponse,
    composite: Composite,
    wanted: dict[str, Repository],
    repositories: dict[str, Repository],
    facts: dict[str, Facts],
) -> None:
    known = {key: facts.get(key, UNKNOWN) for key in repositories}
    names: dict[str, str] = {key: r.name for key, r in repositories.items()}
    # Merged: earlier steps may have a status of their own.
    status = rsp.desired.composite.resource.fields["status"].struct_value
    status.MergeFromString(
        _status(
            (names[IMAGE], known[IMAGE]),
            (names[BUNDLE], known[BUNDLE]) if BUNDLE in names else None,
        )
    )
    for key, value in connection_details(
        repositories[IMAGE].region, known[IMAGE], known.get(BUNDLE)
    ).items():
        rsp.desired.composite.connection_details[key] = value

    result = condition(names, known)
    moved = [
        f"{now.name} in {now.region} (the parameters now give {then.name} in "
        f"{then.region})"
        for key, then in wanted.items()
        if (now := repositories[key]) != then
    ]
    if moved:
        result = dataclasses.replace(
            result,
            message=f"{result.message}. Kept, because a repository never moves: "
            f"{', '.join(moved)}. To have the new one, delete the claim and create it "
            "anew; images are not copied",
        )
    _set_condition(rsp, result)
    # A result becomes an event on every reconcile, so only the first pass warns.
    if composite.prefix.host_like and not facts:
        rsp.results.append(
            fnv1.Result(
                severity=fnv1.SEVERITY_WARNING,
                message=f"spec.parameters.repoPrefix: {composite.prefix.host_like} "
                "looks like a registry host but is none, so it was kept as part of "
                "the repositories' names. Leave it out unless that is meant",
                target=fnv1.TARGET_COMPOSITE_AND_CLAIM,
            )
        )


def _refuse(
    req: fnv1.RunFunctionRequest, error: InvalidRequestError
) -> fnv1.RunFunctionResponse:
    # Made anew: nothing half-composed goes out, what earlier steps want stays.
    rsp = response.to(req)
    # A fatal result's target is ignored; conditions beside it still reach the claim.
    _set_condition(
        rsp,
        Condition(
            ready=False,
            reason=error.reason,
            message=str(error),
        ),
    )
    rsp.results.append(
        fnv1.Result(
            severity=fnv1.SEVERITY_FATAL,
            message=str(error),
            reason=error.reason,
            target=fnv1.TARGET_COMPOSITE_AND_CLAIM,
        )
    )
    return rsp


def _set_condition(rsp: fnv1.RunFunctionResponse, result: Condition) -> None:
    rsp.conditions.append(
        fnv1.Condition(
            type=CONDITION,
            status=fnv1.STATUS_CONDITION_TRUE
            if result.ready
            else fnv1.STATUS_CONDITION_FALSE,
            reason=result.reason,
            message=result.message,
            target=fnv1.TARGET_COMPOSITE_AND_CLAIM,
        )
    )


# An XR is asked about again and again, and filling a Struct field by field takes
# longer than all else: so the last few thousand, half a kilobyte each, are kept.
@functools.lru_cache(maxsize=4096)
def _manifest(repository: Repository) -> bytes:
    return _serialize(classic.manifest(repository))


@functools.lru_cache(maxsize=2048)
def _status(image: tuple[str, Facts], bundle: tuple[str, Facts] | None) -> bytes:
    repositories = {"image": repository_status(*image)}
    if bundle:
        repositories["bundle"] = repository_status(*bundle)
    return _serialize({"repositories": repositories})


def _serialize(manifest: dict[str, Any]) -> bytes:
    struct = structpb.Struct()
    struct.update(manifest)
    return struct.SerializeToString()


def _subject(req: fnv1.RunFunctionRequest) -> dict[str, str]:
    """Return what a log line says of a request: its tag, XR and namespace."""
    xr = req.observed.composite.resource
    return {
        "tag": req.meta.tag,
        "xr": quote(_at(xr, "metadata", "name")),
        "namespace": quote(
            _at(xr, "metadata", "namespace") or _at(xr, "spec", "claimRef", "namespace")
        ),
    }


def _at(struct: structpb.Struct, *path: str) -> str:
    for key in path[:-1]:
        if key not in struct.fields:
            return ""
        struct = struct.fields[key].struct_value
    return struct.fields[path[-1]].string_value if path[-1] in struct.fields else ""
