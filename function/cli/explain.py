"""`function-ecr-repos explain`."""

import json
import sys
import textwrap

import click
from crossplane.function import logging

from function.api.input import parse_input
from function.cli import rendering
from function.cli.documents import Manifest, UnusableError, load, to_struct
from function.cli.explainer import Explanation, as_json, explain
from function.cli.group import coloured, fail
from function.errors import InvalidRequestError

_FILE = click.Path(allow_dash=True)
_COLOURS = {"passes": "green", "acts": "yellow", "stops": "red"}
_WIDTH, _INDENT = 90, 28


@click.command(
    "explain",
    epilog="""\b
Examples:
  function-ecr-repos explain example/claim.yaml
  function-ecr-repos explain claim.yaml --account 123456789012
  function-ecr-repos explain claim.yaml --composition composition.yaml -o json
  kubectl get workloadecrrepos -A -o yaml | function-ecr-repos explain -
""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option(
    "--composition",
    type=_FILE,
    help="A Composition, whose input for this function is used.",
)
@click.option("--account", default="", help="The AWS account of the registry.")
@click.option("--namespace", help="The claim's namespace, where the file has none.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
def explain_command(
    *,
    files: tuple[str, ...],
    composition: str | None,
    account: str,
    namespace: str | None,
    output: str,
) -> None:
    """Say what a claim's repositories are called, where to push, and which guards act.

    FILE is a YAML file of claims or XRs, or - for standard input. Nothing is asked of
    a cluster or of AWS: what other claims and ECR have, only they know. The exit status
    is 1 if a guard stops a claim, 2 if a file cannot be used.
    """
    if account and not (account.isdigit() and len(account) == 12):  # noqa: PLR2004
        raise click.BadParameter("an AWS account has 12 digits", param_hint="--account")
    logging.configure(logging.Level.DISABLED)
    try:
        step_input, namespaced = input_of(composition)
        found = [
            explain(
                rendering.composite_of(m, name, namespace, namespaced=namespaced),
                step_input,
                account,
            )
            for name in files
            for m in load(name, sys.stdin)
        ]
    except UnusableError as e:
        fail("explain", e)
    if output == "json":
        click.echo(json.dumps([as_json(each) for each in found], indent=2))
    else:
        click.echo(
            "\n".join(_text(each, colours=coloured()) for each in found), nl=False
        )
    sys.exit(1 if any(each.stopped for each in found) else 0)


def input_of(composition: str | None) -> tuple[Manifest, bool]:
    """Return a Composition's input, {} for none, and whether its XRs are namespaced.

    Raises:
        UnusableError: It is no Composition with this function, or its input is broken.
    """
    if not composition:
        return {}, False
    composed_by = load(composition, sys.stdin)[0]
    found = rendering.input_of(composed_by, composition)
    try:
        parse_input(to_struct(found).SerializeToString())
    except InvalidRequestError as e:
        raise UnusableError(f"{composition}: {e}") from e
    return found, rendering.is_namespaced(composed_by)


def _text(explained: Explanation, *, colours: bool) -> str:
    def style(text: str, **how: object) -> str:
        return click.style(text, **how) if colours else text  # type: ignore[arg-type]

    lines = [style(explained.about, bold=True)]
    if explained.targets:
        lines += ["", f"Repositories in {explained.region}"]
        lines += [f"  {t.role:<8}{style(t.name, bold=True)}" for t in explained.targets]
        lines += ["", "Push to"]
        lines += [
            f"  aws ecr get-login-password --region {explained.region} |",
            f"    docker login --username AWS --password-stdin {explained.registry}",
        ]
        lines += [f"  docker push {t.uri}:<tag>" for t in explained.targets]
        if "<account>" in explained.registry:
            lines += [
                f"  where <account> is the one that the ProviderConfig "
                f"{explained.provider_config} reaches (or say --account)"
            ]
    lines += ["", "Guards"]
    for guard in explained.guards:
        head = f"  {guard.effect:<8}{guard.name:<{_INDENT - 10}}"
        text = textwrap.fill(
            guard.why,
            _WIDTH,
            initial_indent=" " * _INDENT,
            subsequent_indent=" " * _INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )[_INDENT:]
        lines.append(style(head, fg=_COLOURS[guard.effect]) + text)
    return "\n".join(lines) + "\n"
