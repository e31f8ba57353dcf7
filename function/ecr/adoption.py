"""How the options of a repository that a claim adopted are applied (`adopt: Manage`).

The claim never deletes such a repository, and takes nothing from it that somebody else
set. That needs care, because Upbound's provider replaces a repository's options as a
whole. An update resets what the spec leaves out, and removes each tag that is not in
it. So there are three steps:

1. While ECR has all of our options, the provider only observes. People can tag the
   repository as they like.
2. When ECR lacks one of them, the spec first protects the tags that ECR has. That makes
   the provider look at ECR again.
3. If it then finds no other tag, it may update, with everything that ECR has, until ECR
   has our options. A tag that appears in between is restored.
"""

from collections.abc import Mapping

from function.ecr.options import NO_OPTIONS, RepositoryOptions, merge_options
from function.ecr.repository import (
    NO_TAGS,
    DesiredRepository,
    ObservedRepository,
    ProviderRights,
)

# Nobody deletes it. If somebody does, then not with its images.
_OBSERVED_OPTIONS = NO_OPTIONS.model_copy(update={"force_delete": False})


def adopted_repository(
    repository: DesiredRepository,
    observed: ObservedRepository,
    *,
    requested: bool = True,
) -> DesiredRepository:
    """Return an adopted repository with what the provider may do to it now.

    Args:
        repository: The repository with the options that settings and claim ask for.
        observed: What its managed resource says.
        requested: Whether they still ask for it; else it keeps the options that it has.
    """
    if not requested:
        repository = repository._replace(options=NO_OPTIONS)
    live = observed.options
    differs = _differ(adopted_options(repository.options, observed), live)
    tags = live.tags or {}
    unprotected = {k: v for k, v in tags.items() if k not in observed.protected_tags}
    if observed.changeable:
        # Including those that an update has just set.
        restores = restores_tags(
            sent=observed.up_to_date
            and unprotected.items() <= observed.sent_tags.items()
        )
        if may_update_now(differs=differs, restores=restores):
            protected = {k: v for k, v in tags.items() if k not in unprotected}
            return _updated(repository, observed, protected)
    elif differs:
        if may_begin_update(up_to_date=observed.up_to_date, protected=not unprotected):
            return _updated(repository, observed, tags)
        return observed_repository(repository, tags)
    return observed_repository(repository)


def observed_repository(
    repository: DesiredRepository, protected: Mapping[str, str] = NO_TAGS
) -> DesiredRepository:
    """Return a repository that the provider may only observe.

    Args:
        repository: The repository.
        protected: The tags that the provider must keep when it may update.
    """
    return repository._replace(
        options=_OBSERVED_OPTIONS,
        rights=ProviderRights.OBSERVE_ONLY,
        protected_tags=protected,
    )


def _updated(
    repository: DesiredRepository,
    observed: ObservedRepository,
    protected: Mapping[str, str],
) -> DesiredRepository:
    options = adopted_options(repository.options, observed)
    tags = {k: v for k, v in (options.tags or {}).items() if k not in protected}
    return repository._replace(
        options=options.model_copy(update={"tags": tags or None}),
        rights=ProviderRights.CHANGE_ADOPTED,
        protected_tags=protected,
    )


def adopted_options(
    requested: RepositoryOptions, observed: ObservedRepository
) -> RepositoryOptions:
    """Return the options that an adopted repository should have.

    These are the requested ones, and what the repository has besides. It keeps its
    encryption, which ECR cannot change, and all its tags: also the value of a tag that
    is requested with another value.
    """
    live = observed.options
    kept = live if keeps_options() else NO_OPTIONS
    tags = requested.tags or {}
    if keeps_tags():
        tags = tags | (live.tags or {})
    return merge_options([kept, requested]).model_copy(
        update={
            "force_delete": False,
            "encryption": observed.encryption,
            "tags": tags or None,
        }
    )


def _differ(options: RepositoryOptions, live: RepositoryOptions) -> bool:
    """Whether ECR lacks one of the options that a Repository has fields for."""
    return _comparable(options) != _comparable(live)


def _comparable(options: RepositoryOptions) -> tuple[object, ...]:
    return (
        options.image_tag_mutability,
        # Their order means nothing, and ECR may have its own.
        sorted(options.image_tag_mutability_exclusion_filters or ()),
        options.scan_on_push,
        options.tags or {},
    )


# The guards: plain values in, a boolean out. `make guards` turns them off one by one.


def keeps_options() -> bool:
    """Whether an adopted repository keeps the options that nobody requests."""
    return True


def keeps_tags() -> bool:
    """Whether an adopted repository keeps all its tags."""
    return True


def may_begin_update(*, up_to_date: bool, protected: bool) -> bool:
    """Whether the provider may begin to update an adopted repository.

    Args:
        up_to_date: Whether it has looked at ECR since the spec changed.
        protected: Whether the spec protects all tags that it found.
    """
    return up_to_date and protected


def restores_tags(*, sent: bool) -> bool:
    """Whether the provider may still have to restore a tag.

    Somebody may tag the repository just before an update. The provider sees that tag
    and removes it, because the spec does not have it yet.

    Args:
        sent: Whether the provider knows all tags that the spec does not protect.
    """
    return not sent


def may_update_now(*, differs: bool, restores: bool) -> bool:
    """Whether the provider may still update an adopted repository.

    It removes tags that somebody adds while it may. So this right must not last.
    """
    return differs or restores
