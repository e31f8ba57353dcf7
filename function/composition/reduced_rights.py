"""Take unearned rights from a refused claim's live resources.

Crossplane changes nothing on a fatal result. So while a claim is wrong, its provider
would keep the right to delete a repository that was replaced, that another claim owns,
or that `deletion: Never` protects. If a live resource has more rights than it has
earned, the response is not fatal. It desires the live resources unchanged, with fewer
rights. It never grants any.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.composition.competitors import LOCK, require_competitors
from function.composition.connection_details import unchanged_connection_object
from function.composition.desired import DesiredState, report
from function.composition.observed import (
    CONNECTION_OBJECT,
    EXISTING,
    IMAGE,
    LiveRepository,
    ObservedState,
)
from function.composition.own_fields import own_fields
from function.composition.repositories import ComposedRepository
from function.ecr.immutable_fields import as_observed
from function.ecr.ownership import (
    Ownership,
    ownership_of,
)
from function.ecr.policies import desired_policy
from function.ecr.provider_rights import (
    exceeds_earned_rights,
    lasts_while_refused,
    provider_rights,
)
from function.ecr.repository import ProviderRights
from function.ecr.secondary import secondary_rights
from function.providers import crossplane_runtime as runtime
from function.providers.base import Manifest

# Those that stay on a repository that may only be observed.
_FIELDS_WITHOUT_RIGHTS = frozenset({"region", "forceDelete"})


class _Kept(NamedTuple):
    """A live repository of a refused claim.

    Attributes:
        live: Its managed resource.
        composed: What it is.
        earned: What its provider may do to it at most.
    """

    live: LiveRepository
    composed: ComposedRepository
    earned: ProviderRights

    @property
    def exceeds(self) -> bool:
        """Whether its managed resource has more rights than that."""
        return exceeds_earned_rights(
            may_delete=self.live.repository.deletable,
            may_change=self.live.repository.changeable,
            earned_delete=self.rights.may_delete,
            earned_change=self.rights.may_change,
        )

    @property
    def rights(self) -> ProviderRights:
        """What its managed resource may keep. Its policies stay if they were earned."""
        adopted = self.earned is ProviderRights.CHANGE_ADOPTED
        if lasts_while_refused(adopted=adopted):
            return self.earned
        return ProviderRights.OBSERVE_ONLY


def reduce_rights(observed: ObservedState) -> DesiredState | None:
    """Return what a refused claim has, with no more rights than are earned.

    Returns:
        None if no rights have to be reduced: then a fatal result keeps everything as it
        is.
    """
    requirements = fnv1.Requirements()
    kept = dict(_kept(observed, requirements))
    released = dict(_released_policies(observed, kept))
    unanswered = {*requirements.resources} - observed.required - {LOCK}
    if not (unanswered or released or any(each.exceeds for each in kept.values())):
        return None
    desired = DesiredState(requirements=requirements)
    for name, each in kept.items():
        manifest = _reduced_manifest(observed, each)
        desired.resources[name] = (manifest, each.composed.reportable.ready)
    for name, policy in observed.policies.items():
        if name not in released:
            manifest = own_fields(
                policy.manifest,
                management_policies=observed.settings.honours_management_policies(
                    policy.provider
                ),
            )
            desired.resources[name] = (manifest, policy.policy.ready)
        elif release := released[name]:
            desired.resources[name] = (release, policy.policy.ready)
    if observed.connection_object is not None:
        manifest = unchanged_connection_object(observed.connection_object)
        desired.resources[CONNECTION_OBJECT] = (manifest, True)
    repositories = {name: each.composed for name, each in kept.items()}
    desired.unready = any(each.conflict for each in repositories.values())
    report(desired, repositories)
    return desired


def _kept(
    observed: ObservedState, requirements: fnv1.Requirements
) -> Iterator[tuple[str, _Kept]]:
    image = Ownership.UNCLAIMED
    namespace, _ = observed.identity.composite
    for name, live in observed.repositories.items():
        repository = as_observed(live.repository, namespace, observed.identity.uid)
        ownership = ownership_of(live.repository, observed.competitors.get(name, ()))
        rights = functools.partial(
            provider_rights,
            observed.settings.deletion,
            adopt=observed.settings.adoption(live.provider),
            existing=name == EXISTING,
            deletes_images=live.repository.force_delete,
        )
        earned = rights(ownership)
        # Only here do competitors matter: all others keep nothing anyway. Whether they
        # are required must not depend on the ones that were found. Otherwise the
        # requirements change with each call, and Crossplane gives up.
        unopposed = ownership_of(live.repository, ())
        if (
            unopposed is Ownership.ADOPTED
            and rights(unopposed) is ProviderRights.FULL
            and live.repository.changeable
        ):
            require_competitors(
                requirements,
                name,
                live.provider,
                repository,
                observed.searches[name],
            )
        if name == IMAGE:
            image = ownership
        elif image is not Ownership.CONFLICT:
            earned = secondary_rights(earned, image, live.repository)
        composed = ComposedRepository(
            repository, repository, live.provider, live.repository, ownership
        )
        yield name, _Kept(live, composed, earned)


def _released_policies(
    observed: ObservedState, kept: Mapping[str, _Kept]
) -> Iterator[tuple[str, Manifest | None]]:
    """Yield the policies to remove, with their manifest until they are gone."""
    for name, policy in observed.policies.items():
        of = kept.get(policy.repository)
        if (
            of is None
            or of.earned.may_change
            or of.composed.ownership is Ownership.PENDING
        ):
            continue
        provider = of.live.provider
        release = desired_policy(
            provider,
            policy.kind,
            of.composed.desired._replace(rights=ProviderRights.OBSERVE_ONLY),
            policy.policy,
            exists=bool(of.live.repository.arn),
        )
        yield (
            name,
            provider.policy_manifest(
                release,
                management_policies=observed.settings.honours_management_policies(
                    provider
                ),
            )
            if release
            else None,
        )


def _reduced_manifest(observed: ObservedState, kept: _Kept) -> Manifest:
    provider = kept.live.provider
    uses_policies = observed.settings.honours_management_policies(provider)
    manifest = own_fields(kept.live.manifest, management_policies=uses_policies)
    if not kept.exceeds:
        return manifest
    spec = manifest["spec"]
    if not kept.rights.may_change:
        spec["forProvider"] = {
            key: value
            for key, value in spec["forProvider"].items()
            if key in _FIELDS_WITHOUT_RIGHTS
        }
    if provider.has_deletion_policy:
        spec |= runtime.deletion_policy(kept.rights)
    if uses_policies or "managementPolicies" in spec:
        spec |= runtime.management_policies(
            kept.rights, late_initialize=not kept.live.repository.copies_tags
        )
    return manifest
