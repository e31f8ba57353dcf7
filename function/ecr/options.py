"""The options of a repository, in the Input and in a claim.

To add an option: its field here, and its entry in providers/option_fields.py.
"""

import functools
import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from function.ecr import lifecycle_options
from function.ecr import repository_policy as permissions
from function.ecr.lifecycle_options import LifecycleOptions
from function.ecr.model import Model

Mutability = Literal[
    "MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"
]
# Shapes of the ECR API model ecr/2015-09-21: ImageTagMutabilityExclusionFilterValue and
# ...Filters. "Amazon ECR image tag mutability": two wildcards each.
_FILTER = r"^[0-9a-zA-Z._-]*(\*[0-9a-zA-Z._-]*){0,2}$"
_ACCOUNT = f"^{permissions.ACCOUNT}$"
_ORGANIZATION = f"^{permissions.ORGANIZATION}$"
_VPC_ENDPOINT = f"^{permissions.VPC_ENDPOINT}$"
_PRINCIPAL = f"^({permissions.ACCOUNT}|{permissions.ARN})$"
# The rule of each pattern in words, for error messages.
RULES = {
    **lifecycle_options.RULES,
    _FILTER: "it must contain only letters, digits, '.', '_', '-' and at most two '*'",
    _ACCOUNT: "it must be an AWS account ID of 12 digits",
    _ORGANIZATION: "it must be the ID of an AWS organization, such as o-a1b2c3d4e5",
    _VPC_ENDPOINT: "it must be the ID of a VPC endpoint, such as "
    "vpce-0123456789abcdef0",
    _PRINCIPAL: "it must be an AWS account ID of 12 digits, or the ARN of a user or "
    "role",
}
Filter = Annotated[str, Field(pattern=_FILTER, max_length=128)]
Account = Annotated[str, Field(pattern=_ACCOUNT)]
Organization = Annotated[str, Field(pattern=_ORGANIZATION)]
VpcEndpoint = Annotated[str, Field(pattern=_VPC_ENDPOINT)]
Principal = Annotated[str, Field(pattern=_PRINCIPAL, max_length=2048)]
# More principals than fit in a repository policy.
_MOST_PRINCIPALS = 700

# AWS General Reference, "Tagging AWS resources": limits and characters. AWS allows 50
# tags. This function adds up to four (with_automatic_tags, CREATED_BY_TAG), and the
# provider three.
_MOST_TAGS = 43
_TAG = re.compile(r"[\w \t+\-=.:/@]*")
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
# Reserved prefixes of tag keys, and who writes tags with them. AWS refuses its own
# prefix in upper and lower case ("Tagging AWS resources"). So does this function with
# the other prefixes. ECR's keys are case-sensitive, but no tag of a workload may even
# look like the record of who created its repository.
_RESERVED = {
    "aws:": "AWS",
    "crossplane-": "the Crossplane provider",
    "function-ecr-repos/": "this function",
    "ecrrepos.fn.tap.vrabbi.cloud/": "this function",
}
_KEYS_RULE = (
    f"tag keys must have at most {_LONGEST_KEY} characters, and must not begin with "
    f"{', '.join(_RESERVED)}"
)
# The same rule in CEL for the API server, and in JSON Schema for editors.
_KEYS_CEL = " && ".join(
    [f"size(k) <= {_LONGEST_KEY}"]
    + [f"!k.lowerAscii().startsWith('{prefix}')" for prefix in _RESERVED]
)
_TAGS_SCHEMA: dict[str, Any] = {
    "maxProperties": _MOST_TAGS,
    "propertyNames": {
        "maxLength": _LONGEST_KEY,
        "not": {"pattern": f"^({'|'.join(map(re.escape, _RESERVED))})"},
    },
    "x-kubernetes-validations": [
        {"rule": f"self.all(k, {_KEYS_CEL})", "message": _KEYS_RULE}
    ],
}


def _limit_count(tags: Any) -> Any:  # not validated yet
    if isinstance(tags, dict) and len(tags) > _MOST_TAGS:
        raise ValueError(
            f"at most {_MOST_TAGS} tags are possible: AWS allows 50, and the provider "
            "and this function add up to 7"
        )
    return tags


def _tag_text(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise ValueError("tags have only letters, digits, spaces and + - = . _ : / @")
    return text


def _tag_key(key: str) -> str:
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise ValueError(f"a tag key must have 1 to {_LONGEST_KEY} characters")
    for prefix, writer in _RESERVED.items():
        if key.casefold().startswith(prefix):
            raise ValueError(
                f"keys that begin with {prefix} are reserved for {writer}, in upper "
                "and lower case. Use another key"
            )
    return _tag_text(key)


TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, Field(max_length=_LONGEST_VALUE), AfterValidator(_tag_text)]


class EncryptionOptions(Model):
    """How ECR encrypts images. A repository keeps its encryption."""

    type: Literal["AES256", "KMS", "KMS_DSSE"] = Field(
        description="AES256, KMS, or KMS_DSSE (two layers of KMS encryption)."
    )
    kms_key: str | None = Field(
        None,
        min_length=1,
        max_length=2048,
        description="The ARN of the KMS key, for KMS and KMS_DSSE. Default: the AWS "
        "managed key.",
    )

    @model_validator(mode="after")
    def _key_of_kms(self) -> Self:
        if self.kms_key and self.type == "AES256":
            raise ValueError("kmsKey requires the type KMS or KMS_DSSE")
        return self

    @classmethod
    def observed(cls, encryption_type: str, kms_key: str) -> "EncryptionOptions":
        """Return what a provider reports, unchecked: ECR may have new types."""
        reported: dict[str, Any] = {"type": encryption_type, "kmsKey": kms_key or None}
        return cls.model_construct(**reported)


class PermissionsOptions(Model):
    """Who may pull and push, in addition to the account's own users."""

    pull: list[Principal] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS account numbers, or ARNs of users and roles, that may pull.",
    )
    push: list[Principal] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS account numbers, or ARNs of users and roles, that may push "
        "and pull.",
    )
    organizations: list[Organization] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS organizations (o-...). All their accounts may pull.",
    )
    push_organizations: list[Organization] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS organizations. All their accounts may push and pull.",
    )
    full_access_organizations: list[Organization] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS organizations. All their accounts may push, pull, list, scan "
        "and delete images. They cannot delete the repository or change its settings.",
    )
    lambda_accounts: list[Account] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS accounts whose Lambda functions use the images. List accounts "
        "other than the registry's under pull too.",
    )
    vpc_endpoints: list[VpcEndpoint] | None = Field(
        None,
        min_length=1,
        max_length=_MOST_PRINCIPALS,
        description="VPC endpoints (vpce-...). What the other fields allow is then "
        "allowed through these endpoints only, except for Lambda. It takes no "
        "permission away that a user has in the repository's own account.",
    )
    policy: str | None = Field(
        None,
        min_length=1,
        max_length=2 * permissions.LONGEST,  # before white space is removed
        description="A complete ECR repository policy as JSON, instead of the other "
        "fields.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what ECR would refuse."""
        grants = self._grants
        if self.policy is not None and any(grants):
            raise ValueError("policy cannot be combined with the other fields")
        limited = grants._replace(lambda_accounts=(), vpc_endpoints=())
        if self.vpc_endpoints and not any(limited):
            raise ValueError(
                "vpcEndpoints limits what the other fields allow to pull and push, and "
                "there is none of them. Add pull, push or an organization, or remove "
                "vpcEndpoints"
            )
        self.text("aws-us-gov")  # the partition with the longest name
        return self

    @functools.cached_property
    def _texts(self) -> dict[str, str]:
        """The texts that were built so far, by partition."""
        return {}

    def text(self, partition: str) -> str:
        """Return the repository policy in an AWS partition; empty for none."""
        if partition not in self._texts:
            self._texts[partition] = self._text(partition)
        return self._texts[partition]

    def _text(self, partition: str) -> str:
        if self.policy is not None:
            return permissions.parse(self.policy)
        grants = self._grants
        return permissions.build(partition, grants) if any(grants) else ""

    @property
    def _grants(self) -> permissions.Grants:
        names = permissions.Grants._fields
        return permissions.Grants(*(getattr(self, name) or () for name in names))


class RepositoryOptions(Model):
    """Options of a repository. An absent one has the provider's or ECR's default."""

    force_delete: bool | None = Field(
        None,
        description="Whether deleting the repository also deletes its images. Default: "
        "true. If false, the managed resource waits until the repository "
        "is empty.",
    )
    image_tag_mutability: Mutability | None = Field(
        None, description="Whether a tag can be moved to another image."
    )
    image_tag_mutability_exclusion_filters: (
        Annotated[list[Filter], Field(min_length=1, max_length=5)] | None
    ) = Field(
        None,
        description="Tags that are exempt from imageTagMutability, with at most two "
        "wildcards (*) each. Required for, and only valid with, the two "
        "_WITH_EXCLUSION values.",
    )
    scan_on_push: bool | None = Field(
        None,
        description="Whether ECR scans each image when it is pushed. Only for "
        "registries with basic scanning. AWS is replacing this option by scanning "
        "rules of the registry.",
    )
    encryption: EncryptionOptions | None = Field(
        None,
        description="How ECR encrypts images. It applies to new repositories only.",
    )
    tags: (
        Annotated[
            dict[TagKey, TagValue],
            BeforeValidator(_limit_count),
            Field(json_schema_extra=_TAGS_SCHEMA),
        ]
        | None
    ) = Field(
        None,
        description="AWS tags. Keys must not begin with aws:, crossplane-, "
        "function-ecr-repos/ or ecrrepos.fn.tap.vrabbi.cloud/.",
    )
    automatic_tags: bool | None = Field(
        None,
        description="Whether to add the tags workload, namespace and managed-by. "
        "Default: false.",
    )
    lifecycle: LifecycleOptions | None = Field(
        None,
        description="Rules by which ECR deletes or archives images. {} means no rules.",
    )
    permissions: PermissionsOptions | None = Field(
        None,
        description="Who may pull and push, in addition to the users of the "
        "repository's own account. {} means nobody.",
    )

    @model_validator(mode="after")
    def _filters_of_exclusion(self) -> Self:
        excluding = (self.image_tag_mutability or "").endswith("_WITH_EXCLUSION")
        if excluding != bool(self.image_tag_mutability_exclusion_filters):
            raise ValueError(
                "imageTagMutabilityExclusionFilters is required if imageTagMutability "
                "ends in _WITH_EXCLUSION, and not allowed otherwise"
            )
        return self

    def set_options(self) -> dict[str, Any]:
        """Return the options that have a value, by field name."""
        return {
            name: value
            for name in RepositoryOptions.model_fields
            if (value := getattr(self, name)) is not None
        }

    @property
    def deletes_images(self) -> bool:
        """Whether deleting the repository deletes its images too."""
        return self.force_delete is not False

    @property
    def sorted_tags(self) -> list[tuple[str, str]]:
        """Its tags, keys in order."""
        return sorted(self.tags.items()) if self.tags else []

    def lifecycle_policy(self) -> str:
        """Return the text of its lifecycle policy; empty for none."""
        return self.lifecycle.text if self.lifecycle else ""

    def repository_policy(self, region: str) -> str:
        """Return the text of its repository policy in a region; empty for none."""
        if self.permissions is None:
            return ""
        return self.permissions.text(permissions.partition(region))

    def __hash__(self) -> int:
        """Return the hash of its values; pydantic's fails on lists and maps."""
        values = self.model_dump(mode="json", warnings=False)
        return hash(json.dumps(values, sort_keys=True))


NO_OPTIONS = RepositoryOptions()
# As users write them: `forceDelete`, ...
OPTION_NAMES: tuple[str, ...] = tuple(
    field.alias or name for name, field in RepositoryOptions.model_fields.items()
)


def merge_options(layers: Iterable[RepositoryOptions]) -> RepositoryOptions:
    """Merge options, each by itself: the last layer that sets an option wins.

    Exclusion filters are merged together with the imageTagMutability of their layer.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        values = layer.set_options()
        if "image_tag_mutability" in values:
            merged.pop("image_tag_mutability_exclusion_filters", None)
        merged |= values
    return NO_OPTIONS.model_copy(update=merged) if merged else NO_OPTIONS


def with_automatic_tags(
    options: RepositoryOptions, workload_name: str, namespace: str
) -> RepositoryOptions:
    """Add the automatic tags if the options say so; `tags` wins over them."""
    if not options.automatic_tags:
        return options
    automatic = {
        "workload": workload_name,
        "namespace": namespace,
        "managed-by": "function-ecr-repos",
    }
    return options.model_copy(update={"tags": automatic | (options.tags or {})})
