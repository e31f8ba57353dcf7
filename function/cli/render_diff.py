"""The output of `render --diff`: what would change in the observed resources."""

import copy
import difflib
from collections.abc import Iterator
from typing import Any

import yaml

from function.cli.composites import composed_name
from function.cli.manifests import Manifest

# Fields of metadata that Kubernetes and Crossplane set, never the function.
_SYSTEM_METADATA = (
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


def diff_lines(observed: list[Manifest], desired: list[Manifest]) -> Iterator[str]:
    """Yield the lines of a unified diff, sorted by composed resource.

    The desired manifests are merged into the observed ones, as the API server does: a
    field that the function does not set stays. The API server also removes a field that
    the function set before and no longer sets. That is not visible here.

    Args:
        observed: The composed resources that exist.
        desired: The composed resources that the function returned.
    """
    observed_by_name = {composed_name(m): m for m in observed}
    desired_by_name = {composed_name(m): m for m in desired}
    for name in sorted(observed_by_name | desired_by_name):
        old, new = observed_by_name.get(name), desired_by_name.get(name)
        label = f"{(new or old or {})['kind']} {name}"
        metadata = (old or new or {}).get("metadata") or {}
        if metadata.get("name"):
            label += f" ({metadata['name']})"
        before = _function_fields(old)
        after = _merge(before, _function_fields(new)) if new else {}
        yield from difflib.unified_diff(
            _yaml_lines(before),
            _yaml_lines(after),
            f"{label} observed" if old else "(none)",
            f"{label} desired" if new else "(none: it would be deleted)",
            lineterm="",
        )


def _function_fields(manifest: Manifest | None) -> Manifest:
    """Return a copy of a manifest without what only others set."""
    if manifest is None:
        return {}
    fields = copy.deepcopy({k: v for k, v in manifest.items() if k != "status"})
    metadata = fields.get("metadata")
    if isinstance(metadata, dict):
        for key in _SYSTEM_METADATA:
            metadata.pop(key, None)
        if isinstance(metadata.get("annotations"), dict):
            metadata["annotations"].pop(_LAST_APPLIED, None)
    return fields


def _merge(observed: Any, desired: Any) -> Any:
    """Return a value after the desired one is applied: only objects are merged."""
    if not (isinstance(observed, dict) and isinstance(desired, dict)):
        return desired
    return {
        key: _merge(observed[key], desired[key])
        if key in observed and key in desired
        else desired.get(key, observed.get(key))
        for key in observed | desired
    }


def _yaml_lines(manifest: Manifest) -> list[str]:
    return yaml.safe_dump(manifest, width=10_000).splitlines() if manifest else []
