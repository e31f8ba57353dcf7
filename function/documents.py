"""Documents of YAML files, and the line that each field stands on."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml
from google.protobuf import struct_pb2 as structpb

if TYPE_CHECKING:
    from collections.abc import Iterator

Manifest = dict[str, Any]


class UnusableError(Exception):
    """A file that was given cannot be used; its text is one line."""


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
        loader = yaml.SafeLoader(text)
        found: list[Document] = []
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            document = Document(name, loader.construct_document(node), node)
            found.extend(document.items())
    except OSError as e:
        raise UnusableError(f"{name}: {e.strerror}") from e
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        first = " ".join(str(e).split())[:200]
        raise UnusableError(f"{name}: not YAML: {first}") from e
    return [d for d in found if d.content is not None]


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
