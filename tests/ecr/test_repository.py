"""Repository IDs, and the names of managed resources."""

import re

import pytest

from function.ecr.naming import RepositoryName
from function.ecr.repository import (
    DesiredRepository,
    ProviderConfig,
    repository_id,
)
from function.providers.registry import DEFAULT

CONFIG = ProviderConfig("p")


def test_repository_ids_are_unique() -> None:
    places = [
        ("p", "eu-west-2", "a/b-c"),
        ("p", "eu-west-2", "a/b-c-bundle"),
        ("p", "eu-west-1", "a/b-c"),
        ("q", "eu-west-2", "a/b-c"),
        ("p-eu", "west-2", "a/b-c"),
    ]
    found = {repository_id(api, *place) for api in ("x", "y") for place in places}
    assert len(found) == 10
    # Kept on live resources: it never changes.
    assert repository_id("ecr.aws.crossplane.io", *places[0]) == (
        "nbvcmyhnuzgtvl5ixcixalvvzy26647t"
    )


@pytest.mark.parametrize(
    ("name", "start", "reason"),
    [
        ("t/shop", "shop-", "the last part of the name"),
        ("tap/shop.v1_x-default", "shop-v1-x-default-", "what Kubernetes allows"),
        ("p/" + "_".join(["a" * 9] * 25), "aaaaaaaaa-", "a long one is cut"),
    ],
)
def test_the_name_of_a_new_managed_resource(name: str, start: str, reason: str) -> None:
    repository = DesiredRepository(RepositoryName(name), "eu-west-2", CONFIG)
    manifest = DEFAULT.repository_manifest(repository, management_policies=False)
    got = manifest["metadata"]["name"]
    assert got.startswith(start), reason
    assert re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", got)
    assert len(got) <= 82


def test_the_text_of_a_provider_config() -> None:
    assert str(ProviderConfig("aws")) == "aws"
    assert str(ProviderConfig("aws", "ProviderConfig")) == "ProviderConfig/aws"
