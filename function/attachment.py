"""A repository's policies: resources of their own, that stand or go with it."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from function.repository import Repository, Rights


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
    provider: _Provider, kind: Kind, repository: Repository, live: Attached | None
) -> Attachment | None:
    """Say what becomes of a policy; None is that it has no resource.

    A policy is put on a repository only by who may change that, so never on one that
    was there before or is another's; and one that is let go leaves such a repository
    the policy that it has.

    Args:
        provider: See Provider for its two attributes.
        kind: Which one.
        repository: Whose, with what is asked for and the right to it.
        live: What is observed; None where there is no resource.
    """
    asked = _text(kind, repository)
    ours = repository.rights in (Rights.KEEP, Rights.ALL)
    if ours and asked:
        if live and kind in provider.replaces and live.text not in ("", asked):
            return None  # gone first, and made anew with the other text
        return Attachment(kind, repository, asked, kind not in provider.outlived)
    # First the right to delete is given or taken, then it is let go.
    if live is None or live.deletable == ours or not live.text:
        return None
    return Attachment(kind, repository, live.text, deletable=ours)


def _text(kind: Kind, repository: Repository) -> str:
    options = repository.options
    return options.lifecycle if kind is Kind.LIFECYCLE else options.permissions
