"""Each provider with each option: whole manifests, by the providers' own fields.

`python tests/providers/test_option_fields.py` writes the goldens again: look at the
difference.
"""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.ecr.options import NO_OPTIONS, OPTION_NAMES, RepositoryOptions
from function.providers.option_fields import (
    FIELD_NAMES,
    FIELDS,
    Api,
    for_provider,
    unsupported_options,
)
from tests.builders import (
    APIS,
    CLASSIC,
    CLUSTER,
    OPTIONS,
    composed,
    desired,
    desired_image,
    live,
    run,
)


def test_every_option_has_one_entry() -> None:
    assert list(FIELDS) == list(RepositoryOptions.model_fields)


@pytest.mark.parametrize(
    ("api", "want"),
    [
        ("classic", {"encryption", "imageTagMutabilityExclusionFilters"}),
        ("upbound", set()),
    ],
)
def test_what_an_api_does_not_support(api: Api, want: set[str]) -> None:
    assert unsupported_options(api) == want
    assert want <= set(OPTION_NAMES)


@pytest.mark.parametrize("api", ["classic", "upbound"])
def test_what_is_sent_when_nothing_is_said(api: Api) -> None:
    """The recipe's forceDelete; everything else is the provider's or ECR's to say."""
    assert for_provider(NO_OPTIONS, api) == {"forceDelete": True}


def test_the_fields_that_are_the_functions_own() -> None:
    assert {
        "forceDelete",
        "imageTagMutability",
        "imageTagMutabilityExclusionFilter",
        "imageScanningConfiguration",
        "encryptionConfiguration",
        "tags",
    } == FIELD_NAMES


ROOT = Path(__file__).parents[1]
LACKING = {CLASSIC: {"encryption", "imageTagMutabilityExclusionFilters"}}


def golden(provider: str) -> Path:
    return ROOT / f"goldens/options/{provider.partition('/')[0]}.yaml"


def supported(provider: str, options: dict[str, Any]) -> bool:
    return not LACKING.get(provider, set()) & set(options)


@pytest.mark.parametrize("case", OPTIONS)
@pytest.mark.parametrize("provider", APIS)
def test_goldens(provider: str, case: str) -> None:
    if supported(provider, OPTIONS[case]):
        want = yaml.safe_load(golden(provider).read_text())[case]
        assert composed(provider, OPTIONS[case]) == want
        return
    result = run(provider, repository=OPTIONS[case]).results[-1]
    assert result.severity == fnv1.SEVERITY_FATAL
    (lacking,) = LACKING[provider] & set(OPTIONS[case])
    assert f"input.repository.{lacking}" in result.message
    assert provider in result.message
    assert CLUSTER in result.message


def schema(fact: Any) -> dict[str, Any]:
    """Return the JSON schema of a recorded fact; see tests/facts/providers.yaml."""
    if isinstance(fact, str):
        return {"type": fact}
    if isinstance(fact, list) and len(fact) == 1:
        return {"type": "array", "items": schema(fact[0])}
    if isinstance(fact, list):
        return {"enum": fact}
    if "*" in fact:
        return {"type": "object", "additionalProperties": schema(fact["*"])}
    return {
        "type": "object",
        "properties": {name.rstrip("!"): schema(f) for name, f in fact.items()},
        "required": [name.rstrip("!") for name in fact if name.endswith("!")],
        "additionalProperties": False,
    }


SPECS = {
    kind: jsonschema.Draft202012Validator(schema(fact))
    for kind, fact in yaml.safe_load(
        (ROOT / "facts/providers.yaml").read_text()
    ).items()
}


@pytest.mark.parametrize("managed", [None, True])
@pytest.mark.parametrize("made", [None, True, False])
@pytest.mark.parametrize(
    ("provider", "case"),
    [(p, c) for p in APIS for c, options in OPTIONS.items() if supported(p, options)],
)
def test_every_output_has_the_providers_own_fields(
    provider: str, case: str, *, made: bool | None, managed: bool | None
) -> None:
    more: dict[str, Any] = {} if managed is None else {"managementPolicies": managed}
    observed = None if made is None else live(provider, made=made)
    rsp = run(provider, observed, repository=OPTIONS[case], **more)
    for manifest in desired(rsp).values():
        kind = f"{manifest['apiVersion']} {manifest['kind']}"
        SPECS[kind].validate(manifest["spec"])
        assert "namespace" not in manifest["metadata"]


def test_an_unknown_field_would_be_noticed() -> None:
    manifest = desired_image(run(CLASSIC))
    manifest["spec"]["forProvider"]["colour"] = "blue"
    kind = f"{CLASSIC} Repository"
    assert not SPECS[kind].is_valid(manifest["spec"])


if __name__ == "__main__":
    for api in APIS:
        cases = {c: composed(api, o) for c, o in OPTIONS.items() if supported(api, o)}
        golden(api).write_text(yaml.safe_dump(cases, width=88))
