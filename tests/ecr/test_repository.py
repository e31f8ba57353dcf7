"""Repository IDs, and the names of managed resources."""

from function.ecr.naming import RepositoryName
from function.ecr.repository import (
    DesiredRepository,
    ProviderConfig,
    repository_id,
)
from function.providers.registry import DEFAULT

CONFIG = ProviderConfig("p")


def test_identities_tell_repositories_apart() -> None:
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


def test_a_new_resources_name_is_kubernetes_and_readable() -> None:
    longest = RepositoryName("p/" + "_".join(["a" * 9] * 25))
    for name in (RepositoryName("tap/shop.v1_x-default"), longest):
        manifest = DEFAULT.repository_manifest(
            DesiredRepository(name, "eu-west-2", CONFIG), management_policies=False
        )
        got = manifest["metadata"]["name"]
        assert len(got) <= 82
        assert got.replace("-", "").isalnum()
        assert got == got.lower()
        assert got[0].isalnum()
    short = DEFAULT.repository_manifest(
        DesiredRepository(RepositoryName("t/shop"), "eu-west-2", CONFIG),
        management_policies=False,
    )
    assert short["metadata"]["name"].startswith("shop-")


def test_a_provider_config_is_spoken_of_by_its_kind() -> None:
    assert str(ProviderConfig("aws")) == "aws"
    assert str(ProviderConfig("aws", "ProviderConfig")) == "ProviderConfig/aws"
