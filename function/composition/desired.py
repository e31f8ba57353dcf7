"""What is answered to what was seen. Pure: the same is answered the same."""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.api.input import Input, RepositoryRole
from function.api.overrides import repository_options
from function.api.parameters import Parameters, check_scope, parse_parameters
from function.composition import competitors as served
from function.composition import connection_object as connection
from function.composition.competitors import Search
from function.composition.composed import Composed, given, keep_identity, kept
from function.composition.conditions import (
    CONDITION,
    Condition,
    condition,
    connection_details,
    repository_status,
)
from function.composition.observed import (
    BUNDLE,
    IMAGE,
    Live,
    Seen,
    policy_name,
    requirement,
)
from function.composition.ttl import ttl_seconds
from function.ecr import ownership
from function.ecr.options import RepositoryOptions, with_automatic_tags
from function.ecr.ownership import (
    Standing,
    bundle_rights,
    give_up,
    rights,
    standing,
    unforced,
)
from function.ecr.policies import Kind, attach
from function.ecr.repository import (
    UNKNOWN,
    ProviderConfig,
    Repository,
    Rights,
)
from function.errors import shown
from function.providers import managed
from function.providers.base import Provider
from function.providers.registry import PROVIDERS

# The name of a namespaced XR's object of connection details.
CONNECTION = "connection"


class Answer(NamedTuple):
    """An answer, serialized.

    Attributes:
        response: What is merged into a response that holds what earlier steps want.
        status: The XR's status, a Struct; merged by itself, because earlier steps may
            have one too.
    """

    response: bytes
    status: bytes


# While its resources come to be, an XR is asked about every second or so, and most of
# that says nothing new. Each is some six kilobytes, with what was seen.
@functools.lru_cache(maxsize=512)
def answer(seen: Seen) -> Answer:
    """Answer what was seen.

    Raises:
        InvalidRequestError: It cannot be met as it stands.
    """
    rsp = fnv1.RunFunctionResponse()
    settings = seen.settings
    composite = parse_parameters(seen.asked, settings)
    check_scope(composite, settings)
    live = dict(seen.live)
    new = Live(PROVIDERS[settings.provider], None)
    composed = {}
    for key, wanted in _wanted(composite, settings, live, seen.asked.xr_uid).items():
        own = live.get(key, new)
        has = keep_identity(wanted, own.facts or UNKNOWN)
        its = _standing(rsp, seen, key, has, own)
        composed[key] = Composed(wanted, has, own.provider, own.facts, its)
    problems = _compose(rsp, seen, composed)
    _report(rsp, seen, composite, composed, problems)
    if settings.connection and rsp.desired.composite.connection_details:
        _connect(rsp, composite.xr_name, settings.connection.kind)
    return Answer(
        rsp.SerializeToString(),
        status(composed).SerializeToString(),
    )


def _wanted(
    composite: Parameters, settings: Input, live: Collection[str], uid: str
) -> dict[str, Repository]:
    names = {IMAGE: composite.image_name}
    # A live bundle stays where `bundle` was switched off: what is missing from the
    # desired state is deleted by Crossplane, with its images.
    if settings.bundle or ownership.bundle_stays(live=BUNDLE in live):
        names[BUNDLE] = composite.bundle_name
    namespace = composite.namespace if composite.namespaced else ""
    return {
        key: Repository(
            name,
            composite.region,
            composite.provider_config,
            namespace,
            _options(composite, settings, "image" if key == IMAGE else "bundle"),
            composite_uid=uid,
        )
        for key, name in names.items()
    }


def _options(
    composite: Parameters, settings: Input, role: RepositoryRole
) -> RepositoryOptions:
    options = repository_options(settings, role, composite.overrides)
    return with_automatic_tags(options, composite.workload_name, composite.namespace)


def _standing(
    rsp: fnv1.RunFunctionResponse,
    seen: Seen,
    key: str,
    repository: Repository,
    live: Live,
) -> Standing:
    """Ask Crossplane who else asks for a repository, unless it is ours for good."""
    own = live.facts
    if own and own.created_it:
        return Standing.CREATED
    require_rivals(
        rsp.requirements,
        key,
        live.provider,
        repository,
        dict(seen.search)[key],
    )
    return standing(own, dict(seen.rivals).get(key, ()))


def require_rivals(
    requirements: fnv1.Requirements,
    key: str,
    own: Provider,
    repository: Repository,
    where: Search,
) -> None:
    """Require the managed resources that ask for a repository, in all APIs.

    Args:
        requirements: Where.
        key: The repository's composed resource.
        own: The API that it is of.
        repository: Which one.
        where: Which other ones are served.
    """
    served.require(requirements, where)
    apis = [(own, ""), *((PROVIDERS[api], api) for api in where.others)]
    for provider, api in apis:
        # Without a namespace: in all of them.
        selector = fnv1.ResourceSelector(
            api_version=provider.api_version,
            kind=provider.kind,
            match_labels=fnv1.MatchLabels(
                labels={
                    managed.IDENTITY: provider.identify(in_api(repository, provider))
                }
            ),
        )
        name = requirement(key, api)
        requirements.resources[name].CopyFrom(selector)
        if where.older:
            # Crossplane v1 knows them by their older name.
            requirements.extra_resources[name].CopyFrom(selector)


def in_api(repository: Repository, provider: Provider) -> Repository:
    """Return a repository as another provider's API has it.

    A provider config of the same name is taken for the same account.
    """
    kinds = provider.config_kinds
    if repository.provider_config.kind in kinds or not (
        kinds or repository.provider_config.kind
    ):
        return repository
    config = ProviderConfig(repository.provider_config.name, kinds[0] if kinds else "")
    return repository._replace(provider_config=config)


def _compose(
    rsp: fnv1.RunFunctionResponse, seen: Seen, composed: dict[str, Composed]
) -> list[str]:
    """Desire the repositories and their policies; return what is wrong with these."""
    taken = any(each.standing is Standing.TAKEN for each in composed.values())
    if ownership.is_unready(taken=taken):
        # Without a desired resource, Crossplane would call the XR ready.
        rsp.desired.composite.ready = fnv1.READY_FALSE
    settings, problems = seen.settings, list[str]()
    image_taken = composed[IMAGE].standing is Standing.TAKEN
    for key, each in composed.items():
        manages = settings.honours_management_policies(each.provider)
        earned = rights(settings.deletion, each.standing)
        if key == BUNDLE and not image_taken:
            earned = bundle_rights(earned, composed[IMAGE].standing, each.facts)
        repository = given(
            each.kept,
            earned,
            leaves_adopted_alone=manages and each.provider.creates_with_options,
        )
        policies_of = repository
        if each.facts and key == BUNDLE and image_taken:
            policies_of = given(each.kept, Rights.OBSERVE, leaves_adopted_alone=True)
            released = give_up(repository, each.facts, each.standing)
            if released is None and _has_policies(seen, key):
                # They go first: not all of them can once it is gone.
                released = unforced(repository)
            if released is None:
                continue
            repository = released
        if ownership.may_compose(taken=taken, live=bool(each.facts)):  # both or none
            manifest = each.provider.manifest(repository, manages=manages)
            desire(rsp, key, manifest, ready=each.known.ready)
        problems += _attach(rsp, seen, key, each, policies_of)
    return problems


def _has_policies(seen: Seen, key: str) -> bool:
    names = {policy_name(key, kind) for kind in Kind}
    return any(name in names for name, _ in seen.policies)


def _attach(
    rsp: fnv1.RunFunctionResponse,
    seen: Seen,
    key: str,
    composed: Composed,
    repository: Repository,
) -> Iterator[str]:
    """Desire a repository's policies; return what is wrong with them."""
    provider, policies = composed.provider, dict(seen.policies)
    manages = seen.settings.honours_management_policies(provider)
    there = bool(composed.facts and composed.facts.arn)
    for kind in Kind:
        name = policy_name(key, kind)
        live = policies.get(name)
        wanted = attach(provider, kind, repository, live, there=there)
        if wanted:
            manifest = provider.attachment(wanted, manages=manages)
            desire(rsp, name, manifest, ready=bool(live and live.ready))
        if live:
            yield live.problem


def desire(
    rsp: fnv1.RunFunctionResponse, name: str, manifest: dict[str, Any], *, ready: bool
) -> None:
    """Desire a composed resource."""
    # By the constructor: Struct.update() takes twice as long.
    rsp.desired.resources[name].CopyFrom(
        fnv1.Resource(
            resource=manifest,
            ready=fnv1.READY_TRUE if ready else fnv1.READY_UNSPECIFIED,
        )
    )


def _report(
    rsp: fnv1.RunFunctionResponse,
    seen: Seen,
    composite: Parameters,
    composed: dict[str, Composed],
    problems: list[str],
) -> None:
    settings = seen.settings
    known = {key: each.known for key, each in composed.items()}
    names: dict[str, str] = {key: each.kept.name for key, each in composed.items()}
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
    set_condition(rsp, result)
    rsp.meta.ttl.seconds = ttl_seconds(
        ready=result.ready
        and all(r.ready == fnv1.READY_TRUE for r in rsp.desired.resources.values()),
        taken=result.reason == "NameTaken",
        asked=bool(rsp.requirements.resources),
        problems=any(problems) or any(facts.problem for facts in known.values()),
        unheard=seen.asked.watch_suspended,
    )
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
    details = dict(sorted(rsp.desired.composite.connection_details.items()))
    desire(rsp, CONNECTION, connection.manifest(kind, name, details), ready=True)


def status(composed: Mapping[str, Composed]) -> structpb.Struct:
    """Return the XR's status."""
    repositories = {
        word: repository_status(each.kept.name, each.known)
        for key, word in ((IMAGE, "image"), (BUNDLE, "bundle"))
        if (each := composed.get(key))
    }
    return fnv1.Resource(resource={"repositories": repositories}).resource


def merge_status(rsp: fnv1.RunFunctionResponse, given: structpb.Struct) -> None:
    """Merge into what earlier steps say of the XR's status."""
    there = rsp.desired.composite.resource.fields["status"].struct_value
    there.MergeFrom(given)


def set_condition(rsp: fnv1.RunFunctionResponse, result: Condition) -> None:
    """Put a condition on the XR and its claim."""
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
