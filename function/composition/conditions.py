"""The RepositoriesReady condition, its reasons and messages, and the XR's status."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from google.protobuf import struct_pb2 as structpb

from function.composition.repositories import ComposedRepository
from function.ecr.name_template import BUNDLE_KEY
from function.ecr.options import EncryptionOptions
from function.ecr.ownership import Ownership
from function.ecr.provider_rights import Deletion
from function.ecr.repository import DesiredRepository, ObservedRepository
from function.errors import printable, quote
from function.providers.base import Provider
from function.providers.crossplane_runtime import (
    CLAIM_NAME_LABEL,
    CLAIM_NAMESPACE_LABEL,
    REPOSITORY_ID,
)
from function.structs import items, struct, text

CONDITION = "RepositoriesReady"
Reason = Literal[
    "Available",
    "Creating",
    "InvalidParameters",
    "NotAllowed",
    "NameTaken",
    "PreviousDeleting",
    "Adopted",
    "SettingsMissing",
]
# What each reason tells a team: docs/conditions.md is generated from it.
REASON_MEANINGS: dict[Reason, str] = {
    "Available": "The repositories are ready. Push images.",
    "Adopted": "The repositories are ready. Push images. The claim did not create at "
    "least one of them, but adopted it. Deleting the claim keeps adopted repositories, "
    "unless the settings say `deletion: Always`.",
    "Creating": "The provider has not created the repositories yet, or the claim's "
    "`existingName` does not exist. If ECR or the provider reports an error, the "
    "message contains it.",
    "NameTaken": "Another claim owns a repository with this name.",
    "PreviousDeleting": "A previous claim owned a repository with this name, and its "
    "managed resource is still being deleted. Then the claim continues by itself. If "
    "the repository holds images and is kept, that needs `function-ecr-repos release`.",
    "InvalidParameters": "A parameter, the Composition's input or the platform "
    "settings are wrong.",
    "NotAllowed": "The platform does not allow a value or an option of the claim.",
    "SettingsMissing": "The platform settings do not exist, and the Composition "
    "requires them. Nothing changes until they exist.",
}
# The reasons with which the condition is True.
PUSHABLE: frozenset[Reason] = frozenset({"Available", "Adopted"})

_LONGEST_PROBLEM = 500
# Each attempt has a new one. With it, the condition would change at each attempt, and
# the XR would never settle.
_REQUEST_ID = re.compile(r",?\s*request ?id:? ?[\w-]+", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """The RepositoriesReady condition, before it becomes a message."""

    reason: Reason
    message: str

    @property
    def ready(self) -> bool:
        """Whether a team can push to all of its repositories."""
        return self.reason in PUSHABLE


def said_ready(composite: structpb.Struct) -> bool:
    """Whether a composite was ready before, through this function or another one."""
    return any(
        text(each, "type") in ("Ready", CONDITION) and text(each, "status") == "True"
        for each in items(struct(composite, "status"), "conditions")
    )


def still_creating(repositories: Mapping[str, ComposedRepository]) -> Condition:
    """Return the condition of a new claim from before its repositories were there."""
    return Condition(
        reason="Creating",
        message=_creates(_name(each) for each in repositories.values()),
    )


def repositories_ready(
    repositories: Mapping[str, ComposedRepository],
    deletion: Deletion,
    policy_problems: Sequence[str] = (),
    *,
    is_new: bool = False,
    managed: bool = False,
) -> Condition:
    """Return the condition of a composite's repositories.

    Args:
        repositories: The repositories, by composed resource name.
        deletion: The `deletion` that applies.
        policy_problems: What the provider reports about their policies.
        is_new: Whether all are being created, within seconds. Then the message names
            all, so that it stays the same until all are there.
        managed: Whether the options apply to adopted repositories too.
    """
    found = repositories.values()
    if conflicts := [each for each in found if each.conflict]:
        return _conflict(conflicts)
    names = [_name(each) for each in found]
    existing = next((each for each in found if each.existing), None)
    own = [each for each in found if each is not existing]
    waiting = [_name(each) for each in own if not each.reportable.ready]
    problems = _problems(
        [*[each.reportable.problem for each in found], *policy_problems]
    )
    if waiting or (existing and not existing.reportable.ready):
        named = [*map(_name, own)] if is_new and not problems else waiting
        creates = _creates(named)
        missing = _missing(existing, problems) if existing else ""
        steps = [creates if waiting else "", missing]
        return Condition(
            reason="Creating", message=". ".join(filter(None, steps)) + problems
        )
    usable = f"Ready to push to: {', '.join(names)}"
    adopted = [_name(each) for each in found if each.ownership is Ownership.ADOPTED]
    if adopted:
        kept = _name(existing) if existing else ""
        deletes = deletion is Deletion.ALWAYS and adopted != [kept]
        outcome = (
            "also deletes adopted repositories, with all their images"
            + (f", but keeps {kept}" if kept else "")
            if deletes
            else "keeps adopted repositories"
        )
        if managed and not deletes:
            outcome += ". The options apply to them too (`adopt: Manage`)"
        return Condition(
            reason="Adopted",
            message=f"{usable}. Adopted, not created by this claim: "
            f"{', '.join(adopted)}. "
            f"Deleting the claim {outcome}{problems}",
        )
    return Condition(reason="Available", message=f"{usable}{problems}")


def _creates(names: Iterable[str]) -> str:
    return f"Waiting for the provider to create {', '.join(names)}"


def _missing(existing: ComposedRepository, problems: str) -> str:
    """Return what to do about an existing repository that was not found; or nothing."""
    if existing.reportable.ready:
        return ""
    if not problems:
        return f"Waiting for the provider to find the repository {_name(existing)}"
    return (
        f"The repository {_name(existing)} does not exist, or the provider cannot read "
        "it. No claim creates it: create it in ECR, or change "
        "spec.parameters.existingName"
    )


def _conflict(conflicts: Sequence[ComposedRepository]) -> Condition:
    """Return the condition for the repositories of other claims."""
    taken = [_name(each) for each in conflicts if not each.release_started]
    if taken:
        return Condition(
            reason="NameTaken",
            message=f"Another claim already owns the repository {', '.join(taken)}. "
            "This claim did not change it. Use another workloadName, repoPrefix or "
            "namespace in a new claim, or wait until the other claim is deleted. The "
            f"platform team finds the owner with: {_find_owner(conflicts)}",
        )
    full = [_name(each) for each in conflicts if each.waits_for_images]
    if full:
        return Condition(
            reason="PreviousDeleting",
            message="The previous claim's managed resource of the repository "
            f"{', '.join(full)} is not deleted, because the repository still holds "
            "images. It keeps them. This claim adopts the repository after the "
            "platform team has run `function-ecr-repos release`",
        )
    return Condition(
        reason="PreviousDeleting",
        message="The previous claim's managed resource of the repository "
        f"{', '.join(map(_name, conflicts))} is still being deleted. This claim "
        "continues by itself afterwards. If this takes longer than five minutes, "
        "contact the platform team",
    )


def _name(repository: ComposedRepository) -> str:
    return printable(repository.desired.name)


def _find_owner(conflicts: Iterable[ComposedRepository]) -> str:
    """Return the command that lists whose the repositories of other claims are.

    The message must not tell: a tenant reads it.
    """
    ids = {
        each.provider.repository_id(each.desired): each.provider for each in conflicts
    }
    group = next(iter(ids.values())).api_version.partition("/")[0]
    return (
        f"kubectl get repositories.{group} -A "
        f"-l '{REPOSITORY_ID} in ({','.join(ids)})' "
        f"-L {CLAIM_NAMESPACE_LABEL},{CLAIM_NAME_LABEL}"
    )


def unapplied_changes(
    repositories: Mapping[str, ComposedRepository], new_provider: Provider
) -> str:
    """Return which changes live repositories do not take; empty for none.

    Args:
        repositories: The repositories, by key.
        new_provider: The provider of new repositories.
    """
    found = repositories.values()
    kept = [
        f"{_location(each.desired)} (the parameters now say "
        f"{_location(each.requested)})"
        for each in found
        if each.desired.location != each.requested.location
    ]
    kept += [
        f"{_location(each.desired)} and provider {each.provider.api_version} "
        f"(`provider` is now {new_provider.api_version})"
        for each in found
        if each.provider is not new_provider
    ]
    kept += [
        f"{_location(each.desired)} and encryption {_encryption(desired)} "
        f"(the options now say {_encryption(requested)})"
        for each in found
        if (desired := each.desired.options.encryption)
        and (requested := each.requested.options.encryption)
        and _differ(desired, requested)
    ]
    kept += [
        f"{_location(each.desired)} "
        + (
            "(`bundle` is now false)"
            if key == BUNDLE_KEY
            else f"({printable(key)} is no longer in `repositories`)"
        )
        for key, each in repositories.items()
        if each.unrequested
    ]
    if not kept:
        return ""
    return (
        f". Kept, because existing repositories are never moved or replaced: "
        f"{', '.join(kept)}. To apply the change, first copy the images elsewhere: "
        "deleting the claim can delete its repositories with all images. Then delete "
        "the claim and create it again" + _delete_unrequested(found)
    )


def _delete_unrequested(repositories: Iterable[ComposedRepository]) -> str:
    """Return how to delete repositories that the settings have no options for."""
    commands = [
        f"kubectl delete repositories.{each.provider.api_version.partition('/')[0]}"
        + (f" -n {each.desired.namespace}" if each.desired.namespace else "")
        + f" {printable(each.desired.resource_name)}"
        for each in repositories
        if each.keeps_options
    ]
    if not commands:
        return ""
    return (
        ". Or the platform team deletes only what is no longer requested, with its "
        f"images: {'; '.join(commands)}"
    )


def repository_status(name: str, observed: ObservedRepository) -> dict[str, Any]:
    """Return one entry of status.repositories, without unknown values."""
    entry = {
        "name": name,
        "uri": observed.uri,
        "arn": observed.arn,
        "registryId": observed.registry_id,
    }
    return {key: value for key, value in entry.items() if value}


def _problems(texts: Sequence[str]) -> str:
    """Return a sentence about what the provider reports, each problem once.

    Its text may repeat other people's text, so it is quoted.
    """
    unique = dict.fromkeys(_REQUEST_ID.sub("", text) for text in texts if text)
    if not unique:
        return ""
    quoted = ", ".join(quote(text, _LONGEST_PROBLEM) for text in unique)
    return (
        f". The provider says: {quoted}. It retries by itself. If this continues, "
        "contact the platform team"
    )


def _location(repository: DesiredRepository) -> str:
    config, region, name = map(printable, repository.location)
    return f"{name} in {region} with providerName {config}"


def _encryption(encryption: EncryptionOptions) -> str:
    parts = (encryption.type, encryption.kms_key or "")
    return " ".join(printable(part) for part in parts if part)


def _differ(live: EncryptionOptions, requested: EncryptionOptions) -> bool:
    """Whether two encryptions certainly differ; an alias may name the same key."""
    keys = {key for key in (live.kms_key, requested.kms_key) if key and ":key/" in key}
    return live.type != requested.type or len(keys) > 1
