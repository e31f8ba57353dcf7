"""What comes back: readiness, status, the condition, connection details."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, Literal

from function.ecr.ownership import Standing
from function.ecr.repository import Deletion, Facts
from function.errors import quote

CONDITION = "RepositoriesReady"
Reason = Literal[
    "Available", "Creating", "InvalidParameters", "NotAllowed", "NameTaken", "Adopted"
]
# What each reason tells a team.
REASON_MEANINGS: dict[Reason, str] = {
    "Available": "push away",
    "Adopted": "push away; a repository was there before the claim, and stays when the "
    "claim goes",
    "Creating": "the provider has not made them yet; where ECR refuses, the message "
    "has what the provider says",
    "NameTaken": "another claim has a repository of that name",
    "InvalidParameters": "a parameter, or the Composition's input, is wrong",
    "NotAllowed": "the platform does not allow that value",
}
# Those with which it is True; docs/conditions.md has the table.
PUSHABLE: frozenset[Reason] = frozenset({"Available", "Adopted"})

_LONGEST_PROBLEM = 500
# Another one at each attempt: with it the condition, and so the XR, would never rest.
_REQUEST_ID = re.compile(r",?\s*request ?id:? ?[\w-]+", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """The RepositoriesReady condition, before it becomes a message."""

    reason: Reason
    message: str

    @property
    def ready(self) -> bool:
        """Whether all of its repositories can be pushed to."""
        return self.reason in PUSHABLE


def condition(
    names: dict[str, str],
    facts: dict[str, Facts],
    standings: dict[str, Standing],
    deletion: Deletion = Deletion.ONLY_CREATED,
    others: Sequence[str] = (),
) -> Condition:
    """Return the condition of repositories that may exist.

    Args:
        names: Repository name by composed resource name.
        facts: What was observed of each, by composed resource name.
        standings: How the composite stands to each, by composed resource name.
        deletion: What becomes of an adopted one when the claim goes.
        others: What the provider says is wrong with their policies.
    """

    def those(*which: Standing) -> str:
        return ", ".join(n for key, n in names.items() if standings[key] in which)

    if taken := those(Standing.TAKEN):
        return Condition(
            reason="NameTaken",
            message=f"Another claim has the repository {taken}, and one repository "
            "cannot be two claims'. Nothing of it was touched. Choose another "
            "workloadName, repoPrefix or namespace; or wait: this claim gets it when "
            "the other gives it up",
        )
    waiting = [name for key, name in names.items() if not facts[key].ready]
    problems = _problems([*(facts[key].problem for key in names), *others])
    if waiting:
        return Condition(
            reason="Creating",
            message=f"Waiting for the provider to make {', '.join(waiting)}{problems}",
        )
    usable = f"Ready to push to: {', '.join(names.values())}"
    if adopted := those(Standing.ADOPTED):
        goes = (
            "deletes it and its images" if deletion is Deletion.ALWAYS else "keeps it"
        )
        return Condition(
            reason="Adopted",
            message=f"{usable}. There before this claim, not created by it: {adopted}. "
            f"Deleting the claim {goes}{problems}",
        )
    return Condition(reason="Available", message=f"{usable}{problems}")


def _problems(said: list[str]) -> str:
    """Return what the provider says, each thing once; it may repeat others' text."""
    texts = dict.fromkeys(_REQUEST_ID.sub("", text) for text in said if text)
    if not texts:
        return ""
    quoted = ", ".join(quote(text, _LONGEST_PROBLEM) for text in texts)
    return (
        f". The provider says: {quoted}. It tries again; if this lasts, show it to "
        "the platform team"
    )


def repository_status(name: str, facts: Facts) -> dict[str, Any]:
    """Return one entry of status.repositories; unknown facts are left out."""
    entry = {
        "name": name,
        "uri": facts.uri,
        "arn": facts.arn,
        "registryId": facts.registry_id,
    }
    return {key: value for key, value in entry.items() if value}


def connection_details(
    region: str, image: Facts, bundle: Facts | None
) -> dict[str, bytes]:
    """Return a claimed XR's connection details, those known so far."""
    details = {
        "imageRepositoryUri": image.uri,
        "bundleRepositoryUri": bundle.uri if bundle else "",
        "region": region if image.uri else "",
    }
    return {key: value.encode() for key, value in details.items() if value}
