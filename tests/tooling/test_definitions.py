"""The packages' XRDs and Compositions agree, and every field has a description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xpkg
import yaml
from blocks import blocks

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
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from fields(schema[key], *path)


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
            for key in ("image", "bundle"):
                plain = plain.replace(f"repositories.{key}.", "repositories.")
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


def activated(policy: dict[str, Any]) -> list[str]:
    assert policy["apiVersion"] == "apiextensions.crossplane.io/v1alpha1"
    assert policy["kind"] == "ManagedResourceActivationPolicy"
    return sorted(policy["spec"]["activate"])


def composed(group: str) -> list[str]:
    """Return the CRDs of a provider's kinds that the function composes."""
    facts = yaml.safe_load(Path("tests/facts/providers.yaml").read_text())
    kinds = [
        kind.lower()
        for api_version, kind in map(str.split, facts)
        if api_version.startswith(f"{group}/")
    ]
    assert len(kinds) == 3
    return sorted(f"{kind.removesuffix('y')}ies.{group}" for kind in kinds)


def test_the_package_for_v2_activates_what_its_composition_composes() -> None:
    folder = Path("package/configuration-v2")
    composition = yaml.safe_load((folder / "composition.yaml").read_text())
    (step,) = composition["spec"]["pipeline"]
    group = step["input"]["provider"].partition("/")[0]
    policy = yaml.safe_load((folder / xpkg.ACTIVATION).read_text())
    assert activated(policy) == composed(group)


def test_the_documented_policy_activates_the_kinds_of_the_cluster_scoped_api() -> None:
    (policy,) = (
        yaml.safe_load(block.text)
        for block in blocks()
        if "kind: ManagedResourceActivationPolicy" in block.text
    )
    assert activated(policy) == composed("ecr.aws.upbound.io")
