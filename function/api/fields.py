"""What a platform team can set: the fields, their bounds and their descriptions.

The Input of a Composition and the platform settings have the same fields. `make
generate` writes the CRD, JSON Schemas, the reference page and the commented settings
from this model.
"""

import functools
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from function.api.globs import NAMESPACE_PLACEHOLDER
from function.ecr.model import Model
from function.ecr.naming import RegistryHost
from function.ecr.options import OPTION_NAMES, RepositoryOptions
from function.ecr.provider_rights import Deletion
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


Glob = Annotated[str, Field(min_length=1, max_length=256)]
Globs = Annotated[list[Glob], Field(max_length=1000)]
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
    repository: RepositoryOptions | None = Field(
        None, description="Options for both repositories."
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
    connection: Connection | None = Field(
        None,
        description="For namespaced XRs: create a ConfigMap or Secret with "
        "imageRepositoryUri, bundleRepositoryUri and region. Claims use "
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
