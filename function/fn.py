"""RunFunction: the only module that knows the request and the response."""

import dataclasses
import functools
import time
from collections.abc import Container, Iterator
from logging import DEBUG
from typing import Any, Literal, NamedTuple, Self

import grpc
from crossplane.function import logging, request, response
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import struct_pb2 as structpb

from function import connection, overrides
from function.attachment import Attachment, Kind, attach
from function.composed import Composed, given, keep_identity, kept
from function.composite import Composite, check_scope, parse_composite
from function.errors import InvalidRequestError, quote, shown
from function.fields import struct, text
from function.input import Input, parse_input
from function.metrics import COUNTS
from function.options import tagged
from function.ownership import Standing, give_up, is_rival, rights, standing
from function.providers import managed
from function.providers.provider import Provider
from function.providers.registry import DEFAULT, PROVIDERS
from function.repository import (
    UNKNOWN,
    Facts,
    Options,
    Repository,
)
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
# A policy's has a Kind behind its repository's; a namespaced XR's object of connection
# details has its own.
CONNECTION = "connection"

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


_BY_GROUP = {version.partition("/")[0]: p for version, p in PROVIDERS.items()}


class _Live(NamedTuple):
    """A resource that may be live, and whose API it is of.

    A live one keeps that: of another's, Crossplane would make a second resource under
    the same name, and lose sight of the first.
    """

    provider: Provider
    facts: Facts | None

    @classmethod
    def of(cls, observed: structpb.Struct) -> Self:
        group = text(observed, "apiVersion").partition("/")[0]
        provider = _BY_GROUP.get(group, DEFAULT)
        return cls(provider, provider.facts(observed))


def _run(req: fnv1.RunFunctionRequest, rsp: fnv1.RunFunctionResponse) -> None:
    settings = parse_input(req.input)
    composite = parse_composite(req.observed.composite.resource, settings)
    check_scope(composite, settings)
    live = {
        key: _Live.of(observed.resource)
        for key in (IMAGE, BUNDLE)
        if (observed := req.observed.resources.get(key)) is not None
    }
    new = _Live(PROVIDERS[settings.provider], None)
    composed = {}
    for key, wanted in _wanted(composite, settings, live).items():
        own = live.get(key, new)
        has = keep_identity(wanted, own.facts or UNKNOWN)
        its = _standing(req, rsp, key, has, own)
        composed[key] = Composed(wanted, has, own.provider, own.facts, its)
    problems = _compose(req, rsp, composed, settings)
    _report(rsp, composite, composed, settings, problems)
    if settings.connection and rsp.desired.composite.connection_details:
        _connect(rsp, composite.name, settings.connection.kind)


def _wanted(
    composite: Composite, settings: Input, live: Container[str]
) -> dict[str, Repository]:
    names = {IMAGE: composite.image}
    # A live bundle stays where `bundle` was switched off: what is missing from the
    # desired state is deleted by Crossplane, with its images.
    if settings.bundle or BUNDLE in live:
        names[BUNDLE] = composite.bundle
    namespace = composite.namespace if composite.namespaced else ""
    return {
        key: Repository(
            name,
            composite.region,
            composite.provider_config,
            namespace,
            _options(composite, settings, "image" if key == IMAGE else "bundle"),
        )
        for key, name in names.items()
    }


def _options(
    composite: Composite, settings: Input, which: Literal["image", "bundle"]
) -> Options:
    options = overrides.options(settings, which, composite.region, composite.overrides)
    if not options.automatic_tags:
        return options
    return tagged(options, composite.workload, composite.namespace)


def _standing(
    req: fnv1.RunFunctionRequest,
    rsp: fnv1.RunFunctionResponse,
    key: str,
    repository: Repository,
    live: _Live,
) -> Standing:
    """Ask Crossplane who else asks for a repository, unless it is ours for good."""
    provider, own = live
    if own and own.created_it and not own.doubtful:
        return Standing.CREATED
    requirement = f"contenders-{key}"
    # Without a namespace: in all of them.
    selector = fnv1.ResourceSelector(
        api_version=provider.api_version,
        kind=provider.kind,
        match_labels=fnv1.MatchLabels(
            labels={managed.IDENTITY: provider.identify(repository)}
        ),
    )
    rsp.requirements.resources[requirement].CopyFrom(selector)
    if not request.advertises_capabilities(req):
        # Crossplane v1 knows them by their older name only.
        rsp.requirements.extra_resources[requirement].CopyFrom(selector)
    found = (
        req.required_resources
        if requirement in req.required_resources
        else req.extra_resources
    ).get(requirement)
    contenders = found.items if found is not None else ()
    xr = req.observed.composite.resource
    rivals = [
        provider.facts(c.resource) for c in contenders if is_rival(c.resource, xr)
    ]
    return standing(own, rivals)


def _compose(
    req: fnv1.RunFunctionRequest,
    rsp: fnv1.RunFunctionResponse,
    composed: dict[str, Composed],
    settings: Input,
) -> list[str]:
    """Desire the repositories and their policies; return what is wrong with these."""
    taken = any(each.standing is Standing.TAKEN for each in composed.values())
    if taken:
        # Without a desired resource, Crossplane would call the XR ready.
        rsp.desired.composite.ready = fnv1.READY_FALSE
    problems: list[str] = []
    for key, each in composed.items():
        repository = given(each.kept, rights(settings.deletion, each.standing))
        if each.facts and key == BUNDLE and composed[IMAGE].standing is Standing.TAKEN:
            given_up = give_up(repository, each.facts, each.standing)
            if given_up is None:
                continue
            repository = given_up
        manages = settings.manages(each.provider)
        if not taken or each.facts:  # both or none
            manifest = _manifest(each.provider, repository, manages)
            _desire(rsp, key, manifest, ready=each.known.ready)
        asks = repository.options.lifecycle or repository.options.permissions
        if asks or len(req.observed.resources) > len(composed):
            problems += _attach(req, rsp, key, each.provider, repository, manages)
    return problems


def _attach(  # noqa: PLR0913  # the request's, the response's and what joins them
    req: fnv1.RunFunctionRequest,
    rsp: fnv1.RunFunctionResponse,
    key: str,
    provider: Provider,
    repository: Repository,
    manages: bool,  # noqa: FBT001
) -> Iterator[str]:
    """Desire a repository's policies; return what is wrong with them."""
    for kind in Kind:
        name = f"{key}-{kind}"
        observed = req.observed.resources.get(name)
        live = provider.attached(kind, observed.resource) if observed else None
        wanted = attach(provider, kind, repository, live)
        if wanted:
            manifest = _attachment(provider, wanted, manages)
            _desire(rsp, name, manifest, ready=bool(live and live.ready))
        if live:
            yield live.problem


def _desire(
    rsp: fnv1.RunFunctionResponse, name: str, manifest: bytes, *, ready: bool
) -> None:
    desired = rsp.desired.resources[name]
    desired.Clear()
    desired.resource.ParseFromString(manifest)
    if ready:
        desired.ready = fnv1.READY_TRUE


def _report(
    rsp: fnv1.RunFunctionResponse,
    composite: Composite,
    composed: dict[str, Composed],
    settings: Input,
    problems: list[str],
) -> None:
    known = {key: each.known for key, each in composed.items()}
    names: dict[str, str] = {key: each.kept.name for key, each in composed.items()}
    # Merged: earlier steps may have a status of their own.
    status = rsp.desired.composite.resource.fields["status"].struct_value
    status.MergeFromString(
        _status(
            (names[IMAGE], known[IMAGE]),
            (names[BUNDLE], known[BUNDLE]) if BUNDLE in names else None,
        )
    )
    for key, value in connection_details(
        composed[IMAGE].kept.region, known[IMAGE], known.get(BUNDLE)
    ).items():
        rsp.desired.composite.connection_details[key] = value

    standings = {key: each.standing for key, each in composed.items()}
    spoken = {key: shown(name) for key, name in names.items()}
    result = condition(spoken, known, standings, settings.deletion, problems)
    said = kept(
        composed.values(),
        PROVIDERS[settings.provider],
        unwanted_last=BUNDLE in composed and not settings.bundle,
    )
    if said:
        result = dataclasses.replace(result, message=result.message + said)
    _set_condition(rsp, result)
    # A result becomes an event on every reconcile, so only the first pass warns.
    if composite.prefix.host_like and all(e.facts is None for e in composed.values()):
        rsp.results.append(
            fnv1.Result(
                severity=fnv1.SEVERITY_WARNING,
                message=f"spec.parameters.repoPrefix: {composite.prefix.host_like} "
                "looks like a registry host but is none, so it was kept as part of "
                "the repositories' names. Leave it out unless that is meant",
                target=fnv1.TARGET_COMPOSITE_AND_CLAIM,
            )
        )


def _connect(rsp: fnv1.RunFunctionResponse, name: str, kind: str) -> None:
    details = sorted(rsp.desired.composite.connection_details.items())
    manifest = _connection(kind, name, tuple(details))
    _desire(rsp, CONNECTION, manifest, ready=True)


def _refuse(
    req: fnv1.RunFunctionRequest, error: InvalidRequestError
) -> fnv1.RunFunctionResponse:
    # Made anew: nothing half-composed goes out, what earlier steps want stays.
    rsp = response.to(req)
    _set_condition(
        rsp,
        Condition(
            ready=False,
            reason=error.reason,
            message=str(error),
        ),
    )
    severities = [fnv1.SEVERITY_FATAL]
    if struct(req.observed.composite.resource, "spec", "claimRef").fields:
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
def _manifest(provider: Provider, repository: Repository, manages: bool) -> bytes:  # noqa: FBT001  # the cache's key
    return _serialize(provider.manifest(repository, manages=manages))


@functools.lru_cache(maxsize=2048)
def _attachment(provider: Provider, attachment: Attachment, manages: bool) -> bytes:  # noqa: FBT001  # the cache's key
    return _serialize(provider.attachment(attachment, manages=manages))


@functools.lru_cache(maxsize=1024)
def _connection(kind: str, name: str, details: tuple[tuple[str, bytes], ...]) -> bytes:
    return _serialize(connection.manifest(kind, name, dict(details)))


@functools.lru_cache(maxsize=2048)
def _status(image: tuple[str, Facts], bundle: tuple[str, Facts] | None) -> bytes:
    repositories = {"image": repository_status(*image)}
    if bundle:
        repositories["bundle"] = repository_status(*bundle)
    return _serialize({"repositories": repositories})


def _serialize(manifest: dict[str, Any]) -> bytes:
    message = structpb.Struct()
    message.update(manifest)
    return message.SerializeToString()


def _subject(req: fnv1.RunFunctionRequest) -> dict[str, str]:
    """Return what a log line says of a request: its tag, XR and namespace."""
    xr = req.observed.composite.resource
    metadata = struct(xr, "metadata")
    return {
        "tag": req.meta.tag,
        "xr": quote(text(metadata, "name")),
        "namespace": quote(
            text(metadata, "namespace")
            or text(struct(xr, "spec", "claimRef"), "namespace")
        ),
    }
