"""A repository's options: the platform's, and over them the workload's own."""

from typing import Any

import pytest
from crossplane.function import resource

from function.api.input import Input, RepositoryRole, parse_input
from function.api.overrides import repository_options
from function.ecr.options import RepositoryOptions
from function.errors import InvalidParameterError, NotAllowedError

INPUT: dict[str, Any] = {
    "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
    "kind": "Input",
    "repository": {"scanOnPush": True, "tags": {"team": "shop"}},
    "image": {"tags": {"image": "yes"}},
    "allow": {"overrides": ["tags", "forceDelete", "encryption"]},
}


def parsed(**fields: object) -> Input:
    return parse_input(resource.dict_to_struct(INPUT | fields))


def merged(
    input_: Input, role: RepositoryRole, overrides: dict[str, Any]
) -> RepositoryOptions:
    serialized = resource.dict_to_struct(overrides).SerializeToString()
    return repository_options(input_, role, serialized)


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
    role: RepositoryRole, overrides: dict[str, Any], want: dict[str, Any], reason: str
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
