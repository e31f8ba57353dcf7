"""Each option's field of each provider's API."""

import pytest

from function.ecr.options import NO_OPTIONS, OPTION_NAMES, RepositoryOptions
from function.providers.option_fields import (
    FIELD_NAMES,
    FIELDS,
    Api,
    for_provider,
    unsupported_options,
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
