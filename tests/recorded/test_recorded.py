"""What the function answers to whole requests, as it was recorded.

`make recorded` writes them again: look at the difference.
"""

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.recorded.cases import Case, Json, expanded, load, merged, respond

CRD = (
    Path(__file__).parents[2]
    / "package/function/input/ecrrepos.fn.tap.vrabbi.cloud_inputs.yaml"
)
CLASSIC, UPBOUND, NAMESPACED = PROVIDERS = ("classic", "upbound", "namespaced")
REASONS = {
    *("Available", "Creating", "InvalidParameters", "NotAllowed", "NameTaken"),
    *("PreviousDeleting", "Adopted", "SettingsMissing"),
}
# What a provider refuses: its cases show the refusal.
REFUSED = {
    CLASSIC: ("connection", "providerConfigKind", "encryption", "ExclusionFilters"),
    UPBOUND: ("connection", "providerConfigKind"),
    NAMESPACED: (),
}
REFUSED_VALUES = {
    CLASSIC: {"IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION", "Manage"},
    UPBOUND: set[str](),
    NAMESPACED: set[str](),
}
# With the classic provider, a lifecycle policy gets its right to be deleted first.
NOT_OF_ALL = {"owners/policies released, step 4"}
CASES = list(load())
# So many resources of other steps that a request is large: see server/request.py.
OTHER = {"resource": {"kind": "Other", "spec": {"text": "x" * 4_000}}}
OTHERS: Json = {
    "observed": {"resources": {f"other-{number}": OTHER for number in range(10)}}
}


def lines(response: Json) -> list[str]:
    return json.dumps(response, indent=1, sort_keys=True).splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_request_is_answered_as_recorded(case: Case) -> None:
    recorded, now = lines(case.response), lines(respond(case.request))
    difference = difflib.unified_diff(
        recorded, now, "recorded", "now", lineterm="", n=6
    )
    assert now == recorded, "\n".join([case.reason, *difference])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_observed_resources_of_other_steps_change_nothing(case: Case) -> None:
    assert respond(merged(case.request, OTHERS)) == case.response


def test_names_are_unique_and_reasons_are_given() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(case.reason for case in CASES)


def test_a_request_is_as_crossplane_sends_it() -> None:
    for case in CASES:
        sent = expanded(case.request)
        assert sent["meta"]["tag"], case.id
        assert sent["observed"]["composite"]["resource"]["kind"], case.id
        for name, observed in sent["observed"].get("resources", {}).items():
            metadata = observed["resource"]["metadata"]
            named = metadata["annotations"]["crossplane.io/composition-resource-name"]
            assert named == name, case.id


def fields(
    schema: Json, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Return the path of each field of an Input and the values of its enumeration."""
    for name, field in schema.get("properties", {}).items():
        if not path and name in ("apiVersion", "kind", "metadata", "provider"):
            continue
        here = (*path, name)
        inner = field.get("items", field)
        if "properties" in inner:
            yield from fields(inner, here)
        else:
            yield here, inner.get("enum", [])


def values(given: object, path: tuple[str, ...]) -> Iterator[object]:
    """Return what an Input has in a field."""
    if isinstance(given, list):
        for each in given:
            yield from values(each, path)
    elif not path:
        yield given
    elif isinstance(given, dict) and path[0] in given:
        yield from values(given[path[0]], path[1:])


(CRD_VERSION,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
FIELDS = list(fields(CRD_VERSION["schema"]["openAPIV3Schema"]))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("path", "enumeration"), FIELDS, ids=[".".join(path) for path, _ in FIELDS]
)
def test_each_field_of_an_input_is_recorded(
    provider: str, path: tuple[str, ...], enumeration: list[str]
) -> None:
    refused = any(part.endswith(REFUSED[provider]) for part in path)
    seen = [
        value
        for case in CASES
        if case.provider == provider and case.is_refused == refused
        for value in values(case.request.get("input", {}), path)
    ]
    assert seen
    if not refused and path[0] not in ("image", "bundleRepository"):
        wanted = set(enumeration) - REFUSED_VALUES[provider]
        assert all(value in seen for value in wanted)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_reason_of_the_condition_is_recorded(provider: str) -> None:
    seen = {
        condition["reason"]
        for case in CASES
        if case.provider == provider
        for condition in case.response.get("conditions", [])
    }
    assert seen == REASONS


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_provider_has_each_case(provider: str) -> None:
    """An option may have one of its states only: what is refused is never ready."""

    def names(*, of_all: bool) -> set[str]:
        return {
            f"{case.topic}/{re.sub(', (first pass|ready)$', '', case.name)}"
            for case in CASES
            if (case.topic != "own" if of_all else case.provider == provider)
        }

    assert names(of_all=True) - names(of_all=False) <= NOT_OF_ALL
