"""What the Input says of each repository, and what a workload says over it."""

from typing import Any

import pytest
from crossplane.function import resource
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.api import overrides
from function.api.overrides import repository_options
from function.api.parameters import read_parameters
from function.api.settings import Settings
from function.ecr.options import RepositoryOptions
from function.errors import InvalidParameterError, NotAllowedError
from tests.builders import (
    CLASSIC,
    CLUSTER,
    EXCLUSION,
    additions,
    desired,
    run,
    sent_for_provider,
    settings_of,
    xr,
)


def test_image_and_bundle_can_differ_in_each_option() -> None:
    rsp = run(
        CLUSTER,
        bundle=True,
        repository={**EXCLUSION, "scanOnPush": True, "tags": {"a": "b"}},
        image={"imageTagMutability": "MUTABLE"},
        bundleRepository={"tags": {"c": "d"}, "scanOnPush": False},
    )
    assert options(rsp) == {
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "tags": {"a": "b"},
    }
    assert options(rsp, "bundlerepo") == {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilter": [
            {"filter": "latest", "filterType": "WILDCARD"},
            {"filter": "dev-*", "filterType": "WILDCARD"},
        ],
        "imageScanningConfiguration": {"scanOnPush": False},
        "tags": {"c": "d"},
    }


def options(rsp: fnv1.RunFunctionResponse, name: str = "imagerepo") -> dict[str, Any]:
    """Return the options that the settings and the claim gave a repository."""
    sent, added = sent_for_provider(rsp, name), additions(desired(rsp)[name])
    del sent["region"], sent["forceDelete"], sent["encryptionConfiguration"]
    assert added["tags"].items() <= sent["tags"].items()
    return {
        **sent,
        "tags": {k: v for k, v in sent["tags"].items() if k not in added["tags"]},
    }


def overriding(provider: str, **options: Any) -> dict[str, Any]:
    composite = xr(provider)
    composite["spec"]["parameters"]["repository"] = options
    return composite


def test_a_workload_can_set_the_options_that_the_platform_allows() -> None:
    rsp = run(
        CLUSTER,
        composite=overriding(CLUSTER, tags={"mine": "x"}, scanOnPush=False),
        allow={"overrides": ["tags", "scanOnPush"]},
        repository={"scanOnPush": True, "imageTagMutability": "IMMUTABLE"},
        image={"tags": {"image": "x"}},
    )
    assert options(rsp) == {
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "tags": {"mine": "x"},
    }


@pytest.mark.parametrize(
    ("options", "allow", "field", "reason"),
    [
        ({"tags": {}}, None, "tags", "NotAllowed"),
        ({"tags": {}}, [], "tags", "NotAllowed"),
        ({"tags": {}}, ["scanOnPush"], "tags", "NotAllowed"),
        ({"colour": 1}, ["tags"], "colour", "NotAllowed"),
        ({"\x1b[31m": 1}, ["tags"], r"\u001b[31m", "NotAllowed"),
        ({"tags": {"a": 1}}, ["tags"], "tags.a", "InvalidParameters"),
        ({"scanOnPush": "yes"}, ["scanOnPush"], "scanOnPush", "InvalidParameters"),
        (
            {"lifecycle": {"keepLast": 0}},
            ["lifecycle"],
            "lifecycle.keepLast",
            "InvalidParameters",
        ),
        (
            {"encryption": {"type": "KMS"}},
            ["encryption"],
            "encryption",
            "InvalidParameters",
        ),
    ],
)
def test_an_override_that_is_refused(
    options: dict[str, Any], allow: list[str] | None, field: str, reason: str
) -> None:
    more: dict[str, Any] = {} if allow is None else {"allow": {"overrides": allow}}
    rsp = run(CLASSIC, composite=overriding(CLASSIC, **options), **more)
    result = rsp.results[-1]
    assert f"spec.parameters.repository.{field}" in result.message
    assert rsp.conditions[0].reason == reason
    assert result.message.isprintable()


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"encryption": {"type": "AES256"}}, "does not support it"),
        ({"lifecycle": {"keepLast": float("inf")}}, "numbers must be finite"),
        ({"tags": {str(n): "" for n in range(9000)}}, "it must have at most"),
    ],
    ids=["unsupported", "infinite", "too many"],
)
def test_a_wrong_override_is_the_workloads_mistake(
    options: dict[str, Any], rule: str
) -> None:
    """The platform's settings can be relied on then."""
    allow = {"overrides": ["encryption", "lifecycle", "tags"]}
    settings = settings_of(allow=allow)
    composite = overriding(CLASSIC, **options)
    asked = read_parameters(fnv1.Resource(resource=composite).resource)
    with pytest.raises(InvalidParameterError, match=rule) as e:
        overrides.repository_options(settings, "image", asked.overrides)
    assert e.value.field.startswith("spec.parameters.repository")
    assert "Composition" not in str(e.value)


PLATFORM: dict[str, Any] = {
    "repository": {"scanOnPush": True, "tags": {"team": "shop"}},
    "image": {"tags": {"image": "yes"}},
    "allow": {"overrides": ["tags", "forceDelete", "encryption"]},
}


def parsed(**fields: object) -> Settings:
    return settings_of(**PLATFORM | fields)


def merged(
    settings: Settings, role: str, overrides: dict[str, Any]
) -> RepositoryOptions:
    serialized = resource.dict_to_struct(overrides).SerializeToString()
    return repository_options(settings, role, serialized)


@pytest.mark.parametrize(
    ("role", "overrides", "want", "reason"),
    [
        ("image", {}, {"scanOnPush": True, "tags": {"image": "yes"}}, "the platform's"),
        ("bundle", {}, {"scanOnPush": True, "tags": {"team": "shop"}}, "the common"),
        (
            "image",
            {"tags": {"mine": "x"}, "forceDelete": False},
            {"scanOnPush": True, "tags": {"mine": "x"}, "forceDelete": False},
            "the workload's, option by option",
        ),
    ],
)
def test_merging(
    role: str, overrides: dict[str, Any], want: dict[str, Any], reason: str
) -> None:
    options = merged(parsed(), role, overrides)
    assert options == RepositoryOptions.model_validate(want), reason


def test_the_same_options_are_merged_once() -> None:
    first = merged(parsed(), "image", {"forceDelete": False})
    assert merged(parsed(), "image", {"forceDelete": False}) is first


@pytest.mark.parametrize(
    ("overrides", "error", "field"),
    [
        ({"scanOnPush": False}, NotAllowedError, "scanOnPush"),
        ({"colour": 1}, NotAllowedError, "colour"),
        ({"forceDelete": "no"}, InvalidParameterError, "forceDelete"),
        ({"encryption": {"type": "KMS"}}, InvalidParameterError, "encryption"),
    ],
    ids=["not allowed", "unknown", "wrong", "not supported"],
)
def test_what_is_refused(
    overrides: dict[str, Any], error: type[Exception], field: str
) -> None:
    with pytest.raises(error, match=f"^spec.parameters.repository.{field}: got "):
        merged(parsed(), "image", overrides)
