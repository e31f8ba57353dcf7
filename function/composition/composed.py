"""One of the repositories, from what is wanted to what is composed."""

from collections.abc import Collection
from typing import NamedTuple

from function.ecr import ownership
from function.ecr.naming import RepositoryName
from function.ecr.options import NO_OPTIONS, EncryptionOptions
from function.ecr.ownership import Standing
from function.ecr.repository import (
    UNKNOWN,
    Facts,
    ProviderConfig,
    Repository,
    Rights,
)
from function.errors import shown
from function.providers.base import Provider


class Composed(NamedTuple):
    """One of the repositories.

    Attributes:
        wanted: What the parameters give.
        kept: The same, on the repository that a live resource has.
        provider: Whose API it is composed by.
        facts: What is observed; None where there is no resource yet.
        standing: Whose the repository is.
    """

    wanted: Repository
    kept: Repository
    provider: Provider
    facts: Facts | None
    standing: Standing

    @property
    def known(self) -> Facts:
        """What a tenant may learn: of what is another's, its name alone."""
        taken = self.standing is Standing.TAKEN
        if self.facts is None or not ownership.may_learn(taken=taken):
            return UNKNOWN
        return self.facts


def keep_identity(wanted: Repository, observed: Facts) -> Repository:
    """Keep a live resource on the repository it has.

    Crossplane pins an observed resource's metadata.name, but not its external name:
    a changed parameter would silently point it at another repository, maybe another's,
    with the rights that were earned on the first one. Nor does ECR change encryption:
    a provider would have to make the repository anew.
    """
    config, live = wanted.provider_config, observed.provider_config
    name, kind, options = config.name, config.kind, wanted.options
    if ownership.keeps_config(live.name):
        name = live.name
    if ownership.keeps_config_kind(live.kind):
        kind = live.kind
    if ownership.keeps_encryption(
        asked=options.encryption is not None, observed=observed.encryption is not None
    ):
        options = options.model_copy(update={"encryption": observed.encryption})
    has_name = ownership.keeps_name(observed.external_name)
    has_region = ownership.keeps_region(observed.region)
    return wanted._replace(
        name=RepositoryName(observed.external_name) if has_name else wanted.name,
        region=observed.region if has_region else wanted.region,
        provider_config=ProviderConfig(name, kind),
        options=options,
        resource_name=observed.resource_name,
        abandoned=observed.abandoned,
        copies_tags=observed.copies_tags,
        recorded_uid=observed.recorded_uid,
    )


def observed_repository(observed: Facts, namespace: str, uid: str) -> Repository:
    """Return a live repository as it is, whatever its claim asks for now.

    Args:
        observed: What its managed resource says.
        namespace: The namespace of that; empty where it is cluster-scoped.
        uid: Its composite's UID.
    """
    return Repository(
        RepositoryName(observed.external_name),
        observed.region,
        observed.provider_config,
        namespace,
        resource_name=observed.resource_name,
        abandoned=observed.abandoned,
        copies_tags=observed.copies_tags,
        recorded_uid=observed.recorded_uid,
        composite_uid=uid,
    )


def given(
    repository: Repository, rights: Rights, *, leaves_adopted_alone: bool
) -> Repository:
    """Give the provider rights on a repository; options go where they are earned.

    Before a repository is known to be created by us, a provider writes the options that
    it is told onto the one that it finds.

    Args:
        repository: What is asked for.
        rights: What the provider may do.
        leaves_adopted_alone: Whether a provider that may only create does not.
    """
    options = repository.options
    if not ownership.may_send_options(
        earned=rights in (Rights.KEEP, Rights.ALL),
        creates_only=rights is Rights.CREATE and leaves_adopted_alone,
    ):
        options = NO_OPTIONS
        if rights is Rights.CREATE:
            # No provider writes these two onto a repository.
            options = options.model_copy(
                update={
                    "force_delete": repository.options.force_delete,
                    "encryption": repository.options.encryption,
                }
            )
    return repository._replace(options=options, rights=rights)


def kept(composed: Collection[Composed], new: Provider, *, unwanted_last: bool) -> str:
    """Say what live repositories keep and what was asked for; nothing if they agree.

    Args:
        composed: The repositories.
        new: The provider of new ones.
        unwanted_last: Whether the last one is not asked for any more.
    """
    said = [
        f"{_place(each.kept)} (the parameters now give {_place(each.wanted)})"
        for each in composed
        if each.kept.place != each.wanted.place
    ]
    said += [
        f"{_place(each.kept)} of {each.provider.api_version} (`provider` is "
        f"{new.api_version} now)"
        for each in composed
        if each.provider is not new
    ]
    said += [
        f"{_place(each.kept)} with encryption {_encryption(has)} (the options now give "
        f"{_encryption(asked)})"
        for each in composed
        if (has := each.kept.options.encryption)
        and (asked := each.wanted.options.encryption)
        and _differ(has, asked)
    ]
    if unwanted_last:
        *_, last = composed
        said.append(f"{_place(last.kept)} (`bundle` is false now)")
    if not said:
        return ""
    return (
        f". Kept, because a repository never moves: {', '.join(said)}. To have what is "
        "asked for now, delete the claim and create it anew; images are not copied"
    )


def _place(repository: Repository) -> str:
    config, region, name = map(shown, repository.place)
    return f"{name} in {region} by {config}"


def _encryption(encryption: EncryptionOptions) -> str:
    parts = (encryption.type, encryption.kms_key)
    return " ".join(shown(part) for part in parts if part)


def _differ(has: EncryptionOptions, asked: EncryptionOptions) -> bool:
    """Whether two are known to differ; an alias may name the same key."""
    keys = {key for key in (has.kms_key, asked.kms_key) if key and ":key/" in key}
    return has.type != asked.type or len(keys) > 1
