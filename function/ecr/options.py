"""What a repository can be like, as the Input and a workload may say it."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from function.ecr import lifecycle_policy as lifecycle
from function.ecr import repository_policy as permissions
from function.ecr.model import Model
from function.ecr.repository import Encryption, Options

Mutability = Literal[
    "MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"
]
# Shapes of the ECR API model ecr/2015-09-21: ImageTagMutabilityExclusionFilterValue and
# ...Filters. "Amazon ECR image tag mutability": two wildcards each.
_FILTER = r"^[0-9a-zA-Z._-]*(\*[0-9a-zA-Z._-]*){0,2}$"
_PREFIX = r"^[A-Za-z0-9_.-]+$"
_ACCOUNT = f"^{permissions.ACCOUNT}$"
_ORGANIZATION = f"^{permissions.ORGANIZATION}$"
_PRINCIPAL = f"^({permissions.ACCOUNT}|{permissions.ARN})$"
# The rule of each, for who gave something else.
RULES = {
    _FILTER: "a filter has letters, digits, '.', '_', '-' and two '*' at most",
    _PREFIX: "a tag's prefix has letters, digits, '.', '_' and '-'",
    _ACCOUNT: "an account is its 12 digits",
    _ORGANIZATION: "an organization is its ID, such as o-a1b2c3d4e5",
    _PRINCIPAL: "it must be an account's 12 digits, or the ARN of a user or a role",
}
Filter = Annotated[str, Field(pattern=_FILTER, max_length=128)]
# More than any policy has use for; what a Struct can hold has 309 digits.
Positive = Annotated[int, Field(ge=1, le=2**31 - 1)]
Account = Annotated[str, Field(pattern=_ACCOUNT)]
Organization = Annotated[str, Field(pattern=_ORGANIZATION)]
Principal = Annotated[str, Field(pattern=_PRINCIPAL, max_length=2048)]
# More of them than fit a repository policy.
_MOST_PRINCIPALS = 700

# AWS General Reference, "Tagging AWS resources": limits and characters.
# Of AWS's 50, four are ours (see tagged, and CREATED_BY_TAG) and three the provider's.
_MOST_TAGS = 43
_TAG = re.compile(r"[\w \t+\-=.:/@]*")
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
# What a tag's key may not begin with, and who writes tags that do. AWS refuses its own
# prefix in any case ("Tagging AWS resources"). To ECR each spelling of another key is
# another tag, but no tag of a workload may look like a record of who created its
# repository: they are refused in any case too.
_RESERVED = {
    "aws:": "AWS",
    "crossplane-": "the Crossplane provider",
    "function-ecr-repos/": "this function",
    "ecrrepos.fn.tap.vrabbi.cloud/": "this function",
}
_KEYS_RULE = (
    f"keys have {_LONGEST_KEY} characters at most, and do not begin with "
    f"{', '.join(_RESERVED)}"
)
# The same for the API server, in CEL, and for editors.
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


def _few(tags: Any) -> Any:  # noqa: ANN401  # before it is parsed
    if isinstance(tags, dict) and len(tags) > _MOST_TAGS:
        raise ValueError(
            f"there are {_MOST_TAGS} tags at most; AWS takes 50, with those that are "
            "added"
        )
    return tags


def _tag_text(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise ValueError("tags have letters, digits, spaces and + - = . _ : / @")
    return text


def _tag_key(key: str) -> str:
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise ValueError(f"a tag's key has 1 to {_LONGEST_KEY} characters")
    for prefix, writer in _RESERVED.items():
        if key.casefold().startswith(prefix):
            raise ValueError(
                f"keys that begin with {prefix} are reserved for {writer}, in upper "
                "and lower case. Use another key"
            )
    return _tag_text(key)


TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, Field(max_length=_LONGEST_VALUE), AfterValidator(_tag_text)]


class EncryptionOption(Model):
    """How images are encrypted. A repository keeps what it was made with."""

    type: Literal["AES256", "KMS", "KMS_DSSE"] = Field(
        description="AES256, KMS, or KMS_DSSE for two layers."
    )
    kms_key: str | None = Field(
        None,
        min_length=1,
        max_length=2048,
        description="The ARN of the key for KMS and KMS_DSSE. By default AWS's own.",
    )

    @model_validator(mode="after")
    def _key_of_kms(self) -> Self:
        if self.kms_key and self.type == "AES256":
            raise ValueError("kmsKey is for KMS and KMS_DSSE")
        return self


class PrefixRule(Model):
    """What becomes of images whose tags begin in one way."""

    prefix: str = Field(
        min_length=1,
        max_length=128,
        pattern=_PREFIX,
        description="What the tag begins with.",
    )
    keep_last: Positive | None = Field(
        None, description="Keep the newest ones, this many, and expire the others."
    )
    expire_after_days: Positive | None = Field(
        None, description="Expire those pushed longer ago."
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.keep_last is None) == (self.expire_after_days is None):
            raise ValueError("it needs one of keepLast and expireAfterDays")
        return self

    def selection(self) -> dict[str, Any]:
        """Return what it selects; of several prefixes, ECR wants them all."""
        if self.keep_last:
            which = lifecycle.all_but(self.keep_last)
        else:
            which = lifecycle.older_than(self.expire_after_days or 1)
        return {"tagStatus": "tagged", "tagPrefixList": [self.prefix], **which}


class LifecycleOption(Model):
    """Which images ECR deletes by itself. An image is matched by one rule alone."""

    expire_untagged_after_days: Positive | None = Field(
        None, description="Expire images without a tag that were pushed longer ago."
    )
    by_tag_prefix: list[PrefixRule] | None = Field(
        None,
        max_length=lifecycle.MOST_RULES,
        description="What becomes of images by their tags, the first rule that fits. "
        "What one of them matches is safe from keepLast.",
    )
    keep_last: Positive | None = Field(
        None,
        description="Of all images that no rule above matches, keep the newest ones, "
        "this many.",
    )
    policy: str | None = Field(
        None,
        min_length=1,
        max_length=2 * lifecycle.LONGEST,  # as it is written, with white space
        description="A whole lifecycle policy in JSON, instead of the fields above.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what ECR would."""
        if self.policy is not None and (
            self.expire_untagged_after_days or self.by_tag_prefix or self.keep_last
        ):
            raise ValueError("policy is instead of the other fields")
        self.text()
        return self

    def text(self) -> str:
        """Return the policy; nothing if it asks for none."""
        if self.policy is not None:
            return lifecycle.parse(self.policy)
        selections: list[dict[str, Any]] = []
        if self.expire_untagged_after_days:
            untagged = lifecycle.older_than(self.expire_untagged_after_days)
            selections.append({"tagStatus": "untagged", **untagged})
        selections.extend(rule.selection() for rule in self.by_tag_prefix or ())
        if self.keep_last:
            rest = lifecycle.all_but(self.keep_last)
            selections.append({"tagStatus": "any", **rest})
        return lifecycle.of(selections) if selections else ""


class PermissionsOption(Model):
    """Who besides the account's own users may pull and push."""

    pull: list[Principal] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="Account numbers, or ARNs of users and roles, that may pull.",
    )
    push: list[Principal] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="The same for who may push, and pull.",
    )
    organizations: list[Organization] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="AWS organizations (o-...), all accounts of which may pull.",
    )
    lambda_accounts: list[Account] | None = Field(
        None,
        max_length=_MOST_PRINCIPALS,
        description="Accounts whose Lambda functions are made of the images. One that "
        "is not the registry's own must be among pull too.",
    )
    policy: str | None = Field(
        None,
        min_length=1,
        max_length=2 * permissions.LONGEST,  # as it is written, with white space
        description="A whole repository policy in JSON, instead of the fields above.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what ECR would."""
        if self.policy is not None and (
            self.pull or self.push or self.organizations or self.lambda_accounts
        ):
            raise ValueError("policy is instead of the other fields")
        self.text("aws-us-gov")  # the longest
        return self

    def text(self, partition: str) -> str:
        """Return the policy in a partition; nothing if it asks for none."""
        if self.policy is not None:
            return permissions.parse(self.policy)
        asked = (
            self.pull or (),
            self.push or (),
            self.organizations or (),
            self.lambda_accounts or (),
        )
        return permissions.of(partition, *asked) if any(asked) else ""


class RepositoryOptions(Model):
    """What a repository is like. What is left out is the provider's or ECR's to say."""

    force_delete: bool | None = Field(
        None,
        description="Whether its deletion takes the images with it. By default true: "
        "without, its managed resource waits until the repository is empty.",
    )
    image_tag_mutability: Mutability | None = Field(
        None, description="Whether a tag can be moved to another image."
    )
    image_tag_mutability_exclusion_filters: (
        Annotated[list[Filter], Field(min_length=1, max_length=5)] | None
    ) = Field(
        None,
        description="Which tags are the exception, with two wildcards (*) each at "
        "most; for the two _WITH_EXCLUSION only.",
    )
    scan_on_push: bool | None = Field(
        None,
        description="Whether ECR scans an image when it is pushed, where the registry "
        "has basic scanning.",
    )
    encryption: EncryptionOption | None = Field(
        None,
        description="How images are encrypted. A live repository keeps what it has.",
    )
    tags: (
        Annotated[
            dict[TagKey, TagValue],
            BeforeValidator(_few),
            Field(json_schema_extra=_TAGS_SCHEMA),
        ]
        | None
    ) = Field(
        None,
        description="AWS tags. Keys that begin with aws:, crossplane-, "
        "function-ecr-repos/ or ecrrepos.fn.tap.vrabbi.cloud/ are reserved.",
    )
    automatic_tags: bool | None = Field(
        None,
        description="Whether to add the tags workload, namespace and managed-by. By "
        "default false.",
    )
    lifecycle: LifecycleOption | None = Field(
        None, description="Which images ECR deletes by itself. {} is none."
    )
    permissions: PermissionsOption | None = Field(
        None,
        description="Who besides the account's own users may pull and push. {} is "
        "none.",
    )

    @model_validator(mode="after")
    def _filters_of_exclusion(self) -> Self:
        excluding = (self.image_tag_mutability or "").endswith("_WITH_EXCLUSION")
        if excluding != bool(self.image_tag_mutability_exclusion_filters):
            raise ValueError(
                "imageTagMutabilityExclusionFilters are needed by the two "
                "_WITH_EXCLUSION of imageTagMutability, and are for these only"
            )
        return self

    def given(self) -> Iterable[tuple[str, Any]]:
        """Return the options that it says, by their names in the Input."""
        for name, field in type(self).model_fields.items():
            if (value := getattr(self, name)) is not None:
                yield field.alias or name, value


class Layer(Protocol):
    """Some options of a repository."""

    def given(self) -> Iterable[tuple[str, Any]]:
        """Return those that it says, by their names in the Input."""


def resolve(layers: Iterable[Layer], partition: str) -> Options:
    """Return what several layers of options come to; the last one has its way.

    Args:
        layers: Each replaces the one before it, option by option.
        partition: AWS's, of the repository's region.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        given = dict(layer.given())
        if "imageTagMutability" in given:
            merged.pop("imageTagMutabilityExclusionFilters", None)
        merged |= given
    encryption = merged.get("encryption")
    rules, access = merged.get("lifecycle"), merged.get("permissions")
    return Options(
        force_delete=merged.get("forceDelete", True),
        mutability=merged.get("imageTagMutability", ""),
        exclusions=tuple(merged.get("imageTagMutabilityExclusionFilters", ())),
        scan_on_push=merged.get("scanOnPush"),
        encryption=Encryption(encryption.type, encryption.kms_key or "")
        if encryption
        else None,
        tags=tuple(sorted(merged.get("tags", {}).items())),
        automatic_tags=merged.get("automaticTags", False),
        lifecycle=rules.text() if rules else "",
        permissions=access.text(partition) if access else "",
    )


def tagged(options: Options, workload: str, namespace: str) -> Options:
    """Return options with the automatic tags; a tag that is given wins."""
    automatic = {
        "workload": workload,
        "namespace": namespace,
        "managed-by": "function-ecr-repos",
    }
    tags = tuple(sorted((automatic | dict(options.tags)).items()))
    return options._replace(tags=tags)
