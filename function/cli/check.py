"""`function-ecr-repos check`: mistakes in claims, Inputs and Compositions, offline."""

import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, Literal

import click
from crossplane.function import logging

from function.api.collisions import collision_verdict
from function.api.input import API_VERSION, KIND, input_errors
from function.api.parameter_errors import parameter_errors
from function.api.parameters import CLAIM_KIND, PARAMETERS, XR_KIND
from function.api.platform_settings import platform_settings_errors
from function.api.settings import Settings
from function.cli.command_group import INPUT_FILE_STATUS, use_color
from function.cli.composites import (
    ClaimReference,
    CompositionStep,
    claim_reference,
    function_steps,
    parse_layout,
    parse_settings,
    parse_xr,
    refusal,
    step_of,
    step_settings,
    to_xr,
)
from function.cli.documents import (
    CLAIM_API_VERSION,
    is_meant_as_settings,
    misnamed,
    settings_problems,
    unknown_fields,
    unknown_region_at,
    unknown_regions,
)
from function.cli.errors import InputFileError
from function.cli.manifests import (
    NO_DOCUMENT,
    Document,
    Manifest,
    read_documents,
    to_struct,
)
from function.cli.options import (
    files_argument,
    namespace_option,
    output_option,
    step_options,
)
from function.ecr.name_collisions import Verdict
from function.errors import InvalidRequestError, printable, quote

# Crossplane writes the claim's name into a label of the XR, and the value of a label
# has at most 63 characters.
MAX_CLAIM_NAME = 63
# RFC 1123: what Kubernetes accepts as the name of a claim or an XR.
_NAME = re.compile(
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
_COMPOSITION_API_VERSION = "apiextensions.crossplane.io/v1"
_NOTHING = (
    "nothing to check: the file has no WorkloadECRRepo, no XWorkloadECRRepo, no Input "
    "of this function, no Composition that calls it, and no platform settings (the "
    "EnvironmentConfig ecr-repos)"
)


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
@step_options
@namespace_option
@output_option
@click.option(
    "--allow-none",
    is_flag=True,
    help="Succeed even if the files have no document to check.",
)
def check(
    *,
    files: tuple[str, ...],
    step: CompositionStep,
    namespace: str | None,
    output: str,
    allow_none: bool,
) -> None:
    """Check claims, Compositions and platform settings without a cluster.

    FILE is a YAML file, or - for standard input. Documents of other kinds are skipped,
    but it is an error if nothing was checked. The command also finds two claims that
    use the same repository name. A region that this version does not know is a warning.
    If settings decide on names, it proves or refutes that two workloads can never get
    the same repository name, and shows an example.

    Platform settings in a file apply to the claims after it, unless --settings names
    another file.

    \b
    Exit status:
      0  no problem found, or only warnings
      1  a document has a problem, or no document was checked
      2  a file is empty, unreadable or not YAML, or the command line is wrong
    """
    logging.configure(logging.Level.DISABLED)
    checker = Checker(step, namespace)
    findings: list[Finding] = []
    unusable_file = False
    for file in files:
        try:
            documents = read_documents(file)
            for document in documents:
                findings += checker.check(document)
            if not documents and not allow_none:
                unusable_file = True
                findings.append(Finding(file, 1, "", "Unusable", "", NO_DOCUMENT))
        except InputFileError as e:
            unusable_file = True
            findings.append(Finding(file, e.line, "", "Unusable", "", e.problem))
    if not (checker.checked or findings or allow_none):
        findings += [Finding(f, 1, "", "Unusable", "", _NOTHING) for f in files]
    wrong = sum(f.severity == "error" for f in findings)
    if output == "json":
        report = {
            "checked": checker.checked,
            "skipped": checker.skipped,
            "findings": [dataclasses.asdict(f) for f in findings],
            "names": [dataclasses.asdict(n) for n in checker.names],
        }
        click.echo(json.dumps(report, indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding, color=use_color()))
        summary = f"{checker.checked} checked, {checker.skipped} skipped, {wrong} wrong"
        if warnings := len(findings) - wrong:
            summary += f", {warnings} warning{'s' if warnings > 1 else ''}"
        for names in checker.names:
            click.echo(f"{names.file}:{names.line}: {names.message}", err=True)
        click.echo(summary, err=True)
    sys.exit(INPUT_FILE_STATUS if unusable_file else 1 if wrong else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A problem in a document; `-o json` prints these fields.

    Attributes:
        file: The name of the file, as the user typed it.
        line: The line of the problem, counted from 1.
        resource: The kind and name of the document.
        reason: The reason that the claim's condition would have. `Unusable` if the
            document or the file cannot be used, `UnknownRegion` for a warning.
        field: The path of the field; empty for the whole document.
        message: The field, its value, the rule and the fix.
        severity: A warning does not change the exit status.
    """

    file: str
    line: int
    resource: str
    reason: str
    field: str
    message: str
    severity: Literal["error", "warning"] = "error"


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """Whether a layout's names are free of collisions; `-o json` prints these fields.

    Attributes:
        file: The name of the file, as the user typed it.
        line: The line of the document, counted from 1.
        collision_free: Whether it is proven that no two repositories get one name.
        message: The verdict and its reason.
        collision: An example of a collision; None if there is none, or none was found.
    """

    file: str
    line: int
    collision_free: bool
    message: str
    collision: dict[str, Any] | None


class Checker:
    """Checks documents one after another, and compares claims with earlier ones.

    Attributes:
        checked: How many documents were checked.
        skipped: How many were of other kinds.
        names: The verdict on the names of each layout.
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
        self.names: list[Names] = []
        self._step = step or CompositionStep()
        step_settings(self._step)
        self._namespace = namespace
        # The first claim of each repository and its file and line. The key is the
        # provider config, the region and the repository's name.
        self._owners: dict[tuple[str, str, str], tuple[ClaimReference, str]] = {}

    def check(self, document: Document) -> Iterator[Finding]:
        """Yield the problems of a document; skip one of another kind."""
        manifest = document.manifest or {}
        kind = manifest.get("kind")
        content = document.content
        problem = misnamed(content) if isinstance(content, dict) else None
        try:
            if kind == "Composition" and function_steps(manifest):
                findings = self._check_composition(document, manifest)
            elif is_meant_as_settings(manifest):
                findings = self._check_settings(document, manifest)
            elif problem:
                findings = iter([_finding(document, "Unusable", *problem)])
            elif kind == KIND and manifest.get("apiVersion") == API_VERSION:
                findings = self._check_step_input(document, manifest)
            elif kind in (CLAIM_KIND, XR_KIND):
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
        if manifest.get("apiVersion") != _COMPOSITION_API_VERSION:
            yield _finding(
                document,
                "Unusable",
                "apiVersion",
                f"apiVersion: got {quote(manifest.get('apiVersion'))}; the apiVersion "
                f"of Composition is {_COMPOSITION_API_VERSION}. Use "
                f"{_COMPOSITION_API_VERSION}.",
            )
        if manifest["spec"].get("mode") != "Pipeline":
            yield _finding(
                document,
                "InvalidParameters",
                "spec.mode",
                f"spec.mode: got {quote(manifest['spec'].get('mode'))}; Crossplane "
                "calls functions only in Pipeline mode. Set spec.mode to Pipeline.",
            )
        xr_type = manifest["spec"].get("compositeTypeRef")
        xr_type = xr_type if isinstance(xr_type, dict) else {}
        if problem := misnamed(xr_type):
            field = f"spec.compositeTypeRef.{problem.field}"
            message = f"spec.compositeTypeRef.{problem.message}"
            yield _finding(document, "Unusable", field, message)
        for index, step in function_steps(manifest):
            path = ("spec", "pipeline", str(index), "input")
            problems = []
            if step.get("input") is not None:
                problems = list(self._check_step_input(document, step["input"], *path))
            yield from problems
            if not problems and xr_type.get("kind") in (CLAIM_KIND, XR_KIND):
                yield from _check_scope(document, step, xr_type["kind"], *path)

    def _check_step_input(
        self, document: Document, step_input: object, *path: str
    ) -> Iterator[Finding]:
        findings = list(_check_input(document, step_input, *path))
        yield from findings
        if isinstance(step_input, dict) and not findings and _has_layout(step_input):
            line = document.line(*path) if path else document.line()
            verdict = collision_verdict(parse_layout(step_input, None))
            self.names.append(_names(document.file, line, verdict))

    def _check_settings(
        self, document: Document, manifest: Manifest
    ) -> Iterator[Finding]:
        """Yield the problems of platform settings; later claims are under them."""
        for problem in settings_problems(manifest):
            yield _finding(document, "Unusable", *problem)
        errors = platform_settings_errors(to_struct(manifest))
        data = manifest.get("data")
        data = data if isinstance(data, dict) else {}
        if not errors and (self._step.file or "provider" in data):
            # Otherwise a Composition that is not here decides on the provider.
            try:
                parse_settings(self._step.input, manifest)
            except InvalidRequestError as e:
                errors = [e]
        if not errors:
            try:
                layout = parse_layout(self._step.input, manifest)
            except InvalidRequestError as e:
                errors = [e]
            else:
                if _has_layout(data):
                    verdict = collision_verdict(layout)
                    self.names.append(_names(document.file, document.line(), verdict))
        for error in sorted(errors, key=lambda e: _line_of(document, e.field)):
            yield _finding(document, error.reason, error.field, str(error))
        yield from _check_default_region(document, data, "data")
        if not errors and not self._step.settings_file:
            self._step = dataclasses.replace(self._step, settings=manifest)

    def _check_claim(self, document: Document, manifest: Manifest) -> Iterator[Finding]:
        step = step_of(manifest, self._step)
        settings = step_settings(step)
        xr = to_xr(manifest, "", self._namespace, namespaced=step.namespaced)
        claim = claim_reference(xr)
        for problem in unknown_fields(manifest):
            yield _finding(document, "InvalidParameters", *problem)
        for problem in unknown_regions(manifest):
            yield _warning(document, *problem)
        if not _NAME.fullmatch(manifest["metadata"]["name"]):
            yield _finding(
                document,
                "InvalidParameters",
                "metadata.name",
                f"metadata.name: got {quote(manifest['metadata']['name'])}; it must be "
                "a Kubernetes name: lowercase letters, digits, '-' and '.'. Change it.",
            )
        if manifest["kind"] == CLAIM_KIND and len(claim.name) > MAX_CLAIM_NAME:
            yield _finding(
                document,
                "InvalidParameters",
                "metadata.name",
                f"metadata.name: got {quote(claim.name)} with {len(claim.name)} "
                f"characters; the name of a claim has at most {MAX_CLAIM_NAME}. Use a "
                "shorter name.",
            )
        errors = parameter_errors(to_struct(xr), settings)
        for error in sorted(errors, key=lambda e: _line_of(document, e.field)):
            yield _finding(document, error.reason, error.field, str(error))
        if errors:
            return
        if refused := refusal(xr, step):
            field = refused.message.partition(": ")[0]
            yield _finding(document, refused.reason, field, refused.message)
            return
        yield from self._check_competitors(document, xr, claim, settings)

    def _check_competitors(
        self,
        document: Document,
        xr: Manifest,
        claim: ClaimReference,
        settings: Settings,
    ) -> Iterator[Finding]:
        """Yield the repositories of a claim that an earlier claim has too."""
        parameters = parse_xr(xr, settings)
        position = f"{document.file}:{document.line()}"
        for name in parameters.names.values():
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


def _has_layout(fields: Manifest) -> bool:
    """Whether settings decide on names."""
    allow = fields.get("allow")
    return bool({"name", "suffix", "repositories"} & {*fields}) or (
        isinstance(allow, dict) and "repositories" in allow
    )


def _names(file: str, line: int, verdict: Verdict) -> Names:
    if verdict.collision_free:
        message = f"repository names are collision-free. {verdict.reason}"
    elif verdict.collision:
        message = f"repository names are not collision-free. {verdict.reason}"
    else:
        message = f"repository names may collide. {verdict.reason}"
    collision = None
    if verdict.collision:
        name, *owners = verdict.collision
        collision = {"name": name, "repositories": [o._asdict() for o in owners]}
    return Names(file, line, verdict.collision_free, message, collision)


def _check_input(
    document: Document, step_input: object, *path: str
) -> Iterator[Finding]:
    """Yield the problems of an Input.

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
    errors = input_errors(to_struct(step_input))
    if not errors:
        try:
            parse_layout(step_input, None)
        except InvalidRequestError as e:
            errors = [e]
    if not errors and ("provider" in step_input or "settings" not in step_input):
        # Otherwise the platform settings may name another provider.
        try:
            parse_settings(step_input, None)
        except InvalidRequestError as e:
            errors = [e]
    for error in errors:
        # The field of the error begins with "input".
        field = [*path, *error.field.split(".")[1:]]
        yield _finding(document, error.reason, ".".join(field), str(error))
    yield from _check_default_region(document, step_input, *path)


def _check_default_region(
    document: Document, fields: Manifest, *path: str
) -> Iterator[Finding]:
    """Yield a warning if the default of region is a region that does not exist."""
    defaults = fields.get("defaults")
    if isinstance(defaults, dict):
        field = [*path, "defaults", "region"]
        for problem in unknown_region_at(".".join(field), defaults.get("region")):
            yield _warning(document, *problem)


def _check_scope(
    document: Document, step: Manifest, kind: str, *path: str
) -> Iterator[Finding]:
    """Yield what of an Input does not fit the XRs of its Composition."""
    settings = parse_settings(step.get("input") or {}, None)
    metadata = {"name": "a", "namespace": "a"}
    claim = {"apiVersion": CLAIM_API_VERSION, "kind": CLAIM_KIND, "metadata": metadata}
    xr = to_xr(claim, document.file, None, namespaced=kind == CLAIM_KIND)
    for error in parameter_errors(to_struct(xr), settings):
        if error.field.startswith("input."):
            field = [*path, *error.field.split(".")[1:]]
            yield _finding(document, error.reason, ".".join(field), str(error))


def _line_of(document: Document, field: str) -> int:
    """Return the line of a field, or of the first of two fields."""
    return document.line(*field.split(", ")[0].split(".")) if field else document.line()


def _finding(document: Document, reason: str, field: str, message: str) -> Finding:
    manifest = document.manifest or {}
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    resource = str(manifest.get("kind"))
    resource += f"/{printable(name)}" if isinstance(name, str) else ""
    return Finding(
        document.file, _line_of(document, field), resource, reason, field, message
    )


def _warning(document: Document, field: str, message: str) -> Finding:
    finding = _finding(document, "UnknownRegion", field, message)
    return dataclasses.replace(finding, severity="warning")


def _line(finding: Finding, *, color: bool) -> str:
    """Return a finding as one line that editors and CI systems recognize."""
    position = f"{finding.file}:{finding.line}:"
    if color:
        position = click.style(position, bold=True)
    resource = f"{finding.resource}: " if finding.resource else ""
    severity = "warning: " if finding.severity == "warning" else ""
    return f"{position} {resource}{severity}{finding.message}"
