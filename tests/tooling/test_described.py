"""`kubectl explain` has a word for every field."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

# The API server describes these itself, everywhere.
STANDARD = {"apiVersion", "kind", "metadata"}
FILES = [
    *Path("package").glob("configuration*/definition.yaml"),
    *Path("package/function/input").glob("*.yaml"),
]


def fields(schema: dict[str, Any], *path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        if path or name not in STANDARD:
            yield ".".join((*path, name)), field
        yield from fields(field, *path, name)
    if "items" in schema:
        yield from fields(schema["items"], *path)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_field_has_a_description(file: Path) -> None:
    for version in yaml.safe_load(file.read_text())["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        assert schema.get("description"), "the kind itself"
        found = dict(fields(schema))
        assert found, "a schema of nothing would pass"
        silent = [path for path, field in found.items() if not field.get("description")]
        assert not silent


@pytest.mark.parametrize(
    "file", Path("package").glob("configuration*/definition.yaml"), ids=str
)
def test_the_printer_columns_are_fields(file: Path) -> None:
    for version in yaml.safe_load(file.read_text())["spec"]["versions"]:
        known = dict(fields(version["schema"]["openAPIV3Schema"]))
        columns = {
            c["name"]: c["jsonPath"] for c in version["additionalPrinterColumns"]
        }
        assert {"Repositories", "Image", "Bundle"} <= set(columns)
        for path in columns.values():
            # status.conditions is Crossplane's own.
            plain = path.lstrip(".")
            assert plain in known or plain.startswith("status.conditions["), path
