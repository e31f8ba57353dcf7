"""What a live repository keeps when parameters or options change.

Crossplane pins an observed resource's metadata.name, but not its external name. A
changed parameter would silently point a live managed resource at another repository,
maybe another team's, with the rights that were earned on the first one. ECR cannot
change a repository's encryption either: the provider would have to replace it.
"""

from function.ecr.naming import RepositoryName
from function.ecr.repository import (
    NOT_OBSERVED,
    DesiredRepository,
    ObservedRepository,
    ProviderConfig,
)


def pin_immutable_fields(
    requested: DesiredRepository, observed: ObservedRepository
) -> DesiredRepository:
    """Return the requested repository with what the live one keeps.

    Args:
        requested: What the parameters and options ask for.
        observed: The live repository; NOT_OBSERVED keeps nothing.
    """
    if observed is NOT_OBSERVED:
        return requested
    name, kind = requested.provider_config
    if keeps_config(observed.provider_config.name):
        name = observed.provider_config.name
    if keeps_config_kind(observed.provider_config.kind):
        kind = observed.provider_config.kind
    options = requested.options
    if keeps_encryption(
        requested=options.encryption is not None,
        observed=observed.encryption is not None,
    ):
        options = options.model_copy(update={"encryption": observed.encryption})
    return requested._replace(
        name=RepositoryName(observed.external_name)
        if keeps_name(observed.external_name)
        else requested.name,
        region=observed.region if keeps_region(observed.region) else requested.region,
        provider_config=ProviderConfig(name, kind),
        options=options,
        resource_name=observed.resource_name,
        unresolved_creation=observed.unresolved_creation,
        copies_tags=observed.copies_tags,
        recorded_uid=observed.recorded_uid,
    )


def as_observed(
    observed: ObservedRepository, namespace: str, composite_uid: str
) -> DesiredRepository:
    """Return a live repository as it is, whatever its claim asks for now.

    Args:
        observed: What its managed resource says.
        namespace: The managed resource's namespace; empty if it is cluster-scoped.
        composite_uid: The UID of its composite.
    """
    return DesiredRepository(
        RepositoryName(observed.external_name),
        observed.region,
        observed.provider_config,
        namespace,
        resource_name=observed.resource_name,
        unresolved_creation=observed.unresolved_creation,
        copies_tags=observed.copies_tags,
        recorded_uid=observed.recorded_uid,
        composite_uid=composite_uid,
    )


# The guards: plain values in, a boolean out. `make guards` turns them off one by one.


def keeps_name(observed: str) -> bool:
    """Whether a live repository keeps its name (its external name)."""
    return bool(observed)


def keeps_region(observed: str) -> bool:
    """Whether a live repository keeps its region."""
    return bool(observed)


def keeps_config(observed: str) -> bool:
    """Whether a live repository keeps its provider config."""
    return bool(observed)


def keeps_config_kind(observed: str) -> bool:
    """Whether a live repository keeps the kind of its provider config."""
    return bool(observed)


def keeps_encryption(*, requested: bool, observed: bool) -> bool:
    """Whether a live repository keeps its encryption."""
    return requested and observed
