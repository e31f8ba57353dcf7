"""A repository's policies: resources of their own, that stand or go with it."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from function.ecr import ownership
from function.ecr.repository import Repository, Rights


class Kind(StrEnum):
    """Which policy; the word ends its composed resource's name, for ever."""

    LIFECYCLE = "lifecycle"
    PERMISSIONS = "policy"


class Attachment(NamedTuple):
    """One desired policy.

    Attributes:
        kind: Which one.
        repository: Whose.
        text: The policy itself.
        deletable: Whether the policy goes with its resource.
    """

    kind: Kind
    repository: Repository
    text: str
    deletable: bool = True


class Attached(NamedTuple):
    """What a provider has observed of a policy."""

    text: str = ""
    ready: bool = False
    deletable: bool = False
    problem: str = ""


class _Provider(Protocol):
    replaces: frozenset[Kind]
    outlived: frozenset[Kind]


def attach(
    provider: _Provider,
    kind: Kind,
    repository: Repository,
    live: Attached | None,
    *,
    there: bool,
) -> Attachment | None:
    """Say what becomes of a policy; None is that it has no resource.

    A repository gets a policy only if we may change the repository: never if it was
    there before, or if another claim owns it. If such a repository has one of our
    policies, it was ours earlier. The policy is then removed from ECR: one that stays
    keeps expiring images, and without a policy no image expires.

    Args:
        provider: See Provider for its two attributes.
        kind: Which one.
        repository: Whose, with what is asked for and the right to it.
        live: What is observed; None where there is no resource.
        there: Whether the repository is in ECR, as far as is known.
    """
    asked = _text(kind, repository)
    earned = repository.rights in (Rights.KEEP, Rights.ALL)
    if asked and ownership.may_have_policy(earned=earned):
        if live and kind in provider.replaces and live.text not in ("", asked):
            return None  # gone first, and made anew with the other text
        return Attachment(kind, repository, asked, kind not in provider.outlived)
    # First the right to delete it is given, then it is let go.
    if live is None or live.deletable or not live.text or not there:
        return None
    return Attachment(kind, repository, live.text)


def _text(kind: Kind, repository: Repository) -> str:
    options = repository.options
    if kind is Kind.LIFECYCLE:
        return options.lifecycle_policy()
    return options.repository_policy(repository.region)
