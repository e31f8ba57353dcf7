"""RunFunction: the only module that knows the request and the response."""

import dataclasses
import functools
import time
from collections.abc import Container
from logging import DEBUG
from typing import Any, NamedTuple, Self

import grpc
from crossplane.function import logging, request, response
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1
from google.protobuf import struct_pb2 as structpb

from function.composite import Composite, check_scope, parse_composite
from function.errors import InvalidRequestError, quote, shown
from function.fields import struct, text
from function.input import Input, parse_input
from function.metrics import COUNTS
from function.naming import RepositoryName
from function.ownership import Standing, give_up, is_rival, rights, standing
from function.providers import managed
from function.providers.provider import Provider
from function.providers.registry import DEFAULT, PROVIDERS
from function.repository import UNKNOWN, Facts, ProviderConfig, Repository
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


@dataclasses.dataclass(frozen=True, slots=True)
class _Composed:
    """One of the repositories, from what is wanted to what is composed.

    Attributes:
        wanted: What the parameters give.
        kept: The same, on the repository that a live resource has.
        provider: Whose API it is composed by.
        facts: What is observed; None where there is no resource yet.
        standing: Whose the repository is.
    """

    wanted: Repository
    kept: Repository
    provider: Provider
    facts: Facts | None
    standing: Standing

    @property
    def known(self) -> Facts:
        """What a tenant may learn: of what is another's, its name alone."""
        if self.facts is None or self.standing is Standing.TAKEN:
            return UNKNOWN
        return self.facts


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
        kept = _keep_identity(wanted, own.facts or UNKNOWN)
        its = _standing(req, rsp, key, kept, own)
        composed[key] = _Composed(wanted, kept, own.provider, own.facts, its)
    _compose(rsp, composed, settings)
    _report(rsp, composite, composed, settings)


def _wanted(
    composite: Composite, settings: Input, live: Container[str]
) -> dict[str, Repository]:
    names = {IMAGE: composite.image}
    # A live bundle stays where `bundle` was switched off: what is missing from the
    # desired state is deleted by Crossplane, with its images.
    if settings.bundle or BUNDLE in live:
        names[BUNDLE] = composite.bundle
    return {
        key: Repository(
            name, composite.region, composite.provider_config, composite.namespace
        )
        for key, name in names.items()
    }


def _keep_identity(wanted: Repository, observed: Facts) -> Repository:
    """Keep a live resource on the repository it has.

    Crossplane pins an observed resource's metadata.name, but not its external name:
    a changed parameter would silently point it at another repository, maybe another's,
    with the rights that were earned on the first one.
    """
    config, live = wanted.provider_config, observed.provider_config
    return dataclasses.replace(
        wanted,
        name=RepositoryName(observed.external_name or wanted.name),
        region=observed.region or wanted.region,
        provider_config=ProviderConfig(
            live.name or config.name, live.kind or config.kind
        ),
        resource_name=observed.resource_name,
    )


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
    rsp: fnv1.RunFunctionResponse, composed: dict[str, _Composed], settings: Input
) -> None:
    taken = any(each.standing is Standing.TAKEN for each in composed.values())
    if taken:
        # Without a desired resource, Crossplane would call the XR ready.
        rsp.desired.composite.ready = fnv1.READY_FALSE
    for key, each in composed.items():
        if taken and each.facts is None:
            continue  # both or none
        repository = dataclasses.replace(
            each.kept, rights=rights(settings.deletion, each.standing)
        )
        if each.facts and key == BUNDLE and composed[IMAGE].standing is Standing.TAKEN:
            kept = give_up(repository, each.facts, each.standing)
            if kept is None:
                continue
            repository = kept
        desired = rsp.desired.resources[key]
        desired.Clear()
        manages = settings.manages(each.provider)
        desired.resource.ParseFromString(_manifest(each.provider, repository, manages))
        if each.known.ready:
            desired.ready = fnv1.READY_TRUE


def _report(
    rsp: fnv1.RunFunctionResponse,
    composite: Composite,
    composed: dict[str, _Composed],
    settings: Input,
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
    result = condition(spoken, known, standings, settings.deletion)
    kept = [
        f"{_place(each.kept)} (the parameters now give {_place(each.wanted)})"
        for each in composed.values()
        if each.kept.place != each.wanted.place
    ]
    kept += [
        f"{_place(each.kept)} of {each.provider.api_version} (`provider` is "
        f"{settings.provider} now)"
        for each in composed.values()
        if each.provider is not PROVIDERS[settings.provider]
    ]
    if BUNDLE in composed and not settings.bundle:
        kept.append(f"{_place(composed[BUNDLE].kept)} (`bundle` is false now)")
    if kept:
        result = dataclasses.replace(
            result,
            message=f"{result.message}. Kept, because a repository never moves: "
            f"{', '.join(kept)}. To have what is asked for now, delete the claim and "
            "create it anew; images are not copied",
        )
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


def _place(repository: Repository) -> str:
    config, region, name = map(shown, repository.place)
    return f"{name} in {region} by {config}"


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
