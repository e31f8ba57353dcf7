"""`check`: claims, Inputs and Compositions, as far as a file alone can tell."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from function.api.input import API_VERSION, KIND, parse_input
from function.api.parameters import (
    CLAIM_KIND,
    GROUP,
    PARAMETERS,
    XR_KIND,
    parse_parameters,
    read_parameters,
)
from function.cli import rendering
from function.cli.documents import Document, Manifest, UnusableError, to_struct
from function.cli.explainer import Claim, claim_of
from function.errors import InvalidRequestError, printable, quote

PARAMETER_NAMES = (
    "workloadName",
    "repoPrefix",
    "region",
    "providerName",
    "repository",
)
# Crossplane labels the XR with it, and a label has no more.
LONGEST_CLAIM_NAME = 63
FUNCTION = "function-ecr-repos"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong.

    Attributes:
        file: The file's name as it was given.
        line: Where in it.
        resource: The document's kind and name.
        reason: The one that the condition would have, or `Unusable` for what is no
            manifest at all.
        field: The field's path; empty for the whole document.
        message: What is wrong, the rule and the mend.
    """

    file: str
    line: int
    resource: str
    reason: str
    field: str
    message: str


class Checker:
    """Checks documents one by one, and against each other."""

    def __init__(
        self,
        step_input: Manifest,
        namespace: str | None = None,
        *,
        namespaced: bool = False,
    ) -> None:
        """Begin with nothing seen.

        Args:
            step_input: The input that claims are checked under; {} for none.
            namespace: That of claims whose file has none.
            namespaced: Whether they are XRs themselves, as on Crossplane v2.
        """
        self.checked = self.skipped = 0
        self._input = step_input
        self._namespace, self._namespaced = namespace, namespaced
        self._settings = parse_input(to_struct(step_input))
        self._seen: dict[tuple[str, str, str], tuple[Claim, str]] = {}

    def check(self, document: Document) -> Iterator[Finding]:
        """Yield what is wrong with a document; one of another kind is skipped."""
        manifest = document.manifest or {}
        kind, api = manifest.get("kind"), str(manifest.get("apiVersion"))
        try:
            if kind == "Composition" and _steps(manifest):
                found = self._composition(document, manifest)
            elif (
                kind == KIND and api.partition("/")[0] == API_VERSION.partition("/")[0]
            ):
                found = _input(document, manifest)
            elif kind in (CLAIM_KIND, XR_KIND) and api.partition("/")[0] == GROUP:
                found = self._claim(document, manifest)
            else:
                self.skipped += 1
                return
            self.checked += 1
            yield from found
        except UnusableError as e:
            yield _finding(document, "Unusable", "", str(e).removeprefix(": "))

    def _composition(self, document: Document, manifest: Manifest) -> Iterator[Finding]:
        if manifest["spec"].get("mode") != "Pipeline":
            yield _finding(
                document,
                "InvalidParameters",
                "spec.mode",
                f"spec.mode: got {quote(manifest['spec'].get('mode'))}; functions run "
                "in a pipeline only. Set it to Pipeline.",
            )
        for index, step in _steps(manifest):
            if step.get("input") is not None:
                at = ("spec", "pipeline", str(index), "input")
                yield from _input(document, step["input"], *at)

    def _claim(self, document: Document, manifest: Manifest) -> Iterator[Finding]:
        xr = rendering.composite_of(
            manifest, "", self._namespace, namespaced=self._namespaced
        )
        claim = claim_of(xr)
        yield from _strangers(document, manifest)
        if manifest["kind"] == CLAIM_KIND and len(claim.name) > LONGEST_CLAIM_NAME:
            yield _finding(
                document,
                "InvalidParameters",
                "metadata.name",
                f"metadata.name: got {quote(claim.name)} of {len(claim.name)} "
                f"characters; a claim's name has at most {LONGEST_CLAIM_NAME}. Use a "
                "shorter one.",
            )
        if refused := rendering.refusal(xr, self._input):
            reason, message = refused
            yield _finding(document, reason, message.partition(": ")[0], message)
            return
        composite = parse_parameters(read_parameters(to_struct(xr)), self._settings)
        here = f"{document.file}:{document.line()}"
        wanted = [composite.image_name, composite.bundle_name][
            : 2 if self._settings.bundle else 1
        ]
        for name in wanted:
            place = (str(composite.provider_config), composite.region, name)
            other, where = self._seen.setdefault(place, (claim, here))
            if (other.namespace, other.name) != (claim.namespace, claim.name):
                yield _finding(
                    document,
                    "NameTaken",
                    f"{PARAMETERS}.workloadName",
                    f"asks for the repository {name}, as {printable(other.name)} in "
                    f"{printable(other.namespace)} does ({where}); one repository "
                    "cannot be two claims'. Choose another workloadName, repoPrefix or "
                    "namespace.",
                )


def _steps(composition: Manifest) -> list[tuple[int, Manifest]]:
    """Return the steps whose function this is, with their places."""
    try:
        return [
            (index, step)
            for index, step in enumerate(composition["spec"]["pipeline"])
            if str(step["functionRef"]["name"]).endswith(FUNCTION)
        ]
    except (KeyError, TypeError, AttributeError):
        return []


def _input(document: Document, given: object, *at: str) -> Iterator[Finding]:
    if not isinstance(given, dict):
        yield _finding(
            document,
            "InvalidParameters",
            ".".join(at),
            f"input: got {quote(given)}; it must be an object. Correct it.",
        )
        return
    try:
        parse_input(to_struct(given))
    except InvalidRequestError as e:
        path = [*at, *e.field.split(".")[1:]]
        yield _finding(document, e.reason, ".".join(path), str(e))


def _strangers(document: Document, manifest: Manifest) -> Iterator[Finding]:
    """Yield parameters that there are none of: kubectl and Crossplane drop them."""
    parameters = manifest["spec"].get("parameters")
    for name in parameters if isinstance(parameters, dict) else ():
        if name in PARAMETER_NAMES:
            continue
        near = difflib.get_close_matches(str(name), PARAMETER_NAMES, 1)
        mend = f"Did you mean {near[0]}?" if near else "Take it away."
        field = f"{PARAMETERS}.{printable(str(name))}"
        yield _finding(
            document,
            "InvalidParameters",
            field,
            f"{field}: there is no such parameter, only {', '.join(PARAMETER_NAMES)}. "
            f"{mend}",
        )


def _finding(document: Document, reason: str, field: str, message: str) -> Finding:
    manifest = document.manifest or {}
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    # A message may name two fields at once.
    line = document.line(*field.split(", ")[0].split(".")) if field else document.line()
    resource = str(manifest.get("kind"))
    resource += f"/{printable(name)}" if isinstance(name, str) else ""
    return Finding(document.file, line, resource, reason, field, message)
