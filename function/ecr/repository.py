"""A repository as we want it, whichever provider will make it."""

import base64
import hashlib
import re
from enum import Enum, StrEnum, auto
from typing import NamedTuple

from function.ecr.naming import RepositoryName
from function.ecr.options import NO_OPTIONS, EncryptionOptions, RepositoryOptions

_READABLE = 48


class Rights(Enum):
    """What the provider may do to a repository, from least to most."""

    OBSERVE = auto()  # look at it
    CREATE = auto()  # and make it where there is none
    KEEP = auto()  # and change it
    ALL = auto()  # and delete it


class Deletion(StrEnum):
    """What becomes of a repository, images included, when its claim goes."""

    ONLY_CREATED = "OnlyCreated"
    ALWAYS = "Always"
    NEVER = "Never"


# The kind of a provider config that is its namespace's own.
NAMESPACED_CONFIG = "ProviderConfig"


class ProviderConfig(NamedTuple):
    """Which configuration a provider uses, and so which account.

    Attributes:
        name: Its name.
        kind: Its kind; empty where a provider's API knows only one.
    """

    name: str = ""
    kind: str = ""

    def __str__(self) -> str:
        """Return it as messages and identities have it."""
        return f"{self.kind}/{self.name}" if self.kind else self.name


NO_CONFIG = ProviderConfig()


class Repository(NamedTuple):
    """One desired ECR repository.

    Attributes:
        name: Its full name in the registry.
        region: The AWS region of the registry.
        provider_config: Which of the provider's configurations.
        namespace: The namespace of its managed resource; empty where that is
            cluster-scoped.
        options: What it is like.
        rights: What the provider may do to it.
        resource_name: The metadata.name of its managed resource; empty for one that
            has none yet.
        abandoned: See Facts.
        copies_tags: See Facts.
        recorded_uid: See Facts.
        composite_uid: The UID of the composite that asks for it; empty where there is
            none, as in a file.
    """

    name: RepositoryName
    region: str
    provider_config: ProviderConfig
    namespace: str = ""
    options: RepositoryOptions = NO_OPTIONS
    rights: Rights = Rights.CREATE
    resource_name: str = ""
    abandoned: str = ""
    copies_tags: bool = False
    recorded_uid: str = ""
    composite_uid: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What a live resource keeps: config, region, name."""
        config = self.provider_config
        if config.kind == NAMESPACED_CONFIG:
            return (f"{self.namespace}/{config}", self.region, self.name)
        return (str(config), self.region, self.name)


class Facts(NamedTuple):
    """What a provider has observed of a repository; empty where unknown.

    Attributes:
        resource_name: The metadata.name of its managed resource.
        external_name: The repository's name.
        provider_config: Which of the provider's configurations.
        deletable: Whether the provider may delete it.
        force_delete: Whether it may delete its images too.
        changeable: Whether the provider may change or delete it, by policies that say
            so.
        attempted: Whether the provider recorded an attempt to create it.
        deleting: Whether the managed resource is being deleted.
        created_it: Whether the provider made this very repository, and did not find
            it there.
        copies_tags: Whether the provider, allowed to fill in what the spec leaves open,
            would copy ECR's tags there, our signature among them.
        recorded_uid: The UID of the composite whose creation is recorded, where the
            managed resource alone can say so; it stays as it is. Empty where not.
        encryption: How its images are encrypted.
        problem: Why the provider's last attempt failed, in its words.
        abandoned: When an attempt to create it began of which nothing is recorded;
            empty where there is none.
        since: Creation time (RFC 3339) and UID of the managed resource: an order of
            all of them.
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
    attempted: bool = False
    deleting: bool = False
    created_it: bool = False
    copies_tags: bool = False
    recorded_uid: str = ""
    encryption: EncryptionOptions | None = None
    problem: str = ""
    abandoned: str = ""
    since: tuple[str, str] = ("", "")


UNKNOWN = Facts()


def identity(api: str, *place: str) -> str:
    """Return what stands for one repository of one registry: 32 characters [a-z2-7].

    160 bits of SHA-256, so that nobody finds two repositories with one identity. The
    parts hold no NUL: they are Kubernetes names, a region and an ECR name.

    Args:
        api: The provider's API group.
        place: See Repository.place.
    """
    digest = hashlib.sha256("\0".join((api, *place)).encode()).digest()
    return base64.b32encode(digest[:20]).decode().lower()


def resource_name(repository: Repository, identified: str) -> str:
    """Return the metadata.name of a repository's managed resource.

    A live one keeps its own. A new one's follows from the repository alone: whoever
    asks for the same one asks for the same object, which the API server gives to one.
    The part that people read comes first and decides nothing.
    """
    if repository.resource_name:
        return repository.resource_name
    last = repository.name.rpartition("/")[2]
    readable = re.sub(r"[^a-z0-9]+", "-", last)[:_READABLE].strip("-")
    return f"{readable}-{identified}"
