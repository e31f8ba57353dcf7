"""The option `lifecycle`: the rules by which ECR deletes or archives images."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from function.ecr import lifecycle_policy as lifecycle
from function.ecr.model import Model

_PREFIX = r"^[A-Za-z0-9_.-]+$"
# "Lifecycle policy properties in Amazon ECR": four wildcards in a tagPatternList.
_PATTERN = r"^[A-Za-z0-9_.-]*(\*[A-Za-z0-9_.-]*){0,4}$"
# The rule of each pattern in words, for error messages.
RULES = {
    _PREFIX: "it must contain only letters, digits, '.', '_' and '-'",
    _PATTERN: "it must contain only letters, digits, '.', '_', '-' and at most four "
    "'*'",
}
# Larger than any policy needs. A Struct can contain numbers with 309 digits.
_LARGEST = 2**31 - 1
Positive = Annotated[int, Field(ge=1, le=_LARGEST)]
ArchivedDays = Annotated[int, Field(ge=lifecycle.SHORTEST_ARCHIVE, le=_LARGEST)]

# What happens to images in ECR's standard storage class: the selection and the action
# of each field. One rule has one of them.
_STANDARD: dict[str, tuple[Callable[[int], dict[str, Any]], dict[str, str]]] = {
    "keep_last": (lifecycle.all_but, lifecycle.EXPIRE),
    "expire_after_days": (lifecycle.older_than, lifecycle.EXPIRE),
    "archive_all_but_last": (lifecycle.all_but, lifecycle.ARCHIVE),
    "archive_after_days": (lifecycle.older_than, lifecycle.ARCHIVE),
    "archive_unpulled_after_days": (lifecycle.unpulled_for, lifecycle.ARCHIVE),
}
_Rule = tuple[dict[str, Any], dict[str, str]]


def _standard_fields(model: Model) -> list[str]:
    """Return which of these fields a model has a value for."""
    return [name for name in _STANDARD if getattr(model, name, None) is not None]


def _standard(model: Model, images: dict[str, Any]) -> list[_Rule]:
    """Return the rule of the one field that has a value, for a selection of images."""
    rules = []
    for name in _standard_fields(model):
        select, action = _STANDARD[name]
        rules.append(({**images, **select(getattr(model, name))}, action))
    return rules


def _archived(days: int | None, images: dict[str, Any]) -> list[_Rule]:
    """Return the rule that deletes archived images, if there is one."""
    if days is None:
        return []
    return [({**images, **lifecycle.archived_for(days)}, lifecycle.EXPIRE)]


def _named(model: Model, names: Iterable[str]) -> str:
    """Return names of a model's fields as users write them."""
    fields = type(model).model_fields
    return ", ".join(fields[name].alias or name for name in names)


class TagPrefixRule(Model):
    """A rule for images whose tags begin with a prefix."""

    prefix: str = Field(
        min_length=1,
        max_length=128,
        pattern=_PREFIX,
        description="The beginning of the tag.",
    )
    keep_last: Positive | None = Field(
        None, description="Keep this many of the newest images, and delete the others."
    )
    expire_after_days: Positive | None = Field(
        None, description="Delete images this many days after their push."
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.keep_last is None) == (self.expire_after_days is None):
            raise ValueError("it must have either keepLast or expireAfterDays")
        return self

    @property
    def images(self) -> dict[str, Any]:
        """Its selection of images, for a rule of a lifecycle policy."""
        return {"tagStatus": "tagged", "tagPrefixList": [self.prefix]}


class TagPatternRule(Model):
    """A rule for images that have a tag of a pattern. It has one of five fields."""

    pattern: str = Field(
        min_length=1,
        max_length=128,
        pattern=_PATTERN,
        description="The tag, with at most four wildcards (*). Without a wildcard, the "
        "whole tag.",
    )
    keep_last: Positive | None = Field(
        None, description="Keep this many of the newest images, and delete the others."
    )
    expire_after_days: Positive | None = Field(
        None, description="Delete images this many days after their push."
    )
    archive_all_but_last: Positive | None = Field(
        None,
        description="Archive all images except this many of the newest. Archived "
        "images cannot be pulled until someone restores them.",
    )
    archive_after_days: Positive | None = Field(
        None, description="Archive images this many days after their push."
    )
    archive_unpulled_after_days: Positive | None = Field(
        None,
        description="Archive images that nobody pulled for this many days. An image "
        "that was never pulled counts from its push.",
    )
    expire_archived_after_days: ArchivedDays | None = Field(
        None,
        description="Also delete archived images, this many days after they were "
        "archived: 90 or more.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        found = _standard_fields(self)
        if len(found) != 1:
            raise ValueError(
                f"it must have exactly one of {_named(self, _STANDARD)}; it has "
                f"{_named(self, found) or 'none'}"
            )
        return self

    @property
    def images(self) -> dict[str, Any]:
        """Its selection of images, for a rule of a lifecycle policy."""
        return {"tagStatus": "tagged", "tagPatternList": [self.pattern]}


class LifecycleOptions(Model):
    """Rules by which ECR deletes or archives images. One rule applies to each image."""

    expire_untagged_after_days: Positive | None = Field(
        None,
        description="Delete images without a tag this many days after their push. "
        "Recommended for every platform: each tag that moves to a new image leaves the "
        "previous image without one.",
    )
    by_tag_prefix: list[TagPrefixRule] | None = Field(
        None,
        max_length=lifecycle.MOST_RULES,
        description="Rules for images by the beginning of their tags. The first "
        "matching rule applies, and no other rule deletes the image.",
    )
    by_tag_pattern: list[TagPatternRule] | None = Field(
        None,
        max_length=lifecycle.MOST_RULES,
        description="The same by a pattern of their tags, instead of byTagPrefix. "
        "These rules can also archive images.",
    )
    keep_last: Positive | None = Field(
        None,
        description="Keep this many of the newest images of the repository. Delete the "
        "others, except those that another rule matches. The number includes images "
        "that other rules match.",
    )
    archive_all_but_last: Positive | None = Field(
        None,
        description="Like keepLast, but archive the images instead of deleting them. "
        "Archived images cannot be pulled until someone restores them.",
    )
    archive_after_days: Positive | None = Field(
        None,
        description="Archive the images that no other rule matches, this many days "
        "after their push. Instead of keepLast.",
    )
    archive_unpulled_after_days: Positive | None = Field(
        None,
        description="Archive the images that no other rule matches and that nobody "
        "pulled for this many days. An image that was never pulled counts from its "
        "push. Instead of keepLast.",
    )
    expire_archived_after_days: ArchivedDays | None = Field(
        None,
        description="Delete archived images, this many days after they were archived: "
        "90 or more. Each rule of byTagPattern that archives images must then have "
        "its own number.",
    )
    policy: str | None = Field(
        None,
        min_length=1,
        max_length=2 * lifecycle.LONGEST,  # before white space is removed
        description="A complete ECR lifecycle policy as JSON, instead of the other "
        "fields.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what ECR would refuse."""
        names = type(self).model_fields.keys() - {"policy"}
        if self.policy is not None and any(getattr(self, name) for name in names):
            raise ValueError("policy cannot be combined with the other fields")
        if self.by_tag_prefix and self.by_tag_pattern:
            raise ValueError(
                "byTagPattern cannot be combined with byTagPrefix: the first matching "
                "rule applies, and they have no common order. Write the prefix v as "
                "the pattern v*"
            )
        _once("prefix", (rule.prefix for rule in self.by_tag_prefix or ()))
        _once("pattern", (rule.pattern for rule in self.by_tag_pattern or ()))
        rest = _standard_fields(self)
        if len(rest) > 1:
            raise ValueError(
                f"it has {_named(self, rest)}, but ECR applies one rule to each image. "
                "Keep one of them"
            )
        if self.expire_archived_after_days:
            self._refuse_to_expire_what_a_rule_archives()
        _ = self.text
        return self

    def _refuse_to_expire_what_a_rule_archives(self) -> None:
        """No rule may delete images for which another rule has no deletion."""
        for rule in self.by_tag_pattern or ():
            (field,) = _standard_fields(rule)
            archives = _STANDARD[field][1] is lifecycle.ARCHIVE
            if archives and rule.expire_archived_after_days is None:
                raise ValueError(
                    "expireArchivedAfterDays would also delete what the rule for the "
                    f"pattern {rule.pattern} archives. Set expireArchivedAfterDays in "
                    "that rule too"
                )

    @functools.cached_property
    def text(self) -> str:
        """The lifecycle policy as ECR returns it; empty for none."""
        if self.policy is not None:
            return lifecycle.parse(self.policy)
        rules: list[_Rule] = []
        if self.expire_untagged_after_days:
            old = lifecycle.older_than(self.expire_untagged_after_days)
            rules.append(({"tagStatus": "untagged", **old}, lifecycle.EXPIRE))
        for prefix_rule in self.by_tag_prefix or ():
            rules += _standard(prefix_rule, prefix_rule.images)
        for rule in self.by_tag_pattern or ():
            rules += _standard(rule, rule.images)
            rules += _archived(rule.expire_archived_after_days, rule.images)
        # In each storage class, the rule for any tag must be the last one.
        rules += _standard(self, {"tagStatus": "any"})
        rules += _archived(self.expire_archived_after_days, {"tagStatus": "any"})
        return lifecycle.build(rules) if rules else ""


def _once(what: str, values: Iterable[str]) -> None:
    twice = [value for value, times in Counter(values).items() if times > 1]
    if twice:
        raise ValueError(
            f"two rules have the {what} {twice[0]}, but ECR would only apply the first "
            "one. Remove one of them"
        )
