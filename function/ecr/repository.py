"""A repository as desired and as observed, whichever provider creates it."""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple

from function.ecr.naming import RepositoryName
from function.ecr.options import NO_OPTIONS, EncryptionOptions, RepositoryOptions

_LONGEST_READABLE_PART = 48
# The kind of a provider config that belongs to one namespace.
NAMESPACED_CONFIG = "ProviderConfig"


class ProviderRights(Enum):
    """What the provider may do to a repository, from least to most."""

    OBSERVE_ONLY = auto()
    OBSERVE_CREATE = auto()
    CHANGE_ADOPTED = auto()  # change one that exists: never create or delete it
    ORPHAN_ON_DELETE = auto()  # change it, but never delete it
    FULL = auto()

    @property
    def may_change(self) -> bool:
        """Whether the provider may change the repository."""
        return self in (
            ProviderRights.CHANGE_ADOPTED,
            ProviderRights.ORPHAN_ON_DELETE,
            ProviderRights.FULL,
        )

    @property
    def may_delete(self) -> bool:
        """Whether the provider deletes the repository with its managed resource."""
        return self is ProviderRights.FULL


class ProviderConfig(NamedTuple):
    """Which configuration the provider uses, and so which AWS account.

    Attributes:
        name: Its name.
        kind: Its kind; empty if the provider's API has only one.
    """

    name: str = ""
    kind: str = ""

    def __str__(self) -> str:
        """Return it as messages and repository IDs contain it."""
        return f"{self.kind}/{self.name}" if self.kind else self.name


NO_CONFIG = ProviderConfig()
NO_TAGS: Mapping[str, str] = MappingProxyType({})


class DesiredRepository(NamedTuple):
    """One desired ECR repository.

    Attributes:
        name: Its full name in the registry.
        region: The AWS region of the registry.
        provider_config: The provider's configuration.
        namespace: The namespace of its managed resource; empty if that is
            cluster-scoped.
        options: Its options.
        rights: What the provider may do to it.
        resource_name: The metadata.name of its managed resource; empty if there is none
            yet.
        unresolved_creation: See ObservedRepository.
        copies_tags: See ObservedRepository.
        recorded_uid: See ObservedRepository.
        composite_uid: The UID of its composite resource; empty in a file.
        protected_tags: Tags that the provider neither changes nor removes.
        has_provider_tags: Whether its managed resource has the tags that its provider
            would add.
    """

    name: RepositoryName
    region: str
    provider_config: ProviderConfig
    namespace: str = ""
    options: RepositoryOptions = NO_OPTIONS
    rights: ProviderRights = ProviderRights.OBSERVE_CREATE
    resource_name: str = ""
    unresolved_creation: str = ""
    copies_tags: bool = False
    recorded_uid: str = ""
    composite_uid: str = ""
    protected_tags: Mapping[str, str] = NO_TAGS
    has_provider_tags: bool = False

    @property
    def location(self) -> tuple[str, str, str]:
        """Where it is: provider config, region, name. A live repository keeps it."""
        config = self.provider_config
        if config.kind == NAMESPACED_CONFIG:
            return (f"{self.namespace}/{config}", self.region, self.name)
        return (str(config), self.region, self.name)


class ObservedRepository(NamedTuple):
    """What a managed resource says about its repository; empty values are unknown.

    Attributes:
        resource_name: The metadata.name of the managed resource.
        external_name: The repository's name.
        provider_config: The provider's configuration.
        region: The AWS region.
        uri: The repository's URI, without a tag.
        arn: Its ARN; empty if it does not exist.
        registry_id: The AWS account of the registry.
        ready: Whether the managed resource is Ready.
        deletable: Whether the provider may delete the repository.
        force_delete: Whether it may delete the repository's images too: as the spec
            says, or as the provider applied it last.
        changeable: Whether its management policies (or deletionPolicy) let the
            provider change or delete it.
        creation_started: Whether the provider recorded an attempt to create it.
        found: Whether it exists without such an attempt, even if the status says
            nothing about it yet. Only Upbound's provider shows that.
        deleting_since: When the deletion of the managed resource began (RFC 3339);
            empty if it is not being deleted. The managed resources of a composite that
            the claim replaced are being deleted too, even before Kubernetes marks them.
        created_by_provider: Whether the provider created this very repository for this
            composite, rather than found it.
        copies_tags: Whether the provider, when it may late-initialize, would copy
            ECR's tags into the spec, our created-by tag among them.
        recorded_uid: The UID of the composite whose creation is recorded on the
            managed resource, on the classic provider; it never changes.
        encryption: The repository's encryption.
        options: What a provider that may change it could reset: tag mutability,
            scanning, tags, as ECR has them. A tag that was removed in ECR stays here.
            Of a repository that does not exist, as the spec has them. Empty on the
            classic provider, and if this composite created it.
        protected_tags: The keys of the tags that the spec protects from the provider.
            This and the next two are known only of a repository that exists and that
            this composite did not create.
        sent_tags: The tags in the spec that the provider sets.
        up_to_date: Whether the provider has looked at ECR since the spec changed.
        problem: Why the provider's last attempt failed, in the provider's words.
        unresolved_creation: When an attempt to create it started whose result was
            never recorded; empty if there is none.
        seniority: Creation time (RFC 3339) and UID of the managed resource: a total
            order.
    """

    resource_name: str = ""
    external_name: str = ""
    provider_config: ProviderConfig = NO_CONFIG
    region: str = ""
    uri: str = ""
    arn: str = ""
    registry_id: str = ""
    ready: bool = False
    deletable: bool = False
    force_delete: bool = False
    changeable: bool = False
    creation_started: bool = False
    found: bool = False
    deleting_since: str = ""
    created_by_provider: bool = False
    copies_tags: bool = False
    recorded_uid: str = ""
    encryption: EncryptionOptions | None = None
    options: RepositoryOptions = NO_OPTIONS
    protected_tags: frozenset[str] = frozenset()
    sent_tags: Mapping[str, str] = NO_TAGS
    up_to_date: bool = False
    problem: str = ""
    unresolved_creation: str = ""
    seniority: tuple[str, str] = ("", "")

    @property
    def deleting(self) -> bool:
        """Whether the managed resource is being deleted."""
        return bool(self.deleting_since)


NOT_OBSERVED = ObservedRepository()


def holds_images(problem: str) -> bool:
    """Whether ECR refused to delete a repository because it holds images.

    Args:
        problem: What its provider reports: all of them repeat the name of ECR's error.
    """
    return "RepositoryNotEmptyException" in problem


# Each call for an XR needs the same IDs: one of each repository. These are enough for
# some 8,000 XRs, and take 8 MB.
@functools.lru_cache(maxsize=16_384)
def repository_id(api_group: str, *location: str) -> str:
    """Return the ID of one repository of one registry: 32 characters [a-z2-7].

    It has 160 bits of SHA-256, so that nobody can find two repositories with one ID.
    No part contains the separator NUL: they are Kubernetes names, a region and an ECR
    name.

    Args:
        api_group: The provider's API group.
        location: See DesiredRepository.location.
    """
    digest = hashlib.sha256("\0".join((api_group, *location)).encode()).digest()
    return base64.b32encode(digest[:20]).decode().lower()


def resource_name(repository: DesiredRepository, unique_id: str) -> str:
    """Return the metadata.name of a repository's managed resource.

    A live managed resource keeps its name. A new name follows from the repository
    alone. Two composites that want one repository want one Kubernetes object, and the
    API server gives it to one of them. The readable part in front decides nothing.
    """
    if repository.resource_name:
        return repository.resource_name
    last_segment = repository.name.rpartition("/")[2]
    readable = re.sub(r"[^a-z0-9]+", "-", last_segment)[:_LONGEST_READABLE_PART]
    return f"{readable.strip('-')}-{unique_id}"
