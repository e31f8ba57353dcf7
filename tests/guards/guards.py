"""The guards, by name, and what each would say if it were not there.

As a pytest plugin it turns one of them off: that of the number in GUARD.
"""

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

Replacement = Callable[[Any], Any]


class Guard(NamedTuple):
    """What a guard says, its name, and what it becomes.

    Attributes:
        says: The rule.
        name: The module and the attribute, or the one's attribute.
        without: What replaces it, given the original.
    """

    says: str
    name: str
    without: Replacement


def predicate(says: str, name: str, *, unsafe: bool) -> Guard:
    """Return the guard that a predicate of function.ecr.ownership is."""

    def without(_: object) -> Callable[..., bool]:
        return lambda *_, **__: unsafe

    return Guard(says, f"function.ecr.ownership:{name}", without)


def policies(right: str) -> Replacement:
    """Return management policies with which a right is all of them."""

    def without(original: dict[Any, Any]) -> dict[Any, Any]:
        return {k: ("*",) if k.name == right else v for k, v in original.items()}

    return without


GUARDS = (
    predicate("another's is never touched", "is_anothers", unsafe=False),
    predicate("rights are earned by creating", "earns_rights", unsafe=True),
    predicate("deletion: Never", "may_be_deleted", unsafe=True),
    predicate("what is adopted is only observed", "is_only_observed", unsafe=False),
    predicate("created_by: a UID, and ours", "created_by", unsafe=True),
    predicate("a signature of what is gone is past", "is_there", unsafe=True),
    predicate("a copied signature proves nothing", "is_not_copied", unsafe=True),
    predicate("a restored record is another's", "recorded_for", unsafe=True),
    predicate("a record that is not whole is none", "are_known", unsafe=True),
    predicate("a newer attempt outdates it", "attempt_succeeded", unsafe=True),
    predicate("an older repository is not ours", "not_older", unsafe=True),
    predicate("a newer repository is not ours", "not_newer", unsafe=True),
    predicate("a new claim yields to who asks", "is_asked_for", unsafe=False),
    predicate("a live one to who created it", "is_anothers_creation", unsafe=False),
    predicate("of those that found it, the first", "was_earlier", unsafe=False),
    predicate("another composite is one", "is_another_controller", unsafe=False),
    predicate("and what it left behind", "left_by_another", unsafe=False),
    predicate("what another left is not taken over", "may_be_taken_over", unsafe=True),
    predicate("a namespaced XR names no claim", "reads_claim", unsafe=True),
    predicate("no option onto what was there", "may_send_options", unsafe=True),
    predicate("no policy onto what was there", "may_have_policy", unsafe=True),
    predicate("a bundle waits for its image", "bundle_may_earn", unsafe=True),
    predicate("earned rights are not taken back", "bundle_may_earn", unsafe=False),
    predicate("what is being made is waited for", "may_be_under_way", unsafe=False),
    predicate("what cannot be made is not", "may_be_under_way", unsafe=True),
    predicate("a bundle is released without force", "releases_by_force", unsafe=True),
    predicate("a refusal takes rights", "has_more_than_earned", unsafe=False),
    predicate("a refusal keeps what is earned", "has_more_than_earned", unsafe=True),
    predicate("a live one keeps its name", "keeps_name", unsafe=False),
    predicate("its region", "keeps_region", unsafe=False),
    predicate("its provider config", "keeps_config", unsafe=False),
    predicate("the kind of that", "keeps_config_kind", unsafe=False),
    predicate("its encryption", "keeps_encryption", unsafe=False),
    predicate("a live bundle stays", "bundle_stays", unsafe=False),
    predicate("a loser composes nothing", "may_compose", unsafe=True),
    predicate("a loser is not ready", "is_unready", unsafe=False),
    predicate("a loser learns nothing", "may_learn", unsafe=True),
    Guard(
        "one repository is one object's name",
        "function.ecr.repository:resource_name",
        lambda _: lambda repository, _: repository.resource_name
        or f"x-{id(repository)}",
    ),
    Guard(
        "accounts and regions are told apart",
        "function.ecr.repository:identity",
        lambda original: lambda api, *place: original(api, place[-1]),
    ),
    Guard(
        "APIs are told apart",
        "function.ecr.repository:identity",
        lambda original: lambda _, *place: original("", *place),
    ),
    Guard(
        "a live one keeps its provider",
        "function.composition.observed:_BY_GROUP",
        lambda _: {},
    ),
    Guard(
        "owners are looked for in every API",
        "function.composition.competitors:search",
        lambda original: lambda *args: original(*args)._replace(others=()),
    ),
    Guard(
        "and in none that is not served",
        "function.composition.competitors:_has_schema",
        lambda _: lambda *_: True,
    ),
    Guard(
        "nor that may not be",
        "function.composition.competitors:_serves",
        lambda _: lambda *_: True,
    ),
    Guard(
        "to observe is no more than that",
        "function.providers.managed:_POLICIES",
        policies("OBSERVE"),
    ),
    Guard(
        "to create is no right to change",
        "function.providers.managed:_POLICIES",
        policies("CREATE"),
    ),
    Guard(
        "to keep is no right to delete",
        "function.providers.managed:_POLICIES",
        policies("KEEP"),
    ),
    Guard(
        "what tags nothing copies nothing",
        "function.providers.managed:is_reconciled",
        lambda _: lambda *_: False,
    ),
    Guard(
        "the status of what is gone is past",
        "function.providers.managed:is_gone",
        lambda _: lambda *_: False,
    ),
    Guard(
        "a provider looks again",
        "function.providers.managed:CREATE_ABANDONED",
        lambda _: "crossplane.io/external-create-failed",
    ),
    Guard(
        "a tenant asks for what is allowed",
        "function.api.parameters:_allowed",
        lambda _: lambda *_: None,
    ),
)


def pytest_configure() -> None:
    """Turn one off, wherever it was imported."""
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
