"""The bundle repository beside its image: when it earns rights, when it is released.

Of two composites that race for two repositories, each may get one. The owner of the
image then gets the bundle too. A name that ends in -bundle is longer than the name of
its image, so two claims can never deadlock.
"""

from function.ecr.options import NO_OPTIONS
from function.ecr.ownership import Ownership
from function.ecr.repository import (
    DesiredRepository,
    ObservedRepository,
    ProviderRights,
)


def bundle_rights(
    earned: ProviderRights, image: Ownership, bundle: ObservedRepository | None
) -> ProviderRights:
    """Return what the provider may do to a bundle, given who owns its image.

    Args:
        earned: What the bundle has earned by itself.
        image: Whose repository its image is.
        bundle: What the bundle's managed resource says; None if there is none.
    """
    may_earn = bundle_may_earn(
        image_is_ours=image in (Ownership.CREATED, Ownership.ADOPTED),
        earned_before=bundle is not None and bundle.changeable,
    )
    if may_earn or earned is ProviderRights.OBSERVE_ONLY:
        return earned
    if earned is ProviderRights.CHANGE_ADOPTED:
        return ProviderRights.OBSERVE_ONLY  # it exists: there is nothing to create
    return ProviderRights.OBSERVE_CREATE


def release_bundle(
    repository: DesiredRepository, observed: ObservedRepository, ownership: Ownership
) -> DesiredRepository | None:
    """Return a live bundle whose image belongs to another claim; None releases it.

    A bundle that this composite created is deleted if it is empty. Otherwise it stays
    in ECR, with its images.

    Args:
        repository: The desired bundle.
        observed: What its managed resource says.
        ownership: Whose repository the bundle is.
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


def bundle_stays(*, live: bool) -> bool:
    """Whether a live bundle stays after `bundle: false` was set."""
    return live


def bundle_may_earn(*, image_is_ours: bool, earned_before: bool) -> bool:
    """Whether a bundle may earn more than the right to create it.

    Each of two racing composites may create one of the two repositories. So a bundle
    earns nothing before the same composite created or adopted its image: a bundle that
    has earned nothing can be released.

    Args:
        image_is_ours: Whether this composite created or adopted the image.
        earned_before: Whether the bundle already has such rights, because that was so.
    """
    return image_is_ours or earned_before


def may_be_in_progress(*, started: bool, problem: bool) -> bool:
    """Whether a repository that does not exist may exist in a moment.

    Args:
        started: Whether the provider recorded that it tries to create it.
        problem: Whether the provider reported that it failed.
    """
    return started and not problem


def releases_by_force() -> bool:
    """Whether a released bundle may be deleted with its images."""
    return False
