"""The Composition's input: the one definition its CRD and docs are made from."""

import functools
from typing import Annotated, Any, Literal

from google.protobuf import struct_pb2 as structpb
from pydantic import AfterValidator, Field, ValidationError
from pydantic.alias_generators import to_camel

from function.api import settings
from function.api.settings import NO_INPUT, Globs, Settings
from function.ecr.model import Model
from function.ecr.naming import RegistryHost
from function.ecr.options import RULES, RepositoryOptions
from function.ecr.repository import Deletion
from function.errors import InvalidInputError, InvalidRequestError, quote
from function.limits import LARGEST_INPUT, LONGEST_PARAMETER, MOST_VALUES
from function.providers.registry import PROVIDERS

API_VERSION = "ecrrepos.fn.tap.vrabbi.cloud/v1beta1"
KIND = "Input"
_MEND = "Correct the input of the pipeline step in the Composition"


def _known(api_version: str) -> str:
    if api_version not in PROVIDERS:
        raise ValueError(f"should be one of {', '.join(PROVIDERS)}")
    return api_version


Glob = Annotated[str, Field(min_length=1, max_length=256)]
Globbed = Annotated[list[Glob], Field(max_length=1000)]


# The names of RepositoryOptions.
Option = Literal[
    "forceDelete",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "scanOnPush",
    "encryption",
    "tags",
    "automaticTags",
    "lifecycle",
    "permissions",
]


class Allow(Model):
    """What a tenant's parameters may be: lists of globs. Absent means anything."""

    repo_prefixes: Globbed | None = Field(
        None,
        description="Globs for repoPrefix, as it is used: without surrounding slashes "
        "and without a stripped registry host. `*` matches slashes too.",
    )
    regions: Globbed | None = Field(None, description="Globs for region.")
    provider_names: Globbed | None = Field(None, description="Globs for providerName.")
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
        AfterValidator(_known),
        Field(json_schema_extra={"enum": list[Any](PROVIDERS)}),
    ] = Field(
        NO_INPUT.provider,
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
        NO_INPUT.registry_host,
        description="What to do with a private registry's host at the start of "
        "repoPrefix: Strip it, or Keep it as part of the repository's name.",
    )
    bundle: bool = Field(
        NO_INPUT.bundle,
        description="Whether to compose the -bundle repository.",
    )
    deletion: Annotated[Deletion, Field(strict=False)] = Field(
        NO_INPUT.deletion,
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

    def settings(self) -> Settings:
        """Return what it says."""
        repositories = (self.repository,) if self.repository else ()
        allow, globs = self.allow, dict[str, Globs]()
        for name in ("repo_prefixes", "regions", "provider_names"):
            given = getattr(allow, name)
            globs[name] = None if given is None else tuple(given)
        return Settings(
            provider=self.provider,
            management_policies=self.management_policies,
            provider_config_kind=self.provider_config_kind,
            registry_host=self.registry_host,
            bundle=self.bundle,
            deletion=self.deletion,
            connection=self.connection.kind if self.connection else "",
            image=(*repositories, *((self.image,) if self.image else ())),
            bundle_repository=(
                *repositories,
                *((self.bundle_repository,) if self.bundle_repository else ()),
            ),
            allow=settings.Allow(**globs, overrides=tuple(allow.overrides or ())),
            defaults=settings.Defaults(**dict(self.defaults)),
        )


class _Document(Input):
    """Input as it stands in a Composition, with its type and metadata."""

    api_version: Literal["ecrrepos.fn.tap.vrabbi.cloud/v1beta1"]
    kind: Literal["Input"]
    metadata: dict[str, Any] | None = None


def parse_input(struct: structpb.Struct) -> Settings:
    """Parse a request's input; an empty one is all defaults. The same is one object.

    Raises:
        InvalidInputError: It is not an Input of this version, or a field is unknown
            or wrong. Fields are named from `input`, the Composition's field.
    """
    if not struct.fields:
        return NO_INPUT
    check_size(struct.ByteSize())
    return _parse(struct.SerializeToString(deterministic=True))


def check_size(size: int) -> None:
    """Refuse an Input by its size, before it is parsed.

    Raises:
        InvalidInputError: It has too many bytes.
    """
    if size > LARGEST_INPUT:
        raise InvalidInputError(
            "input",
            f"an object of {size} bytes",
            f"it is too large: {LARGEST_INPUT} bytes at most",
            "Make the input of the pipeline step in the Composition smaller",
        )


# A cluster has a handful of Compositions, and each sends the same input each time.
@functools.lru_cache(maxsize=32)
def _parse(serialized: bytes) -> Settings:
    try:
        parsed = _Document.model_validate(
            documented(structpb.Struct.FromString(serialized), "input")
        )
    except ValidationError as e:
        raise InvalidInputError(*problem(e, "input"), _MEND) from None
    _check_provider(parsed)
    return parsed.settings()


def documented(
    struct: structpb.Struct,
    field: str,
    refusal: type[InvalidRequestError] = InvalidInputError,
    mend: str = _MEND,
) -> dict[str, Any]:
    """Return a Struct as a document. It stops early where there is too much of it.

    Args:
        struct: What somebody wrote.
        field: Its path.
        refusal: What is raised: who wrote it decides.
        mend: What its author should do.

    Raises:
        InvalidRequestError: It has too many values, or holds a number that JSON has no
            word for.
    """
    try:
        return _Values().object(struct)
    except _TooManyError:
        raise refusal(
            field,
            f"more than {MOST_VALUES} values",
            f"it has too many values: {MOST_VALUES} at most, with those inside others",
            "Make it smaller",
        ) from None
    except (OverflowError, ValueError):  # an infinite or undefined number
        raise refusal(
            field,
            "a number that JSON has no word for",
            "numbers are finite",
            mend,
        ) from None


class _TooManyError(Exception):
    pass


class _Values:
    """Reads a Struct's values, and counts them."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def object(self, struct: structpb.Struct) -> dict[str, Any]:
        self._take(len(struct.fields))
        return {key: self._value(value) for key, value in struct.fields.items()}

    def _take(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise _TooManyError

    def _value(self, value: structpb.Value) -> Any:  # noqa: ANN401
        kind = value.WhichOneof("kind")
        if kind == "struct_value":
            return self.object(value.struct_value)
        if kind == "list_value":
            self._take(len(value.list_value.values))
            return [self._value(item) for item in value.list_value.values]
        if kind == "number_value":
            # Whole numbers as such: a Struct knows floats only.
            whole = int(value.number_value)
            return whole if whole == value.number_value else value.number_value
        if kind == "bool_value":
            return value.bool_value
        return value.string_value if kind == "string_value" else None


def problem(error: ValidationError, root: str) -> tuple[str, str, str]:
    """Return the first thing that is wrong: its field, what was given, and the rule.

    Args:
        error: What the model found.
        root: The path of what it looked at.
    """
    first = error.errors(include_url=False)[0]
    parts = first["loc"]
    if first["type"] == "value_error" and parts[-1:] == ("[key]",):
        parts = parts[:-1]  # pydantic's, below a key that is wrong
    field = ".".join([root, *(plain(part) for part in parts)])
    missing = first["type"] == "missing"
    given = first["input"]
    if isinstance(given, Model):
        given = given.model_dump(by_alias=True, exclude_none=True)
    rule = first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_type":
        rule = "it must be a string"
    if first["type"] == "string_pattern_mismatch":
        rule = RULES[first["ctx"]["pattern"]]
    return (
        field,
        "nothing" if missing else quote(given),
        rule[0].lower() + rule[1:],
    )


def _check_provider(given: Input) -> None:
    """Refuse what the chosen provider's API has no field for."""
    provider = PROVIDERS[given.provider]
    if given.provider_config_kind and not provider.config_kinds:
        raise unsupported(
            "input.providerConfigKind",
            quote(given.provider_config_kind),
            given.provider,
            [v for v, p in PROVIDERS.items() if p.config_kinds],
        )
    if given.management_policies is False and not provider.has_deletion_policy:
        raise unsupported(
            "input.managementPolicies",
            "false",
            given.provider,
            [v for v, p in PROVIDERS.items() if p.has_deletion_policy],
        )
    for name in ("repository", "image", "bundle_repository"):
        layer = getattr(given, name)
        if layer and (
            error := lacking(given.provider, f"input.{to_camel(name)}", layer)
        ):
            raise error


def lacking(
    provider: str,
    root: str,
    given: RepositoryOptions,
    refusal: type[InvalidRequestError] = InvalidInputError,
) -> InvalidRequestError | None:
    """Return what is said of the first option that a provider has no field for."""
    for name, value in given.given():
        if name in PROVIDERS[provider].lacks:
            said = (
                value.model_dump(by_alias=True) if isinstance(value, Model) else value
            )
            able = [v for v, p in PROVIDERS.items() if name not in p.lacks]
            return unsupported(f"{root}.{name}", quote(said), provider, able, refusal)
    return None


def unsupported(
    field: str,
    given: str,
    provider: str,
    able: list[str],
    refusal: type[InvalidRequestError] = InvalidInputError,
) -> InvalidRequestError:
    """Return what is said of an option that a provider has no field for.

    Args:
        field: The option's path.
        given: What stands there, safe to print.
        provider: The chosen provider.
        able: The providers that have the field.
        refusal: What it is: who wrote it decides.
    """
    return refusal(
        field,
        given,
        f"the API of provider {provider} has no field for it",
        f"Leave it out, or choose a provider that has one: {', '.join(able)}",
    )


def plain(part: int | str) -> str:
    """Return a part of a field's path, safe to print."""
    return str(part) if isinstance(part, int) else quote(part).strip('"')
