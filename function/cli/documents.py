"""Documents that are meant for the function: misspelled kinds, versions and fields.

The API server drops some of these silently, and refuses others. Here each has a
message with the nearest name.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import click

from function.api import platform_settings
from function.api.input import API_VERSION, KIND
from function.api.parameters import (
    CLAIM_KIND,
    GROUP,
    PARAMETER_BOUNDS,
    PARAMETERS,
    XR_KIND,
)
from function.api.validation import suggestion
from function.cli.manifests import Manifest
from function.cli.regions import unknown_region
from function.errors import printable, quote

# The version of the XRDs in package/.
CLAIM_API_VERSION = f"{GROUP}/v1alpha1"
API_VERSIONS = {
    CLAIM_KIND: CLAIM_API_VERSION,
    XR_KIND: CLAIM_API_VERSION,
    KIND: API_VERSION,
}
_INPUT_GROUP = API_VERSION.partition("/")[0]
# The groups of the Inputs of Crossplane's own functions end with this.
_OTHER_INPUTS = ".fn.crossplane.io"
_REGION = re.compile(PARAMETER_BOUNDS["region"]["pattern"])
# How similar two names must be, from 0 to 1.
_SIMILAR = 0.85
# The fields of spec.parameters in the XRDs.
PARAMETER_NAMES = (
    "workloadName",
    "repoPrefix",
    "region",
    "providerName",
    "repositories",
    "existingName",
    "repository",
)
_TOP_FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
# What Crossplane adds to spec: crossplane/crossplane v1.20 and v2.4, internal/xcrd,
# schemas.go.
_SPEC_FIELDS = (
    "parameters",
    "claimRef",
    "compositeDeletePolicy",
    "compositionRef",
    "compositionRevisionRef",
    "compositionRevisionSelector",
    "compositionSelector",
    "compositionUpdatePolicy",
    "crossplane",
    "environmentConfigRefs",
    "publishConnectionDetailsTo",
    "resourceRef",
    "resourceRefs",
    "writeConnectionSecretToRef",
)


# The EnvironmentConfig's versions. Both have the same fields.
_SETTINGS_API_VERSIONS = (
    platform_settings.API_VERSION,
    "apiextensions.crossplane.io/v1alpha1",
)
_SETTINGS_FIELDS = ("apiVersion", "kind", "metadata", "data")


class Problem(NamedTuple):
    """What is wrong with a document.

    Attributes:
        field: The path of the field.
        message: The field, its value, the rule and the fix.
    """

    field: str
    message: str


def misnamed(manifest: Mapping[str, object]) -> Problem | None:
    """Return what is wrong with the apiVersion and kind of a document meant for us.

    A document is meant for us if one of the two is ours, or nearly so. The result is
    None if both are right, or if the document is of another kind.
    """
    kind, api_version = str(manifest.get("kind", "")), str(manifest.get("apiVersion"))
    if API_VERSIONS.get(kind) == api_version:
        return None
    group = api_version.partition("/")[0]
    our_group = _nearest(group, (GROUP, _INPUT_GROUP))
    if kind in API_VERSIONS:
        if kind == KIND and not our_group and group.endswith(_OTHER_INPUTS):
            return None
        want = API_VERSIONS[kind]
        return _problem(
            "apiVersion",
            manifest.get("apiVersion"),
            f"the apiVersion of {kind} is {want}",
            f"Use {want}",
        )
    kinds = [k for k, v in API_VERSIONS.items() if v.partition("/")[0] == our_group]
    nearest = _nearest(kind, kinds or [CLAIM_KIND, XR_KIND])
    if not our_group and not nearest:
        return None
    names = " and ".join(kinds or [CLAIM_KIND, XR_KIND])
    plural = "kinds of" if "and" in names else "kind of"
    verb = "are" if "and" in names else "is"
    return _problem(
        "kind",
        manifest.get("kind"),
        f"the {plural} {our_group or GROUP} {verb} {names}",
        f"Use {nearest}" if nearest else "Correct it, or remove the document",
    )


def is_meant_as_settings(manifest: Manifest) -> bool:
    """Whether a document is the platform settings, or nearly so."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else ""
    return bool(
        _nearest(str(manifest.get("kind", "")), [platform_settings.KIND])
        and _nearest(str(name), [platform_settings.NAME])
    )


def settings_problems(manifest: Manifest) -> Iterator[Problem]:
    """Yield what is wrong with the platform settings outside their data.

    Crossplane would look for another object, or the API server would drop a field.
    """
    api_version, name = manifest.get("apiVersion"), manifest["metadata"]["name"]
    if api_version not in _SETTINGS_API_VERSIONS:
        yield _problem(
            "apiVersion",
            api_version,
            f"the apiVersion of {platform_settings.KIND} is "
            f"{platform_settings.API_VERSION}",
            f"Use {platform_settings.API_VERSION}",
        )
    if manifest["kind"] != platform_settings.KIND:
        yield _problem(
            "kind",
            manifest["kind"],
            f"the kind of the platform settings is {platform_settings.KIND}",
            f"Use {platform_settings.KIND}",
        )
    if name != platform_settings.NAME:
        yield _problem(
            "metadata.name",
            name,
            f"the function reads only the {platform_settings.KIND} "
            f"{platform_settings.NAME}",
            f"Use {platform_settings.NAME}",
        )
    yield from _unknown("", manifest, _SETTINGS_FIELDS, "field")


def unknown_fields(manifest: Manifest) -> Iterator[Problem]:
    """Yield the fields of a claim or XR that do not exist."""
    yield from _unknown("", manifest, _TOP_FIELDS, "field")
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        return
    yield from _unknown("spec", spec, _SPEC_FIELDS, "field")
    parameters = spec.get("parameters")
    if isinstance(parameters, dict):
        yield from _unknown(PARAMETERS, parameters, PARAMETER_NAMES, "parameter")


def unknown_regions(manifest: Manifest) -> Iterator[Problem]:
    """Yield the region of a claim or XR if no AWS region has this code."""
    spec = manifest.get("spec")
    parameters = spec.get("parameters") if isinstance(spec, dict) else None
    region = parameters.get("region") if isinstance(parameters, dict) else None
    yield from unknown_region_at(f"{PARAMETERS}.region", region)


def unknown_region_at(field: str, region: object) -> Iterator[Problem]:
    """Yield a problem if a field has the form of a region that does not exist."""
    if not (isinstance(region, str) and _REGION.match(region)):
        return  # the function reports it
    if message := unknown_region(field, region):
        yield Problem(field, message)


def echo_warnings(manifest: Manifest) -> None:
    """Print what is wrong with a claim or XR but does not stop the function."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else ""
    for problem in (*unknown_fields(manifest), *unknown_regions(manifest)):
        subject = f"{manifest['kind']}/{printable(str(name))}"
        click.echo(f"Warning {subject}: {problem.message}", err=True)


def _unknown(
    path: str, fields: Mapping[str, object], names: Iterable[str], noun: str
) -> Iterator[Problem]:
    for name, value in fields.items():
        if name in names:
            continue
        field = ".".join(filter(None, (path, printable(name))))
        rule = f"there is no such {noun}{suggestion(name, names)}"
        if noun == "parameter":
            rule += f", only {', '.join(names)}"
        yield _problem(field, value, rule, "Correct its name, or remove it")


def _nearest(name: str, names: Iterable[str]) -> str:
    """Return the name that another is, or is a misspelling of; empty if none is."""
    by_lower = {n.lower(): n for n in names}
    nearest = difflib.get_close_matches(name[:256].lower(), by_lower, 1, _SIMILAR)
    return by_lower[nearest[0]] if nearest else ""


def _problem(field: str, value: object, rule: str, fix: str) -> Problem:
    got = "nothing" if value is None else quote(value)
    return Problem(field, f"{field}: got {got}; {rule}. {fix}.")
