"""`function-ecr-repos check`."""

import dataclasses
import json
import sys

import click
from crossplane.function import logging

from function.cli.checker import Checker, Finding
from function.cli.documents import UnusableError, read
from function.cli.explain import input_of
from function.cli.group import coloured, fail

_FILE = click.Path(allow_dash=True)


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos check example/*.yaml
  function-ecr-repos check claims/*.yaml --composition composition.yaml
  function-ecr-repos check -o json package/configuration/composition.yaml
  kubectl get workloadecrrepos -A -o yaml | function-ecr-repos check -
"""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option(
    "--composition",
    type=_FILE,
    help="A Composition, under whose input for this function claims are checked.",
)
@click.option("--namespace", help="The claims' namespace, where a file has none.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
def check(
    *,
    files: tuple[str, ...],
    composition: str | None,
    namespace: str | None,
    output: str,
) -> None:
    """Check claims, XRs, Inputs and Compositions, without a cluster.

    FILE is a YAML file, or - for standard input; documents of other kinds are skipped.
    Claims are also held against each other: two that want one repository are found.

    \b
    Exit status:
      0  nothing is wrong
      1  something is
      2  a file cannot be read or is no YAML, or the command line is wrong
    """  # noqa: D301  # click's mark, no escape
    logging.configure(logging.Level.DISABLED)
    try:
        step_input, namespaced = input_of(composition)
        checker = Checker(step_input, namespace, namespaced=namespaced)
    except UnusableError as e:
        fail("check", e)
    findings: list[Finding] = []
    unusable = False
    for name in files:
        try:
            for document in read(name, sys.stdin):
                findings += checker.check(document)
        except UnusableError as e:
            unusable = True
            why = str(e).removeprefix(f"{name}: ")
            findings.append(Finding(name, e.line, "", "Unusable", "", why))
    if output == "json":
        report = {
            "checked": checker.checked,
            "skipped": checker.skipped,
            "findings": [dataclasses.asdict(f) for f in findings],
        }
        click.echo(json.dumps(report, indent=2))
    else:
        colours = coloured()
        for f in findings:
            where = f"{f.file}:{f.line}:"
            said = f"{f.resource}: {f.message}" if f.resource else f.message
            click.echo(f"{click.style(where, bold=True) if colours else where} {said}")
        click.echo(
            f"{checker.checked} checked, {checker.skipped} skipped, "
            f"{len(findings)} wrong",
            err=True,
        )
    sys.exit(2 if unusable else 1 if findings else 0)
