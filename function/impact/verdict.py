"""What happens to a repository when a deletion reaches its managed resource."""

from enum import StrEnum
from typing import NamedTuple

from function.ecr.repository import ObservedRepository
from function.impact.images import ImageCount


class Outcome(StrEnum):
    """What happens to a repository; `-o json` prints these values."""

    DELETED = "deleted"  # with all images that it holds
    DELETED_IF_EMPTY = "deletedIfEmpty"  # nobody knows whether it is
    LEFT = "leftBehind"  # in ECR, with its managed resource or without any
    KEPT = "kept"  # in ECR; its managed resource goes


class Verdict(NamedTuple):
    """What happens to a repository.

    Attributes:
        outcome: What happens.
        reason: Why.
        deletes_images: Whether images are deleted, or may be.
    """

    outcome: Outcome
    reason: str
    deletes_images: bool = False


def verdict(
    repository: ObservedRepository,
    count: ImageCount | None,
    obstacle: str = "",
    *,
    temporary: bool = False,
) -> Verdict:
    """Return what happens to a repository.

    Args:
        repository: What its managed resource says: the rights that the provider has.
        count: What the repository holds; None if that is unknown.
        obstacle: Why the deletion does not get to the managed resource; empty if it
            does.
        temporary: Whether the obstacle can end.
    """
    if obstacle:
        after = verdict(repository, count)
        deletes = temporary and after.deletes_images
        return Verdict(Outcome.LEFT, obstacle, deletes)
    if not repository.deletable:
        return Verdict(Outcome.KEPT, _why_kept(repository))
    origin = "the claim created it"
    if not repository.created_by_provider:
        origin = "the claim may delete it, although nothing proves that it created it"
    if count is not None and not count.images:
        empty = "it is empty" if count.exists else "it no longer exists in ECR"
        return Verdict(Outcome.DELETED, f"{origin}, and {empty}")
    if repository.force_delete:
        return Verdict(Outcome.DELETED, origin, deletes_images=True)
    if count is None:
        unknown = f"{origin}, but may not delete images (forceDelete is false)"
        return Verdict(Outcome.DELETED_IF_EMPTY, unknown)
    holds = "it holds images, and the claim may not delete them (forceDelete is false)"
    return Verdict(Outcome.KEPT, holds)


def _why_kept(repository: ObservedRepository) -> str:
    if repository.created_by_provider:
        return "the claim created it, but may not delete it"
    if not repository.arn:
        return "the provider has not observed it, so the claim may not delete it"
    return "the claim did not create it"
