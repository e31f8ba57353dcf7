"""What a provider would add to the managed resource of a new repository.

It adds what ECR chose for options that the spec leaves out, and Upbound's adds its own
tags. Each is a write of its own, after which the provider and Crossplane reconcile once
more. With them, a single new claim opens the circuit breaker of Crossplane v2.3. So the
managed resource of a repository that this composite creates has all of that before: on
Upbound's API from the start, on the classic one with the rights, which wait for proof
that the repository is this composite's own.
"""

from function.ecr.options import NO_OPTIONS, EncryptionOptions, RepositoryOptions
from function.ecr.repository import DesiredRepository, ObservedRepository

# ECR API Reference, CreateRepository: the defaults.
ECR_DEFAULTS = NO_OPTIONS.model_copy(
    update={
        "image_tag_mutability": "MUTABLE",
        "scan_on_push": False,
        "encryption": EncryptionOptions(type="AES256"),
    }
)


def with_additions(
    repository: DesiredRepository,
    observed: ObservedRepository | None,
    *,
    created: bool = False,
) -> DesiredRepository:
    """Return a repository of this composite with what the provider would add.

    An option that nobody requests any more stays as the spec has it.

    Args:
        repository: The desired repository.
        observed: What its managed resource says; None if there is none yet.
        created: Whether this composite created the repository, without options. Until
            it is ready, its spec may have none yet, and ECR has the defaults.
    """
    present = observed.options if observed else ECR_DEFAULTS
    if created and observed and not (observed.ready or present.image_tag_mutability):
        present = ECR_DEFAULTS
    options = _filled(repository.options, present)
    return repository._replace(options=options, has_provider_tags=True)


def _filled(
    requested: RepositoryOptions, present: RepositoryOptions
) -> RepositoryOptions:
    """Return the requested options, and those others that ECR has a value for."""
    added: dict[str, object] = {}
    if requested.image_tag_mutability is None:
        added["image_tag_mutability"] = present.image_tag_mutability
        added["image_tag_mutability_exclusion_filters"] = (
            present.image_tag_mutability_exclusion_filters
        )
    if requested.scan_on_push is None:
        added["scan_on_push"] = present.scan_on_push
    if requested.encryption is None:
        added["encryption"] = present.encryption
    return requested.model_copy(update=added) if added else requested


# The guard: plain values in, a boolean out. `make guards` turns it off.


def may_add_defaults(*, created: bool, found: bool, only_creates: bool) -> bool:
    """Whether the spec gets ECR's defaults; a repository may have other values.

    Args:
        created: Whether this composite created the repository, without options.
        found: Whether this composite found the repository, rather than created it.
        only_creates: Whether the provider, while it may only create, writes nothing
            onto a repository that it finds.
    """
    return created or (only_creates and not found)
