"""What a deletion reaches: the claims that go, and their managed resources."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from function.api.parameters import CLAIM_KIND, GROUP, XR_KIND
from function.impact.objects import (
    NO_NAME,
    Claim,
    Cluster,
    ManagedRepository,
    Owner,
)
from function.providers.registry import PROVIDERS

OUR_DEFINITIONS = tuple(f"{kind.lower()}s.{GROUP}" for kind in (CLAIM_KIND, XR_KIND))
PROVIDER_DEFINITIONS = {
    f"repositories.{group}": group
    for group in (api.partition("/")[0] for api in PROVIDERS)
}

TargetKind = Literal["namespace", "claim", "crd", "configuration", "owner"]


class Target(NamedTuple):
    """What someone wants to delete.

    Attributes:
        kind: `owner` for a trigger, such as a Workload.
        name: Its name; for a CRD, PLURAL.GROUP.
        namespace: Its namespace, for a claim and a trigger.
        type: How kubectl calls the kind of a trigger: `workload`, `workloads` or
            `workloads.carto.run`.
    """

    kind: TargetKind
    name: str = ""
    namespace: str = ""
    type: str = ""


class Reached(NamedTuple):
    """A managed resource that a deletion reaches.

    Attributes:
        managed: The managed resource.
        obstacle: Why the deletion does not get to it; empty if it does.
        temporary: Whether that can end by itself or by an edit, so that the repository
            goes then.
    """

    managed: ManagedRepository
    obstacle: str = ""
    temporary: bool = False


class UnknownTargetError(Exception):
    """The target does not exist; the text is one line that says what to do."""


def deleted_claims(cluster: Cluster, target: Target) -> dict[tuple[str, str], Claim]:
    """Return the claims that a deletion reaches, by namespace and name.

    Those with another owner, which stay, are among them.

    Raises:
        UnknownTargetError: There is no such claim or CRD, or no claim has an owner of
            that kind.
    """
    target = _with_kind(cluster, target)
    if target.kind == "claim":
        if (key := (target.namespace, target.name)) not in cluster.claims:
            raise UnknownTargetError(
                f"there is no claim {target.name} in namespace {target.namespace}"
            )
        return {key: cluster.claims[key]}
    if target.kind == "owner":
        _check_owner_kind(cluster, target)
    return {key: claim for key, claim in cluster.claims.items() if _goes(claim, target)}


def reach(cluster: Cluster, target: Target) -> Iterator[Reached]:
    """Yield the managed resources that a deletion reaches.

    Raises:
        UnknownTargetError: See deleted_claims.
    """
    target = _with_kind(cluster, target)
    claims = deleted_claims(cluster, target)
    for managed in cluster.repositories:
        if _goes_directly(managed, target):
            yield _paused(managed) or Reached(managed)
        elif managed.claim in claims or _of_unread_claim(managed, target, cluster):
            yield _by_claim(managed, claims.get(managed.claim), target)


def _with_kind(cluster: Cluster, target: Target) -> Target:
    """Return a CRD's target with the group and the kind that it defines."""
    ours = (*OUR_DEFINITIONS, *PROVIDER_DEFINITIONS)
    if target.kind != "crd" or target.type or target.name in ours:
        return target
    if target.name not in cluster.definitions:
        raise UnknownTargetError(
            f"there is no CustomResourceDefinition {target.name}. Its name is "
            "PLURAL.GROUP, as in workloads.carto.run"
        )
    group, kind = cluster.definitions[target.name]
    return target._replace(type=f"{kind}.{group}")


def _goes(claim: Claim, target: Target) -> bool:
    """Whether a deletion reaches a claim."""
    if target.kind == "namespace":
        return claim.namespace == target.name
    if target.kind == "owner":
        return claim.namespace == target.namespace and any(
            _is_owner(owner, target) for owner in claim.owners
        )
    if target.kind == "crd" and target.name not in OUR_DEFINITIONS:
        return any(_is_owner(owner, target) for owner in claim.owners)
    return True


def _is_owner(owner: Owner, target: Target) -> bool:
    """Whether an owner goes with the target."""
    if target.name and target.kind == "owner" and owner.name != target.name:
        return False
    kind, _, group = target.type.lower().partition(".")
    return (not group or group == owner.group) and kind in (
        owner.kind.lower(),
        f"{owner.kind.lower()}s",
    )


def _check_owner_kind(cluster: Cluster, target: Target) -> None:
    """Refuse a kind that owns no claim: it is more likely a mistake than a trigger."""
    any_name = target._replace(name="")
    owners = {o for claim in cluster.claims.values() for o in claim.owners}
    if any(_is_owner(owner, any_name) for owner in owners):
        return
    kinds = sorted({owner.kind.lower() for owner in owners})
    of = f"only these kinds own claims: {', '.join(kinds)}" if kinds else ""
    raise UnknownTargetError(
        f"no claim has an owner of the kind {target.type}; "
        f"{of or 'no claim has an owner'}. The types are namespace, claim, crd, "
        "configuration, settings, and the kinds that own claims"
    )


def _goes_directly(managed: ManagedRepository, target: Target) -> bool:
    """Whether Kubernetes deletes a managed resource itself, whatever owns it."""
    if target.kind == "namespace":
        return bool(managed.namespace) and managed.namespace == target.name
    definition = PROVIDER_DEFINITIONS.get(target.name)
    return target.kind == "crd" and definition == managed.group


def _of_unread_claim(
    managed: ManagedRepository, target: Target, cluster: Cluster
) -> bool:
    """Whether a managed resource goes with a claim that was not read.

    Claims of other kinds, and of this kind if a file has only managed resources.
    """
    if managed.claim == NO_NAME or managed.claim in cluster.claims:
        return False
    if target.kind == "namespace":
        return managed.claim[0] == target.name
    everything = target.kind == "configuration" or target.name in OUR_DEFINITIONS
    return everything and managed.claim_kind in (CLAIM_KIND, XR_KIND)


def _by_claim(
    managed: ManagedRepository, claim: Claim | None, target: Target
) -> Reached:
    """Return a managed resource that a deletion reaches through its claim."""
    if not managed.controlled:
        return Reached(managed, "its managed resource has no owner, so it stays")
    if claim is not None and target.kind in ("owner", "crd"):
        others = [o for o in claim.owners if not _is_owner(o, target)]
        if others and target.name not in OUR_DEFINITIONS:
            stays = f"{others[0].kind} {others[0].name} owns the claim too"
            return Reached(managed, f"{stays}, so it stays")
    if claim is not None and claim.paused:
        return Reached(managed, _waits("claim"), temporary=True)
    return _paused(managed) or Reached(managed)


def _paused(managed: ManagedRepository) -> Reached | None:
    if not managed.paused:
        return None
    return Reached(managed, _waits("managed resource"), temporary=True)


def _waits(paused: str) -> str:
    return f"its {paused} is paused: it goes when crossplane.io/paused is removed"
