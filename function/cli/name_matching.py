"""Which workloads a repository's name can belong to, by all rules together. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from function.ecr.name_readings import Reading, readings
from function.ecr.name_template import NamedRepository, NameTemplate, Placeholder
from function.errors import printable, quote

# How many readings a message contains at most.
_MOST_READINGS = 4
_EXISTING_FIX = "Give it to one workload with `existing: true` in --map, or leave it"


class Target(NamedTuple):
    """The workload to which the user's mapping gives a repository.

    Attributes:
        namespace: Its namespace.
        workload: Its name.
        existing: Whether its claim names the repository in existingName.
    """

    namespace: str
    workload: str
    existing: bool = False


@dataclass(frozen=True, slots=True)
class MappingRules:
    """How names belong to workloads.

    Attributes:
        roles: The repositories of each workload.
        region: The region of the claims.
        account: The AWS account of the registry; empty for any.
        provider_name: The claims' providerName.
        namespaces: The namespaces that exist; None if they are unknown.
        rule: A template that the names must also have; None for none.
        mapping: The workloads of single repositories.
        allows: Whether the platform allows a prefix in a namespace.
    """

    roles: tuple[NamedRepository, ...]
    region: str
    account: str
    provider_name: str
    namespaces: frozenset[str] | None = None
    rule: NameTemplate | None = None
    mapping: Mapping[str, Target] = field(default_factory=dict)
    allows: Callable[[str, str], bool] = lambda _prefix, _namespace: True


class NoMatch(NamedTuple):
    """Why a name belongs to no workload.

    Attributes:
        reason: As a word for programs.
        message: A sentence without its full stop.
        fix: What to do, a sentence without its full stop.
    """

    reason: Literal["NoMatch", "NoNamespace"]
    message: str
    fix: str


class _Check(NamedTuple):
    """A rule for readings.

    Attributes:
        fits: Whether a reading follows it.
        problem: What to say if none does.
    """

    fits: Callable[[Reading], bool]
    problem: str


def match(name: str, rules: MappingRules) -> list[Reading] | NoMatch:
    """Return the readings of a name that follow all rules, at least one; else why.

    Args:
        name: A name that follows ECR's rules.
        rules: The rules.
    """
    target = rules.mapping.get(name)
    templates = ", ".join(dict.fromkeys(quote(r.template.text) for r in rules.roles))
    possible = [
        reading for role in rules.roles for reading in _of_role(name, role, rules)
    ]
    if not possible:
        return NoMatch(
            "NoMatch", f"the template {templates} cannot give it", _EXISTING_FIX
        )
    if any(r.namespace is None for r in possible):
        return NoMatch(
            "NoNamespace",
            f"the template {templates} has no {{namespace}}",
            "Name the namespace with --namespace, or map the repository in --map",
        )
    for check in _checks(name, rules, target):
        left = [r for r in possible if check.fits(r)]
        if not left:
            message = f"it would be {listing(possible)}, but {check.problem}"
            return NoMatch("NoMatch", message, _EXISTING_FIX)
        possible = left
    return possible


def listing(possible: Collection[Reading]) -> str:
    """Return readings for a message."""
    several = len({r.prefix for r in possible}) > 1
    shown = []
    for r in list(possible)[:_MOST_READINGS]:
        text = f"the {r.key} of workload {printable(r.workload)}"
        text += f" in namespace {r.namespace}" if r.namespace else ""
        text += (
            f" with the prefix {printable(r.prefix)}" if several and r.prefix else ""
        )
        shown.append(text)
    if more := len(possible) - len(shown):
        shown.append(f"{more} more")
    return ", or ".join(shown)


def _of_role(name: str, role: NamedRepository, rules: MappingRules) -> list[Reading]:
    """Return the readings of a name as one role, with a namespace if that is known."""
    found = readings(name, role.template, role.key, role.suffix)
    if Placeholder.NAMESPACE in role.template.parts:
        return found
    target = rules.mapping.get(name)
    if target:
        namespaces = [target.namespace]
    elif rules.namespaces is None:
        return found
    else:
        namespaces = sorted(rules.namespaces)
    return [r._replace(namespace=n) for r in found for n in namespaces]


def _checks(name: str, rules: MappingRules, target: Target | None) -> list[_Check]:
    checks = []
    if target:
        checks.append(
            _Check(
                lambda r: (r.namespace, r.workload) == target[:2],
                f"the mapping says {target.namespace}/{printable(target.workload)}",
            )
        )
    if rules.rule:
        checks.append(_rule_check(name, rules.rule, rules.roles))
    if rules.namespaces is not None and not target:
        namespaces = rules.namespaces
        checks.append(
            _Check(lambda r: r.namespace in namespaces, "there is no such namespace")
        )
    checks.append(
        _Check(
            lambda r: rules.allows(r.prefix or "", r.namespace or "")
            if r.prefix
            else True,
            "the platform does not allow that prefix there",
        )
    )
    return checks


def _rule_check(
    name: str, rule: NameTemplate, roles: tuple[NamedRepository, ...]
) -> _Check:
    """Return the check that the user's rule gives the same meaning to a name."""
    of_rule = [r for each in roles for r in readings(name, rule, each.key, each.suffix)]
    text = quote(rule.text)
    problem = f"the rule {text} cannot give it"
    if of_rule:
        problem = f"by the rule {text} it is {listing(of_rule)}"
    return _Check(lambda r: any(_agrees(r, other) for other in of_rule), problem)


def _agrees(reading: Reading, other: Reading) -> bool:
    """Whether a reading by the platform's template is one by the user's rule."""
    return (
        reading.key == other.key
        and reading.workload == other.workload
        and other.namespace in (None, reading.namespace)
        and other.prefix in (None, reading.prefix)
    )
