"""`render --diff`: what would change in the managed resources that there are."""

import copy
import difflib
from collections.abc import Iterator
from typing import Any

import yaml

from function.cli.documents import Manifest

COMPOSED_NAME = "crossplane.io/composition-resource-name"
# Kubernetes' and Crossplane's own: the function says nothing of them.
_THEIRS = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def composed_name(manifest: Manifest) -> str:
    """Return which composed resource a manifest is; empty for none."""
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    key = annotations.get(COMPOSED_NAME) if isinstance(annotations, dict) else None
    return key if isinstance(key, str) else ""


def difference(live: list[Manifest], wanted: list[Manifest]) -> Iterator[str]:
    """Yield the lines of a unified diff, in the order of the composed resources.

    What is wanted is applied on top of what is live, as the API server would: a field
    that nobody asks for stays. One that the function once asked for and no longer does
    would go, and cannot be seen here.
    """
    before = {composed_name(m): m for m in live}
    after = {composed_name(m): m for m in wanted}
    for key in sorted(before | after):
        old, new = before.get(key), after.get(key)
        either = new or old or {}
        label = f"{either['kind']} {key}"
        name = ((old or new or {}).get("metadata") or {}).get("name")
        if name:
            label += f" ({name})"
        yield from difflib.unified_diff(
            _lines(_ours(old)),
            _lines(_applied(_ours(old), _ours(new)) if new else {}),
            f"{label} live" if old else "(none)",
            f"{label} wanted" if new else "(none: it would be deleted)",
            lineterm="",
        )


def _ours(manifest: Manifest | None) -> Manifest:
    if manifest is None:
        return {}
    kept = {k: v for k, v in copy.deepcopy(manifest).items() if k != "status"}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        for key in _THEIRS:
            metadata.pop(key, None)
        if isinstance(metadata.get("annotations"), dict):
            metadata["annotations"].pop(_LAST_APPLIED, None)
    return kept


def _applied(live: Any, wanted: Any) -> Any:  # noqa: ANN401  # YAML's
    if not (isinstance(live, dict) and isinstance(wanted, dict)):
        return wanted
    return {
        key: _applied(live[key], wanted[key])
        if key in live and key in wanted
        else wanted.get(key, live.get(key))
        for key in live | wanted
    }


def _lines(manifest: Manifest) -> list[str]:
    return yaml.safe_dump(manifest, width=10_000).splitlines() if manifest else []
