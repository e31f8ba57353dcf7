"""What `impact` prints: a table for people, JSON for scripts."""

from collections.abc import Sequence
from typing import Any

from function.errors import printable
from function.impact.images import size_text, total
from function.impact.report import Impact, deletes_images, owner_text
from function.impact.verdict import Outcome

_UNKNOWN = "unknown"
_HEADER = (
    *("REPOSITORY", "REGION", "CLAIM", "OUTCOME", "IMAGES", "SIZE"),
    "REASON",
)
# How the table names an outcome.
_WORDS = {
    Outcome.DELETED: "deleted",
    Outcome.DELETED_IF_EMPTY: "deleted if empty",
    Outcome.LEFT: "left behind",
    Outcome.KEPT: "kept",
}


def table(impacts: Sequence[Impact]) -> list[str]:
    """Return the lines of a table; none without repositories."""
    if not impacts:
        return []
    rows = [_HEADER, *(_row(impact) for impact in impacts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def summary(impacts: Sequence[Impact]) -> str:
    """Return one line about all repositories."""
    parts = []
    for outcome, word in _WORDS.items():
        chosen = [i for i in impacts if i.verdict.outcome is outcome]
        if not chosen:
            continue
        images, size, complete = total(i.held for i in chosen)
        held = f"{images} image{'' if images == 1 else 's'}, {size_text(size)}"
        if not complete:
            known = any(i.held is not None for i in chosen)
            held = f"at least {held}" if known else "images unknown"
        parts.append(f"{len(chosen)} {word} ({held})")
    return "; ".join(parts) or "no repository"


def document(target: dict[str, str], impacts: Sequence[Impact]) -> dict[str, Any]:
    """Return what `-o json` prints.

    Args:
        target: What the command was asked about.
        impacts: What happens to each repository.
    """
    return {
        "target": target,
        "deletesImages": deletes_images(impacts),
        "repositories": [_as_json(impact) for impact in impacts],
        "totals": {
            outcome.value: _totals([i for i in impacts if i.verdict.outcome is outcome])
            for outcome in Outcome
        },
    }


def _row(impact: Impact) -> tuple[str, ...]:
    count = impact.held
    word = _WORDS[impact.verdict.outcome]
    if impact.before is not None:
        word = f"{_WORDS[impact.before]} -> {word}"
    return (
        printable(impact.registry.name),
        printable(impact.registry.region) or "-",
        printable(owner_text(impact)) or "-",
        word,
        _UNKNOWN if count is None else str(count.images),
        _UNKNOWN if count is None else size_text(count.bytes),
        printable(impact.verdict.reason),
    )


def _as_json(impact: Impact) -> dict[str, Any]:
    namespace, name = impact.claim
    managed, count = impact.managed, impact.held
    changed = {} if impact.before is None else {"before": impact.before.value}
    return {
        "name": impact.registry.name,
        "region": impact.registry.region,
        "account": impact.registry.account,
        "claim": {"namespace": namespace, "name": name} if name else None,
        "managedResource": {
            "apiVersion": managed.api_version,
            "namespace": managed.namespace,
            "name": managed.repository.resource_name,
            "composedName": managed.composed_name,
        }
        if managed
        else None,
        **changed,
        "outcome": impact.verdict.outcome.value,
        "reason": impact.verdict.reason,
        "images": None if count is None else count.images,
        "bytes": None if count is None else count.bytes,
        "deletesImages": impact.verdict.deletes_images,
    }


def _totals(impacts: Sequence[Impact]) -> dict[str, Any]:
    images, size, complete = total(i.held for i in impacts)
    return {
        "repositories": len(impacts),
        "images": images if complete else None,
        "bytes": size if complete else None,
    }
