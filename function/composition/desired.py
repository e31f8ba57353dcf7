"""The desired state, computed from the observed state. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.api.overrides import repository_options
from function.api.parameters import (
    Parameters,
    check_scope,
    parse_parameters,
    read_parameters,
)
from function.api.settings import RepositoryRole, Settings
from function.composition.competitors import require_competitors
from function.composition.conditions import (
    Condition,
    repositories_ready,
    repository_status,
    unapplied_changes,
)
from function.composition.connection_details import (
    connection_details,
    connection_object,
)
from function.composition.observed import (
    BUNDLE,
    CONNECTION_OBJECT,
    IMAGE,
    ObservedState,
    policy_name,
)
from function.composition.repositories import ComposedRepository, with_rights
from function.composition.ttl import (
    PENDING_SECONDS,
    RELEASE_SECONDS,
    RELEASE_TAKES,
    SETTLING_SECONDS,
    SETTLING_TAKES,
    is_recent,
    ttl_seconds,
)
from function.ecr.bundle import (
    bundle_rights,
    bundle_stays,
    release_bundle,
    without_force,
)
from function.ecr.immutable_fields import pin_immutable_fields
from function.ecr.options import RepositoryOptions, with_automatic_tags
from function.ecr.ownership import (
    is_unready,
    may_compose,
    ownership_of,
    release_started,
)
from function.ecr.policies import PolicyKind, desired_policy
from function.ecr.provider_rights import provider_rights
from function.ecr.repository import (
    NOT_OBSERVED,
    DesiredRepository,
    ProviderRights,
)
from function.providers.base import Manifest
from function.providers.registry import PROVIDERS

# Each repository's role in the Input, in the status and in connection details.
ROLES: dict[str, RepositoryRole] = {IMAGE: "image", BUNDLE: "bundle"}


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
    desired.condition = _condition(observed, repositories, problems)
    has_problems = any(problems) or any(
        each.reportable.problem for each in repositories.values()
    )
    conflict = any(each.conflict for each in repositories.values())
    # All are there within seconds. Until then nothing that the XR says changes.
    settles = (
        observed.is_new and desired.condition.reason == "Creating" and not has_problems
    )
    # Each change of a claim makes Crossplane reconcile it once more.
    desired.claim_is_told = not settles or not is_recent(
        observed.time, observed.identity.created_at, SETTLING_TAKES
    )
    desired.unready = is_unready(conflict=conflict, settles=settles)
    if not settles:
        report(desired, repositories)
    if settings.connection and desired.connection_details:
        manifest = connection_object(
            settings.connection.kind,
            parameters.xr_name,
            dict(sorted(desired.connection_details.items())),
        )
        desired.resources[CONNECTION_OBJECT] = (manifest, True)
    desired.ttl_seconds = ttl_seconds(
        ready=desired.condition.ready
        and all(ready for _, ready in desired.resources.values()),
        conflict=conflict,
        requirements=desired.requirements is not None,
        problems=has_problems,
        watch_suspended=raw.watch_suspended,
    )
    if desired.condition.reason == "PreviousDeleting":
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
        )
    return repositories


def _requested(
    observed: ObservedState, parameters: Parameters
) -> Iterator[tuple[str, DesiredRepository]]:
    """Yield what the parameters and options ask for, by composed resource name."""
    settings = observed.settings
    names = {IMAGE: parameters.image_name}
    # Crossplane deletes a live bundle that is missing from the desired state, with its
    # images. So it stays after `bundle: false` was set.
    if settings.bundle or bundle_stays(live=BUNDLE in observed.repositories):
        names[BUNDLE] = parameters.bundle_name
    for name, repository_name in names.items():
        yield (
            name,
            DesiredRepository(
                repository_name,
                parameters.region,
                parameters.provider_config,
                parameters.namespace if parameters.namespaced else "",
                _options(settings, ROLES[name], parameters),
                composite_uid=observed.identity.uid,
            ),
        )


def _options(
    settings: Settings, role: RepositoryRole, parameters: Parameters
) -> RepositoryOptions:
    options = repository_options(settings, role, parameters.overrides)
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
        uses_policies = observed.settings.honours_management_policies(each.provider)
        rights = provider_rights(observed.settings.deletion, each.ownership)
        if name == BUNDLE and not image.conflict:
            rights = bundle_rights(rights, image.ownership, each.observed)
        repository = with_rights(
            each.desired,
            rights,
            applies_options_on_create_only=uses_policies
            and each.provider.creates_with_options,
        )
        policies_of = repository
        if each.observed and name == BUNDLE and image.conflict:
            # The bundle goes to the owner of the image.
            policies_of = with_rights(
                each.desired,
                ProviderRights.OBSERVE_ONLY,
                applies_options_on_create_only=True,
            )
            released = release_bundle(repository, each.observed, each.ownership)
            if released is None and _has_policies(observed, name):
                # Release its policies first: some of them cannot be deleted after it.
                released = without_force(repository)
            if released is None:
                continue
            repository = released
        if may_compose(conflict=conflict, live=bool(each.observed)):
            manifest = each.provider.repository_manifest(
                repository, management_policies=uses_policies
            )
            desired.resources[name] = (manifest, each.reportable.ready)
        problems += _compose_policies(observed, name, each, policies_of, desired)
    return problems


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
    provider = composed.provider
    exists = bool(composed.observed and composed.observed.arn)
    for kind in PolicyKind:
        name = policy_name(repository_name, kind)
        live = observed.policies.get(name)
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
            ROLES[name]: repository_status(each.desired.name, each.reportable)
            for name, each in repositories.items()
        }
    }
    if image := repositories.get(IMAGE):
        bundle = repositories.get(BUNDLE)
        desired.connection_details = connection_details(
            image.desired.region,
            image.reportable,
            bundle.reportable if bundle else None,
        )


def _condition(
    observed: ObservedState,
    repositories: Mapping[str, ComposedRepository],
    problems: list[str],
) -> Condition:
    settings = observed.settings
    condition = repositories_ready(
        repositories, settings.deletion, problems, is_new=observed.is_new
    )
    kept = unapplied_changes(
        [*repositories.values()],
        PROVIDERS[settings.provider],
        bundle_switched_off=BUNDLE in repositories and not settings.bundle,
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
