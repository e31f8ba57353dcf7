"""The files of `function-ecr-repos adopt`: repositories, namespaces, and a mapping."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click
import yaml

from function.cli.errors import InputFileError
from function.cli.manifests import Document, read_documents
from function.cli.name_matching import Target
from function.ecr.name_readings import is_namespace
from function.errors import printable, quote

# ECR allows 100,000 repositories in a region (Amazon ECR service quotas). Their list is
# smaller than this.
_LARGEST_FILE = 128 * 2**20
_MAP_FIELDS = ("namespace", "workload", "existing")
_MAP_FIX = (
    "Write `REPOSITORY: NAMESPACE/WORKLOAD`, or `REPOSITORY: {namespace: …, "
    "workload: …, existing: true}`"
)


def read_json(files: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield the JSON documents of files, with the name of each file.

    Raises:
        InputFileError: A file cannot be read, is too large, or is not JSON.
    """
    decoder = json.JSONDecoder()
    for file in files:
        text = _read(file)
        at, documents = 0, 0
        try:
            while rest := text[at:].lstrip():
                # AWS CLI and jq print several documents one after another.
                content, length = decoder.raw_decode(rest)
                at = len(text) - len(rest) + length
                documents += 1
                yield file, content
        except json.JSONDecodeError as e:
            raise InputFileError(file, f"not JSON: {e.msg}. {_json_hint(rest)}") from e
        except RecursionError as e:
            raise InputFileError(file, "nested too deeply") from e
        except ValueError as e:  # a number with thousands of digits
            raise InputFileError(file, "not JSON: a number is too long") from e
        if not documents:
            raise InputFileError(file, "the file is empty")


def _json_hint(text: str) -> str:
    if text[:1] in ("{", "["):
        return "The file may be cut off: write it again"
    return "Use -json for terraform, and --output json for aws"


def _read(file: str) -> str:
    """Return the text of a file; `-` reads standard input."""
    try:
        with click.open_file(file, "rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except OSError as e:
        raise InputFileError(file, str(e.strerror)) from e
    if len(data) > _LARGEST_FILE:
        raise InputFileError(
            file,
            f"larger than {_LARGEST_FILE // 2**20} MiB. Use the state of the module "
            "with the repositories, or `aws ecr describe-repositories`",
        )
    try:
        return str(data, "utf-8-sig")
    except UnicodeDecodeError as e:
        raise InputFileError(
            file, "the text is not UTF-8. Save the file as UTF-8"
        ) from e


def read_namespaces(file: str) -> frozenset[str]:
    """Return the names in the output of `kubectl get namespaces -o name`.

    Raises:
        InputFileError: The file cannot be read, is empty or has other lines.
    """
    found = set[str]()
    for number, line in enumerate(_read(file).splitlines(), 1):
        name = line.strip().removeprefix("namespace/")
        if name and not is_namespace(name):
            raise InputFileError(
                file,
                f"line {number}: {quote(name)} cannot be the name of a namespace. Use "
                "the output of `kubectl get namespaces -o name`",
                number,
            )
        found.add(name)
    found.discard("")
    if not found:
        raise InputFileError(file, "the file is empty")
    return frozenset(found)


def read_mapping(file: str) -> dict[str, Target]:
    """Return the workloads of repositories, by the repositories' names.

    Raises:
        InputFileError: The file cannot be read, or is not a mapping.
    """
    documents = read_documents(file)
    if len(documents) != 1 or not isinstance(documents[0].content, dict):
        raise InputFileError(file, f"it must be one object. {_MAP_FIX}")
    document = documents[0]
    if isinstance(document.node, yaml.MappingNode):
        keys = [key.value for key, _ in document.node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise InputFileError(
                file, f"{printable(twice[0])}: it is there twice. Remove one of them"
            )
    return {
        name: _target(document, name, value) for name, value in document.content.items()
    }


def _target(document: Document, name: str, value: object) -> Target:
    """Return the workload that a mapping file gives to a repository."""

    def error(what: object, rule: str) -> InputFileError:
        return InputFileError(
            document.file,
            f"{printable(name)}: got {quote(what)}; {rule}. {_MAP_FIX}",
            document.line(name),
        )

    if isinstance(value, str):
        namespace, _, workload = value.partition("/")
        value = {"namespace": namespace, "workload": workload}
    if not isinstance(value, dict):
        raise error(value, "it must be NAMESPACE/WORKLOAD or an object")
    for key in value:
        if key not in _MAP_FIELDS:
            raise error(key, "there is no such field")
    target = Target(
        value.get("namespace", ""),
        value.get("workload", ""),
        value.get("existing", False),
    )
    if not isinstance(target.namespace, str) or not is_namespace(target.namespace):
        raise error(target.namespace, "it must be the name of a namespace")
    if (
        not isinstance(target.workload, str)
        or not target.workload
        or "/" in target.workload
    ):
        raise error(target.workload, "it must be the name of a workload")
    if not isinstance(target.existing, bool):
        raise error(target.existing, "existing must be true or false")
    return target
