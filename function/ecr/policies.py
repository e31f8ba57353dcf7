"""Which policies a repository has in ECR: its lifecycle and its repository policy.

Each is a managed resource of its own.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from function.ecr.provider_rights import may_have_policy
from function.ecr.repository import DesiredRepository


class PolicyKind(StrEnum):
    """Which policy. Its value ends the composed resource's name and never changes."""

    LIFECYCLE = "lifecycle"
    PERMISSIONS = "policy"


class DesiredPolicy(NamedTuple):
    """One desired policy.

    Attributes:
        kind: Which policy.
        repository: The repository that it belongs to.
        text: The policy in JSON.
        deletable: Whether the provider deletes it from ECR with its managed resource.
    """

    kind: PolicyKind
    repository: DesiredRepository
    text: str
    deletable: bool = True


class ObservedPolicy(NamedTuple):
    """What a policy's managed resource says."""

    text: str = ""
    ready: bool = False
    deletable: bool = False
    problem: str = ""


class _Provider(Protocol):
    immutable_policies: frozenset[PolicyKind]
    undeletable_policies: frozenset[PolicyKind]


def desired_policy(
    provider: _Provider,
    kind: PolicyKind,
    repository: DesiredRepository,
    observed: ObservedPolicy | None,
    *,
    exists: bool,
) -> DesiredPolicy | None:
    """Return a repository's desired policy; None composes no managed resource for it.

    A repository gets a policy only if we may change the repository: not if it was
    adopted, and not if another claim owns it. If such a repository has one of our
    policies, the repository was ours earlier. The policy is then removed from ECR: a
    policy that stays keeps expiring images, and without a policy no image expires.

    Args:
        provider: See Provider for its two attributes.
        kind: Which policy.
        repository: The repository, with its options and the provider's rights.
        observed: The live policy; None if there is none.
        exists: Whether the repository exists in ECR, as far as is known.
    """
    requested = _text(kind, repository)
    if requested and may_have_policy(earned=repository.rights.may_change):
        changed = observed is not None and observed.text not in ("", requested)
        if changed and kind in provider.immutable_policies:
            return None  # deleted first, then created with the new text
        deletable = kind not in provider.undeletable_policies
        return DesiredPolicy(kind, repository, requested, deletable)
    # First grant the right to delete it, then release it.
    if observed is None or observed.deletable or not observed.text or not exists:
        return None
    return DesiredPolicy(kind, repository, observed.text)


def kept_policy(
    provider: _Provider,
    kind: PolicyKind,
    repository: DesiredRepository,
    observed: ObservedPolicy | None,
) -> DesiredPolicy | None:
    """Return a live policy unchanged; None if there is none.

    Args:
        provider: See desired_policy, as for the others.
        kind: Which policy.
        repository: The repository, whose options stay as they are.
        observed: The live policy; None if there is none.
    """
    if observed is None or not observed.text:
        return None
    deletable = kind not in provider.undeletable_policies
    return DesiredPolicy(kind, repository, observed.text, deletable)


def _text(kind: PolicyKind, repository: DesiredRepository) -> str:
    if kind is PolicyKind.LIFECYCLE:
        return repository.options.lifecycle_policy()
    return repository.options.repository_policy(repository.region)
