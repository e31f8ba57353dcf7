"""What an Input says, for the rest of the function; and what it is where there is none.

Apart from what parses one, because most Compositions have none, and the library for it
takes more memory and longer to import than all our own code.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, Literal, Protocol

from function.ecr.naming import RegistryHost
from function.ecr.repository import Deletion, ProviderConfig
from function.providers.base import Provider
from function.providers.registry import DEFAULT, PROVIDERS

Globs = tuple[str, ...] | None
# Of the two repositories.
Which = Literal["image", "bundle"]


@dataclass(frozen=True)
class Allow:
    """What a tenant's parameters may be. None means anything.

    Attributes:
        repo_prefixes: Globs for repoPrefix.
        regions: Globs for region.
        provider_names: Globs for providerName.
        overrides: The options that a workload may set; none by default.
    """

    repo_prefixes: Globs = None
    regions: Globs = None
    provider_names: Globs = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Defaults:
    """What is used where an XR omits the field; None where it may not."""

    repo_prefix: str | None = None
    region: str | None = None
    provider_name: str | None = None


class Layer(Protocol):
    """Some options of a repository."""

    def given(self) -> Iterable[tuple[str, Any]]:
        """Return those that it says, by their names in the Input."""


@dataclass(frozen=True, eq=False)  # one Input, one object: see parse_input
class Settings:
    """What an Input says.

    Attributes:
        provider: The provider's API that makes new repositories.
        management_policies: Whether it honours those; None for what it does by itself.
        provider_config_kind: What providerName names; None for its default.
        registry_host: What becomes of a host in a prefix.
        bundle: Whether there is a bundle.
        deletion: What becomes of a repository when its claim goes.
        connection: The kind of the object of connection details; empty for none.
        image: What the image's repository is like, the last one has its way.
        bundle_repository: The same of the bundle's.
        allow: What a tenant may ask for.
        defaults: What is used where a tenant asks for nothing.
    """

    provider: str = DEFAULT.api_version
    management_policies: bool | None = None
    provider_config_kind: str | None = None
    registry_host: RegistryHost = RegistryHost.STRIP
    bundle: bool = True
    deletion: Deletion = Deletion.ONLY_CREATED
    connection: str = ""
    image: tuple[Layer, ...] = ()
    bundle_repository: tuple[Layer, ...] = ()
    allow: Allow = Allow()
    defaults: Defaults = Defaults()

    def layers(self, which: Which) -> tuple[Layer, ...]:
        """Return what one of the two repositories is like."""
        return self.image if which == "image" else self.bundle_repository

    def manages(self, provider: Provider) -> bool:
        """Whether a provider is to be told by management policies."""
        if self.management_policies is None or not provider.has_deletion_policy:
            return provider.manages
        return self.management_policies

    def provider_config(self, name: str) -> ProviderConfig:
        """Return the provider config that providerName names."""
        kinds = PROVIDERS[self.provider].config_kinds
        return ProviderConfig(
            name, self.provider_config_kind or (kinds[0] if kinds else "")
        )


NO_INPUT = Settings()


# Some Inputs' worth: each has a thousand of 256 characters at most.
@functools.lru_cache(maxsize=2048)
def compile_glob(glob: str) -> re.Pattern[str]:
    """Compile one `allow` glob; matching is case-sensitive and of the whole text."""
    return re.compile(translate(glob))
