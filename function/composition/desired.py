"""The desired state, computed from the observed state. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import struct_pb2 as structpb

from function.api.overrides import repository_options
from function.api.parameters import (
    Parameters,
    check_scope,
    parse_parameters,
    read_parameters,
)
from function.api.settings import Settings
from function.composition.competitors import require_competitors
from function.composition.conditions import (
    Condition,
    repositories_ready,
    repository_status,
    said_ready,
    still_creating,
    unapplied_changes,
)
from function.composition.connection_details import (
    connection_details,
    connection_object,
    unchanged_connection_object,
)
from function.composition.observed import (
    BUNDLE,
    CONNECTION_OBJECT,
    EXISTING,
    IMAGE,
    ObservedState,
    composed_name,
    key_of,
    policy_names,
)
from function.composition.own_fields import add_filled_in, keep_options
from function.composition.repositories import (
    ComposedRepository,
    additions_to,
    sends_options,
    with_rights,
)
from function.composition.ttl import (
    PENDING_SECONDS,
    QUIET_TAKES,
    RELEASE_SECONDS,
    RELEASE_TAKES,
    SETTLING_SECONDS,
    SETTLING_TAKES,
    is_recent,
    ttl_seconds,
)
from function.ecr.adoption import adopted_repository, observed_repository
from function.ecr.immutable_fields import as_observed, pin_immutable_fields
from function.ecr.options import RepositoryOptions, with_automatic_tags
from function.ecr.ownership import (
    is_unready,
    may_compose,
    ownership_of,
    release_started,
)
from function.ecr.policies import desired_policy, kept_policy
from function.ecr.provider_additions import Additions
from function.ecr.provider_rights import Adoption, provider_rights
from function.ecr.repository import (
    NOT_OBSERVED,
    DesiredRepository,
    ProviderRights,
    holds_images,
)
from function.ecr.secondary import (
    existing_is_released,
    release_secondary,
    secondary_rights,
    unrequested_stays,
    without_force,
)
from function.errors import InvalidInputError, quote
from function.providers.base import Manifest
from function.providers.crossplane_runtime import is_behind
from function.providers.registry import PROVIDERS


@dataclasses.dataclass(slots=True)
class DesiredState:
    """The desired state, and everything else in the response.

    Attributes:
        resources: The manifest of each composed resource and whether it is ready, by
            composed resource name.
        requirements: What Crossplane has to send with the next call; None for nothing.
        condition: The RepositoriesReady condition.
        status: The XR's status; None leaves it alone.
        connection_details: The XR's connection details.
        claim_is_told: Whether the condition also reaches the claim.
        unready: Whether the XR is not ready, whatever is composed.
        warnings: Messages of warning results, which become events.
        ttl_seconds: How long the response stays valid.
    """

    resources: dict[str, tuple[Manifest, bool]] = dataclasses.field(
        default_factory=dict
    )
    requirements: fnv1.Requirements | None = None
    condition: Condition | None = None
    claim_is_told: bool = True
    status: dict[str, Any] | None = None
    connection_details: dict[str, bytes] = dataclasses.field(default_factory=dict)
    unready: bool = False
    warnings: list[str] = dataclasses.field(default_factory=list)
    ttl_seconds: int = PENDING_SECONDS


def decide(observed: ObservedState) -> DesiredState:
    """Compute the desired state.

    Raises:
        InvalidParameterError: A parameter of the claim is wrong.
        NotAllowedError: The platform does not allow a parameter.
        InvalidInputError: The Composition's input does not fit the XR.
    """
    settings = observed.settings
    raw = read_parameters(observed.composite)
    parameters = parse_parameters(raw, settings)
    check_scope(parameters, settings)
    desired = DesiredState()
    requirements = fnv1.Requirements()
    repositories = _repositories(observed, parameters, requirements)
    if requirements.resources:
        desired.requirements = requirements
    problems = _compose(observed, repositories, desired)
    condition = _condition(observed, repositories, problems)
    has_problems = any(problems) or any(
        each.reportable.problem for each in repositories.values()
    )
    conflict = any(each.conflict for each in repositories.values())
    # All are there within seconds. Until then nothing that the XR says changes.
    settles = observed.is_new and condition.reason == "Creating" and not has_problems
    waits = (
        condition.ready
        and not has_problems
        and _waits_for_quiet(observed, repositories)
    )
    if waits:
        condition = still_creating(repositories)
    desired.condition = condition
    # Each change of a claim makes Crossplane reconcile it once more.
    desired.claim_is_told = not (settles or waits) or not is_recent(
        observed.time, observed.identity.created_at, SETTLING_TAKES
    )
    desired.unready = is_unready(conflict=conflict, settles=settles or waits)
    if not settles:
        report(desired, repositories)
    if waits:
        desired.connection_details = {}
    if settings.connection and desired.connection_details:
        manifest = connection_object(
            settings.connection.kind,
            parameters.xr_name,
            dict(sorted(desired.connection_details.items())),
        )
        desired.resources[CONNECTION_OBJECT] = (manifest, True)
    elif settings.connection and observed.connection_object is not None:
        # While the repositories are created again, pods need the object as before.
        manifest = unchanged_connection_object(observed.connection_object)
        desired.resources[CONNECTION_OBJECT] = (manifest, True)
    desired.ttl_seconds = ttl_seconds(
        ready=condition.ready and all(ready for _, ready in desired.resources.values()),
        conflict=conflict,
        requirements=desired.requirements is not None,
        problems=has_problems,
        watch_suspended=raw.watch_suspended,
    )
    if condition.reason == "PreviousDeleting":
        began = max(each.release_started for each in repositories.values())
        if is_recent(observed.time, began, RELEASE_TAKES):
            desired.ttl_seconds = RELEASE_SECONDS
    if not desired.claim_is_told:
        desired.ttl_seconds = SETTLING_SECONDS
    desired.warnings = [*_warnings(parameters, repositories)]
    return desired


def _repositories(
    observed: ObservedState, parameters: Parameters, requirements: fnv1.Requirements
) -> dict[str, ComposedRepository]:
    """Return the repositories, and require what is missing to decide whose they are."""
    new_provider = PROVIDERS[observed.settings.provider]
    repositories = {}
    for name, requested in _requested(observed, parameters):
        live = observed.repositories.get(name)
        provider = live.provider if live else new_provider
        existing = live.repository if live else None
        desired = pin_immutable_fields(requested, existing or NOT_OBSERVED)
        if search := observed.searches.get(name):
            require_competitors(requirements, name, provider, desired, search)
        competitors = observed.competitors.get(name, ())
        repositories[name] = ComposedRepository(
            requested,
            desired,
            provider,
            existing,
            ownership_of(existing, competitors),
            release_started(existing, competitors),
            any(holds_images(each.problem) for each in competitors),
            unrequested=(unrequested := name not in observed.requested),
            keeps_options=unrequested
            and not observed.settings.has_options(key_of(name)),
            existing=name == EXISTING,
            creates_with_options=provider.creates_with_options
            and observed.settings.honours_management_policies(provider),
        )
    _check_locations(observed.settings, repositories)
    return repositories


def _check_locations(
    settings: Settings, repositories: Mapping[str, ComposedRepository]
) -> None:
    """Refuse to compose one repository twice, under two composed resource names.

    Live repositories keep their names when a template or a key changes, so a new one
    can ask for the name of a live one.

    Raises:
        InvalidInputError: Two repositories of the claim are the same one.
    """
    if all(each.observed for each in repositories.values()):
        return
    found: dict[tuple[str, str, str], str] = {}
    for name, each in repositories.items():
        other = found.setdefault(each.desired.location, name)
        is_new = None in (each.observed, repositories[other].observed)
        if other != name and is_new:
            if each.observed:
                name, other = other, name  # noqa: PLW2901  # the new one is wrong
            repository = quote(each.desired.name)
            raise InvalidInputError(
                f"{settings.path('name')}, {settings.path('repositories')}",
                f"the repository name {repository} for {key_of(name)}",
                f"it is the name of this claim's repository {key_of(other)}, and "
                "existing repositories keep their names",
                "Use a suffix or a name that no existing repository has, or undo the "
                "change",
            )


def _requested(
    observed: ObservedState, parameters: Parameters
) -> Iterator[tuple[str, DesiredRepository]]:
    """Yield what the parameters and options ask for, by composed resource name.

    Crossplane deletes a live repository that is missing from the desired state, with
    its images. So it stays after it left the settings or the claim.
    """
    namespace = parameters.namespace if parameters.namespaced else ""
    uid = observed.identity.uid
    for key, repository_name in parameters.names.items():
        yield (
            composed_name(key),
            DesiredRepository(
                repository_name,
                parameters.region,
                parameters.provider_config,
                namespace,
                _options(observed.settings, key, parameters),
                composite_uid=uid,
            ),
        )
    for name, live in observed.repositories.items():
        if name in observed.requested or existing_is_released(
            existing=name == EXISTING, deletable=live.repository.deletable
        ):
            continue
        if unrequested_stays(deleting=live.repository.deleting):
            options = _options(observed.settings, key_of(name), parameters)
            kept = as_observed(live.repository, namespace, uid)
            yield name, kept._replace(options=options)


def _options(settings: Settings, key: str, parameters: Parameters) -> RepositoryOptions:
    options = repository_options(settings, key, parameters.overrides)
    if not options.automatic_tags:
        return options
    return with_automatic_tags(options, parameters.workload_name, parameters.namespace)


def _compose(
    observed: ObservedState,
    repositories: Mapping[str, ComposedRepository],
    desired: DesiredState,
) -> list[str]:
    """Add the composed resources; return the problems that providers report."""
    conflict = any(each.conflict for each in repositories.values())
    image = repositories[IMAGE]
    problems: list[str] = []
    for name, each in repositories.items():
        # The owner of the image gets the others too.
        adopt = observed.settings.adoption(each.provider)
        rights = provider_rights(
            observed.settings.deletion,
            each.ownership,
            Adoption.OBSERVE if image.conflict else adopt,
            existing=name == EXISTING,
            deletes_images=bool(each.observed and each.observed.force_delete),
        )
        if name != IMAGE and not image.conflict:
            rights = secondary_rights(rights, image.ownership, each.observed)
        additions = additions_to(each)
        repository = with_rights(
            each.desired,
            rights,
            creates_with_options=each.creates_with_options,
            has_provider_tags=additions is not Additions.NOTHING,
        )
        policies_of = repository
        if each.observed and rights is ProviderRights.CHANGE_ADOPTED:
            repository = adopted_repository(
                repository, each.observed, requested=not each.keeps_options
            )
        elif name == EXISTING:
            repository = observed_repository(repository)
        if each.observed and name != IMAGE and image.conflict:
            # It goes to the owner of the image.
            policies_of = with_rights(
                each.desired,
                ProviderRights.OBSERVE_ONLY,
                creates_with_options=False,
            )
            released = release_secondary(repository, each.observed, each.ownership)
            if released is None and _has_policies(observed, name):
                # Release its policies first: some of them cannot be deleted after it.
                released = without_force(repository)
            if released is None:
                continue
            repository = released
        if may_compose(conflict=conflict, live=bool(each.observed)):
            manifest = _repository_manifest(observed, name, each, repository, additions)
            desired.resources[name] = (manifest, each.reportable.ready)
        problems += _compose_policies(observed, name, each, policies_of, desired)
    return problems


def _repository_manifest(
    observed: ObservedState,
    name: str,
    composed: ComposedRepository,
    repository: DesiredRepository,
    additions: Additions,
) -> Manifest:
    """Return a repository's manifest, with what its managed resource keeps."""
    provider = composed.provider
    manifest = provider.repository_manifest(
        repository,
        management_policies=observed.settings.honours_management_policies(provider),
    )
    live = observed.repositories.get(name)
    managed = live.manifest if live else structpb.Struct()
    rights = repository.rights
    if additions is not Additions.NOTHING and sends_options(
        rights, creates_with_options=composed.creates_with_options
    ):
        add_filled_in(
            manifest,
            managed,
            provider.filled_in,
            defaults=additions is Additions.DEFAULTS,
        )
    # The others' rights are reduced, or follow ECR: see adoption.py.
    if (
        composed.keeps_options
        and rights.may_change
        and rights is not ProviderRights.CHANGE_ADOPTED
    ):
        keep_options(manifest, managed)
    return manifest


def _has_policies(observed: ObservedState, name: str) -> bool:
    return any(policy.repository == name for policy in observed.policies.values())


def _compose_policies(
    observed: ObservedState,
    repository_name: str,
    composed: ComposedRepository,
    repository: DesiredRepository,
    desired: DesiredState,
) -> Iterator[str]:
    """Add a repository's policies; yield the problems that the provider reports."""
    options = repository.options
    if not (observed.policies or options.lifecycle or options.permissions):
        return
    keeps_text = composed.keeps_options and repository.rights.may_change
    provider = composed.provider
    exists = bool(composed.observed and composed.observed.arn)
    for kind, name in policy_names(repository_name):
        live = observed.policies.get(name)
        if keeps_text:
            policy = kept_policy(
                provider, kind, repository, live.policy if live else None
            )
        else:
            policy = desired_policy(
                provider, kind, repository, live.policy if live else None, exists=exists
            )
        if policy:
            manifest = provider.policy_manifest(
                policy,
                management_policies=observed.settings.honours_management_policies(
                    provider
                ),
            )
            desired.resources[name] = (manifest, bool(live and live.policy.ready))
        if live:
            yield live.policy.problem


def report(
    desired: DesiredState, repositories: Mapping[str, ComposedRepository]
) -> None:
    """Set the XR's status and connection details."""
    desired.status = {
        "repositories": {
            key_of(name): repository_status(each.desired.name, each.reportable)
            for name, each in repositories.items()
        }
    }
    more = [
        each.reportable.uri
        for name, each in repositories.items()
        if name not in (IMAGE, BUNDLE) and each.reportable.uri
    ]
    if more:
        desired.status["moreRepositories"] = more
    if image := repositories.get(IMAGE):
        uris = {
            key_of(name): each.reportable.uri for name, each in repositories.items()
        }
        desired.connection_details = connection_details(image.desired.region, uris)


def _waits_for_quiet(
    observed: ObservedState, repositories: Mapping[str, ComposedRepository]
) -> bool:
    """Whether a new XR hears later that its repositories are ready.

    Crossplane applies an XR's status with the conditions of the XR in its cache (v2.3.4
    and v2.4.2, composition_functions.go). What changed during a reconcile makes it
    reconcile again at once, and then the cache often has no result of the last one yet.
    So the XR, and its claim, would go from ready back to creating, several times. Hence
    the URIs come first, and the condition when nothing is left to change.
    """
    found = repositories.values()
    return (
        is_recent(observed.time, observed.identity.created_at, QUIET_TAKES)
        and all(each.provider.waits_for_quiet for each in found)
        and not said_ready(observed.composite)
        and (
            observed.is_new
            or any(is_behind(live.manifest) for live in observed.repositories.values())
        )
    )


def _condition(
    observed: ObservedState,
    repositories: Mapping[str, ComposedRepository],
    problems: list[str],
) -> Condition:
    settings = observed.settings
    condition = repositories_ready(
        repositories,
        settings.deletion,
        problems,
        is_new=observed.is_new,
        managed=all(
            settings.adoption(each.provider) is Adoption.MANAGE
            for each in repositories.values()
        ),
    )
    kept = unapplied_changes(
        {key_of(name): each for name, each in repositories.items()},
        PROVIDERS[settings.provider],
    )
    if not kept:
        return condition
    return dataclasses.replace(condition, message=condition.message + kept)


def _warnings(
    parameters: Parameters, repositories: Mapping[str, ComposedRepository]
) -> Iterator[str]:
    """Yield what only the first reconcile warns about: a result becomes an event."""
    if any(each.observed for each in repositories.values()):
        return
    if host := parameters.prefix.host_like:
        yield (
            f"spec.parameters.repoPrefix: {host} looks like a registry host, but is "
            "not one of ECR's. It stays in the repository names. Remove it, unless "
            "that is intended"
        )
