"""The files that `impact` reads: objects of a cluster, and what the AWS CLI printed."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from function.cli.errors import InputFileError
from function.cli.manifests import Manifest, parse_documents
from function.impact.images import (
    CountedImages,
    FormatError,
    Registry,
    repositories_of,
)

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"\s*")


def load_objects(files: Iterable[str]) -> list[Manifest]:
    """Return the Kubernetes objects of files: JSON or YAML, items of a List too.

    Raises:
        InputFileError: A file cannot be used.
    """
    return [manifest for file in files for manifest in _objects(file)]


def load_images(sources: Iterable[str]) -> CountedImages:
    """Return the images that `aws ecr describe-images` printed.

    Args:
        sources: Each is FILE, or REPOSITORY=FILE.

    Raises:
        InputFileError: A file cannot be used.
    """
    images = CountedImages()
    for source in sources:
        repository, file = "", source
        if "=" in source and not Path(source).exists():
            repository, _, file = source.partition("=")
        for document in _json_documents(file):
            try:
                images.add(document, repository)
            except FormatError as e:
                raise InputFileError(file, str(e)) from e
    return images


def load_repositories(files: Iterable[str]) -> list[Registry]:
    """Return the repositories that `aws ecr describe-repositories` printed.

    Raises:
        InputFileError: A file cannot be used.
    """
    found: list[Registry] = []
    for file in files:
        for document in _json_documents(file):
            try:
                found += repositories_of(document)
            except FormatError as e:
                raise InputFileError(file, str(e)) from e
    return found


def _objects(file: str) -> Iterator[Manifest]:
    text = _read(file)
    # PyYAML takes minutes for what a large cluster prints as JSON.
    if text.lstrip()[:1] == "{":
        documents = list(_parse_json(file, text))
    else:
        documents = [document.content for document in parse_documents(file, text)]
    if not documents:
        raise InputFileError(file, "the file has no document")
    for document in documents:
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise InputFileError(
                file, "not Kubernetes objects. Use kubectl get -o json"
            )
        items = document.get("items")
        if document["kind"].endswith("List") and isinstance(items, list):
            yield from (item for item in items if isinstance(item, dict))
        else:
            yield document


def _json_documents(file: str) -> Iterator[Any]:
    documents = list(_parse_json(file, _read(file)))
    if not documents:
        raise InputFileError(file, "the file is empty")
    yield from documents


def _parse_json(file: str, text: str) -> Iterator[Any]:
    """Yield JSON documents, one after another, as several commands print them."""
    position = 0
    try:
        while (position := _end_of_space(text, position)) < len(text):
            document, position = _DECODER.raw_decode(text, position)
            yield document
    except RecursionError as e:
        raise InputFileError(file, "nested too deeply") from e
    except ValueError as e:
        raise InputFileError(file, f"not JSON: {e}") from e


def _end_of_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as e:
        raise InputFileError(file, str(e.strerror)) from e
    except UnicodeDecodeError as e:
        raise InputFileError(file, "the text is not UTF-8") from e
