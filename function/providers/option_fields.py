"""Which field of each provider's Repository holds an option: one entry per option.

The fields are those of spec.forProvider in the providers' CRDs: provider-aws v0.58
(classic) and provider-aws-ecr v2 (Upbound, both scopes).
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from function.ecr.options import RepositoryOptions
from function.ecr.ownership import CREATED_BY_TAG
from function.ecr.provider_additions import ECR_DEFAULTS

Api = Literal["classic", "upbound"]
TAG_MUTABILITY = "imageTagMutability"
EXCLUSION_FILTERS = "imageTagMutabilityExclusionFilter"


class Field(NamedTuple):
    """A field of spec.forProvider.

    Attributes:
        name: Its name; empty if the option is not in spec.forProvider.
        value: Returns its value; None leaves the field out.
    """

    name: str
    value: Callable[[RepositoryOptions], Any]


class OptionFields(NamedTuple):
    """Where an option goes. None: the API does not support the option."""

    classic: Field | None
    upbound: Field | None


def _both(name: str, value: Callable[[RepositoryOptions], Any]) -> OptionFields:
    field = Field(name, value)
    return OptionFields(field, field)


def _scanning(options: RepositoryOptions) -> dict[str, bool] | None:
    if options.scan_on_push is None:
        return None
    return {"scanOnPush": options.scan_on_push}


def _exclusion_filters(options: RepositoryOptions) -> list[dict[str, str]] | None:
    filters = options.image_tag_mutability_exclusion_filters or []
    return [{"filter": each, "filterType": "WILDCARD"} for each in filters] or None


def _encryption(options: RepositoryOptions) -> list[dict[str, str]] | None:
    encryption = options.encryption
    if encryption is None:
        return None
    key = {"kmsKey": encryption.kms_key} if encryption.kms_key else {}
    return [{"encryptionType": encryption.type, **key}]


def _tag_list(options: RepositoryOptions) -> list[dict[str, str]] | None:
    return [{"key": k, "value": v} for k, v in options.sorted_tags] or None


def _tag_map(options: RepositoryOptions) -> dict[str, str] | None:
    # spec.initProvider has the creator's tag: here it would mark existing repositories.
    return {k: v for k, v in options.sorted_tags if k != CREATED_BY_TAG} or None


_TAGS = OptionFields(Field("tags", _tag_list), Field("tags", _tag_map))
# A policy is a composed resource of its own, which every API has.
_OWN_RESOURCE = _both("", lambda _: None)
# By the name of the option in RepositoryOptions.
FIELDS: dict[str, OptionFields] = {
    "force_delete": _both("forceDelete", lambda o: o.deletes_images),
    "image_tag_mutability": _both(TAG_MUTABILITY, lambda o: o.image_tag_mutability),
    "image_tag_mutability_exclusion_filters": OptionFields(
        None, Field(EXCLUSION_FILTERS, _exclusion_filters)
    ),
    "scan_on_push": _both("imageScanningConfiguration", _scanning),
    "encryption": OptionFields(None, Field("encryptionConfiguration", _encryption)),
    "tags": _TAGS,
    "automatic_tags": _TAGS,
    "lifecycle": _OWN_RESOURCE,
    "permissions": _OWN_RESOURCE,
}


def _fields(api: Api) -> tuple[Field, ...]:
    """Return an API's fields, each once."""
    fields = (getattr(option, api) for option in FIELDS.values())
    return tuple(dict.fromkeys(field for field in fields if field and field.name))


_BY_API: dict[Api, tuple[Field, ...]] = {
    "classic": _fields("classic"),
    "upbound": _fields("upbound"),
}
# All names, of every API: what spec.forProvider has of options.
FIELD_NAMES = frozenset(field.name for fields in _BY_API.values() for field in fields)


def for_provider(options: RepositoryOptions, api: Api) -> dict[str, Any]:
    """Return the fields of spec.forProvider that an API's options go to."""
    fields = {}
    for name, value in _BY_API[api]:
        if (field := value(options)) is not None:
            fields[name] = field
    return fields


def filled_in(api: Api) -> dict[str, Any]:
    """Return the fields that a provider fills in from ECR if the spec lacks them.

    The values are ECR's defaults; None if ECR has no value by default.
    """
    fields = for_provider(ECR_DEFAULTS, api)
    if EXCLUSION_FILTERS in (field.name for field in _BY_API[api]):
        fields[EXCLUSION_FILTERS] = None
    return fields


def unsupported_options(api: Api) -> frozenset[str]:
    """Return the options that an API has no field for, as users write them."""
    models = RepositoryOptions.model_fields
    return frozenset(
        models[name].alias or name
        for name, option in FIELDS.items()
        if getattr(option, api) is None
    )
