"""The settings that apply to a claim: the Input, and the platform settings over it."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic.alias_generators import to_camel

from function.api.fields import Allow, Connection, Defaults, SettingsFields
from function.api.globs import NAMESPACE_PLACEHOLDER, matching_glob
from function.api.input import DEFAULT_INPUT, Input
from function.api.platform_settings import PlatformSettings
from function.api.validation import check_options_supported, unsupported_error
from function.ecr.name_template import (
    BUNDLE_KEY,
    IMAGE_KEY,
    NamedRepository,
    NameTemplate,
    SuffixTemplate,
    same_names,
)
from function.ecr.naming import RegistryHost
from function.ecr.options import RepositoryOptions
from function.ecr.provider_rights import Adoption, Deletion
from function.ecr.repository import ProviderConfig
from function.errors import InvalidInputError, quote
from function.providers.base import Provider
from function.providers.registry import PROVIDERS

# The fields with the options of one repository.
_OPTIONS = {IMAGE_KEY: "image", BUNDLE_KEY: "bundle_repository"}


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
        repositories: The repositories that each workload has: the image first, the
            bundle second if it is not switched off, then those with names of their own.
        provider: See function/api/fields.py for this field and all others.
    """

    layers: tuple[SettingsFields, ...]
    allow: tuple[Allow, ...] = dataclasses.field(init=False)
    repositories: tuple[NamedRepository, ...] = dataclasses.field(init=False)
    provider: str
    management_policies: bool | None
    provider_config_kind: Literal["ClusterProviderConfig", "ProviderConfig"] | None
    registry_host: RegistryHost
    bundle: bool
    name: str
    suffix: str
    deletion: Deletion
    adopt: Adoption
    connection: Connection | None
    defaults: Defaults

    def __post_init__(self) -> None:
        """Take `allow` from the layers, once: each call reads it."""
        allow = tuple(layer.allow for layer in self.layers)
        object.__setattr__(self, "allow", allow)
        keys = [IMAGE_KEY, *([BUNDLE_KEY] if self.bundle else [])]
        keys += sorted(
            {key for layer in self.layers for key in layer.repositories or {}}
        )
        repositories = tuple(self.named_repository(key) for key in keys)
        object.__setattr__(self, "repositories", repositories)

    def may_add(self, name: str) -> bool:
        """Whether a claim may add a repository of a name."""
        return _is_listed(name, [a.repositories for a in self.allow])

    def may_use_existing(self, name: str, namespace: str) -> bool:
        """Whether a claim may use an existing repository."""
        return _is_listed(name, [a.existing_names for a in self.allow], namespace)

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

    def named_repository(self, key: str) -> NamedRepository:
        """Return how a repository is named: one of the settings', or of a claim."""
        name, suffix = self.name, None
        for layer in self.layers:
            if fields := (layer.repositories or {}).get(key):
                name, suffix = fields.name or name, fields.suffix or suffix
        if key == IMAGE_KEY:
            suffix = ""
        elif suffix is None:
            suffix = _suffix_template(self.suffix).render(key)
        return NamedRepository(key, _name_template(name), suffix)

    def has_options(self, key: str) -> bool:
        """Whether there are options for this repository only."""
        return key in _OPTIONS or any(
            key in (layer.repositories or {}) for layer in self.layers
        )

    def repository_layers(self, key: str) -> tuple[RepositoryOptions, ...]:
        """Return the layers of options of one repository; the last layer wins."""
        layers: list[RepositoryOptions | None] = []
        for layer in self.layers:
            layers.append(layer.repository)
            if key in _OPTIONS:
                layers.append(getattr(layer, _OPTIONS[key]))
            else:
                layers.append((layer.repositories or {}).get(key))
        return tuple(each for each in layers if each is not None)

    def honours_management_policies(self, provider: Provider) -> bool:
        """Whether to send a provider management policies."""
        if self.management_policies is None or not provider.has_deletion_policy:
            return provider.honours_management_policies
        return self.management_policies

    def adoption(self, provider: Provider) -> Adoption:
        """Return what a provider may do to a repository that a claim adopted."""
        return self.adopt if self.only_observes(provider) else Adoption.OBSERVE

    def only_observes(self, provider: Provider) -> bool:
        """Whether a provider changes an existing repository only if it is told to.

        Without management policies nothing takes its right to update.
        """
        return provider.changes_adopted and self.honours_management_policies(provider)

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


# A claim that adds repositories needs them with each call.
_name_template = functools.lru_cache(maxsize=64)(NameTemplate.from_text)
_suffix_template = functools.lru_cache(maxsize=64)(SuffixTemplate.from_text)


def _is_listed(
    name: str, lists: Sequence[Sequence[str] | None], namespace: str = ""
) -> bool:
    """Whether each list of globs matches a name. Without any list, none is allowed."""
    present = [globs for globs in lists if globs is not None]
    return bool(present) and all(
        matching_glob(name, globs, namespace) is not None for globs in present
    )


# A cluster has few Compositions, and one object with platform settings.
@functools.lru_cache(maxsize=64)
def effective_settings(
    step_input: Input = DEFAULT_INPUT, platform: PlatformSettings | None = None
) -> Settings:
    """Return the settings that apply: those of the platform take precedence.

    Raises:
        InvalidInputError: A field is not supported by the provider, or names cannot
            work.
    """
    settings = merged_settings(step_input, platform)
    _check_supported(settings)
    check_names(settings)
    return settings


def merged_settings(step_input: Input, platform: PlatformSettings | None) -> Settings:
    """Return the settings that apply, unchecked."""
    layers = tuple(layer for layer in (step_input, platform) if layer is not None)
    return Settings(layers=layers, **_last_values(layers), defaults=_defaults(layers))


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
        for path, options in _options(layer):
            check_options_supported(
                options,
                settings.provider,
                f"{layer.root}.{path}",
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


def _options(layer: SettingsFields) -> Iterator[tuple[str, RepositoryOptions]]:
    """Yield the options of a layer and the paths of their fields."""
    for name in ("repository", *_OPTIONS.values()):
        if options := getattr(layer, name):
            yield to_camel(name), options
    for key, fields in (layer.repositories or {}).items():
        yield f"repositories.{key}", fields


def check_names(settings: Settings) -> None:
    """Refuse names that break ECR's rules, or are the same, whatever a claim says.

    Raises:
        InvalidInputError: There are such names.
    """
    for each in settings.repositories:
        each.template.check_suffix(each.key, each.suffix, _suffix_path(settings, each))
    if same := same_names(settings.repositories):
        raise InvalidInputError(
            settings.path("name"),
            quote(settings.name),
            f"the repositories {' and '.join(same)} of a workload would have the same "
            "name",
            "Use {suffix} or {repository} in the template, and different suffixes"
            + (", or set bundle to false" if BUNDLE_KEY in same else ""),
        )


def _suffix_path(settings: Settings, repository: NamedRepository) -> str:
    """Return the path of the suffix of a repository, where it is set."""
    for layer in reversed(settings.layers):
        fields = (layer.repositories or {}).get(repository.key)
        if fields and fields.suffix is not None:
            return f"{layer.root}.repositories.{repository.key}.suffix"
    if repository.key == IMAGE_KEY:
        return settings.path("name")
    return settings.path("suffix")
