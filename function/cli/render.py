"""`function-ecr-repos render`."""

import sys
from collections.abc import Iterable

import click
import yaml
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.cli import rendering
from function.cli.diff import difference
from function.cli.documents import Manifest, UnusableError, load
from function.cli.group import coloured, fail

_FILE = click.Path(
    allow_dash=True
)  # for completion: what is wrong with it is said by us
_COLOURS = {"---": "red", "+++": "green", "-": "red", "+": "green", "@": "cyan"}


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos render example/claim.yaml
  function-ecr-repos render my-claim.yaml --composition my-composition.yaml
  kubectl get repositories.ecr.aws.crossplane.io -o yaml \\
    -l crossplane.io/claim-name=shop-ecr-repos > live.yaml
  function-ecr-repos render claim.yaml --diff live.yaml
"""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option(
    "--composition",
    type=_FILE,
    help="A Composition, whose input for this function is used.",
)
@click.option(
    "--observed",
    multiple=True,
    type=_FILE,
    help="A file of observed resources; may be repeated.",
)
@click.option(
    "--diff",
    "diffs",
    multiple=True,
    metavar="OBSERVED",
    type=_FILE,
    help="The same, and print what would change in them instead of manifests.",
)
@click.option("--namespace", help="The claim's namespace, where the file has none.")
def render(
    *,
    files: tuple[str, ...],
    composition: str | None,
    observed: tuple[str, ...],
    diffs: tuple[str, ...],
    namespace: str | None,
) -> None:
    """Print the manifests for claims or XRs, without a cluster.

    FILE is a YAML file of one or more documents, or - for standard input. Manifests
    go to standard output, results and conditions to standard error. The exit status
    is 1 if a result is fatal, 2 if a file cannot be used.
    """
    logging.configure(logging.Level.DISABLED)
    stdin = sys.stdin
    try:
        step_input, namespaced = {}, False
        if composition:
            composed_by = load(composition, stdin)[0]
            step_input = rendering.input_of(composed_by, composition)
            namespaced = rendering.is_namespaced(composed_by)
        seen = [o for name in (*observed, *diffs) for o in load(name, stdin)]
        composites = [
            rendering.composite_of(document, name, namespace, namespaced=namespaced)
            for name in files
            for document in load(name, stdin)
        ]
        requests = [rendering.request(xr, step_input, seen) for xr in composites]
    except UnusableError as e:
        fail("render", e)
    fatal = False
    for xr, rsp in zip(composites, rendering.run(requests), strict=True):
        _report(xr, rsp)
        if any(r.severity == fnv1.SEVERITY_FATAL for r in rsp.results):
            fatal = True
            continue
        made = rendering.manifests(xr, rsp)
        if diffs:
            _show(difference(seen, made[1:]))
            continue
        for manifest in made:
            click.echo("---")
            click.echo(yaml.safe_dump(manifest, width=10_000), nl=False)
    sys.exit(1 if fatal else 0)


def _report(xr: Manifest, rsp: fnv1.RunFunctionResponse) -> None:
    """Print results and conditions to standard error, each thing once."""
    about = f"{xr['kind']}/{xr['metadata']['name']}"
    fatal_texts = {r.message for r in rsp.results if r.severity == fnv1.SEVERITY_FATAL}
    for result in rsp.results:
        if result.severity != fnv1.SEVERITY_FATAL and result.message in fatal_texts:
            continue  # the claim's event of the same
        severity = fnv1.Severity.Name(result.severity).removeprefix("SEVERITY_")
        click.echo(f"{severity.capitalize()} {about}: {result.message}", err=True)
    for c in rsp.conditions:
        status = fnv1.Status.Name(c.status).removeprefix("STATUS_CONDITION_")
        click.echo(
            f"Condition {about}: {c.type}={status.capitalize()} ({c.reason}) "
            f"{c.message}",
            err=True,
        )


def _show(lines: Iterable[str]) -> None:
    changed, colours = False, coloured()
    for line in lines:
        changed = True
        start = line[:3] if line[:3] in _COLOURS else line[:1]
        shown = line
        if colours and start in _COLOURS:
            shown = click.style(line, fg=_COLOURS[start], bold=start in ("---", "+++"))
        click.echo(shown)
    if not changed:
        click.echo("Nothing would change", err=True)
