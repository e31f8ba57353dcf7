"""Asking ECR: a stand-in for boto3's client."""

import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from function.cli.ecr import Ecr, connect
from function.cli.errors import InputFileError
from function.impact.images import ImageCount, Registry
from tests.clusters import ACCOUNT, REGION

SHOP = Registry("tap/shop", REGION, ACCOUNT)


class Client:
    """boto3's client for a region, whose pages have one item each."""

    def __init__(self, region: str, world: dict[str, Any]) -> None:
        self.region, self.world = region, world

    def get_paginator(self, operation: str) -> Any:
        self.operation = operation
        return self

    def paginate(self, **arguments: str) -> Any:
        self.world["calls"].append((self.region, self.operation, arguments))
        if self.operation == "describe_repositories":
            found = self._get("repositories", self.region)
            return [{"repositories": [each]} for each in found]
        found = self._get("images", arguments["repositoryName"])
        return [{"imageDetails": [each]} for each in found]

    def describe_registry(self) -> Any:
        return self._get("registry", self.region)

    def _get(self, what: str, key: str) -> Any:
        found = self.world[what].get(key, [])
        if isinstance(found, Exception):
            raise found
        return found


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no\x1b way"}}, "Describe")


def repository(name: str, region: str) -> dict[str, str]:
    arn = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"
    return {"repositoryName": name, "repositoryArn": arn}


def ecr(**world: Any) -> tuple[Ecr, dict[str, Any], list[str]]:
    said: list[str] = []
    whole = {"calls": [], "images": {}, "repositories": {}, "registry": {}, **world}
    whole["registry"] = {REGION: {}, "us-east-1": {}} | whole["registry"]
    return Ecr(lambda region: Client(region, whole), said.append), whole, said


def test_the_images_of_all_pages_are_counted() -> None:
    images = [{"imageSizeInBytes": 10}, {"imageSizeInBytes": 5}, {}]
    asked, world, said = ecr(images={"tap/shop": images})
    empty = Registry("tap/empty", "us-east-1", "")
    assert dict(asked.counts([SHOP, empty])) == {
        SHOP: ImageCount(3, 15),
        empty: ImageCount(0, 0),
    }
    assert sorted(world["calls"]) == [
        (
            *(REGION, "describe_images"),
            {"repositoryName": "tap/shop", "registryId": ACCOUNT},
        ),
        ("us-east-1", "describe_images", {"repositoryName": "tap/empty"}),
    ]
    assert not said


def test_a_repository_that_does_not_exist_holds_nothing() -> None:
    gone = refusal("RepositoryNotFoundException")
    asked, _, said = ecr(images={"tap/shop": gone})
    assert dict(asked.counts([SHOP])) == {SHOP: ImageCount(0, 0, exists=False)}
    assert not said


def test_what_ecr_refuses_is_unknown_and_said_once() -> None:
    denied = refusal("AccessDeniedException")
    other = SHOP._replace(name="tap/other")
    asked, _, said = ecr(images={"tap/shop": denied, "tap/other": denied})
    assert dict(asked.counts([SHOP, other])) == {SHOP: None, other: None}
    assert len(said) == 1
    assert said[0].startswith(f"ECR in {REGION}: ")
    assert "AccessDeniedException" in said[0]
    assert "\x1b" not in said[0]


def test_a_connection_that_fails_is_one_line() -> None:
    broken = EndpointConnectionError(endpoint_url="https://nope")
    asked, _, _ = ecr(images={"tap/shop": broken})
    with pytest.raises(InputFileError, match=r"ECR: .*nope.*get-caller-identity"):
        list(asked.counts([SHOP]))


def test_the_regions_of_replicas_are_listed_too() -> None:
    rules = [
        {
            "destinations": [
                {"region": "us-east-1", "registryId": ACCOUNT},
                {"region": REGION, "registryId": ACCOUNT},
                {"region": "sa-east-1", "registryId": "2" * 12},
            ]
        }
    ]
    registry = {"registryId": ACCOUNT, "replicationConfiguration": {"rules": rules}}
    asked, _, _ = ecr(
        repositories={
            REGION: [repository("tap/shop", REGION), repository("tap/x", REGION)],
            "us-east-1": [repository("tap/shop", "us-east-1")],
            "sa-east-1": refusal("another account's"),
        },
        registry={REGION: registry, "us-east-1": registry},
    )
    assert asked.repositories([REGION, REGION]) == [
        SHOP,
        Registry("tap/x", REGION, ACCOUNT),
        Registry("tap/shop", "us-east-1", ACCOUNT),
    ]


def test_without_the_right_to_read_the_replication_only_its_region_is_listed() -> None:
    denied = {REGION: refusal("AccessDeniedException")}
    found = {REGION: [repository("tap/shop", REGION)]}
    asked, _, said = ecr(repositories=found, registry=denied)
    assert asked.repositories([REGION]) == [SHOP]
    assert len(said) == 1


def test_without_the_right_to_list_it_is_an_error() -> None:
    asked, _, _ = ecr(repositories={REGION: refusal("AccessDeniedException")})
    with pytest.raises(InputFileError, match="AccessDeniedException"):
        asked.repositories([REGION])


def test_without_boto3_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(InputFileError) as caught:
        connect(print)
    assert "pip install 'function-ecr-repos[aws]'" in str(caught.value)
    assert "--images FILE" in str(caught.value)
