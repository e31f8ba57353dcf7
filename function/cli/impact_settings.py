"""What new platform settings change for live claims: what the function would decide."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.api.platform_settings import platform_settings_errors
from function.cli.composites import (
    CompositionStep,
    build_request,
    composition_step,
    run_function,
    step_of,
)
from function.cli.errors import InputFileError
from function.cli.manifests import Manifest, to_struct
from function.composition.required_settings import REQUIREMENT
from function.ecr.repository import ObservedRepository
from function.impact.objects import Cluster, ManagedRepository
from function.impact.report import Counter, Impact, merged, registry_of
from function.impact.verdict import Outcome, Verdict, verdict
from function.providers.crossplane_runtime import REPOSITORY_ID, observed_rights
from function.structs import boolean, structs

# How often Crossplane calls a function until its requirements settle (v1.20,
# composition_functions.go).
_CALLS = 5


class Change(NamedTuple):
    """What new settings change for the repositories of one composite.

    Attributes:
        composite: The XR.
        repositories: What each managed resource would say about its repository; None
            if Crossplane deletes it, because the function no longer desires it.
        refusal: Why the function refuses the XR; empty if it does not. Then nothing
            changes.
        composition_known: Whether the function had the Input of its Composition.
    """

    composite: Manifest
    repositories: tuple[tuple[ManagedRepository, ObservedRepository | None], ...] = ()
    refusal: str = ""
    composition_known: bool = True


def changes(cluster: Cluster, step: CompositionStep) -> Iterator[Change]:
    """Yield what the function decides under other settings, for each live composite.

    Crossplane does not call the function for one that is being deleted.

    Raises:
        InputFileError: The settings break a rule.
    """
    for error in platform_settings_errors(to_struct(step.settings or {})):
        raise InputFileError(step.settings_file, str(error))
    by_composite: dict[str, list[ManagedRepository]] = {}
    for managed in cluster.repositories:
        if managed.composite_uid in cluster.composites:
            by_composite.setdefault(managed.composite_uid, []).append(managed)
    manifests = [dict(m.manifest) for m in cluster.repositories]
    for uid, own in sorted(by_composite.items()):
        composite = dict(cluster.composites[uid])
        if "deletionTimestamp" in composite["metadata"]:
            continue
        revision = cluster.revision_of(composite)
        if step.file or revision is None:
            change = _change(composite, own, manifests, step_of(composite, step))
            yield change._replace(composition_known=bool(step.file))
        # Otherwise another function composes it, and the settings mean nothing to it.
        elif of_revision := _step(dict(revision), step):
            yield _change(composite, own, manifests, of_revision)


def _step(revision: Manifest, given: CompositionStep) -> CompositionStep | None:
    """Return the step of a revision that calls the function, with the new settings."""
    found = composition_step(revision, str(revision["metadata"]["name"]))
    return found and dataclasses.replace(
        found, settings_file=given.settings_file, settings=given.settings
    )


def setting_impacts(found: Iterable[Change], count: Counter) -> list[Impact]:
    """Return the repositories whose fate on a later deletion changes.

    Args:
        found: What the settings change.
        count: Returns what a repository holds.
    """
    impacts = []
    for managed, after in (pair for each in found for pair in each.repositories):
        registry = registry_of(managed)
        held = count(registry)
        old = verdict(managed.repository, held)
        if after is None:
            goes = old._replace(reason=f"its claim releases it now: {old.reason}")
            kept = Outcome.KEPT
            impacts.append(Impact(registry, managed.claim, managed, held, goes, kept))
            continue
        new = verdict(after, held)
        if old.outcome is new.outcome and old.deletes_images == new.deletes_images:
            continue
        deletes = new.deletes_images and not old.deletes_images
        decided = Verdict(new.outcome, _reason(after, new), deletes)
        impacts.append(
            Impact(registry, managed.claim, managed, held, decided, old.outcome)
        )
    return merged(impacts)


def _reason(after: ObservedRepository, new: Verdict) -> str:
    if not after.deletable:
        return "under these settings, its claim may not delete it"
    return f"under these settings, its claim may delete it: {new.reason}"


def _change(
    composite: Manifest,
    own: list[ManagedRepository],
    everything: list[Manifest],
    step: CompositionStep,
) -> Change:
    composed = [m for m in own if m.composed_name]
    rsp = _reconcile(composite, [dict(m.manifest) for m in composed], everything, step)
    fatal = [r.message for r in rsp.results if r.severity == fnv1.SEVERITY_FATAL]
    if fatal:
        return Change(composite, refusal=fatal[0])
    after: list[tuple[ManagedRepository, ObservedRepository | None]] = []
    for managed in composed:
        if managed.composed_name not in rsp.desired.resources:
            # Another step of the pipeline composes those without our label.
            if REPOSITORY_ID in (managed.manifest["metadata"].get("labels") or {}):
                after.append((managed, None))
            continue
        desired = rsp.desired.resources[managed.composed_name].resource
        (spec,) = structs(desired, "spec")
        (for_provider,) = structs(spec, "forProvider")
        deletable, _ = observed_rights(spec)
        repository = managed.repository._replace(
            deletable=deletable, force_delete=boolean(for_provider, "forceDelete")
        )
        after.append((managed, repository))
    return Change(composite, tuple(after))


def _reconcile(
    composite: Manifest,
    own: list[Manifest],
    everything: list[Manifest],
    step: CompositionStep,
) -> fnv1.RunFunctionResponse:
    """Return the function's response, after Crossplane has sent what it requires."""
    req = build_request(composite, step, own)
    rsp = run_function(req)
    for _ in range(_CALLS - 1):
        required: Mapping[str, fnv1.ResourceSelector] = rsp.requirements.resources
        missing = {*required} - {*req.required_resources}
        if not missing:
            return rsp
        for name in missing - {REQUIREMENT}:
            answer = req.required_resources[name]
            answer.SetInParent()
            for manifest in _selected(required[name], everything):
                answer.items.add().resource.CopyFrom(resource.dict_to_struct(manifest))
        rsp = run_function(req)
    return rsp


def _selected(
    selector: fnv1.ResourceSelector, everything: Iterable[Manifest]
) -> Iterator[Manifest]:
    for manifest in everything:
        metadata = manifest["metadata"]
        group = manifest["apiVersion"].partition("/")[0]
        if group != selector.api_version.partition("/")[0]:
            continue
        if selector.WhichOneof("match") == "match_name":
            if metadata.get("name") == selector.match_name:
                yield manifest
        elif (
            selector.match_labels.labels.items()
            <= (metadata.get("labels") or {}).items()
        ):
            yield manifest
