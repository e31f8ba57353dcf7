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
    """Return the guard for a predicate, named as module:name below function.ecr."""

    def without(_: object) -> Callable[..., bool]:
        return lambda *_, **__: unsafe

    return Guard(says, f"function.ecr.{name}", without)


def policies(right: str) -> Replacement:
    """Return a replacement that gives one right all management policies."""

    def without(original: dict[Any, Any]) -> dict[Any, Any]:
        return {k: ("*",) if k.name == right else v for k, v in original.items()}

    return without


GUARDS = (
    predicate(
        "never change another claim's repository",
        "provider_rights:belongs_to_another_claim",
        unsafe=False,
    ),
    predicate(
        "only the creator gets rights", "provider_rights:earns_rights", unsafe=True
    ),
    predicate(
        "`Never` forbids deletion", "provider_rights:may_be_deleted", unsafe=True
    ),
    predicate(
        "`WhenEmpty` waits until images are kept",
        "provider_rights:waits_for_force",
        unsafe=False,
    ),
    predicate(
        "`WhenEmpty` wins over forceDelete",
        "provider_rights:deletes_only_empty",
        unsafe=False,
    ),
    predicate(
        "only observe an adopted repository",
        "provider_rights:is_only_observed",
        unsafe=False,
    ),
    predicate(
        "never create or delete a claim's existing repository",
        "provider_rights:is_never_created_or_deleted",
        unsafe=False,
    ),
    predicate(
        "release only an existing repository that stays",
        "secondary:existing_is_released",
        unsafe=True,
    ),
    predicate(
        "change an adopted repository only under `adopt: Manage`",
        "provider_rights:may_change_adopted",
        unsafe=True,
    ),
    predicate(
        "an adopted repository keeps its options",
        "adoption:keeps_options",
        unsafe=False,
    ),
    predicate(
        "an adopted repository keeps its tags", "adoption:keeps_tags", unsafe=False
    ),
    predicate(
        "a refused claim does not update what it adopted",
        "provider_rights:lasts_while_refused",
        unsafe=True,
    ),
    predicate(
        "protect its tags before an update", "adoption:may_begin_update", unsafe=True
    ),
    predicate(
        "restore a tag that an update removed", "adoption:restores_tags", unsafe=False
    ),
    predicate("the right to update it ends", "adoption:may_update_now", unsafe=True),
    predicate("the tag must have our UID", "ownership:created_by", unsafe=True),
    predicate("no proof without a repository", "ownership:is_there", unsafe=True),
    predicate(
        "a tag from the spec is no proof", "ownership:is_not_copied", unsafe=True
    ),
    predicate(
        "a record with another UID is no proof", "ownership:recorded_for", unsafe=True
    ),
    predicate("an incomplete record is no proof", "ownership:are_known", unsafe=True),
    predicate(
        "a newer attempt voids the record", "ownership:attempt_succeeded", unsafe=True
    ),
    predicate("an older repository is not ours", "ownership:not_older", unsafe=True),
    predicate("a newer repository is not ours", "ownership:not_newer", unsafe=True),
    predicate("a restored record is no proof", "ownership:is_own_record", unsafe=True),
    predicate(
        "what is observed decides over a record", "ownership:is_unobserved", unsafe=True
    ),
    predicate(
        "a new claim yields to existing ones",
        "ownership:yields_to_competitors",
        unsafe=False,
    ),
    Guard(
        "what is being deleted is owned until it is gone",
        "function.ecr.ownership:owns_until_gone",
        lambda _: lambda *, deleting: not deleting,
    ),
    predicate(
        "a live claim yields to the creator",
        "ownership:concedes_to_creator",
        unsafe=False,
    ),
    predicate(
        "of several adopters, the first wins", "ownership:is_senior", unsafe=False
    ),
    predicate(
        "another controller is a competitor",
        "ownership:is_another_controller",
        unsafe=False,
    ),
    predicate(
        "so is a resource that it left behind",
        "ownership:left_by_another",
        unsafe=False,
    ),
    predicate(
        "do not take over leftovers of others",
        "ownership:may_be_taken_over",
        unsafe=True,
    ),
    predicate(
        "ignore claimRef on a namespaced XR", "ownership:reads_claim", unsafe=True
    ),
    predicate(
        "send no options before proof", "provider_rights:may_send_options", unsafe=True
    ),
    predicate(
        "set no policy before proof", "provider_rights:may_have_policy", unsafe=True
    ),
    predicate(
        "a bundle waits for its image", "secondary:secondary_may_earn", unsafe=True
    ),
    predicate(
        "a bundle keeps its earned rights", "secondary:secondary_may_earn", unsafe=False
    ),
    predicate(
        "wait for a creation under way", "secondary:may_be_in_progress", unsafe=False
    ),
    predicate(
        "do not wait for a failed creation", "secondary:may_be_in_progress", unsafe=True
    ),
    predicate(
        "release a bundle without force", "secondary:releases_by_force", unsafe=True
    ),
    predicate(
        "a refused claim loses unearned rights",
        "provider_rights:exceeds_earned_rights",
        unsafe=False,
    ),
    predicate(
        "a refused claim keeps earned rights",
        "provider_rights:exceeds_earned_rights",
        unsafe=True,
    ),
    predicate(
        "a live resource keeps its name", "immutable_fields:keeps_name", unsafe=False
    ),
    predicate(
        "a live resource keeps its region",
        "immutable_fields:keeps_region",
        unsafe=False,
    ),
    predicate(
        "it keeps its provider config", "immutable_fields:keeps_config", unsafe=False
    ),
    predicate(
        "it keeps the provider config's kind",
        "immutable_fields:keeps_config_kind",
        unsafe=False,
    ),
    predicate(
        "a live resource keeps its encryption",
        "immutable_fields:keeps_encryption",
        unsafe=False,
    ),
    predicate("a live bundle stays", "secondary:unrequested_stays", unsafe=False),
    predicate("NameTaken composes nothing", "ownership:may_compose", unsafe=True),
    predicate("NameTaken is not ready", "ownership:is_unready", unsafe=False),
    predicate(
        "NameTaken shows no observed data", "ownership:may_disclose", unsafe=True
    ),
    Guard(
        "one repository has one object name",
        "function.ecr.repository:resource_name",
        lambda _: lambda repository, _: repository.resource_name
        or f"x-{id(repository)}",
    ),
    Guard(
        "accounts and regions are distinguished",
        "function.ecr.repository:repository_id",
        lambda original: lambda api, *place: original(api, place[-1]),
    ),
    Guard(
        "provider APIs are distinguished",
        "function.ecr.repository:repository_id",
        lambda original: lambda _, *place: original("", *place),
    ),
    Guard(
        "a live resource keeps its provider",
        "function.providers.registry:_BY_GROUP",
        lambda _: {},
    ),
    Guard(
        "look for owners in every served API",
        "function.composition.competitors:plan_search",
        lambda original: lambda *args: original(*args)._replace(others=()),
    ),
    Guard(
        "look in no API that is not served",
        "function.composition.competitors:_has_schema",
        lambda _: lambda *_: True,
    ),
    Guard(
        "look in no API that may be missing",
        "function.composition.competitors:_is_served",
        lambda _: lambda *_: True,
    ),
    Guard(
        "Observe gives no other right",
        "function.providers.crossplane_runtime:_MANAGEMENT_POLICIES",
        policies("OBSERVE_ONLY"),
    ),
    Guard(
        "Create gives no right to change",
        "function.providers.crossplane_runtime:_MANAGEMENT_POLICIES",
        policies("OBSERVE_CREATE"),
    ),
    Guard(
        "Manage gives no right to create or delete",
        "function.providers.crossplane_runtime:_MANAGEMENT_POLICIES",
        policies("CHANGE_ADOPTED"),
    ),
    Guard(
        "Keep gives no right to delete",
        "function.providers.crossplane_runtime:_MANAGEMENT_POLICIES",
        policies("ORPHAN_ON_DELETE"),
    ),
    predicate(
        "a repository that was found gets no defaults",
        "provider_additions:may_add_defaults",
        unsafe=True,
    ),
    Guard(
        "never late-initialize tags",
        "function.providers.crossplane_runtime:is_reconciled",
        lambda _: lambda *_: False,
    ),
    Guard(
        "ignore the status of a gone repository",
        "function.providers.crossplane_runtime:is_gone",
        lambda _: lambda *_: False,
    ),
    Guard(
        "the provider looks at ECR again",
        "function.providers.crossplane_runtime:MARKED_FAILED",
        lambda _: "crossplane.io/external-create-failed",
    ),
    Guard(
        "decide nothing before the settings are known",
        "function.composition.required_settings:settings_are_known",
        lambda _: lambda _: True,
    ),
    Guard(
        "without required settings, nothing changes",
        "function.composition.required_settings:may_be_missing",
        lambda _: lambda _: True,
    ),
    Guard(
        "another claim's problem is not shown",
        "function.composition.competitors:owned_by_predecessor",
        lambda _: lambda *_: True,
    ),
    Guard(
        "release only what is being deleted",
        "function.cli.release:reason",
        lambda original: lambda problem, *, deleting, may_delete: original(  # noqa: ARG005
            problem, deleting=True, may_delete=may_delete
        ),
    ),
    Guard(
        "a claim gets only allowed values",
        "function.api.parameters:_allowed",
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
