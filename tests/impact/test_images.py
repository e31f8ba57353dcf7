"""Counts of images, from what the AWS CLI prints."""

from typing import Any

import pytest

from function.impact.images import (
    CountedImages,
    FormatError,
    ImageCount,
    Registry,
    repositories_of,
    size_text,
    total,
)


def image(name: str, digest: str, size: int = 10, registry: str = "1") -> Any:
    return {
        "registryId": registry,
        "repositoryName": name,
        "imageDigest": digest,
        "imageSizeInBytes": size,
    }


def counted(*documents: tuple[str, list[Any]]) -> CountedImages:
    images = CountedImages()
    for repository, details in documents:
        images.add({"imageDetails": details}, repository)
    return images


@pytest.mark.parametrize(
    ("documents", "account", "unique", "want", "why"),
    [
        ([("", [image("a", "x"), image("a", "y", 5)])], "1", True, (2, 15), "the sum"),
        ([("", [image("a", "x")]), ("", [image("a", "x")])], "1", True, (1, 10), ""),
        ([("", [image("b", "x")])], "1", True, None, "another repository"),
        ([("", [image("a", "x")])], "2", True, None, "another account"),
        ([("", [image("a", "x")])], "", True, (1, 10), "the account is unknown"),
        ([("a", [])], "1", True, (0, 0), "it is empty"),
        ([("a", [])], "1", False, None, "of which region is not known"),
        ([("", [image("a", "x")])], "1", False, (1, 10), "it may hold them"),
        ([("", [])], "1", True, None, "nobody knows whose"),
    ],
)
def test_a_count(
    documents: list[tuple[str, list[Any]]],
    account: str,
    unique: bool,
    want: tuple[int, int] | None,
    why: str,
) -> None:
    found = counted(*documents).count("a", account, unique=unique)
    assert found == (want and ImageCount(*want)), why


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            [],
            "there is no list imageDetails. Use the output of aws ecr describe-images",
        ),
        ({"imageIds": []}, "there is no list imageDetails"),
        ({"imageDetails": ["x"]}, "there is no list imageDetails"),
        ({"imageDetails": [{}]}, "without repositoryName or imageDigest"),
        ({"imageDetails": [], "NextToken": "x"}, "it is incomplete"),
        ({"imageDetails": [], "nextToken": "x"}, "it is incomplete"),
    ],
)
def test_another_document_is_refused(document: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        CountedImages().add(document)


def test_the_arn_says_where_a_repository_is() -> None:
    arn = "arn:aws:ecr:eu-west-2:123456789012:repository/tap/shop"
    document = {"repositories": [{"repositoryName": "tap/shop", "repositoryArn": arn}]}
    (found,) = repositories_of(document)
    assert found == Registry("tap/shop", "eu-west-2", "123456789012")
    with pytest.raises(FormatError, match="without repositoryArn"):
        list(repositories_of({"repositories": [{"repositoryName": "x"}]}))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_500_000, "1.5 MB"),
        (2_000_000_000, "2.0 GB"),
        (3 * 10**15, "3000.0 TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_total_says_whether_it_is_complete() -> None:
    assert total([ImageCount(1, 10), ImageCount(2, 5)]) == (3, 15, True)
    assert total([ImageCount(1, 10), None]) == (1, 10, False)
