"""The workloads that a repository's name can belong to, by a name template. Pure.

The opposite of NameTemplate.render. A name can have several readings: with the default
template, `a-b-c` is workload `a-b` in namespace `c`, or workload `a` in `b-c`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from function.ecr.name_template import NameTemplate, Part, Placeholder
from function.ecr.naming import LABEL, parse_repository_name
from function.errors import InvalidParameterError


class Reading(NamedTuple):
    """What a repository's name can mean.

    Attributes:
        namespace: The namespace; None if the template does not have it.
        workload: The workload's name.
        prefix: The path of the prefix; None if the template does not have it.
        key: Which repository of the workload it is, such as image.
    """

    namespace: str | None
    workload: str
    prefix: str | None
    key: str


def is_namespace(text: str) -> bool:
    """Whether Kubernetes accepts a text as the name of a namespace."""
    return bool(LABEL.fullmatch(text))


def readings(name: str, template: NameTemplate, key: str, suffix: str) -> list[Reading]:
    """Return all readings of a name as one repository of a workload, sorted.

    Args:
        name: A name that follows ECR's rules.
        template: The template that may have given it.
        key: The key of the repository.
        suffix: The suffix of the repository; empty for the image.
    """
    known = {Placeholder.REPOSITORY: key, Placeholder.SUFFIX: suffix}
    parts = _joined(
        [known.get(p, p) if isinstance(p, Placeholder) else p for p in template.parts]
    )
    return sorted(
        Reading(
            values.get(Placeholder.NAMESPACE),
            values[Placeholder.WORKLOAD],
            values.get(Placeholder.PREFIX),
            key,
        )
        for values in _matches(parts, name)
    )


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """Return parts with texts that follow each other as one text, and none empty."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _matches(parts: tuple[Part, ...], text: str) -> Iterator[dict[Placeholder, str]]:
    """Yield the values of the placeholders with which the parts give a text."""
    if not parts:
        if not text:
            yield {}
        return
    part, rest = parts[0], parts[1:]
    if isinstance(part, str):
        if text.startswith(part):
            yield from _matches(rest, text[len(part) :])
        return
    for end in _ends(part, rest, text):
        if _is_value(part, text[:end]):
            for values in _matches(rest, text[end:]):
                yield {part: text[:end], **values}


def _ends(part: Placeholder, rest: tuple[Part, ...], text: str) -> Iterator[int]:
    """Yield where the value of the first placeholder can end in a text."""
    last = len(text)
    if part is not Placeholder.PREFIX and "/" in text:
        last = text.index("/")
    if not rest:
        if last == len(text):
            yield last
        return
    following = rest[0] if isinstance(rest[0], str) else ""
    for end in range(1, last + 1):
        if text.startswith(following, end):
            yield end


def _is_value(placeholder: Placeholder, value: str) -> bool:
    if placeholder is Placeholder.NAMESPACE:
        return is_namespace(value)
    # naming.check_name_parts: a workload can end with hyphens, a prefix cannot.
    after = "-0" if placeholder is Placeholder.WORKLOAD else "/0"
    try:
        parse_repository_name(f"{value}{after}")
    except InvalidParameterError:
        return False
    return True
