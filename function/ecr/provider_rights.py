"""What the provider may do to a repository: observe, create, change or delete it.

The right to change and to delete is earned. Only the composite resource whose managed
resource created a repository earns it, and `deletion` can take the right to delete.
`adopt` can give the right to change an adopted repository: see adoption.py.
"""

from enum import StrEnum

from function.ecr.options import RepositoryOptions
from function.ecr.ownership import Ownership
from function.ecr.repository import ProviderRights


class Deletion(StrEnum):
    """Which repositories are deleted with their claim, images included."""

    ONLY_CREATED = "OnlyCreated"
    WHEN_EMPTY = "WhenEmpty"
    ALWAYS = "Always"
    NEVER = "Never"


class Adoption(StrEnum):
    """What the provider may do to a repository that a claim adopted."""

    OBSERVE = "Observe"
    MANAGE = "Manage"


def provider_rights(
    deletion: Deletion,
    ownership: Ownership,
    adopt: Adoption = Adoption.OBSERVE,
    *,
    existing: bool = False,
    deletes_images: bool,
) -> ProviderRights:
    """Return what the provider may do to a repository.

    Args:
        deletion: What the Input says.
        ownership: Whose repository it is.
        adopt: What the Input says, if the provider can do it.
        existing: Whether the claim names it as one that it does not create.
        deletes_images: Whether the provider would delete its images with it, by what it
            applied last. See ObservedRepository.force_delete.
    """
    conflict = ownership is Ownership.CONFLICT
    if belongs_to_another_claim(conflict=conflict):
        return ProviderRights.OBSERVE_ONLY
    is_existing = is_never_created_or_deleted(existing=existing)
    exists = ownership not in (Ownership.UNCLAIMED, Ownership.PENDING)
    if not is_existing and earns_rights(
        created=ownership is Ownership.CREATED,
        always=exists and deletion is Deletion.ALWAYS,
    ):
        if may_be_deleted(never=deletion is Deletion.NEVER) and not waits_for_force(
            when_empty=deletion is Deletion.WHEN_EMPTY, deletes_images=deletes_images
        ):
            return ProviderRights.FULL
        return ProviderRights.ORPHAN_ON_DELETE
    adopted = ownership is Ownership.ADOPTED
    if may_change_adopted(adopted=adopted, manage=adopt is Adoption.MANAGE):
        return ProviderRights.CHANGE_ADOPTED
    if is_existing or is_only_observed(adopted=adopted or conflict):
        return ProviderRights.OBSERVE_ONLY
    return ProviderRights.OBSERVE_CREATE


def options_under(deletion: Deletion, options: RepositoryOptions) -> RepositoryOptions:
    """Return the options of a repository, with what `deletion` makes of them.

    `WhenEmpty` wins over `forceDelete: true`. To refuse both together would leave a
    claim with the rights that it had, and its images unprotected.
    """
    if not deletes_only_empty(when_empty=deletion is Deletion.WHEN_EMPTY):
        return options
    return options.model_copy(update={"force_delete": False})


# The guards: plain values in, a boolean out. `make guards` turns them off one by one.


def belongs_to_another_claim(*, conflict: bool) -> bool:
    """Whether another claim owns a repository: then no setting lets us change it."""
    return conflict


def is_never_created_or_deleted(*, existing: bool) -> bool:
    """Whether a claim neither creates nor deletes a repository, whatever else holds.

    It says so by using `existingName`. That includes a repository that the claim itself
    created earlier.
    """
    return existing


def earns_rights(*, created: bool, always: bool) -> bool:
    """Whether the right to change is earned: by creating, or given by `Always`."""
    return created or always


def may_be_deleted(*, never: bool) -> bool:
    """Whether a repository that may be changed may be deleted too."""
    return not never


def may_change_adopted(*, adopted: bool, manage: bool) -> bool:
    """Whether the provider may change a repository that it did not create."""
    return adopted and manage


def lasts_while_refused(*, adopted: bool) -> bool:
    """Whether a refused claim keeps the right to change a repository.

    To change an adopted one, the spec must follow the tags in ECR. A refused claim's
    spec does not.
    """
    return not adopted


def waits_for_force(*, when_empty: bool, deletes_images: bool) -> bool:
    """Whether the right to delete waits until the provider deletes without images.

    Upbound's provider deletes with the forceDelete that it applied last, and applies a
    new one in the background.
    """
    return when_empty and deletes_images


def deletes_only_empty(*, when_empty: bool) -> bool:
    """Whether ECR has to refuse the deletion of a repository that holds images."""
    return when_empty


def is_only_observed(*, adopted: bool) -> bool:
    """Whether the provider may only observe a repository, because it was adopted."""
    return adopted


def may_send_options(*, earned: bool, creates_only: bool) -> bool:
    """Whether the provider is told a repository's options.

    Args:
        earned: Whether the right to change the repository is earned.
        creates_only: Whether the provider applies them only when it creates.
    """
    return earned or creates_only


def may_have_policy(*, earned: bool) -> bool:
    """Whether a repository may get a policy: if the right to change it is earned."""
    return earned


def exceeds_earned_rights(
    *, may_delete: bool, may_change: bool, earned_delete: bool, earned_change: bool
) -> bool:
    """Whether a managed resource has a right that its composite has not earned."""
    return (may_delete and not earned_delete) or (may_change and not earned_change)
