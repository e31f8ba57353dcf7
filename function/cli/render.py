"""`function-ecr-repos render`: what Crossplane would apply for a claim, offline."""

import sys
from collections.abc import Iterable

import click
import yaml
from crossplane.function import logging, resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.api.parameters import CLAIM_KIND
from function.cli.command_group import use_color
from function.cli.composites import (
    COMPOSED_NAME_ANNOTATION,
    CompositionStep,
    build_request,
    run_function,
    step_of,
    step_settings,
    to_xr,
)
from function.cli.documents import echo_warnings
from function.cli.manifests import Manifest, load_manifests
from function.cli.options import (
    FILE,
    files_argument,
    namespace_option,
    step_options,
)
from function.cli.render_diff import diff_lines
from function.errors import printable

# The color of a line of a diff, by how the line starts.
_COLORS = {"---": "red", "+++": "green", "-": "red", "+": "green", "@": "cyan"}
# The same time as in the output of `crossplane render`.
_TRANSITION_TIME = "2024-01-01T00:00:00Z"


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos render example/claim.yaml
  function-ecr-repos render my-claim.yaml --composition my-composition.yaml
\b
Compare with live resources. Use the XR: Crossplane sets its name and UID.
  kubectl get xworkloadecrrepo shop-ecr-repos-x7k2p -o yaml > xr.yaml
  kubectl get managed -o yaml \\
    -l crossplane.io/composite=shop-ecr-repos-x7k2p > live.yaml
  function-ecr-repos render xr.yaml --diff live.yaml --composition composition.yaml
"""
)
@files_argument
@step_options
@click.option(
    "--observed",
    multiple=True,
    type=FILE,
    help="A file of observed resources. Can be repeated.",
)
@click.option(
    "--diff",
    "diffs",
    multiple=True,
    metavar="OBSERVED",
    type=FILE,
    help="Like --observed, but print the changes to these resources as a diff.",
)
@namespace_option
def render(
    *,
    files: tuple[str, ...],
    step: CompositionStep,
    observed: tuple[str, ...],
    diffs: tuple[str, ...],
    namespace: str | None,
) -> None:
    """Print the manifests for claims or XRs without a cluster.

    FILE is a YAML file, or - for standard input. Manifests go to standard output.
    Results and conditions go to standard error.

    Without --composition, there is no Input. A WorkloadECRRepo is then
    rendered as a claim of Crossplane v1, unless it has spec.crossplane, as XRs of
    Crossplane v2 have in a cluster.

    \b
    Exit status:
      0  no fatal result
      1  a result is fatal
      2  a file cannot be used, or the command line is wrong
    """
    logging.configure(logging.Level.DISABLED)
    observed_resources = [
        manifest for file in (*observed, *diffs) for manifest in load_manifests(file)
    ]
    documents = [(file, m) for file in files for m in load_manifests(file)]
    steps = [step_of(document, step) for _, document in documents]
    xrs = [
        to_xr(document, file, namespace, namespaced=own_step.namespaced)
        for (file, document), own_step in zip(documents, steps, strict=True)
    ]
    requests = [
        build_request(xr, own_step, observed_resources)
        for xr, own_step in zip(xrs, steps, strict=True)
    ]
    for _, document in documents:
        echo_warnings(document)
    if not step.file:
        pairs = zip(documents, steps, strict=True)
        for note in dict.fromkeys(_assumption(d, s) for (_, d), s in pairs):
            click.echo(note, err=True)
    fatal = False
    for xr, request in zip(xrs, requests, strict=True):
        rsp = run_function(request)
        _print_results(xr, rsp)
        if any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results):
            fatal = True
            continue
        composed = _composed_resources(xr, rsp)
        if diffs:
            if note := _other_xr(xr, observed_resources):
                click.echo(note, err=True)
            _print_diff(diff_lines(observed_resources, composed))
        else:
            _print_manifests([_xr_status(xr, rsp), *composed])
    sys.exit(1 if fatal else 0)


def _assumption(document: Manifest, step: CompositionStep) -> str:
    """Return what is assumed about a claim or XR without a Composition."""
    kind = document["kind"]
    assumed = f"{kind} is rendered"
    if step.namespaced:
        assumed = f"{kind} with spec.crossplane is rendered as an XR of Crossplane v2,"
    elif kind == CLAIM_KIND:
        assumed = f"{kind} is rendered as a claim of Crossplane v1,"
    provider = step_settings(step).provider
    return f"Note: there is no --composition, so {assumed} for provider {provider}"


def _other_xr(xr: Manifest, observed: list[Manifest]) -> str:
    """Return a note if resources are compared that belong to another XR, else nothing.

    The function compares the XR's UID and name too, which no claim in a file has.
    """
    names = {
        labels["crossplane.io/composite"]
        for manifest in observed
        if isinstance(metadata := manifest.get("metadata"), dict)
        and isinstance(labels := metadata.get("labels"), dict)
        and isinstance(labels.get("crossplane.io/composite"), str)
    }
    if not names or xr["metadata"]["name"] in names:
        return ""
    owners = ", ".join(printable(name) for name in sorted(names))
    return (
        f"Note: the observed resources belong to the XR {owners}. Differences in its "
        "name, UID and labels are not changes. Render that XR instead, from kubectl "
        "get -o yaml"
    )


def _print_results(xr: Manifest, rsp: fnv1.RunFunctionResponse) -> None:
    """Print results and conditions to standard error."""
    subject = f"{xr['kind']}/{xr['metadata']['name']}"
    fatal_messages = {
        r.message for r in rsp.results if r.severity == fnv1.SEVERITY_FATAL
    }
    for result in rsp.results:
        if result.severity != fnv1.SEVERITY_FATAL and result.message in fatal_messages:
            continue  # the event on the claim, with the message of the fatal result
        severity = fnv1.Severity.Name(result.severity).removeprefix("SEVERITY_")
        click.echo(f"{severity.capitalize()} {subject}: {result.message}", err=True)
    for c in rsp.conditions:
        status = fnv1.Status.Name(c.status).removeprefix("STATUS_CONDITION_")
        click.echo(
            f"Condition {subject}: {c.type}={status.capitalize()} ({c.reason}) "
            f"{c.message}",
            err=True,
        )


def _print_manifests(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        click.echo("---")
        click.echo(yaml.safe_dump(manifest, width=10_000), nl=False)


def _print_diff(lines: Iterable[str]) -> None:
    changed, color = False, use_color()
    for line in lines:
        changed = True
        start = line[:3] if line[:3] in _COLORS else line[:1]
        text = line
        if color and start in _COLORS:
            text = click.style(line, fg=_COLORS[start], bold=start in ("---", "+++"))
        click.echo(text)
    if not changed:
        click.echo("Nothing would change", err=True)


def _xr_status(xr: Manifest, rsp: fnv1.RunFunctionResponse) -> Manifest:
    """Return the XR as `crossplane render` prints it: its name and its status."""
    ready: Manifest = {
        "lastTransitionTime": _TRANSITION_TIME,
        "reason": "Available",
        "status": "True",
        "type": "Ready",
    }
    unready = sorted(
        name for name, r in rsp.desired.resources.items() if r.ready != fnv1.READY_TRUE
    )
    if unready:
        ready |= {
            "message": f"Unready resources: {', '.join(unready)}",
            "reason": "Creating",
            "status": "False",
        }
    custom = [
        {
            "lastTransitionTime": _TRANSITION_TIME,
            "message": c.message,
            "reason": c.reason,
            "status": "True" if c.status == fnv1.STATUS_CONDITION_TRUE else "False",
            "type": c.type,
        }
        for c in rsp.conditions
    ]
    status = resource.struct_to_dict(rsp.desired.composite.resource).get("status", {})
    return {
        "apiVersion": xr["apiVersion"],
        "kind": xr["kind"],
        "metadata": {"name": xr["metadata"]["name"], **_namespace(xr)},
        "status": {**status, "conditions": [ready, *custom]},
    }


def _composed_resources(xr: Manifest, rsp: fnv1.RunFunctionResponse) -> list[Manifest]:
    """Return the composed resources, sorted by name, as `crossplane render` does.

    They have the labels, the annotation and the owner that Crossplane adds.
    """
    name = xr["metadata"]["name"]
    labels = {"crossplane.io/composite": name}
    for label in ("crossplane.io/claim-name", "crossplane.io/claim-namespace"):
        if value := xr["metadata"]["labels"].get(label):
            labels[label] = value
    owner = {
        "apiVersion": xr["apiVersion"],
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": xr["kind"],
        "name": name,
        "uid": "",
    }
    composed = []
    for composed_name in sorted(rsp.desired.resources):
        manifest = resource.struct_to_dict(
            rsp.desired.resources[composed_name].resource
        )
        metadata = manifest.setdefault("metadata", {})
        metadata.update(_namespace(xr))
        # The function gives policies no annotations, and a ConfigMap no labels.
        metadata.setdefault("annotations", {})[COMPOSED_NAME_ANNOTATION] = composed_name
        metadata["generateName"] = f"{name}-"
        metadata.setdefault("labels", {}).update(labels)
        metadata["ownerReferences"] = [owner.copy()]
        composed.append(manifest)
    return composed


def _namespace(xr: Manifest) -> Manifest:
    """Return the metadata.namespace of a namespaced XR and its resources, if any."""
    return {k: v for k, v in xr["metadata"].items() if k == "namespace"}
