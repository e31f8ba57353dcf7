"""Documents of YAML files, and the line that each field stands on."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml
from google.protobuf import struct_pb2 as structpb

from function.errors import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

Manifest = dict[str, Any]


# Aliases can make a little text a lot: more is no file of manifests.
_MOST_VALUES, _DEEPEST = 2_000_000, 100


class UnusableError(Exception):
    """A file that was given cannot be used; its text is one line."""

    def __init__(self, why: str, line: int = 1) -> None:
        """Say why, and on which line."""
        self.line = line
        super().__init__(why)


class _Loader(yaml.SafeLoader):
    """Reads as kubectl does: what looks like a date is a string."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's
        first: [r for r in resolvers if r[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file.

    Attributes:
        file: The file's name as it was given.
        content: What it holds.
        node: The same with its places.
    """

    file: str
    content: Any
    node: yaml.Node

    @property
    def manifest(self) -> Manifest | None:
        """Return the Kubernetes manifest that it is; None where it is none."""
        content = self.content
        is_one = isinstance(content, dict) and isinstance(content.get("kind"), str)
        return content if is_one else None

    def line(self, *path: str) -> int:
        """Return the line of a field, or of the nearest thing around it."""
        node, line = self.node, self.node.start_mark.line
        for part in path:
            if isinstance(node, yaml.SequenceNode) and part.isdigit():
                found = node.value[int(part) : int(part) + 1]
                key = found[0] if found else None
            elif isinstance(node, yaml.MappingNode):
                key, found = next(
                    ((k, [v]) for k, v in node.value if k.value == part), (None, [])
                )
            else:
                break
            if key is None:
                break
            node, line = found[0], key.start_mark.line
        return line + 1

    def items(self) -> "Iterator[Document]":
        """Yield what a List holds, as `kubectl get` prints one; else the document."""
        manifest = self.manifest or {}
        contents = manifest.get("items")
        if not str(manifest.get("kind")).endswith("List") or contents is None:
            yield self
            return
        nodes = next(v for k, v in self.node.value if k.value == "items")
        if isinstance(nodes, yaml.SequenceNode):
            for content, node in zip(contents, nodes.value, strict=True):
                yield Document(self.file, content, node)


def read(name: str, stdin: IO[str]) -> list[Document]:
    """Return the documents of a YAML file, or of standard input for `-`.

    Raises:
        UnusableError: It cannot be read, or is not YAML.
    """
    try:
        text = stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        loader = _Loader(text)
        found: list[Document] = []
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            content = loader.construct_document(node)
            if why := _no_json(content):
                line = node.start_mark.line + 1
                raise UnusableError(f"{name}: the document on line {line}: {why}", line)
            document = Document(name, content, node)
            found.extend(document.items())
    except OSError as e:
        raise UnusableError(f"{name}: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise UnusableError(f"{name}: not YAML: no text in UTF-8. Save it so") from e
    except yaml.MarkedYAMLError as e:
        raise _at_its_place(name, e) from e
    except RecursionError as e:
        raise UnusableError(f"{name}: nested too deeply") from e
    except (yaml.YAMLError, ValueError) as e:
        first = " ".join(str(e).split())[:200]
        raise UnusableError(f"{name}: not YAML: {first}") from e
    return [d for d in found if d.content is not None]


def _at_its_place(name: str, error: yaml.MarkedYAMLError) -> UnusableError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    where = f"line {line}, column {mark.column + 1}: " if mark else ""
    why = " ".join(str(error.problem or error.context).split())[:200]
    if mark and mark.buffer and "{{" in mark.buffer:
        why += ". If it is a template, render it first"
    return UnusableError(f"{name}: not YAML: {where}{why}", line)


def _no_json(content: Any) -> str:  # noqa: ANN401  # YAML's
    """Return why Kubernetes could not have a document; empty if it could."""
    waiting: list[tuple[Any, int]] = [(content, 0)]
    values = 0
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if depth > _DEEPEST:
            return "nested too deeply"
        if values + len(waiting) > _MOST_VALUES:
            return "its aliases make it too large"
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    return f"the key {quote(key)} is no string. Quote it"
                waiting.append((item, depth + 1))
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif not isinstance(value, str | int | float | bool | None):
            return (
                f"{quote(value)} is what JSON has not. Quote it, or take its tag away"
            )
    return ""


def load(name: str, stdin: IO[str]) -> list[Manifest]:
    """Return the manifests of a YAML file, or of standard input for `-`.

    Raises:
        UnusableError: It cannot be read, is not YAML, or a document is no manifest.
    """
    documents = read(name, stdin)
    if not documents:
        raise UnusableError(f"{name}: no document in it")
    manifests = [d.manifest for d in documents]
    if None in manifests:
        raise UnusableError(f"{name}: not a Kubernetes manifest: it has no kind")
    return [m for m in manifests if m is not None]


def to_struct(manifest: Manifest) -> structpb.Struct:
    """Return a manifest as the function gets it.

    Raises:
        UnusableError: It holds what JSON cannot (a YAML date, say).
    """
    struct = structpb.Struct()
    try:
        struct.update(manifest)
    except (TypeError, ValueError, AttributeError) as e:
        raise UnusableError(
            f"not JSON once read: {' '.join(str(e).split())[:200]}"
        ) from e
    return struct
