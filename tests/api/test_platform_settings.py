"""The platform settings: what is parsed of the EnvironmentConfig, and what is wrong."""

from typing import Any

import pytest
from crossplane.function import resource

from function.api.fields import SettingsFields
from function.api.platform_settings import (
    PlatformSettings,
    parse_platform_settings,
    platform_settings_errors,
)
from function.errors import InvalidInputError
from tests.builders import platform_settings

FIX = "Correct it in the platform settings, the EnvironmentConfig ecr-repos."


def parsed(**data: Any) -> PlatformSettings:
    return parse_platform_settings(resource.dict_to_struct(platform_settings(**data)))


def test_they_have_the_fields_of_the_input() -> None:
    """Only `settings` is missing: an object cannot require itself."""
    assert PlatformSettings.model_fields.keys() == SettingsFields.model_fields.keys()
    settings = parsed(deletion="Never", allow={"regions": ["eu-*"]})
    assert settings.model_dump(by_alias=True, mode="json", exclude_unset=True) == {
        "deletion": "Never",
        "allow": {"regions": ["eu-*"]},
    }


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {}}], ids=str)
def test_an_object_without_values_sets_nothing(data: dict[str, Any]) -> None:
    struct = resource.dict_to_struct({"metadata": {"name": "ecr-repos"}, **data})
    assert not parse_platform_settings(struct).model_fields_set


def test_equal_data_is_parsed_once_whatever_the_metadata() -> None:
    """Each write of the object changes its resource version."""
    objects = [platform_settings(deletion="Never") for _ in range(2)]
    for version, each in enumerate(objects):
        each["metadata"]["resourceVersion"] = str(version)
    first, second = map(resource.dict_to_struct, objects)
    assert parse_platform_settings(first) is parse_platform_settings(second)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"deletion": "Nevr"},
            "data.deletion: got \"Nevr\"; it must be 'OnlyCreated', "
            "'WhenEmpty', 'Always' or 'Never'. " + FIX,
        ),
        (
            {"bundel": False},
            "data.bundel: got false; there is no such field (did you mean bundle?). "
            + FIX,
        ),
        (
            {"settings": "Required"},
            'data.settings: got "Required"; there is no such field. ' + FIX,
        ),
        (
            {"allow": {"repoPrefixes": ["tap/{workload}"]}},
            'data.allow.repoPrefixes.0: got "tap/{workload}"; there is no placeholder '
            "{workload}, only {namespace}. " + FIX,
        ),
        (
            {"defaults": {"repoPrefix": "{ns}/a"}},
            'data.defaults.repoPrefix: got "{ns}/a"; there is no placeholder {ns}, '
            "only {namespace}. " + FIX,
        ),
        (
            {"allow": {"regions": "eu-*"}},
            'data.allow.regions: got "eu-*"; it must be a list. ' + FIX,
        ),
    ],
)
def test_a_message_names_the_field_the_rule_and_the_object(
    data: dict[str, Any], message: str
) -> None:
    struct = resource.dict_to_struct(platform_settings(**data))
    assert [str(e) for e in platform_settings_errors(struct)] == [message]
    with pytest.raises(InvalidInputError) as e:
        parse_platform_settings(struct)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", 'data: got "text"; it must be an object. ' + FIX),
        ([], 'data: got "list_value"; it must be an object. ' + FIX),
        (
            {"allow": {"regions": ["x" * 200] * 6000}},
            "data: got an object of 1236040 bytes; it must not be larger than 262144 "
            "bytes. Shorten the platform settings, the EnvironmentConfig ecr-repos.",
        ),
    ],
    ids=["text", "list", "large"],
)
def test_data_that_cannot_be_read(data: Any, message: str) -> None:
    struct = resource.dict_to_struct({**platform_settings(), "data": data})
    assert [str(e) for e in platform_settings_errors(struct)] == [message]


def test_all_errors_are_found() -> None:
    struct = resource.dict_to_struct(platform_settings(bundle=5, deletion="x"))
    fields = [e.field for e in platform_settings_errors(struct)]
    assert fields == ["data.bundle", "data.deletion"]
