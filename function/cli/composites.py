"""Claims and Compositions in files: XRs and requests from them, and their results.

The commands read the Input and call the function through this module only.
"""

import asyncio
import copy
import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function.api import platform_settings
from function.api.input import API_VERSION, KIND, parse_input
from function.api.parameters import (
    CLAIM_KIND,
    GROUP,
    XR_KIND,
    Parameters,
    parse_parameters,
    read_parameters,
)
from function.api.platform_settings import parse_platform_settings
from function.api.settings import (
    Settings,
    check_names,
    effective_settings,
    merged_settings,
)
from function.cli.documents import settings_problems
from function.cli.errors import InputFileError
from function.cli.manifests import Manifest, load_manifests, not_json_error, to_struct
from function.composition.required_settings import REQUIREMENT
from function.errors import InvalidRequestError
from function.fn import FunctionRunner
from function.providers.registry import PROVIDERS

FUNCTION_NAME = "function-ecr-repos"
# Crossplane's annotation: which composed resource of its XR a manifest is.
COMPOSED_NAME_ANNOTATION = "crossplane.io/composition-resource-name"


@dataclass(frozen=True, slots=True)
class CompositionStep:
    """What configures the function; by default, nothing.

    Attributes:
        file: The file of the Composition, as the user typed it; empty for none.
        input: The input of the pipeline step that calls the function.
        namespaced: Whether its XRs are in namespaces, as on Crossplane v2. They then
            have the kind that claims have on Crossplane v1.
        settings_file: The file of the platform settings; empty for none.
        settings: The platform settings: an EnvironmentConfig.
    """

    file: str = ""
    input: Manifest = field(default_factory=dict)
    namespaced: bool = False
    settings_file: str = ""
    settings: Manifest | None = None

    @property
    def known(self) -> bool:
        """Whether the user named a Composition or platform settings."""
        return bool(self.file or self.settings_file)


class ClaimReference(NamedTuple):
    """Which claim an XR belongs to; without a claim, which XR it is."""

    kind: str
    namespace: str
    name: str


class Refusal(NamedTuple):
    """Why the function refuses an XR.

    Attributes:
        reason: The reason of the condition RepositoriesReady.
        message: The message of the fatal result.
    """

    reason: str
    message: str


def load_step(composition: str | None, settings: str | None) -> CompositionStep:
    """Return what configures the function: its step and the platform settings.

    Args:
        composition: A file that begins with a Composition; None for none.
        settings: A file with the platform settings; None for none.

    Raises:
        InputFileError: A file cannot be used, does not have that object, or has no
            pipeline step that calls the function. Or the Composition requires
            platform settings, and there are none.
    """
    step = _load_composition(composition) if composition else CompositionStep()
    if settings:
        found = [m for m in load_manifests(settings) if is_platform_settings(m)]
        if not found:
            raise InputFileError(
                settings,
                f"there is no {platform_settings.KIND} with the name "
                f"{platform_settings.NAME}",
            )
        for problem in settings_problems(found[0]):
            raise InputFileError(settings, problem.message)
        step = replace(step, settings_file=settings, settings=found[0])
    elif step.input.get("settings") == "Required":
        raise InputFileError(
            step.file,
            "the input says `settings: Required`. Add --settings FILE, a file with the "
            f"{platform_settings.KIND} {platform_settings.NAME} "
            "(kubectl get environmentconfig ecr-repos -o yaml)",
        )
    return step


def is_platform_settings(manifest: Manifest) -> bool:
    """Whether a manifest is the EnvironmentConfig with the platform settings."""
    metadata = manifest.get("metadata")
    return (
        manifest.get("kind") == platform_settings.KIND
        and isinstance(metadata, dict)
        and metadata.get("name") == platform_settings.NAME
    )


def _load_composition(file: str) -> CompositionStep:
    composition = load_manifests(file)[0]
    if composition["kind"] != "Composition":
        raise InputFileError(
            file, f"the kind is {composition['kind']}, not Composition"
        )
    step = composition_step(composition, file)
    if not step:
        raise InputFileError(
            file, f"no pipeline step has a functionRef to {FUNCTION_NAME}"
        )
    return step


def composition_step(composition: Manifest, file: str) -> CompositionStep | None:
    """Return the step of a Composition that calls the function; None if there is none.

    Args:
        composition: The Composition, or a revision of it.
        file: The name of the file that it is from, or its own name.
    """
    steps = function_steps(composition)
    if not steps:
        return None
    step_input = steps[0][1].get("input") or {}
    if not isinstance(step_input, dict):
        step_input = {"kind": step_input}  # the function reports the problem
    xr_type = composition["spec"].get("compositeTypeRef")
    kind = xr_type.get("kind") if isinstance(xr_type, dict) else None
    return CompositionStep(file, step_input, kind == CLAIM_KIND)


def step_of(document: Manifest, step: CompositionStep) -> CompositionStep:
    """Return the step that a claim or XR is for.

    Without a Composition, its fields decide: only the XRs of Crossplane v2 have
    spec.crossplane. Their step has the provider of package/configuration-v2.

    Args:
        document: The claim or XR.
        step: The step of the Composition from the command line.
    """
    spec = document.get("spec")
    of_v2 = isinstance(spec, dict) and isinstance(spec.get("crossplane"), dict)
    if step.file or document.get("kind") != CLAIM_KIND or not of_v2:
        return step
    provider = next(v for v, p in PROVIDERS.items() if p.namespaced)
    step_input = {"apiVersion": API_VERSION, "kind": KIND, "provider": provider}
    return replace(step, input=step_input, namespaced=True)


def function_steps(composition: Manifest) -> list[tuple[int, Manifest]]:
    """Return the pipeline steps that call the function, each with its index.

    A step calls it if the function's name ends with the program's, or if its input is
    an Input of this function: users can install a Function under any name.
    """
    spec = composition.get("spec")
    pipeline = spec.get("pipeline") if isinstance(spec, dict) else None
    steps = enumerate(pipeline if isinstance(pipeline, list) else ())
    return [(i, step) for i, step in steps if isinstance(step, dict) and _is_ours(step)]


def _is_ours(step: Manifest) -> bool:
    function, step_input = step.get("functionRef"), step.get("input")
    name = function.get("name") if isinstance(function, dict) else ""
    if str(name).endswith(FUNCTION_NAME):
        return True
    api_version = step_input.get("apiVersion") if isinstance(step_input, dict) else ""
    return str(api_version).partition("/")[0] == API_VERSION.partition("/")[0]


def parse_settings(step_input: Manifest, settings: Manifest | None) -> Settings:
    """Return the settings that apply.

    Args:
        step_input: The input of a pipeline step; {} for none.
        settings: The EnvironmentConfig with the platform settings; None for none.

    Raises:
        InvalidRequestError: One of the two breaks a rule.
        InputFileError: One of the two has a value that JSON does not have.
    """
    platform = parse_platform_settings(to_struct(settings)) if settings else None
    return effective_settings(parse_input(to_struct(step_input)), platform)


def parse_layout(step_input: Manifest, settings: Manifest | None) -> Settings:
    """Return the same settings, but whatever their provider supports.

    Args:
        step_input: As for parse_settings.
        settings: As for parse_settings.

    Raises:
        InvalidRequestError: One of the two breaks another rule.
        InputFileError: One of the two has a value that JSON does not have.
    """
    platform = parse_platform_settings(to_struct(settings)) if settings else None
    merged = merged_settings(parse_input(to_struct(step_input)), platform)
    check_names(merged)
    return merged


def step_settings(step: CompositionStep) -> Settings:
    """Return the settings from the files of the command line.

    Raises:
        InputFileError: They break a rule.
    """
    try:
        return parse_settings(step.input, step.settings)
    except InvalidRequestError as e:
        of_input = e.field.partition(".")[0] == "input"
        file = step.file if of_input else step.settings_file
        raise InputFileError(file or step.file, str(e)) from e


def parse_xr(xr: Manifest, settings: Settings) -> Parameters:
    """Return the parsed parameters of an XR that the function does not refuse."""
    return parse_parameters(read_parameters(to_struct(xr)), settings)


def to_xr(
    document: Manifest, file: str, namespace: str | None, *, namespaced: bool
) -> Manifest:
    """Return the XR of a claim, or a copy of the document if it is an XR.

    Crossplane adds a random suffix to the name of a claim's XR. This function does not,
    so that the output is the same each time.

    Args:
        document: The claim or XR.
        file: The file that it is from.
        namespace: The claim's namespace, if the document has none.
        namespaced: Whether the claim's kind is the XR's own, as on Crossplane v2.

    Raises:
        InputFileError: The document is neither a claim nor an XR.
    """
    kind, api_version = document["kind"], document.get("apiVersion")
    group = str(api_version).partition("/")[0]
    if group != GROUP or kind not in (XR_KIND, CLAIM_KIND):
        raise InputFileError(
            file,
            f"{kind} of {api_version} is neither a {CLAIM_KIND} nor an {XR_KIND} of "
            f"{GROUP}",
        )
    xr = copy.deepcopy(document)
    metadata, spec = xr.setdefault("metadata", {}), xr.setdefault("spec", {})
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise InputFileError(file, "metadata and spec must be objects")
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise InputFileError(file, "metadata.name must be a string that is not empty")
    if not isinstance(metadata.setdefault("labels", {}), dict):
        raise InputFileError(file, "metadata.labels must be an object")
    if kind == XR_KIND:
        if namespace and isinstance(spec.setdefault("claimRef", {}), dict):
            spec["claimRef"].setdefault("namespace", namespace)
        return xr
    claim_namespace = namespace or metadata.pop("namespace", None) or "default"
    if namespaced:
        metadata["namespace"] = claim_namespace
        return xr
    metadata.pop("namespace", None)
    metadata["labels"] |= {
        "crossplane.io/claim-name": metadata["name"],
        "crossplane.io/claim-namespace": claim_namespace,
    }
    xr["kind"] = XR_KIND
    spec["claimRef"] = {
        "apiVersion": api_version,
        "kind": CLAIM_KIND,
        "name": metadata["name"],
        "namespace": claim_namespace,
    }
    return xr


def claim_reference(xr: Manifest) -> ClaimReference:
    """Return the claim of an XR."""
    claim_ref, metadata = xr["spec"].get("claimRef"), xr["metadata"]
    claim_ref = claim_ref if isinstance(claim_ref, dict) else {}
    return ClaimReference(
        str(claim_ref.get("kind") or xr["kind"]),
        str(claim_ref.get("namespace") or metadata.get("namespace") or ""),
        str(claim_ref.get("name") or metadata["name"]),
    )


def composed_name(manifest: Manifest) -> str:
    """Return the name of the composed resource that a manifest is; empty for none."""
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict):
        return ""
    name = annotations.get(COMPOSED_NAME_ANNOTATION)
    return name if isinstance(name, str) else ""


def build_request(
    xr: Manifest, step: CompositionStep, observed: list[Manifest]
) -> fnv1.RunFunctionRequest:
    """Return the request that Crossplane would send for an XR.

    Args:
        xr: The XR.
        step: The function's step of the Composition.
        observed: The composed resources that exist.

    Raises:
        InputFileError: An observed resource does not say which composed resource it
            is, or a manifest has a value that JSON does not have.
    """
    resources: dict[str, Any] = {}
    for manifest in observed:
        name = composed_name(manifest)
        if not name:
            raise InputFileError(
                "",
                f"the observed {manifest['kind']} has no annotation "
                f"{COMPOSED_NAME_ANNOTATION}",
            )
        resources[name] = {"resource": manifest}
    request = {
        "meta": {"tag": hashlib.sha256(repr(xr).encode()).hexdigest()},
        "observed": {"composite": {"resource": xr}, "resources": resources},
        "input": step.input,
        "requiredResources": {
            REQUIREMENT: {"items": [{"resource": m} for m in [step.settings] if m]}
        },
    }
    try:
        return json_format.ParseDict(request, fnv1.RunFunctionRequest())
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as e:
        raise not_json_error(e) from e


def run_function(req: fnv1.RunFunctionRequest) -> fnv1.RunFunctionResponse:
    """Return the response of the function, which runs in this process."""
    return asyncio.run(FunctionRunner().RunFunction(req, None))


def refusal(xr: Manifest, step: CompositionStep) -> Refusal | None:
    """Return why the function refuses an XR that has no resources yet, else None.

    Raises:
        InputFileError: See build_request.
    """
    rsp = run_function(build_request(xr, step, []))
    for result in rsp.results:
        if result.severity == fnv1.SEVERITY_FATAL:
            reason = rsp.conditions[0].reason if rsp.conditions else "InternalError"
            return Refusal(reason, result.message)
    return None
