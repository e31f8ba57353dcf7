"""The packages' XRDs and Compositions agree, and every field has a description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from function.generate.xrds import (
    overrides_schema,
)

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


XRD, XRD_V2 = (
    yaml.safe_load(Path(f"package/{package}/definition.yaml").read_text())
    for package in ("configuration", "configuration-v2")
)


@pytest.mark.parametrize("xrd", sorted(Path("package").glob("*/definition.yaml")))
def test_overrides_have_the_schema_of_the_input(
    xrd: Path,
) -> None:
    definition = yaml.safe_load(xrd.read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    parameters = schema["properties"]["spec"]["properties"]["parameters"]
    assert parameters["properties"]["repository"] == overrides_schema()
    assert "repository" not in parameters["required"]


def test_both_xrds_have_the_same_schema() -> None:
    claim, xr = XRD["spec"], XRD_V2["spec"]
    assert xr["versions"] == claim["versions"]
    assert (xr["group"], xr["names"]) == (claim["group"], claim["claimNames"])
    assert (XRD_V2["apiVersion"], xr["scope"]) == (
        "apiextensions.crossplane.io/v2",
        "Namespaced",
    )
    assert XRD_V2["metadata"]["name"] == "workloadecrrepos.tap.vrabbi.cloud"


@pytest.mark.parametrize("package", ["configuration", "configuration-v2"])
def test_a_packages_composition_is_for_its_xrd(package: str) -> None:
    folder = Path("package") / package
    xrd = yaml.safe_load((folder / "definition.yaml").read_text())
    composition = yaml.safe_load((folder / "composition.yaml").read_text())
    (version,) = xrd["spec"]["versions"]
    assert composition["spec"]["compositeTypeRef"] == {
        "apiVersion": f"{xrd['spec']['group']}/{version['name']}",
        "kind": xrd["spec"]["names"]["kind"],
    }
    assert composition["metadata"]["labels"] == {
        "crossplane.io/xrd": xrd["metadata"]["name"],
        "provider": "aws",
    }
    default = xrd["spec"]["defaultCompositionRef"]["name"]
    assert composition["metadata"]["name"] == default == "workloadecrrepo"
