"""The safety guards, and for each one what replaces it when it is disabled.

As a pytest plugin, this module disables the guard whose number is in GUARD.
"""

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

Replacement = Callable[[Any], Any]


class Guard(NamedTuple):
    """A safety guard, and how to disable it.

    Attributes:
        says: The rule that it enforces.
        name: Its module and attribute.
        without: Returns what replaces it, given the original.
    """

    says: str
    name: str
    without: Replacement


def predicate(says: str, name: str, *, unsafe: bool) -> Guard:
    """Return the guard for a predicate in function.ownership."""

    def without(_: object) -> Callable[..., bool]:
        return lambda *_, **__: unsafe

    return Guard(says, f"function.ownership:{name}", without)


def policies(right: str) -> Replacement:
    """Return a replacement that gives one right all management policies."""

    def without(original: dict[Any, Any]) -> dict[Any, Any]:
        return {k: ("*",) if k.name == right else v for k, v in original.items()}

    return without


GUARDS = (
    predicate("never change another claim's repository", "is_anothers", unsafe=False),
    predicate("only the creator gets rights", "earns_rights", unsafe=True),
    predicate("`Never` forbids deletion", "may_be_deleted", unsafe=True),
    predicate("only observe an adopted repository", "is_only_observed", unsafe=False),
    predicate("the tag must have our UID", "created_by", unsafe=True),
    predicate("no proof without a repository", "is_there", unsafe=True),
    predicate("a tag from the spec is no proof", "is_not_copied", unsafe=True),
    predicate("a record with another UID is no proof", "recorded_for", unsafe=True),
    predicate("an incomplete record is no proof", "are_known", unsafe=True),
    predicate("a newer attempt voids the record", "attempt_succeeded", unsafe=True),
    predicate("an older repository is not ours", "not_older", unsafe=True),
    predicate("a newer repository is not ours", "not_newer", unsafe=True),
    predicate("a new claim yields to existing ones", "is_asked_for", unsafe=False),
    predicate(
        "a live claim yields to the creator", "is_anothers_creation", unsafe=False
    ),
    predicate("of several adopters, the first wins", "was_earlier", unsafe=False),
    predicate(
        "another controller is a competitor", "is_another_controller", unsafe=False
    ),
    predicate("so is a resource that it left behind", "left_by_another", unsafe=False),
    predicate("do not take over leftovers of others", "may_be_taken_over", unsafe=True),
    predicate("ignore claimRef on a namespaced XR", "reads_claim", unsafe=True),
    predicate("send no options before proof", "may_send_options", unsafe=True),
    predicate("set no policy before proof", "may_have_policy", unsafe=True),
    predicate("a bundle waits for its image", "bundle_may_earn", unsafe=True),
    predicate("a bundle keeps its earned rights", "bundle_may_earn", unsafe=False),
    predicate("wait for a creation under way", "may_be_under_way", unsafe=False),
    predicate("do not wait for a failed creation", "may_be_under_way", unsafe=True),
    predicate("release a bundle without force", "releases_by_force", unsafe=True),
    predicate(
        "a refused claim loses unearned rights", "has_more_than_earned", unsafe=False
    ),
    predicate(
        "a refused claim keeps earned rights", "has_more_than_earned", unsafe=True
    ),
    predicate("a live resource keeps its name", "keeps_name", unsafe=False),
    predicate("a live resource keeps its region", "keeps_region", unsafe=False),
    predicate("it keeps its provider config", "keeps_config", unsafe=False),
    predicate("it keeps the provider config's kind", "keeps_config_kind", unsafe=False),
    predicate("a live resource keeps its encryption", "keeps_encryption", unsafe=False),
    predicate("a live bundle stays", "bundle_stays", unsafe=False),
    predicate("NameTaken composes nothing", "may_compose", unsafe=True),
    predicate("NameTaken is not ready", "is_unready", unsafe=False),
    predicate("NameTaken shows no observed data", "may_learn", unsafe=True),
    Guard(
        "one repository has one object name",
        "function.repository:resource_name",
        lambda _: lambda repository, _: repository.resource_name
        or f"x-{id(repository)}",
    ),
    Guard(
        "accounts and regions are distinguished",
        "function.repository:identity",
        lambda original: lambda api, *place: original(api, place[-1]),
    ),
    Guard(
        "provider APIs are distinguished",
        "function.repository:identity",
        lambda original: lambda _, *place: original("", *place),
    ),
    Guard(
        "a live resource keeps its provider", "function.seen:_BY_GROUP", lambda _: {}
    ),
    Guard(
        "look for owners in every served API",
        "function.served:search",
        lambda original: lambda *args: original(*args)._replace(others=()),
    ),
    Guard(
        "look in no API that is not served",
        "function.served:_has_schema",
        lambda _: lambda *_: True,
    ),
    Guard(
        "look in no API that may be missing",
        "function.served:_serves",
        lambda _: lambda *_: True,
    ),
    Guard(
        "Observe gives no other right",
        "function.providers.managed:_POLICIES",
        policies("OBSERVE"),
    ),
    Guard(
        "Create gives no right to change",
        "function.providers.managed:_POLICIES",
        policies("CREATE"),
    ),
    Guard(
        "Keep gives no right to delete",
        "function.providers.managed:_POLICIES",
        policies("KEEP"),
    ),
    Guard(
        "never late-initialize tags",
        "function.providers.managed:is_reconciled",
        lambda _: lambda *_: False,
    ),
    Guard(
        "ignore the status of a gone repository",
        "function.providers.managed:is_gone",
        lambda _: lambda *_: False,
    ),
    Guard(
        "the provider looks at ECR again",
        "function.providers.managed:CREATE_ABANDONED",
        lambda _: "crossplane.io/external-create-failed",
    ),
    Guard(
        "a claim gets only allowed values",
        "function.composite:_allowed",
        lambda _: lambda *_: None,
    ),
)


def pytest_configure() -> None:
    """Disable one guard in every module that imports it."""
    guard = GUARDS[int(os.environ["GUARD"])]
    import function  # noqa: PLC0415  # as the tests do: coverage of nothing else

    for info in pkgutil.walk_packages(function.__path__, "function."):
        importlib.import_module(info.name)
    module, _, name = guard.name.partition(":")
    owner = sys.modules[module]
    original = getattr(owner, name)
    without = guard.without(original)
    setattr(owner, name, without)
    if callable(original):
        for other in [m for n, m in sys.modules.items() if n.startswith("function.")]:
            for key, value in list(vars(other).items()):
                if value is original:
                    setattr(other, key, without)
