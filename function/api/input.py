"""The Composition's input: its fields, bounds and descriptions, and how it is parsed.

`make generate` writes its CRD, JSON Schemas and reference page from the model here.
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
        raise ValueError(f"should be one of {', '.join(PROVIDERS)}")
    return api_version


Glob = Annotated[str, Field(min_length=1, max_length=256)]
Globs = Annotated[list[Glob], Field(max_length=1000)]


# The names of RepositoryOptions' fields, which no type checker can derive.
if TYPE_CHECKING:
    Option = str
else:
    Option = Literal[OPTION_NAMES]


# Which of a workload's two repositories.
RepositoryRole = Literal["image", "bundle"]


class Allow(Model):
    """What a tenant's parameters may be: lists of globs. Absent means anything."""

    repo_prefixes: Globs | None = Field(
        None,
        description="Globs for repoPrefix, as it is used: without surrounding slashes "
        "and without a stripped registry host. `*` matches slashes too.",
    )
    regions: Globs | None = Field(None, description="Globs for region.")
    provider_names: Globs | None = Field(None, description="Globs for providerName.")
    overrides: list[Option] | None = Field(
        None,
        max_length=32,
        description="The options of `repository` that a workload may set for itself, "
        "in spec.parameters.repository. Absent means none.",
    )


class Defaults(Model):
    """Values used where the XR omits the field."""

    repo_prefix: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["repoPrefix"],
        description="repoPrefix.",
    )
    region: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["region"],
        description="region.",
    )
    provider_name: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PARAMETER["providerName"],
        description="providerName.",
    )


class Connection(Model):
    """An object that holds what a claim has as connection details."""

    kind: Literal["ConfigMap", "Secret"] = Field(
        description="Its kind. It is in the XR's namespace, and called as the XR with "
        "-repositories."
    )


class Input(Model):
    """Configures the function for one Composition. Everything is optional."""

    provider: Annotated[
        str,
        AfterValidator(_is_provider),
        Field(json_schema_extra={"enum": list[Any](PROVIDERS)}),
    ] = Field(
        DEFAULT.api_version,
        description="The provider's API that makes the repositories. A namespaced XR "
        "needs a namespaced one, ecr.aws.m.upbound.io/v1beta1; any other XR one of the "
        "others.",
    )
    management_policies: bool | None = Field(
        None,
        description="Whether the provider honours management policies. By default true "
        "for Upbound's, and false for the classic one, which takes any as an error "
        "unless it is run with --enable-management-policies.",
    )
    provider_config_kind: Literal["ClusterProviderConfig", "ProviderConfig"] | None = (
        Field(
            None,
            description="What providerName names, where the provider knows two "
            "kinds: a ClusterProviderConfig, which is the default, or the "
            "ProviderConfig of that name in the XR's namespace.",
        )
    )
    registry_host: Annotated[RegistryHost, Field(strict=False)] = Field(
        RegistryHost.STRIP,
        description="What to do with a private registry's host at the start of "
        "repoPrefix: Strip it, or Keep it as part of the repository's name.",
    )
    bundle: bool = Field(
        default=True,
        description="Whether to compose the -bundle repository.",
    )
    deletion: Annotated[Deletion, Field(strict=False)] = Field(
        Deletion.ONLY_CREATED,
        description="What becomes of a repository, with every image in it, when its "
        "claim goes. OnlyCreated: it is deleted if this claim created it, and stays if "
        "it was there before. Always: it is deleted. Never: it stays.",
    )
    repository: RepositoryOptions | None = Field(
        None, description="What the repositories are like."
    )
    image: RepositoryOptions | None = Field(
        None,
        description="The same for the image's alone. An option here replaces that of "
        "`repository`.",
    )
    bundle_repository: RepositoryOptions | None = Field(
        None,
        description="The same for the bundle's alone.",
    )
    connection: Connection | None = Field(
        None,
        description="Whether a namespaced XR composes an object with "
        "imageRepositoryUri, bundleRepositoryUri and region. Other XRs have connection "
        "details instead.",
    )
    allow: Allow = Field(
        default_factory=Allow, description="What a tenant's parameters may be."
    )
    defaults: Defaults = Field(
        default_factory=Defaults, description="Used where the XR omits the field."
    )

    def repository_layers(self, role: RepositoryRole) -> tuple[RepositoryOptions, ...]:
        """Return the options of one of the two repositories, the last layer wins."""
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
        """Return the hash of its values: caches look it up for each request."""
        return self._hash


DEFAULT_INPUT = Input()


class _Document(Input):
    """Input as it stands in a Composition, with its type and metadata."""

    api_version: Literal["ecrrepos.fn.tap.vrabbi.cloud/v1beta1"]
    kind: Literal["Input"]
    metadata: dict[str, Any] | None = None

    def input(self) -> Input:
        """Return it without these."""
        fields = {
            field.alias or name: getattr(self, name)
            for name, field in Input.model_fields.items()
        }
        return Input.model_construct(**fields)


def parse_input(struct: structpb.Struct) -> Input:
    """Parse a request's input; an empty one is all defaults.

    Raises:
        InvalidInputError: It is not an Input of this version, it is too large, a field
            is unknown or wrong, or the provider does not support it. Fields are named
            from `input`, the Composition's field.
    """
    # Go writes a map's entries in another order each time.
    serialized = struct.SerializeToString(deterministic=True)
    if len(serialized) > LARGEST_INPUT:
        raise InvalidInputError(
            "input",
            f"an object of {len(serialized)} bytes",
            f"it is too large: {LARGEST_INPUT} bytes at most",
            "Make the input of the pipeline step in the Composition smaller",
        )
    return _parse(serialized)


# A cluster has a few Compositions, and each sends the same input each time.
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
    """Refuse what the chosen provider's API has no field for."""
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
