"""Files with objects, images and repositories."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from function.cli.errors import InputFileError
from function.cli.impact_sources import load_images, load_objects, load_repositories
from function.impact.images import ImageCount, Registry
from tests.builders import CLASSIC
from tests.clusters import listed, managed

OBJECT = managed(CLASSIC, "tap/shop")
IMAGE = {"repositoryName": "tap/shop", "imageDigest": "x", "imageSizeInBytes": 10}


@pytest.mark.parametrize(
    ("text", "count", "why"),
    [
        (json.dumps(OBJECT), 1, "one object"),
        (json.dumps(listed(OBJECT, OBJECT)), 2, "a List"),
        (f"\n{json.dumps(listed(OBJECT))}\n{json.dumps(OBJECT)}\n", 2, "two documents"),
        (yaml.safe_dump(listed(OBJECT, OBJECT)), 2, "YAML"),
        (yaml.safe_dump_all([OBJECT, OBJECT]), 2, "YAML documents"),
        (json.dumps(listed()), 0, "an empty List"),
        (json.dumps({"kind": "RepositoryList", "items": [OBJECT, 1]}), 1, "raw"),
    ],
)
def test_objects_are_read(tmp_path: Path, text: str, count: int, why: str) -> None:
    file = tmp_path / "objects"
    file.write_text(text)
    assert load_objects([str(file)]) == [OBJECT] * count, why


@pytest.mark.parametrize(
    ("load", "text", "message"),
    [
        (load_objects, "", "the file has no document"),
        (load_objects, "{", "not JSON"),
        (load_objects, '{"kind": "List", "items": []} x', "not JSON"),
        (load_objects, "{}", "not Kubernetes objects"),
        (load_objects, "[1]", "not Kubernetes objects"),
        (load_objects, "a: [", "not YAML"),
        (load_objects, "[" * 100_000, "nested too deeply"),
        (load_objects, '{"a": ' * 100_000, "nested too deeply"),
        (load_images, "", "the file is empty"),
        (load_images, "{}", "there is no list imageDetails"),
        (load_images, "imageDetails: []", "not JSON"),
        (load_repositories, "{}", "there is no list repositories"),
        (load_repositories, '{"repositories": [], "NextToken": "x"}', "incomplete"),
    ],
)
def test_another_file_is_refused(
    tmp_path: Path, load: Callable[[list[str]], Any], text: str, message: str
) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(InputFileError, match=message) as caught:
        load([str(file)])
    assert caught.value.file == str(file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="No such file"):
        load_objects([str(tmp_path / "nope")])
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(InputFileError, match="not UTF-8"):
        load_images([str(tmp_path / "binary")])


def test_images_have_their_repository_in_the_file_or_before_it(tmp_path: Path) -> None:
    file, empty = tmp_path / "images.json", tmp_path / "empty.json"
    file.write_text(json.dumps({"imageDetails": [IMAGE]}) * 2)
    empty.write_text(json.dumps({"imageDetails": []}))
    images = load_images([str(file), f"tap/empty={empty}"])
    assert images.count("tap/shop", "", unique=True) == ImageCount(1, 10)
    assert images.count("tap/empty", "", unique=True) == ImageCount(0, 0)
    assert images.count("tap/other", "", unique=True) is None


def test_the_name_of_a_file_may_have_an_equals_sign(tmp_path: Path) -> None:
    file = tmp_path / "a=b"
    file.write_text(json.dumps({"imageDetails": [IMAGE]}))
    assert load_images([str(file)]).count("tap/shop", "", unique=True)


def test_repositories_of_several_regions(tmp_path: Path) -> None:
    file = tmp_path / "repositories.json"
    arns = [f"arn:aws:ecr:{r}:1:repository/a" for r in ("eu-west-2", "us-east-1")]
    file.write_text(
        "\n".join(
            json.dumps({"repositories": [{"repositoryName": "a", "repositoryArn": a}]})
            for a in arns
        )
    )
    found = [Registry("a", "eu-west-2", "1"), Registry("a", "us-east-1", "1")]
    assert load_repositories([str(file)]) == found
