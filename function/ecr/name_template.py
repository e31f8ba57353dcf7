"""Name templates: how the names of a workload's repositories are written. Pure.

A template has literal text and placeholders. Each placeholder occurs at most once: a
name with one value twice is no easier to read, and collisions of such names are much
harder to decide (name_collisions).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Self

from function.ecr.naming import (
    LONGEST,
    SHORTEST,
    Prefix,
    RepositoryName,
    check_name_parts,
    parameter_to_shorten,
    parse_repository_name,
)
from function.errors import InvalidInputError, InvalidParameterError, quote


class Placeholder(Enum):
    """A placeholder of a template, without its braces."""

    PREFIX = "prefix"
    WORKLOAD = "workload"
    NAMESPACE = "namespace"
    SUFFIX = "suffix"
    REPOSITORY = "repository"


Part = str | Placeholder

# Names from before there were templates have this form.
DEFAULT_TEMPLATE = "{prefix}/{workload}-{namespace}{suffix}"
# For new installations, with suffixes that start with a slash and one prefix: two
# workloads never get the same name.
RECOMMENDED_TEMPLATE = "{prefix}/{namespace}/{workload}{suffix}"
DEFAULT_SUFFIX = "-{repository}"
# The keys of each workload's own two repositories, and of one that it did not create.
IMAGE_KEY, BUNDLE_KEY, EXISTING_KEY = "image", "bundle", "existing"
RESERVED_KEYS = (IMAGE_KEY, BUNDLE_KEY, EXISTING_KEY)

_TOKEN = re.compile(r"\{([^{}]*)\}|([^{}]+)|[{}]")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._/-]")
_SEPARATOR_RULE = (
    "ECR repository names have '.', '_', '__' or '-' only between letters and digits, "
    "and '/' between parts"
)
# What a suffix can be, for the check of a template alone: nothing, or something that
# begins and ends with any separator or with none.
_SEPARATORS = ("", "-", "/", ".", "_", "__")
_SUFFIXES = ("", *(f"{a}0{b}" for a, b in product(_SEPARATORS, repeat=2)))


class TemplateError(ValueError):
    """A text is not a template. Pydantic's validators may raise it as it is.

    Attributes:
        rule: The rule that the text breaks.
        fix: What its author should do, a sentence without its full stop.
    """

    def __init__(self, rule: str, fix: str) -> None:
        """Write the message: RULE. FIX."""
        self.rule, self.fix = rule, fix
        super().__init__(f"{rule}. {fix}")


@dataclass(frozen=True, slots=True)
class _Template(ABC):
    """What both kinds of templates have.

    Attributes:
        text: The template as its author wrote it.
        parts: Its literal texts and placeholders, in order.
    """

    text: str
    parts: tuple[Part, ...]

    @classmethod
    @abstractmethod
    def from_text(cls, text: str) -> Self:
        """Parse a template in a validator that knows no field.

        Raises:
            TemplateError: It is none of this kind.
        """

    @classmethod
    def parse(cls, text: str, field: str) -> Self:
        """Parse a template.

        Args:
            text: The template.
            field: The path of its field, for the error.

        Raises:
            InvalidInputError: It is none of this kind.
        """
        try:
            return cls.from_text(text)
        except TemplateError as e:
            raise InvalidInputError(field, quote(text), e.rule, e.fix) from None


@dataclass(frozen=True, slots=True)
class NameTemplate(_Template):
    """A template of repository names."""

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse a template in a validator that knows no field.

        Raises:
            TemplateError: It is no template, or no name that it gives can be valid.
        """
        parts = _parse(text, tuple(Placeholder))
        if Placeholder.WORKLOAD not in parts:
            raise TemplateError(
                "a name template must contain {workload}",
                f"Use a template such as {RECOMMENDED_TEMPLATE}",
            )
        template = cls(text, parts)
        literal = sum(len(part) for part in parts if isinstance(part, str))
        if literal >= LONGEST:
            raise TemplateError(
                f"ECR repository names have at most {LONGEST} characters, and the text "
                f"around the placeholders has {literal} already",
                "Shorten it",
            )
        if not any(template.can_give_valid_names(suffix) for suffix in _SUFFIXES):
            raise TemplateError(
                _SEPARATOR_RULE,
                "Remove the separators that are repeated, or at the start or end",
            )
        return template

    def render(
        self,
        *,
        prefix: str,
        workload: str,
        namespace: str,
        repository: str,
        suffix: str,
    ) -> str:
        """Return the name of a repository. parse_repository_name must check it.

        Args:
            prefix: The path of the prefix.
            workload: The workload's name.
            namespace: The tenant's namespace.
            repository: The repository's key, such as image.
            suffix: The repository's suffix; empty for the image.
        """
        # All braces of a template belong to its placeholders, so it is a format string.
        return self.text.format(
            prefix=prefix,
            workload=workload,
            namespace=namespace,
            repository=repository,
            suffix=suffix,
        )

    def can_give_valid_names(self, suffix: str, workload: str = "0") -> bool:
        """Whether a name with this suffix can follow ECR's rules.

        The other values begin and end with a letter or a digit, and are valid in
        themselves. So only the text between them decides, and one example is enough:
        either all names follow the pattern, or none.

        Args:
            suffix: The suffix.
            workload: The workload's name.
        """
        name = self._example("0", suffix, workload)
        if len(name) < SHORTEST:  # as {workload} alone, which can be longer
            return True
        try:
            parse_repository_name(name)
        except InvalidParameterError:
            return False
        return True

    def check_suffix(self, repository: str, suffix: str, field: str) -> None:
        """Refuse a suffix with which no name of the repository can be valid.

        Args:
            repository: The repository's key.
            suffix: Its suffix.
            field: The path of the suffix, for the error.

        Raises:
            InvalidInputError: Each name with this suffix breaks ECR's rules.
        """
        if not self.can_give_valid_names(suffix):
            raise InvalidInputError(
                field,
                quote(suffix),
                f"with the name template {quote(self.text)}, each name of the "
                f"repository {quote(repository)} would break ECR's rules, such as "
                f"{quote(self._example('a', suffix, 'a'))}",
                "Use a suffix such as -cache or /cache, or change the template",
            )

    def _example(self, value: str, suffix: str, workload: str) -> str:
        return self.render(
            prefix=value,
            workload=workload,
            namespace=value,
            repository=value,
            suffix=suffix,
        )


@dataclass(frozen=True, slots=True)
class SuffixTemplate(_Template):
    """A template of suffixes. Its only placeholder is {repository}."""

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse a template in a validator that knows no field.

        Raises:
            TemplateError: It is no template of suffixes.
        """
        parts = _parse(text, (Placeholder.REPOSITORY,))
        # A template of names has text before a suffix, and perhaps after it.
        if parts and not any(
            NameTemplate(f"0{text}{end}", ("0", *parts, end)).can_give_valid_names("")
            for end in ("", "0")
        ):
            raise TemplateError(
                _SEPARATOR_RULE, "Use a suffix such as -{repository} or /{repository}"
            )
        return cls(text, parts)

    def render(self, repository: str) -> str:
        """Return the suffix of a repository, given its key."""
        return "".join(
            repository if isinstance(part, Placeholder) else part for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class NamedRepository:
    """A repository that each workload has.

    Attributes:
        key: Its key, such as image.
        template: The template of its name.
        suffix: Its suffix; empty for the image.
    """

    key: str
    template: NameTemplate
    suffix: str


def same_names(repositories: Sequence[NamedRepository]) -> tuple[str, str] | None:
    """Return the keys of two repositories that always have the same name, if any."""
    found: dict[str, str] = {}
    for each in repositories:
        # No template contains these, so names are equal only if they always are.
        name = each.template.render(
            prefix="\1",
            workload="\2",
            namespace="\3",
            repository=each.key,
            suffix=each.suffix,
        )
        if name in found:
            return found[name], each.key
        found[name] = each.key
    return None


def repository_names(
    repositories: Iterable[NamedRepository],
    prefix: Prefix,
    workload: str,
    namespace: str,
) -> dict[str, RepositoryName]:
    """Return the names of a workload's repositories, by key.

    Args:
        repositories: The repositories.
        prefix: The claim's prefix.
        workload: The workload's name.
        namespace: The tenant's namespace.

    Raises:
        InvalidParameterError: A name breaks ECR's rules. The error names the parameter
            that is most likely wrong.
    """
    check_name_parts(prefix, workload)
    field = parameter_to_shorten(prefix)
    return {
        each.key: parse_repository_name(
            each.template.render(
                prefix=prefix.path,
                workload=workload,
                namespace=namespace,
                repository=each.key,
                suffix=each.suffix,
            ),
            field=field,
        )
        for each in repositories
    }


def _parse(text: str, placeholders: tuple[Placeholder, ...]) -> tuple[Part, ...]:
    """Return the parts of a template.

    Raises:
        TemplateError: A placeholder is unknown or repeated, a brace has no partner, or
            a character is not allowed in names.
    """
    by_name = {placeholder.value: placeholder for placeholder in placeholders}
    known = ", ".join(f"{{{name}}}" for name in by_name)
    parts: list[Part] = []
    for token in _TOKEN.finditer(text):
        name, literal = token.groups()
        if literal is not None:
            if wrong := _NOT_IN_NAMES.search(literal):
                raise TemplateError(
                    f"ECR repository names cannot contain {quote(wrong[0])}",
                    "Use lowercase letters, digits, and the separators . _ - /",
                )
            parts.append(literal)
        elif name is None:
            raise TemplateError(
                f"the brace {quote(token[0])} at character {token.start() + 1} is not "
                "part of a placeholder",
                f"Remove it, or use one of {known}",
            )
        elif name not in by_name:
            raise TemplateError(
                f"there is no placeholder {quote(token[0])} here", f"Use only {known}"
            )
        elif by_name[name] in parts:
            raise TemplateError(
                f"{token[0]} must not occur twice", "Remove one of the two"
            )
        else:
            parts.append(by_name[name])
    return tuple(parts)
