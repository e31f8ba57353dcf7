"""Which settings apply: the Input's, and over them those of the platform."""

import re
from typing import Any

import pytest
from crossplane.function import resource

from function.api.input import parse_input
from function.api.platform_settings import parse_platform_settings
from function.api.settings import Settings, effective_settings
from function.errors import InvalidInputError
from function.providers.registry import PROVIDERS
from tests.builders import (
    CLASSIC,
    CLUSTER,
    INPUT,
    NAMESPACED,
    platform_settings,
    settings_of,
)

OPTIONS: dict[str, Any] = {
    "repository": {"forceDelete": False},
    "image": {"scanOnPush": True},
    "bundleRepository": {"scanOnPush": False},
}


def both(step_input: dict[str, Any], data: dict[str, Any]) -> Settings:
    """Return the settings that apply under an Input and platform settings."""
    return effective_settings(
        parse_input(resource.dict_to_struct(INPUT | step_input)),
        parse_platform_settings(resource.dict_to_struct(platform_settings(**data))),
    )


@pytest.mark.parametrize(
    ("step_input", "data", "want", "reason"),
    [
        ({}, {}, "OnlyCreated", "the default"),
        ({"deletion": "Always"}, {}, "Always", "only the Input sets it"),
        ({}, {"deletion": "Never"}, "Never", "only the platform sets it"),
        ({"deletion": "Always"}, {"deletion": "Never"}, "Never", "the platform's"),
        (
            {"deletion": "Always"},
            {"deletion": "OnlyCreated"},
            "OnlyCreated",
            "the platform's, although it is the default",
        ),
    ],
)
def test_the_platform_takes_precedence(
    step_input: dict[str, Any], data: dict[str, Any], want: str, reason: str
) -> None:
    assert both(step_input, data).deletion == want, reason


def test_settings_that_differ_only_in_what_they_set_are_told_apart() -> None:
    """A cache must not confuse an explicit default with an absent field."""
    always = {"deletion": "Always"}
    assert both(always, {}).deletion == "Always"
    assert both(always, {"deletion": "OnlyCreated"}).deletion == "OnlyCreated"
    assert both(always, {}).deletion == "Always"


def test_equal_settings_are_one_object() -> None:
    """Caches compare settings by identity."""
    assert both({"bundle": False}, {"deletion": "Never"}) is both(
        {"bundle": False}, {"deletion": "Never"}
    )


def test_each_default_is_merged_on_its_own() -> None:
    settings = both(
        {"defaults": {"repoPrefix": "a", "region": "eu-west-1"}},
        {"defaults": {"repoPrefix": "b", "providerName": "aws"}},
    )
    assert settings.defaults.model_dump() == {
        "repo_prefix": "b",
        "region": "eu-west-1",
        "provider_name": "aws",
    }


@pytest.mark.parametrize(
    ("step_input", "data", "want", "reason"),
    [
        (None, None, [], "claims may set nothing by default"),
        (["tags"], None, ["tags"], "only the Input has a list"),
        (None, ["tags"], ["tags"], "only the platform has one"),
        (["tags", "lifecycle"], ["tags"], ["tags"], "both apply"),
        (["tags"], [], [], "the platform allows nothing"),
    ],
)
def test_claims_may_set_the_options_that_every_list_has(
    step_input: list[str] | None,
    data: list[str] | None,
    want: list[str],
    reason: str,
) -> None:
    layers = [
        {} if overrides is None else {"allow": {"overrides": overrides}}
        for overrides in (step_input, data)
    ]
    assert both(*layers).allowed_overrides == want, reason


def test_the_platforms_options_come_after_the_inputs() -> None:
    settings = both(OPTIONS, {"repository": {"scanOnPush": False}})
    layers = [
        layer.model_dump(by_alias=True, exclude_none=True)
        for layer in settings.repository_layers("image")
    ]
    assert layers == [
        {"forceDelete": False},
        {"scanOnPush": True},
        {"scanOnPush": False},
    ]


@pytest.mark.parametrize(
    ("prefix", "want"),
    [
        (None, None),
        ("tap", "tap"),
        ("tap/{namespace}", "tap/shop"),
        ("{namespace}/{namespace}", "shop/shop"),
    ],
)
def test_the_default_prefix_can_contain_the_namespace(
    prefix: str | None, want: str | None
) -> None:
    defaults = {} if prefix is None else {"repoPrefix": prefix}
    assert settings_of(defaults=defaults).default_prefix("shop") == want


@pytest.mark.parametrize(
    ("step_input", "data", "field"),
    [
        ({"providerConfigKind": "ProviderConfig"}, {}, "input.providerConfigKind"),
        ({}, {"providerConfigKind": "ProviderConfig"}, "data.providerConfigKind"),
        (
            {"provider": NAMESPACED},
            {"managementPolicies": False},
            "data.managementPolicies",
        ),
        (
            {"image": {"encryption": {"type": "AES256"}}},
            {"deletion": "Never"},
            "input.image.encryption",
        ),
        (
            {},
            {"repository": {"encryption": {"type": "AES256"}}},
            "data.repository.encryption",
        ),
    ],
)
def test_what_the_provider_does_not_support_is_named_where_it_is(
    step_input: dict[str, Any], data: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as e:
        both(step_input, data)
    assert e.value.field == field


def test_the_provider_of_the_platform_decides_what_is_supported() -> None:
    encryption = {"repository": {"encryption": {"type": "AES256"}}}
    assert both(encryption, {"provider": CLUSTER}).provider == CLUSTER


@pytest.mark.parametrize(
    ("role", "options"),
    [
        ("image", [{"forceDelete": False}, {"scanOnPush": True}]),
        ("bundle", [{"forceDelete": False}, {"scanOnPush": False}]),
    ],
)
def test_each_repository_has_the_common_options_first(
    role: Any,  # a Literal, of a table
    options: list[dict[str, Any]],
) -> None:
    layers = settings_of(**OPTIONS).repository_layers(role)
    assert [
        layer.model_dump(by_alias=True, exclude_none=True) for layer in layers
    ] == options


@pytest.mark.parametrize(
    ("provider", "said", "want", "reason"),
    [
        (CLASSIC, None, False, "off by default in the provider"),
        (CLASSIC, True, True, "the platform turned them on"),
        (CLUSTER, None, True, "its default"),
        (CLUSTER, False, False, "the platform turned them off"),
        (NAMESPACED, None, True, "nothing else says what may be deleted"),
    ],
)
def test_whether_management_policies_are_sent(
    provider: str, *, said: bool | None, want: bool, reason: str
) -> None:
    fields = {} if said is None else {"managementPolicies": said}
    settings = settings_of(provider=provider, **fields)
    assert settings.honours_management_policies(PROVIDERS[provider]) is want, reason


def test_a_resource_of_another_api_keeps_its_management_policies() -> None:
    """`false` is for the chosen provider; the other API cannot do without them."""
    settings = settings_of(managementPolicies=False)
    assert settings.honours_management_policies(PROVIDERS[NAMESPACED])


@pytest.mark.parametrize(
    ("fields", "want", "reason"),
    [
        ({}, "aws", "the classic API knows one kind"),
        ({"provider": CLUSTER}, "aws", "one kind"),
        ({"provider": NAMESPACED}, "ClusterProviderConfig/aws", "the CRD's default"),
        (
            {"provider": NAMESPACED, "providerConfigKind": "ProviderConfig"},
            "ProviderConfig/aws",
            "as the platform says",
        ),
    ],
)
def test_the_kind_of_the_provider_config(
    fields: dict[str, str], want: str, reason: str
) -> None:
    assert str(settings_of(**fields).provider_config("aws")) == want, reason


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {},
            "provider ecr.aws.crossplane.io/v1beta1 does not support it: it would "
            "remove the tags of adopted repositories",
        ),
        ({"managementPolicies": True}, "does not support it"),
        (
            {"provider": CLUSTER, "managementPolicies": False},
            "it needs management policies, and managementPolicies is false",
        ),
    ],
)
def test_adopted_repositories_are_managed_only_if_they_lose_nothing(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(said)) as e:
        settings_of(adopt="Manage", **fields)
    assert e.value.field == "input.adopt"


@pytest.mark.parametrize(
    ("live", "want", "reason"),
    [
        (CLUSTER, "Manage", "as the settings say"),
        (NAMESPACED, "Manage", "as the settings say"),
        (CLASSIC, "Observe", "a live resource of the classic API only observes"),
    ],
)
def test_what_a_provider_may_do_to_adopted_repositories(
    live: str, want: str, reason: str
) -> None:
    settings = settings_of(provider=CLUSTER, adopt="Manage")
    assert settings.adoption(PROVIDERS[live]) == want, reason
