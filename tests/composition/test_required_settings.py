"""The platform settings of a request: required, missing, broken, and applied."""

from typing import Any

import pytest
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from google.protobuf import json_format

from tests.builders import (
    CLASSIC,
    CLUSTER,
    INPUT,
    Json,
    desired,
    is_fatal,
    live,
    platform_settings,
    xr,
)
from tests.builders import call as run_function

SELECTOR = {
    "apiVersion": "apiextensions.crossplane.io/v1beta1",
    "kind": "EnvironmentConfig",
    "matchName": "ecr-repos",
}
NONE: Json = {}


def found(*objects: Json) -> Json:
    """Return what Crossplane sends for a requirement."""
    return {"items": [{"resource": each} for each in objects]}


def call(
    *,
    required: Json | None = None,
    extra: Json | None = None,
    observed: Json | None = None,
    capabilities: list[str] | None = None,
    **step_input: Any,
) -> fnv1.RunFunctionResponse:
    """Call RunFunction with required resources as Crossplane sends them."""
    document = {
        "meta": {"capabilities": capabilities or []},
        "observed": {
            "composite": {"resource": xr(CLASSIC)},
            "resources": {"imagerepo": {"resource": observed}} if observed else {},
        },
        "input": {**INPUT, "bundle": False, **step_input},
        "requiredResources": required or {},
        "extraResources": extra or {},
    }
    return run_function(json_format.ParseDict(document, fnv1.RunFunctionRequest()))


@pytest.mark.parametrize("settings", ["Required", "Optional"])
def test_the_first_call_only_requires_them(settings: str) -> None:
    """A fatal result would end Crossplane's calls before it has looked for them."""
    rsp = call(settings=settings, defaults={"region": "nowhere"})
    requirements = json_format.MessageToDict(rsp.requirements)
    assert requirements == {
        "resources": {"platform-settings": SELECTOR},
        "extraResources": {"platform-settings": SELECTOR},
    }
    assert not rsp.results
    assert not rsp.conditions
    assert not rsp.desired.resources


def test_only_an_older_crossplane_gets_the_older_field() -> None:
    rsp = call(capabilities=["CAPABILITY_CAPABILITIES"])
    assert not rsp.requirements.extra_resources
    assert "platform-settings" in rsp.requirements.resources


@pytest.mark.parametrize("field", ["required", "extra"])
@pytest.mark.parametrize("name", ["platform-settings", "ecr-repos-settings"])
def test_they_are_read_from_each_place_that_crossplane_has(
    field: str, name: str
) -> None:
    settings = found(platform_settings(allow={"regions": ["us-*"]}))
    sent = {name: settings}
    rsp = call(required=sent) if field == "required" else call(extra=sent)
    assert is_fatal(rsp)
    assert rsp.conditions[0].reason == "NotAllowed"


def test_missing_settings_that_are_required_change_nothing() -> None:
    rsp = call(settings="Required", required={"platform-settings": NONE})
    message = (
        "EnvironmentConfig ecr-repos: got nothing; this Composition requires the "
        "platform settings (`settings: Required`). Ask the platform team to create "
        "them: kubectl apply -k package/platform. Until then nothing changes."
    )
    assert is_fatal(rsp)
    assert {r.message for r in rsp.results} == {message}
    (condition,) = rsp.conditions
    assert (condition.type, condition.reason) == (
        "RepositoriesReady",
        "SettingsMissing",
    )
    assert condition.status == fnv1.STATUS_CONDITION_FALSE
    assert condition.message == message
    assert not rsp.desired.resources


def test_missing_settings_that_are_optional_leave_the_input() -> None:
    rsp = call(required={"platform-settings": NONE}, deletion="Never")
    assert not is_fatal(rsp)
    assert desired(rsp)["imagerepo"]["spec"]["deletionPolicy"] == "Orphan"


def test_broken_settings_change_nothing() -> None:
    settings = found(platform_settings(deletion="Nevr"))
    rsp = call(required={"platform-settings": settings}, observed=live(CLASSIC))
    assert is_fatal(rsp)
    (condition,) = rsp.conditions
    assert condition.reason == "InvalidParameters"
    assert condition.message.startswith('data.deletion: got "Nevr"; ')
    assert "EnvironmentConfig ecr-repos" in condition.message


def test_their_deletion_never_takes_rights_that_a_live_resource_has() -> None:
    """Whatever an older revision of the Composition says."""
    rsp = call(
        required={"platform-settings": found(platform_settings(deletion="Never"))},
        observed=live(CLASSIC),
        deletion="Always",
    )
    assert desired(rsp)["imagerepo"]["spec"]["deletionPolicy"] == "Orphan"


def test_allow_of_both_applies() -> None:
    settings = found(platform_settings(allow={"repoPrefixes": ["tap"]}))
    refused = call(
        required={"platform-settings": settings}, allow={"repoPrefixes": ["tap/*"]}
    )
    assert refused.conditions[0].reason == "NotAllowed"
    allowed = call(
        required={"platform-settings": settings}, allow={"repoPrefixes": ["t*"]}
    )
    assert not is_fatal(allowed)


def test_they_choose_the_provider_of_new_claims() -> None:
    settings = found(platform_settings(provider=CLUSTER))
    rsp = call(required={"platform-settings": settings})
    assert desired(rsp)["imagerepo"]["apiVersion"] == CLUSTER


def test_settings_of_the_step_save_the_second_call() -> None:
    """A Ready claim requires nothing else, so Crossplane calls once."""
    settings = found(platform_settings())
    observed = live(CLASSIC)
    rsp = call(required={"ecr-repos-settings": settings}, observed=observed)
    assert not rsp.requirements.resources
    rsp = call(required={"platform-settings": settings}, observed=observed)
    assert list(rsp.requirements.resources) == ["platform-settings"]


def test_with_other_requirements_they_are_required_again() -> None:
    """An older Crossplane might send only what the last response required."""
    rsp = call(required={"ecr-repos-settings": found(platform_settings())})
    assert {"platform-settings", "contenders-imagerepo"} <= {
        *rsp.requirements.resources
    }
