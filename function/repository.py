"""A repository as we want it, whichever provider will make it."""

from dataclasses import dataclass

from function.naming import RepositoryName


@dataclass(frozen=True, slots=True)
class Repository:
    """One desired ECR repository.

    Attributes:
        name: Its full name in the registry.
        region: The AWS region of the registry.
        provider_config: The name of the provider's configuration.
        force_delete: Whether deleting it may delete its images too.
    """

    name: RepositoryName
    region: str
    provider_config: str
    force_delete: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What a provider has observed of a repository; empty where unknown."""

    external_name: str = ""
    region: str = ""
    uri: str = ""
    arn: str = ""
    registry_id: str = ""
    ready: bool = False


UNKNOWN = Facts()
