"""What comes back: readiness, status, the condition, connection details."""

import dataclasses
from typing import Any, Literal

from function.repository import Facts

CONDITION = "RepositoriesReady"
Reason = Literal[
    "Available", "Creating", "InvalidParameters", "NotAllowed", "NameTaken", "Adopted"
]


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """The RepositoriesReady condition, before it becomes a message."""

    ready: bool
    reason: Reason
    message: str


def condition(names: dict[str, str], facts: dict[str, Facts]) -> Condition:
    """Return the condition of repositories that may exist.

    Args:
        names: Repository name by composed resource name.
        facts: What was observed of each, by composed resource name.
    """
    waiting = [name for key, name in names.items() if not facts[key].ready]
    if waiting:
        return Condition(
            ready=False,
            reason="Creating",
            message=f"Waiting for the provider to make {', '.join(waiting)}",
        )
    return Condition(
        ready=True,
        reason="Available",
        message=f"Ready to push to: {', '.join(names.values())}",
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
