"""The settings that apply to a claim: the Input, and the platform settings over it."""

import dataclasses
import functools
from typing import Any, Literal

from pydantic.alias_generators import to_camel

from function.api.fields import Allow, Connection, Defaults, SettingsFields
from function.api.globs import NAMESPACE_PLACEHOLDER
from function.api.input import DEFAULT_INPUT, Input
from function.api.platform_settings import PlatformSettings
from function.api.validation import check_options_supported, unsupported_error
from function.ecr.naming import RegistryHost
from function.ecr.options import RepositoryOptions
from function.ecr.provider_rights import Adoption, Deletion
from function.ecr.repository import ProviderConfig
from function.errors import InvalidInputError, quote
from function.providers.base import Provider
from function.providers.registry import PROVIDERS

# Which of a workload's two repositories.
RepositoryRole = Literal["image", "bundle"]


# Compared by identity: effective_settings returns the same object for equal arguments,
# and caches use it as a key for each request.
@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Settings:
    """The settings that apply.

    Attributes:
        layers: Where they are from; a later layer takes precedence. The options of a
            repository and `allow` come from all layers, the other fields from the last
            one that sets them.
        allow: What claims may use. Each of them applies.
        provider: See function/api/fields.py for this field and all others.
    """

    layers: tuple[SettingsFields, ...]
    allow: tuple[Allow, ...] = dataclasses.field(init=False)
    provider: str
    management_policies: bool | None
    provider_config_kind: Literal["ClusterProviderConfig", "ProviderConfig"] | None
    registry_host: RegistryHost
    bundle: bool
    deletion: Deletion
    adopt: Adoption
    connection: Connection | None
    defaults: Defaults

    def __post_init__(self) -> None:
        """Take `allow` from the layers, once: each call reads it."""
        allow = tuple(layer.allow for layer in self.layers)
        object.__setattr__(self, "allow", allow)

    @property
    def allowed_overrides(self) -> list[str]:
        """The options that a claim may set: those of every layer that has a list."""
        first, *others = [
            a.overrides for a in self.allow if a.overrides is not None
        ] or [[]]
        return [name for name in first if all(name in each for each in others)]

    def default_prefix(self, namespace: str) -> str | None:
        """Return the default of repoPrefix for a namespace; None if there is none."""
        prefix = self.defaults.repo_prefix
        return prefix and prefix.replace(NAMESPACE_PLACEHOLDER, namespace)

    def repository_layers(self, role: RepositoryRole) -> tuple[RepositoryOptions, ...]:
        """Return the layers of options of one repository; the last layer wins."""
        name = "image" if role == "image" else "bundle_repository"
        options = (
            getattr(layer, each)
            for layer in self.layers
            for each in ("repository", name)
        )
        return tuple(each for each in options if each is not None)

    def honours_management_policies(self, provider: Provider) -> bool:
        """Whether to send a provider management policies."""
        if self.management_policies is None or not provider.has_deletion_policy:
            return provider.honours_management_policies
        return self.management_policies

    def adoption(self, provider: Provider) -> Adoption:
        """Return what a provider may do to a repository that a claim adopted."""
        # Without management policies nothing can end its right to update.
        if provider.changes_adopted and self.honours_management_policies(provider):
            return self.adopt
        return Adoption.OBSERVE

    def provider_config(self, name: str) -> ProviderConfig:
        """Return the provider config that providerName names."""
        kinds = PROVIDERS[self.provider].config_kinds
        return ProviderConfig(
            name, self.provider_config_kind or (kinds[0] if kinds else "")
        )

    def path(self, field: str) -> str:
        """Return the path of a field, where it is set."""
        set_by = [layer for layer in self.layers if field in layer.model_fields_set]
        return f"{(set_by or self.layers)[-1].root}.{to_camel(field)}"


# A cluster has few Compositions, and one object with platform settings.
@functools.lru_cache(maxsize=64)
def effective_settings(
    step_input: Input = DEFAULT_INPUT, platform: PlatformSettings | None = None
) -> Settings:
    """Return the settings that apply: those of the platform take precedence.

    Raises:
        InvalidInputError: A field is not supported by the provider.
    """
    layers = tuple(layer for layer in (step_input, platform) if layer is not None)

    settings = Settings(
        layers=layers, **_last_values(layers), defaults=_defaults(layers)
    )
    _check_supported(settings)
    return settings


def _last_values(layers: tuple[SettingsFields, ...]) -> dict[str, Any]:
    """Return each field that only one layer decides, from the last that sets it."""
    names = {field.name for field in dataclasses.fields(Settings) if field.init} - {
        *("layers", "defaults")
    }
    values = {name: getattr(layers[0], name) for name in names}
    for layer in layers:
        for name in names & layer.model_fields_set:
            values[name] = getattr(layer, name)
    return values


def _defaults(layers: tuple[SettingsFields, ...]) -> Defaults:
    """Return the defaults; each of them is from the last layer that sets it."""
    values = {
        name: value
        for layer in layers
        for name in Defaults.model_fields
        if (value := getattr(layer.defaults, name)) is not None
    }
    return Defaults.model_construct(**values)


def _check_supported(settings: Settings) -> None:
    """Refuse fields that the provider's API does not support."""
    provider = PROVIDERS[settings.provider]
    if settings.provider_config_kind and not provider.config_kinds:
        raise unsupported_error(
            settings.path("provider_config_kind"),
            quote(settings.provider_config_kind),
            settings.provider,
            (v for v, p in PROVIDERS.items() if p.config_kinds),
            InvalidInputError,
        )
    if settings.management_policies is False and not provider.has_deletion_policy:
        raise unsupported_error(
            settings.path("management_policies"),
            "false",
            settings.provider,
            (v for v, p in PROVIDERS.items() if p.has_deletion_policy),
            InvalidInputError,
        )
    if settings.adopt is Adoption.MANAGE:
        _check_manages(settings, provider)
    for layer in settings.layers:
        for name in ("repository", "image", "bundle_repository"):
            if options := getattr(layer, name):
                check_options_supported(
                    options,
                    settings.provider,
                    f"{layer.root}.{to_camel(name)}",
                    InvalidInputError,
                )


def _check_manages(settings: Settings, provider: Provider) -> None:
    """Refuse `adopt: Manage` where it would lose what somebody else set."""
    path, value = settings.path("adopt"), quote(settings.adopt)
    if not provider.changes_adopted:
        supporting = ", ".join(v for v, p in PROVIDERS.items() if p.changes_adopted)
        raise InvalidInputError(
            path,
            value,
            f"provider {settings.provider} does not support it: it would remove the "
            "tags of adopted repositories",
            f"Remove it, or use a provider that supports it: {supporting}",
        )
    if not settings.honours_management_policies(provider):
        raise InvalidInputError(
            path,
            value,
            "it needs management policies, and managementPolicies is false: without "
            "them, the provider would remove the tags of adopted repositories",
            "Remove it, or remove managementPolicies",
        )
