"""The secondary repositories, beside the image: what they earn, when they are released.

Of two composites that race for several repositories, each may get some. The owner of
the image then gets the others too: all that a composite without its image has is
released.
"""

from function.ecr.options import NO_OPTIONS
from function.ecr.ownership import Ownership
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderRights,
)


def secondary_rights(
    earned: ProviderRights, image: Ownership, observed: ObservedRepository | None
) -> ProviderRights:
    """Return what the provider may do to a repository, given who owns its image.

    Args:
        earned: What the repository has earned by itself.
        image: Whose repository its image is.
        observed: What its managed resource says; None if there is none.
    """
    may_earn = secondary_may_earn(
        image_is_ours=image in (Ownership.CREATED, Ownership.ADOPTED),
        earned_before=observed is not None and observed.changeable,
    )
    if may_earn or earned is ProviderRights.OBSERVE_ONLY:
        return earned
    if earned is ProviderRights.CHANGE_ADOPTED:
        return ProviderRights.OBSERVE_ONLY  # it exists: there is nothing to create
    return ProviderRights.OBSERVE_CREATE


def release_secondary(
    repository: DesiredRepository, observed: ObservedRepository, ownership: Ownership
) -> DesiredRepository | None:
    """Return a live repository whose image belongs to another claim; None releases it.

    One that this composite created is deleted if it is empty. Otherwise it stays in
    ECR, with its images.

    Args:
        repository: The desired repository.
        observed: What its managed resource says.
        ownership: Whose repository it is.
    """
    if ownership is Ownership.PENDING:
        in_progress = may_be_in_progress(
            started=observed.creation_started, problem=bool(observed.problem)
        )
        return repository if in_progress else None
    if observed.deleting:
        # Without force, ECR refuses to delete a repository that holds images: it stays.
        left = repository._replace(
            options=NO_OPTIONS, rights=ProviderRights.OBSERVE_ONLY
        )
        return left if observed.problem else None
    if not repository.rights.may_delete:
        # Take away the right to delete it before it is released.
        return repository if observed.deletable else None
    if observed.deletable and not observed.force_delete:
        return None
    return without_force(repository)


def without_force(repository: DesiredRepository) -> DesiredRepository:
    """Return a repository that ECR deletes only if it is empty."""
    options = repository.options
    return repository._replace(
        options=options.model_copy(update={"force_delete": releases_by_force()})
    )


# The guards: plain values in, a boolean out. `make guards` turns them off one by one.


def unrequested_stays(*, deleting: bool) -> bool:
    """Whether a live repository stays after it left the settings or the claim.

    It does until a person deletes its managed resource. To compose that until it is
    gone could create it again.
    """
    return not deleting


def secondary_may_earn(*, image_is_ours: bool, earned_before: bool) -> bool:
    """Whether a secondary repository may earn more than the right to create it.

    Each of two racing composites may create some of the repositories. So none earns
    anything before the same composite created or adopted its image: what has earned
    nothing can be released.

    Args:
        image_is_ours: Whether this composite created or adopted the image.
        earned_before: Whether the repository already has such rights, because that was
            so.
    """
    return image_is_ours or earned_before


def existing_is_released(*, existing: bool, deletable: bool) -> bool:
    """Whether a live repository that is no longer requested is released.

    Args:
        existing: Whether the claim used it by `existingName`. Then the claim did not
            create it, and the repository does not depend on it.
        deletable: Whether it would be deleted with its managed resource.
    """
    return existing and not deletable


def may_be_in_progress(*, started: bool, problem: bool) -> bool:
    """Whether a repository that does not exist may exist in a moment.

    Args:
        started: Whether the provider recorded that it tries to create it.
        problem: Whether the provider reported that it failed.
    """
    return started and not problem


def releases_by_force() -> bool:
    """Whether a released repository may be deleted with its images."""
    return False
