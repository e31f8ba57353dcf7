"""`function-ecr-repos check`: mistakes in claims, Inputs and Compositions, offline."""

import dataclasses
import difflib
import json
import sys
from collections.abc import Iterator

import click
from crossplane.function import logging

from function.api.input import API_VERSION, KIND
from function.api.parameters import CLAIM_KIND, GROUP, PARAMETERS, XR_KIND
from function.cli.command_group import INPUT_FILE_STATUS, use_color
from function.cli.composites import (
    ClaimReference,
    CompositionStep,
    claim_reference,
    composition_input,
    function_steps,
    load_composition,
    parse_step_input,
    parse_xr,
    refusal,
    to_xr,
)
from function.cli.errors import InputFileError
from function.cli.manifests import Document, Manifest, read_documents
from function.cli.options import (
    composition_option,
    files_argument,
    namespace_option,
    output_option,
)
from function.errors import InvalidRequestError, printable, quote

# The fields of spec.parameters in the XRDs.
PARAMETER_NAMES = (
    "workloadName",
    "repoPrefix",
    "region",
    "providerName",
    "repository",
)
# Crossplane writes the claim's name into a label of the XR, and the value of a label
# has at most 63 characters.
MAX_CLAIM_NAME = 63
_INPUT_GROUP = API_VERSION.partition("/")[0]


@click.command(
    epilog="""\b
Examples:
  function-ecr-repos check example/*.yaml
  function-ecr-repos check claims/*.yaml --composition composition.yaml
  function-ecr-repos check -o json package/configuration/composition.yaml
  kubectl get workloadecrrepos -A -o yaml | function-ecr-repos check -
"""
)
@files_argument
@composition_option
@namespace_option
@output_option
def check(
    *,
    files: tuple[str, ...],
    composition: str | None,
    namespace: str | None,
    output: str,
) -> None:
    """Check claims, XRs, Inputs and Compositions without a cluster.

    FILE is a YAML file, or - for standard input. Documents of other kinds are skipped.
    The command also finds two claims that use the same repository name.

    \b
    Exit status:
      0  no problem found
      1  a document has a problem
      2  a file cannot be read or is not YAML, or the command line is wrong
    """
    logging.configure(logging.Level.DISABLED)
    checker = Checker(load_composition(composition), namespace)
    findings: list[Finding] = []
    unusable_file = False
    for file in files:
        try:
            for document in read_documents(file):
                findings += checker.check(document)
        except InputFileError as e:
            unusable_file = True
            findings.append(Finding(file, e.line, "", "Unusable", "", e.problem))
    if output == "json":
        report = {
            "checked": checker.checked,
            "skipped": checker.skipped,
            "findings": [dataclasses.asdict(f) for f in findings],
        }
        click.echo(json.dumps(report, indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding, color=use_color()))
        click.echo(
            f"{checker.checked} checked, {checker.skipped} skipped, "
            f"{len(findings)} wrong",
            err=True,
        )
    sys.exit(INPUT_FILE_STATUS if unusable_file else 1 if findings else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A problem in a document; `-o json` prints these fields.

    Attributes:
        file: The name of the file, as the user typed it.
        line: The line of the problem, counted from 1.
        resource: The kind and name of the document.
        reason: The reason that the claim's condition would have. `Unusable` if the
            document is not a manifest.
        field: The path of the field; empty for the whole document.
        message: The field, its value, the rule and the fix.
    """

    file: str
    line: int
    resource: str
    reason: str
    field: str
    message: str


class Checker:
    """Checks documents one after another, and compares claims with earlier ones.

    Attributes:
        checked: How many documents were checked.
        skipped: How many were of other kinds.
    """

    def __init__(
        self, step: CompositionStep | None = None, namespace: str | None = None
    ) -> None:
        """Create a checker.

        Args:
            step: The function's step of the claims' Composition; None for no
                Composition.
            namespace: The namespace of claims whose file has none.

        Raises:
            InputFileError: The input in the Composition breaks a rule.
        """
        self.checked = self.skipped = 0
        self._step = step or CompositionStep()
        self._input = composition_input(self._step)
        self._namespace = namespace
        # The first claim of each repository and its file and line. The key is the
        # provider config, the region and the repository's name.
        self._owners: dict[tuple[str, str, str], tuple[ClaimReference, str]] = {}

    def check(self, document: Document) -> Iterator[Finding]:
        """Yield the problems of a document; skip one of another kind."""
        manifest = document.manifest or {}
        kind, api_version = manifest.get("kind"), str(manifest.get("apiVersion"))
        group = api_version.partition("/")[0]
        try:
            if kind == "Composition" and function_steps(manifest):
                findings = self._check_composition(document, manifest)
            elif kind == KIND and group == _INPUT_GROUP:
                findings = _check_input(document, manifest)
            elif kind in (CLAIM_KIND, XR_KIND) and group == GROUP:
                findings = self._check_claim(document, manifest)
            else:
                self.skipped += 1
                return
            self.checked += 1
            yield from findings
        except InputFileError as e:
            yield _finding(document, "Unusable", "", e.problem)

    def _check_composition(
        self, document: Document, manifest: Manifest
    ) -> Iterator[Finding]:
        if manifest["spec"].get("mode") != "Pipeline":
            yield _finding(
                document,
                "InvalidParameters",
                "spec.mode",
                f"spec.mode: got {quote(manifest['spec'].get('mode'))}; Crossplane "
                "calls functions only in Pipeline mode. Set spec.mode to Pipeline.",
            )
        for index, step in function_steps(manifest):
            if step.get("input") is not None:
                path = ("spec", "pipeline", str(index), "input")
                yield from _check_input(document, step["input"], *path)

    def _check_claim(self, document: Document, manifest: Manifest) -> Iterator[Finding]:
        xr = to_xr(manifest, "", self._namespace, namespaced=self._step.namespaced)
        claim = claim_reference(xr)
        yield from _check_parameter_names(document, manifest)
        if manifest["kind"] == CLAIM_KIND and len(claim.name) > MAX_CLAIM_NAME:
            yield _finding(
                document,
                "InvalidParameters",
                "metadata.name",
                f"metadata.name: got {quote(claim.name)} with {len(claim.name)} "
                f"characters; the name of a claim has at most {MAX_CLAIM_NAME}. Use a "
                "shorter name.",
            )
        if refused := refusal(xr, self._step):
            field = refused.message.partition(": ")[0]
            yield _finding(document, refused.reason, field, refused.message)
            return
        yield from self._check_competitors(document, xr, claim)

    def _check_competitors(
        self, document: Document, xr: Manifest, claim: ClaimReference
    ) -> Iterator[Finding]:
        """Yield the repositories of a claim that an earlier claim has too."""
        parameters = parse_xr(xr, self._input)
        names = [parameters.image_name]
        if self._input.bundle:
            names.append(parameters.bundle_name)
        position = f"{document.file}:{document.line()}"
        for name in names:
            repository = (str(parameters.provider_config), parameters.region, name)
            owner, owner_position = self._owners.setdefault(
                repository, (claim, position)
            )
            if (owner.namespace, owner.name) == (claim.namespace, claim.name):
                continue
            field = f"{PARAMETERS}.workloadName"
            yield _finding(
                document,
                "NameTaken",
                field,
                f"{field}: got {quote(parameters.workload_name)}; the repository "
                f"{name} belongs to the claim {printable(owner.name)} in namespace "
                f"{printable(owner.namespace)} ({owner_position}), and two claims "
                "cannot share a repository. Change workloadName, repoPrefix or the "
                "namespace.",
            )


def _check_input(
    document: Document, step_input: object, *path: str
) -> Iterator[Finding]:
    """Yield the first problem of an Input.

    Args:
        document: The document that has the Input.
        step_input: The Input.
        path: Where it is in the document; nothing if it is the document.
    """
    if not isinstance(step_input, dict):
        yield _finding(
            document,
            "InvalidParameters",
            ".".join(path),
            f"{'.'.join(path)}: got {quote(step_input)}; it must be an object. Write "
            f"the fields of the {KIND} there.",
        )
        return
    try:
        parse_step_input(step_input)
    except InvalidRequestError as e:
        # The field of the error begins with "input".
        field = [*path, *e.field.split(".")[1:]]
        yield _finding(document, e.reason, ".".join(field), str(e))


def _check_parameter_names(document: Document, manifest: Manifest) -> Iterator[Finding]:
    """Yield parameters that do not exist. The API server silently drops them."""
    parameters = manifest["spec"].get("parameters")
    for name, value in parameters.items() if isinstance(parameters, dict) else ():
        if name in PARAMETER_NAMES:
            continue
        nearest = difflib.get_close_matches(str(name), PARAMETER_NAMES, 1)
        fix = f"Did you mean {nearest[0]}?" if nearest else "Remove it."
        field = f"{PARAMETERS}.{printable(str(name))}"
        yield _finding(
            document,
            "InvalidParameters",
            field,
            f"{field}: got {quote(value)}; there is no such parameter, only "
            f"{', '.join(PARAMETER_NAMES)}. {fix}",
        )


def _finding(document: Document, reason: str, field: str, message: str) -> Finding:
    manifest = document.manifest or {}
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    # A message can name two fields, separated by a comma.
    path = field.split(", ")[0].split(".") if field else []
    resource = str(manifest.get("kind"))
    resource += f"/{printable(name)}" if isinstance(name, str) else ""
    return Finding(
        document.file, document.line(*path), resource, reason, field, message
    )


def _line(finding: Finding, *, color: bool) -> str:
    """Return a finding as one line that editors and CI systems recognize."""
    position = f"{finding.file}:{finding.line}:"
    if color:
        position = click.style(position, bold=True)
    resource = f"{finding.resource}: " if finding.resource else ""
    return f"{position} {resource}{finding.message}"
