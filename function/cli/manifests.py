"""Kubernetes manifests in YAML files, with the line number of each field."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import struct_pb2 as structpb

from function.cli.errors import InputFileError
from function.errors import quote

Manifest = dict[str, Any]

# YAML aliases can expand a short text to an enormous document. No file of manifests
# needs more values, or deeper nesting, than this.
_MAX_VALUES, _MAX_DEPTH = 2_000_000, 100
# How many characters of a library's message are repeated.
_MAX_QUOTED = 200


NO_DOCUMENT = "the file has no document"


class _Loader(yaml.SafeLoader):
    """Reads YAML as kubectl does: text that looks like a date is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML declares it this way
        first: [r for r in resolvers if r[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML file.

    Attributes:
        file: The name of the file, as the user typed it.
        content: The document as plain Python values.
        node: The document as PyYAML's nodes, which have line numbers.
    """

    file: str
    content: Any
    node: yaml.Node

    @property
    def manifest(self) -> Manifest | None:
        """Return the document if it is a Kubernetes manifest, else None."""
        content = self.content
        is_manifest = isinstance(content, dict) and isinstance(content.get("kind"), str)
        return content if is_manifest else None

    def line(self, *path: str) -> int:
        """Return the line of a field, counted from 1.

        Args:
            path: The keys and list indexes that lead to the field. If the field is
                missing, the result is the line of the nearest parent that exists.
        """
        node, line = self.node, self.node.start_mark.line
        for part in path:
            if isinstance(node, yaml.SequenceNode) and part.isdigit():
                items = node.value[int(part) : int(part) + 1]
                if not items:
                    break
                node, line = items[0], items[0].start_mark.line
            elif isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == part), ())
                if not pair:
                    break
                key, node = pair
                line = key.start_mark.line
            else:
                break
        return line + 1

    def items(self) -> Iterator["Document"]:
        """Yield the items of a List, as `kubectl get -o yaml` prints one.

        Any other document yields itself.
        """
        manifest = self.manifest or {}
        contents = manifest.get("items")
        if not str(manifest.get("kind")).endswith("List") or contents is None:
            yield self
            return
        nodes = next(v for k, v in self.node.value if k.value == "items")
        if isinstance(nodes, yaml.SequenceNode):
            for content, node in zip(contents, nodes.value, strict=True):
                yield Document(self.file, content, node)


def read_documents(file: str) -> list[Document]:
    """Return the documents of a YAML file that are not empty.

    Args:
        file: The name of the file; `-` reads standard input.

    Raises:
        InputFileError: The file cannot be read, is not YAML, or has values that JSON
            does not have.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as e:
        raise InputFileError(file, str(e.strerror)) from e
    except UnicodeDecodeError as e:
        raise InputFileError(
            file, "not YAML: the text is not UTF-8. Save the file as UTF-8"
        ) from e
    return parse_documents(file, text)


def parse_documents(file: str, text: str) -> list[Document]:
    """Return the documents of a YAML text that are not empty.

    Args:
        file: The name of the file that has it.
        text: The text.

    Raises:
        InputFileError: It is not YAML, or has values that JSON does not have.
    """
    documents: list[Document] = []
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            content = loader.construct_document(node)
            if problem := _json_problem(content):
                line = node.start_mark.line + 1
                raise InputFileError(
                    file, f"the document on line {line}: {problem}", line
                )
            documents.extend(Document(file, content, node).items())
    except yaml.MarkedYAMLError as e:
        raise _yaml_error(file, e) from e
    except RecursionError as e:
        raise InputFileError(file, "nested too deeply") from e
    except (yaml.YAMLError, ValueError) as e:
        raise InputFileError(file, f"not YAML: {_one_line(e)}") from e
    return [d for d in documents if d.content is not None]


def load_manifests(file: str) -> list[Manifest]:
    """Return the manifests of a YAML file, at least one.

    Args:
        file: The name of the file; `-` reads standard input.

    Raises:
        InputFileError: read_documents raises it, the file is empty, or one of its
            documents is not a Kubernetes manifest.
    """
    manifests = []
    for document in read_documents(file):
        if document.manifest is None:
            raise InputFileError(file, "not a Kubernetes manifest: it has no kind")
        manifests.append(document.manifest)
    if not manifests:
        raise InputFileError(file, NO_DOCUMENT)
    return manifests


def to_struct(manifest: Manifest) -> structpb.Struct:
    """Return a manifest as the protobuf Struct that the function gets.

    Raises:
        InputFileError: The manifest has a value that JSON does not have.
    """
    struct = structpb.Struct()
    try:
        struct.update(manifest)
    except (TypeError, ValueError, AttributeError) as e:
        raise not_json_error(e) from e
    return struct


def not_json_error(error: Exception) -> InputFileError:
    """Return the error for a manifest that protobuf cannot represent as JSON."""
    return InputFileError("", f"not valid as JSON: {_one_line(error)}")


def _yaml_error(file: str, error: yaml.MarkedYAMLError) -> InputFileError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    position = f"line {line}, column {mark.column + 1}: " if mark else ""
    problem = _one_line(error.problem or error.context)
    if mark and mark.buffer and "{{" in mark.buffer:
        problem += ". If it is a template, render it first"
    return InputFileError(file, f"not YAML: {position}{problem}", line)


def _json_problem(content: Any) -> str:
    """Return why Kubernetes could not store a document; empty if it could."""
    pending: list[tuple[Any, int]] = [(content, 0)]
    values = 0
    while pending:
        value, depth = pending.pop()
        values += 1
        if depth > _MAX_DEPTH:
            return "nested too deeply"
        if values + len(pending) > _MAX_VALUES:
            return "its aliases make it too large"
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    return f"the key {quote(key)} is not a string. Quote it"
                pending.append((item, depth + 1))
        elif isinstance(value, list):
            pending.extend((item, depth + 1) for item in value)
        elif not isinstance(value, str | int | float | bool | None):
            return f"JSON has no type for {quote(value)}. Quote it, or remove its tag"
    return ""


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:_MAX_QUOTED]
