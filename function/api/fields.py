"""What a platform team can set: the fields, their bounds and their descriptions.

The Input of a Composition and the platform settings have the same fields. `make
generate` writes the CRD, JSON Schemas, the reference page and the commented settings
from this model.
"""

import functools
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from function.api.globs import NAMESPACE_PLACEHOLDER
from function.ecr.model import Model
from function.ecr.name_template import (
    DEFAULT_SUFFIX,
    DEFAULT_TEMPLATE,
    RECOMMENDED_TEMPLATE,
    RESERVED_KEYS,
    NameTemplate,
    SuffixTemplate,
)
from function.ecr.naming import LABEL, RegistryHost
from function.ecr.options import OPTION_NAMES, RepositoryOptions
from function.ecr.provider_rights import Adoption, Deletion
from function.limits import LONGEST_PARAMETER
from function.providers.registry import DEFAULT, PROVIDERS

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def _is_provider(api_version: str) -> str:
    if api_version not in PROVIDERS:
        raise ValueError(f"it must be one of {', '.join(PROVIDERS)}")
    return api_version


def _has_known_placeholders(text: str) -> str:
    for placeholder in _PLACEHOLDER.findall(text):
        if placeholder != NAMESPACE_PLACEHOLDER:
            raise ValueError(
                f"there is no placeholder {placeholder}, only {NAMESPACE_PLACEHOLDER}"
            )
    return text


def _has_no_placeholder(text: str) -> str:
    if placeholder := _PLACEHOLDER.search(text):
        raise ValueError(f"there is no placeholder {placeholder[0]} here")
    return text


def _is_name_template(text: str) -> str:
    return NameTemplate.from_text(text).text


def _is_suffix_template(text: str) -> str:
    return SuffixTemplate.from_text(text).text


def _is_suffix(text: str) -> str:
    if "{" in text:
        raise ValueError("a suffix of one repository has no placeholders")
    return _is_suffix_template(text)


def _is_key(key: str) -> str:
    if not LABEL.fullmatch(key):
        raise ValueError(
            "a repository's key must be a Kubernetes name (RFC 1123 label)"
        )
    if key in RESERVED_KEYS:
        raise ValueError(
            f"the keys {', '.join(RESERVED_KEYS)} are reserved. Use another key, or "
            "the fields image and bundleRepository for those two"
        )
    return key


def _limit_repositories(repositories: Any) -> Any:  # not validated yet
    if isinstance(repositories, dict) and len(repositories) > _MOST_REPOSITORIES:
        raise ValueError(f"at most {_MOST_REPOSITORIES} repositories are possible")
    return repositories


# Crossplane sends each XR's managed resources with each call.
_MOST_REPOSITORIES = 20
_LONGEST_TEMPLATE = 256
Template = Annotated[
    str, Field(max_length=_LONGEST_TEMPLATE), AfterValidator(_is_name_template)
]
Suffix = Annotated[str, Field(max_length=_LONGEST_TEMPLATE), AfterValidator(_is_suffix)]
Key = Annotated[str, AfterValidator(_is_key)]
Glob = Annotated[str, Field(min_length=1, max_length=256)]
Globs = Annotated[list[Glob], Field(max_length=1000)]
KeyGlobs = Annotated[
    list[Annotated[Glob, AfterValidator(_has_no_placeholder)]], Field(max_length=1000)
]
PrefixGlob = Annotated[Glob, AfterValidator(_has_known_placeholders)]
PrefixGlobs = Annotated[list[PrefixGlob], Field(max_length=1000)]


# The names of RepositoryOptions' fields. A type checker cannot compute them.
if TYPE_CHECKING:
    Option = str
else:
    Option = Literal[OPTION_NAMES]


class Allow(Model):
    """The values that claims may use, as glob patterns. An absent list allows any."""

    repo_prefixes: PrefixGlobs | None = Field(
        None,
        description="Patterns for repoPrefix, compared after surrounding slashes and a "
        "stripped registry host are removed. * also matches slashes. {namespace} is "
        "the claim's namespace. Default: any value.",
    )
    regions: Globs | None = Field(
        None, description="Patterns for region. Default: any value."
    )
    provider_names: Globs | None = Field(
        None, description="Patterns for providerName. Default: any value."
    )
    repositories: KeyGlobs | None = Field(
        None,
        description="Patterns for the names that a claim may add in "
        "spec.parameters.repositories, one repository each. Default: none.",
    )
    existing_names: PrefixGlobs | None = Field(
        None,
        description="Patterns for spec.parameters.existingName: the names of existing "
        "repositories that claims may use. * also matches slashes. {namespace} is the "
        "claim's namespace. Default: none.",
    )
    overrides: list[Option] | None = Field(
        None,
        max_length=32,
        description="The repository options that a claim may set in "
        "spec.parameters.repository. Default: none.",
    )


class Defaults(Model):
    """Values for parameters that the XR omits."""

    repo_prefix: Annotated[str, AfterValidator(_has_known_placeholders)] | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["repoPrefix"],
        description="The default for repoPrefix. {namespace} is the claim's namespace.",
    )
    region: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["region"],
        description="The default for region.",
    )
    provider_name: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["providerName"],
        description="The default for providerName.",
    )


class Connection(Model):
    """An object with the URIs, for XRs without connection details."""

    kind: Literal["ConfigMap", "Secret"] = Field(
        description="The kind of the object. Its name is <XR name>-repositories, in "
        "the XR's namespace."
    )


class NamedRepositoryFields(RepositoryOptions):
    """One more repository of each workload: its name and its options."""

    suffix: Suffix | None = Field(
        None,
        description="The suffix of its name, such as -cache or /cache. Default: the "
        "top-level suffix, with its key.",
    )
    name: Template | None = Field(
        None,
        description="The template of its name, if it is another than the top-level "
        "name.",
    )


class SettingsFields(Model):
    """What both the Input and the platform settings can set. Every field is optional.

    Attributes:
        root: Where the fields are: the start of their paths in messages.
    """

    root: ClassVar[str]

    provider: Annotated[
        str,
        AfterValidator(_is_provider),
        Field(json_schema_extra={"enum": list[Any](PROVIDERS)}),
    ] = Field(
        DEFAULT.api_version,
        description="The provider API that creates the repositories. A namespaced XR "
        "needs ecr.aws.m.upbound.io/v1beta1; every other XR needs one of "
        "the other two.",
    )
    management_policies: bool | None = Field(
        None,
        description="Whether the provider supports management policies. Default: true "
        "for Upbound's provider, false for the classic one. Set it to true "
        "for the classic provider only if it runs with "
        "--enable-management-policies.",
    )
    provider_config_kind: Literal["ClusterProviderConfig", "ProviderConfig"] | None = (
        Field(
            None,
            description="The kind that providerName refers to, for providers with two "
            "kinds: ClusterProviderConfig (the default), or ProviderConfig in "
            "the XR's namespace.",
        )
    )
    registry_host: Annotated[RegistryHost, Field(strict=False)] = Field(
        RegistryHost.STRIP,
        description="What to do with a private registry's host at the start of "
        "repoPrefix. Strip removes it. Keep makes it a part of the "
        "repository's name.",
    )
    bundle: bool = Field(
        default=True,
        description="Whether to create the bundle repository.",
    )
    deletion: Annotated[Deletion, Field(strict=False)] = Field(
        Deletion.ONLY_CREATED,
        description="Whether deleting a claim deletes its repositories with all their "
        "images. OnlyCreated deletes the repositories that the claim "
        "created, and keeps those that existed before. WhenEmpty also "
        "keeps those that hold images, whatever forceDelete says. Always "
        "deletes all of them. Never deletes none.",
    )
    adopt: Annotated[Adoption, Field(strict=False)] = Field(
        Adoption.OBSERVE,
        description="What happens to a repository that existed before its claim. "
        "Observe changes nothing. Manage applies the options; the repository keeps all "
        "its tags, and options that are not set. Neither deletes it. Manage "
        "needs one of Upbound's APIs.",
    )
    name: Template = Field(
        DEFAULT_TEMPLATE,
        description="The template of repository names. Placeholders: {prefix}, "
        "{workload}, {namespace}, {suffix}, {repository} (image, bundle or a key of "
        f"repositories). Recommended for new installations: {RECOMMENDED_TEMPLATE} "
        "and the suffix /{repository}. Existing repositories keep their names.",
    )
    suffix: Annotated[
        str, Field(max_length=_LONGEST_TEMPLATE), AfterValidator(_is_suffix_template)
    ] = Field(
        DEFAULT_SUFFIX,
        description="The template of the suffixes of all repositories but the image, "
        "unless they have their own. Its only placeholder is {repository}. The "
        "image's suffix is empty.",
    )
    repository: RepositoryOptions | None = Field(
        None, description="Options for all repositories."
    )
    image: RepositoryOptions | None = Field(
        None,
        description="Options for the image repository only. An option here replaces "
        "the same option in repository.",
    )
    bundle_repository: RepositoryOptions | None = Field(
        None,
        description="Options for the bundle repository only. An option here replaces "
        "the same option in repository.",
    )
    repositories: (
        Annotated[
            dict[Key, NamedRepositoryFields], BeforeValidator(_limit_repositories)
        ]
        | None
    ) = Field(
        None,
        json_schema_extra={"maxProperties": _MOST_REPOSITORIES},
        description="More repositories for each workload, by key. An option here "
        "replaces the same option in repository. A repository whose key is removed is "
        "kept, with its images.",
    )
    connection: Connection | None = Field(
        None,
        description="For namespaced XRs: create a ConfigMap or Secret with the URI of "
        "each repository, such as imageRepositoryUri, and region. Claims use "
        "connection secrets instead.",
    )
    allow: Allow = Field(
        default_factory=Allow, description="The values that claims may use."
    )
    defaults: Defaults = Field(
        default_factory=Defaults, description="Values for parameters that the XR omits."
    )

    @functools.cached_property
    def _values(self) -> str:
        """Return the fields that are set, to compare and hash by."""
        return self.model_dump_json(exclude_unset=True)

    def __eq__(self, other: object) -> bool:
        """Whether both set the same fields to the same values."""
        return type(self) is type(other) and self._values == other._values

    def __hash__(self) -> int:
        """Return the hash of its values. Caches use it for each request."""
        return hash(self._values)
