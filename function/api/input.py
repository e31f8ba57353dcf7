"""The Composition's input: its fields, bounds and descriptions, and its parser.

`make generate` writes its CRD, JSON Schemas and reference page from this model.
"""

import functools
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from google.protobuf import struct_pb2 as structpb
from pydantic import AfterValidator, Field, ValidationError
from pydantic.alias_generators import to_camel

from function.api.validation import (
    check_options_supported,
    first_error,
    to_values,
    unsupported_error,
)
from function.ecr.model import Model
from function.ecr.naming import RegistryHost
from function.ecr.options import OPTION_NAMES, RepositoryOptions
from function.ecr.provider_rights import Deletion
from function.ecr.repository import ProviderConfig
from function.errors import InvalidInputError, quote
from function.limits import LARGEST_INPUT, LONGEST_PARAMETER
from function.providers.base import Provider
from function.providers.registry import DEFAULT, PROVIDERS

API_VERSION = "ecrrepos.fn.tap.vrabbi.cloud/v1beta1"
KIND = "Input"
_FIX = "Correct the input of the pipeline step in the Composition"


def _is_provider(api_version: str) -> str:
    if api_version not in PROVIDERS:
        raise ValueError(f"it must be one of {', '.join(PROVIDERS)}")
    return api_version


Glob = Annotated[str, Field(min_length=1, max_length=256)]
Globs = Annotated[list[Glob], Field(max_length=1000)]


# The names of RepositoryOptions' fields. A type checker cannot compute them.
if TYPE_CHECKING:
    Option = str
else:
    Option = Literal[OPTION_NAMES]


# Which of a workload's two repositories.
RepositoryRole = Literal["image", "bundle"]


class Allow(Model):
    """The values that claims may use, as glob patterns. An absent list allows any."""

    repo_prefixes: Globs | None = Field(
        None,
        description="Patterns for repoPrefix, compared after surrounding slashes and a "
        "stripped registry host are removed. * also matches slashes. "
        "Default: any value.",
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

    repo_prefix: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["repoPrefix"],
        description="The default for repoPrefix.",
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


class Input(Model):
    """Settings of the function for one Composition. Every field is optional."""

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
        "created, and keeps those that existed before. Always deletes "
        "both. Never deletes none.",
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

    def repository_layers(self, role: RepositoryRole) -> tuple[RepositoryOptions, ...]:
        """Return the layers of options of one repository; the last layer wins."""
        layer = self.image if role == "image" else self.bundle_repository
        return tuple(each for each in (self.repository, layer) if each is not None)

    def honours_management_policies(self, provider: Provider) -> bool:
        """Whether to send a provider management policies."""
        if self.management_policies is None or not provider.has_deletion_policy:
            return provider.honours_management_policies
        return self.management_policies

    def provider_config(self, name: str) -> ProviderConfig:
        """Return the provider config that providerName names."""
        kinds = PROVIDERS[self.provider].config_kinds
        return ProviderConfig(
            name, self.provider_config_kind or (kinds[0] if kinds else "")
        )

    @functools.cached_property
    def _hash(self) -> int:
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))

    def __hash__(self) -> int:
        """Return the hash of its values. Caches use it for each request."""
        return self._hash


DEFAULT_INPUT = Input()


class _Document(Input):
    """The Input as a Composition contains it, with apiVersion, kind and metadata."""

    api_version: Literal["ecrrepos.fn.tap.vrabbi.cloud/v1beta1"]
    kind: Literal["Input"]
    metadata: dict[str, Any] | None = None

    def input(self) -> Input:
        """Return the Input without these three fields."""
        fields = {
            field.alias or name: getattr(self, name)
            for name, field in Input.model_fields.items()
        }
        return Input.model_construct(**fields)


def parse_input(struct: structpb.Struct) -> Input:
    """Parse a request's input; an empty one has all defaults.

    Raises:
        InvalidInputError: It is too large or not an Input of this version, or a field
            is unknown, wrong, or not supported by the provider. The path of the field
            begins with `input`, the field of the pipeline step.
    """
    # Deterministic: Go sends the entries of a map in another order each time.
    serialized = struct.SerializeToString(deterministic=True)
    if len(serialized) > LARGEST_INPUT:
        raise InvalidInputError(
            "input",
            f"an object of {len(serialized)} bytes",
            f"it must not be larger than {LARGEST_INPUT} bytes",
            "Shorten the input of the pipeline step in the Composition",
        )
    return _parse(serialized)


# A cluster has few Compositions, and each sends the same input with every request.
@functools.lru_cache(maxsize=32)
def _parse(serialized: bytes) -> Input:
    if not serialized:
        return DEFAULT_INPUT
    struct = structpb.Struct.FromString(serialized)
    values = to_values(struct, "input", InvalidInputError, _FIX)
    try:
        parsed = _Document.model_validate(values).input()
    except ValidationError as e:
        raise InvalidInputError(*first_error(e, "input"), _FIX) from None
    _check_supported(parsed)
    return parsed


def _check_supported(parsed: Input) -> None:
    """Refuse fields that the provider's API does not support."""
    provider = PROVIDERS[parsed.provider]
    if parsed.provider_config_kind and not provider.config_kinds:
        raise unsupported_error(
            "input.providerConfigKind",
            quote(parsed.provider_config_kind),
            parsed.provider,
            (v for v, p in PROVIDERS.items() if p.config_kinds),
            InvalidInputError,
        )
    if parsed.management_policies is False and not provider.has_deletion_policy:
        raise unsupported_error(
            "input.managementPolicies",
            "false",
            parsed.provider,
            (v for v, p in PROVIDERS.items() if p.has_deletion_policy),
            InvalidInputError,
        )
    for name in ("repository", "image", "bundle_repository"):
        if options := getattr(parsed, name):
            check_options_supported(
                options, parsed.provider, f"input.{to_camel(name)}", InvalidInputError
            )
