"""What the function answers to whole requests, as it was recorded.

A case is a request, as Crossplane sends it, and the whole response, both as JSON. A
request is written as a JSON merge patch (RFC 7386) of one of its provider's bases.
`python tests/recorded/test_recorded.py` writes the responses anew: look at the
difference. `python tests/recorded/record.py` makes the requests anew too.
"""

import asyncio
import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from crossplane.function import logging
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from function import fn

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests/goldens/recorded"
BASES = "bases.json"
CRD = ROOT / "package/function/input/ecrrepos.fn.tap.vrabbi.cloud_inputs.yaml"
logging.configure(logging.Level.DISABLED)

CLASSIC, UPBOUND, NAMESPACED = PROVIDERS = ("classic", "upbound", "namespaced")
REASONS = {
    *("Available", "Creating", "InvalidParameters", "NotAllowed", "NameTaken"),
    "Adopted",
}
# What a provider refuses: its cases show the refusal.
REFUSED = {
    CLASSIC: ("connection", "providerConfigKind", "encryption", "ExclusionFilters"),
    UPBOUND: ("connection", "providerConfigKind"),
    NAMESPACED: (),
}
REFUSED_VALUES = {
    CLASSIC: {"IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"},
    UPBOUND: set[str](),
    NAMESPACED: set[str](),
}
# The classic provider refuses encryption, so no reconcile comes after it.
SHOWN_TO_SOME = {"changes/encryption given to a live one, next"}


class Case(NamedTuple):
    provider: str
    topic: str
    name: str
    reason: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.topic}/{self.name}"

    @property
    def input(self) -> dict[str, Any]:
        found: dict[str, Any] = self.request.get("input", {})
        return found

    @property
    def is_refused(self) -> bool:
        return any(
            result.get("severity") == "SEVERITY_FATAL"
            for result in self.response.get("results", [])
        )


def merged(base: Any, patch: Any) -> Any:
    """Apply a JSON merge patch."""
    if not isinstance(patch, dict):
        return patch
    out = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def files() -> Iterator[Path]:
    yield from (f for f in sorted(RECORDED.glob("*/*.json")) if f.name != BASES)


def load() -> Iterator[Case]:
    for file in files():
        bases = json.loads(file.with_name(BASES).read_text())
        for case in json.loads(file.read_text()):
            yield Case(
                file.parent.name,
                file.stem,
                case["name"],
                case["reason"],
                merged(bases[case["base"]], case["request"]),
                case["response"],
            )


CASES = list(load())


def respond(request: dict[str, Any]) -> dict[str, Any]:
    sent = json_format.ParseDict(request, fnv1.RunFunctionRequest())
    rsp = asyncio.run(fn.FunctionRunner().RunFunction(sent, None))
    return json_format.MessageToDict(rsp)


def lines(response: dict[str, Any]) -> list[str]:
    return json.dumps(response, indent=1, sort_keys=True).splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_request_is_answered_as_recorded(case: Case) -> None:
    got = respond(case.request)
    difference = difflib.unified_diff(
        lines(case.response), lines(got), "recorded", "now", lineterm="", n=6
    )
    assert got == case.response, "\n".join([case.reason, *difference])


def test_names_are_unique_and_reasons_are_given() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(case.reason for case in CASES)


def test_a_request_is_as_crossplane_sends_it() -> None:
    for case in CASES:
        sent = case.request
        assert sent["meta"]["tag"], case.id
        assert sent["observed"]["composite"]["resource"]["kind"], case.id
        for name, observed in sent["observed"].get("resources", {}).items():
            metadata = observed["resource"]["metadata"]
            named = metadata["annotations"]["crossplane.io/composition-resource-name"]
            assert named == name, case.id


def leaves(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[Any]:
    """Return the path of each field of an Input and the values of its enumeration."""
    for name, field in schema.get("properties", {}).items():
        if not path and name in ("apiVersion", "kind", "metadata", "provider"):
            continue
        here = (*path, name)
        inner = field.get("items", field)
        if "properties" in inner:
            yield from leaves(inner, here)
        else:
            yield here, inner.get("enum", [])


def values(given: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Return what an Input has in a field."""
    if isinstance(given, list):
        for each in given:
            yield from values(each, path)
    elif not path:
        yield given
    elif path[0] in given:
        yield from values(given[path[0]], path[1:])


(CRD_VERSION,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
FIELDS = list(leaves(CRD_VERSION["schema"]["openAPIV3Schema"]))


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
        for value in values(case.input, path)
    ]
    assert seen
    if not refused and path[0] not in ("image", "bundleRepository"):
        wanted = set(enumeration) - REFUSED_VALUES[provider]
        # What `allow` says of options, a provider may refuse by itself.
        assert wanted <= set(seen) if enumeration else True


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
    """But for those of one provider alone, and for what is never ready."""
    every = {c.id.partition("/")[2] for c in CASES if not c.topic.endswith("own")}
    has = {c.id.partition("/")[2] for c in CASES if c.provider == provider}
    never_ready = {
        each
        for each in every - has
        if each.endswith(", ready")
        and next(
            c.is_refused
            for c in CASES
            if c.id == f"{provider}/{each.replace(', ready', ', first pass')}"
        )
    }
    assert every - has <= never_ready | SHOWN_TO_SOME


def write() -> None:
    """Write the responses anew."""
    for file in files():
        bases = json.loads(file.with_name(BASES).read_text())
        cases = json.loads(file.read_text())
        for case in cases:
            case["response"] = respond(merged(bases[case["base"]], case["request"]))
        file.write_text(dumps(cases))


def dumps(data: Any) -> str:
    """Return JSON of which a difference is read by line."""
    return json.dumps(data, indent=0, sort_keys=True) + "\n"


if __name__ == "__main__":
    write()
