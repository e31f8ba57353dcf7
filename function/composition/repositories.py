"""One of the composite's repositories, from what is requested to what is composed."""

import dataclasses

from function.ecr.options import NO_OPTIONS
from function.ecr.ownership import Ownership, may_disclose
from function.ecr.provider_additions import Additions, may_add_defaults
from function.ecr.provider_rights import may_send_options
from function.ecr.repository import (
    NOT_OBSERVED,
    DesiredRepository,
    ObservedRepository,
    ProviderRights,
)
from function.providers.base import Provider


@dataclasses.dataclass(slots=True)
class ComposedRepository:
    """One of the composite's repositories.

    Attributes:
        requested: What the parameters and options ask for.
        desired: The same, with what the live repository keeps.
        provider: The provider whose API it is composed by.
        observed: What its managed resource says; None if there is none yet.
        ownership: Whose repository it is.
        release_started: When the deletion of its owner began (RFC 3339), if it belongs
            to another claim and that is being deleted; otherwise empty.
        waits_for_images: Whether it is the previous claim's, which waits because the
            repository holds images.
        unrequested: Whether neither the settings nor the claim ask for it any more.
        keeps_options: Whether its options stay as they are, because the settings have
            none for it any more.
        existing: Whether the claim names it as one that it does not create.
        creates_with_options: Whether its provider, while it may only observe and
            create, gets the options. It writes them onto nothing that it finds.
        conflict: Whether it belongs to another claim.
        reportable: What a tenant may read: nothing about a repository of another claim.
    """

    requested: DesiredRepository
    desired: DesiredRepository
    provider: Provider
    observed: ObservedRepository | None
    ownership: Ownership
    release_started: str = ""
    waits_for_images: bool = False
    unrequested: bool = False
    keeps_options: bool = False
    existing: bool = False
    creates_with_options: bool = False
    conflict: bool = dataclasses.field(init=False)
    reportable: ObservedRepository = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Find out what a tenant may read."""
        self.conflict = self.ownership is Ownership.CONFLICT
        self.reportable = NOT_OBSERVED
        if self.observed is not None and may_disclose(conflict=self.conflict):
            self.reportable = self.observed


def additions_to(repository: ComposedRepository) -> Additions:
    """Return what the spec of a repository gets of what its provider would add.

    If the provider finds the repository, the status that it writes first says nothing
    (crossplane-runtime, pkg/reconciler/managed/reconciler.go: adding the finalizer
    replaces what Observe returned). It looks again when the spec changes, as it does
    here without the additions; else at its next poll, by default ten minutes later.
    """
    observed = repository.observed
    found = repository.ownership in (Ownership.ADOPTED, Ownership.CONFLICT) or (
        observed is not None and observed.found
    )
    created = (
        repository.ownership is Ownership.CREATED
        and not repository.provider.creates_with_options
    )
    if not may_add_defaults(
        created=created, found=found, only_creates=repository.creates_with_options
    ):
        return Additions.NOTHING
    # Until it is ready, nobody has changed what ECR chose.
    is_new = observed is None or (created and not observed.ready)
    return Additions.DEFAULTS if is_new else Additions.KEPT


def sends_options(rights: ProviderRights, *, creates_with_options: bool) -> bool:
    """Whether the spec of a repository has its options; see with_rights."""
    return may_send_options(
        earned=rights.may_change,
        creates_only=rights is ProviderRights.OBSERVE_CREATE and creates_with_options,
    )


def with_rights(
    repository: DesiredRepository,
    rights: ProviderRights,
    *,
    creates_with_options: bool,
    has_provider_tags: bool = False,
) -> DesiredRepository:
    """Return a repository with the provider's rights and the options that they allow.

    Before a repository is known to be created by us, the options stay out: a provider
    writes them onto a repository that it finds.

    Args:
        repository: The desired repository.
        rights: What the provider may do.
        creates_with_options: See ComposedRepository.
        has_provider_tags: See DesiredRepository.
    """
    options = repository.options
    if not sends_options(rights, creates_with_options=creates_with_options):
        kept = NO_OPTIONS
        # No provider writes these two onto a repository that it finds.
        created_with = (options.force_delete, options.encryption)
        if rights is ProviderRights.OBSERVE_CREATE and created_with != (None, None):
            kept = kept.model_copy(
                update={
                    "force_delete": options.force_delete,
                    "encryption": options.encryption,
                }
            )
        options = kept
    return repository._replace(
        options=options, rights=rights, has_provider_tags=has_provider_tags
    )
