"""The real CLI renders the example for Crossplane v2 as our render does."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from build import build, upbound_crds
from real_cli import EXAMPLE, ROOT, core_schemas, functions, run

__all__ = ["functions"]  # the fixture

V2 = EXAMPLE / "v2"
XRD = ROOT / "package/configuration-v2/definition.yaml"


def comparable(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Remove what only the CLI prints: references and Crossplane's conditions."""
    for document in documents:
        if document["kind"] == "WorkloadECRRepo":
            document.pop("spec", None)
            document["status"].pop("conditions")
        document["metadata"].pop("generateName", None)
        for owner in document["metadata"].get("ownerReferences", []):
            owner.pop("uid")
    return documents


@pytest.mark.parametrize("golden", ["first", "ready"])
def test_the_real_cli_prints_the_golden(golden: str, functions: Path) -> None:
    observed = ["-o", V2 / "observed.yaml"] if golden == "ready" else []
    out = run(
        build("crossplane-cli"),
        *("composition", "render", "--xrd", XRD),
        *("--crossplane-binary", build("crossplane-core")),
        *(V2 / "xr.yaml", V2 / "composition.yaml", functions),
        *observed,
    )
    want = (ROOT / f"tests/goldens/v2/{golden}.yaml").read_text()
    got = comparable(list(yaml.safe_load_all(out)))
    assert got == comparable(list(yaml.safe_load_all(want)))


def test_the_real_cli_renders_the_package_with_the_shipped_settings(
    functions: Path,
) -> None:
    package = XRD.with_name("composition.yaml")
    out = run(
        build("crossplane-cli"),
        *("composition", "render", "--xrd", XRD),
        *("--crossplane-binary", build("crossplane-core")),
        *(V2 / "xr.yaml", package, functions),
        *("-e", ROOT / "package/platform/settings.yaml"),
    )
    want = (ROOT / "tests/goldens/v2/first.yaml").read_text()
    got = comparable(list(yaml.safe_load_all(out)))
    assert got == comparable(list(yaml.safe_load_all(want)))


def validate(
    documents: list[dict[str, Any]], tmp_path: Path
) -> subprocess.CompletedProcess[str]:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    for source in (XRD, *upbound_crds(), *(ROOT / "package/function/input").iterdir()):
        (schemas / source.name).write_text(source.read_text())
    core_schemas(tmp_path / "cache")
    given = tmp_path / "given.yaml"
    given.write_text(yaml.safe_dump_all(documents))
    return subprocess.run(
        (
            build("crossplane-cli"),
            *("resource", "validate", "--error-on-missing-schemas"),
            *("--cache-dir", tmp_path / "cache"),
            *("--crossplane-image", "crossplane/core:v2.4.2"),
            *(schemas, given),
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rendered(golden: str) -> list[dict[str, Any]]:
    """Return the documents of a golden file; the CLI prints no spec of the XR."""
    golden_file = ROOT / f"tests/goldens/v2/{golden}.yaml"
    xr, *composed = yaml.safe_load_all(golden_file.read_text())
    xr["spec"] = yaml.safe_load((V2 / "xr.yaml").read_text())["spec"]
    return [xr, *composed]


@pytest.mark.parametrize("golden", ["first", "ready"])
def test_the_output_and_the_package_are_valid(golden: str, tmp_path: Path) -> None:
    package = [
        yaml.safe_load((XRD.parent / name).read_text())
        for name in ("composition.yaml", XRD.name)
    ]
    done = validate([*rendered(golden), *package], tmp_path)
    # The input in the Composition is checked as a document of its own.
    summary = "0 missing schemas, 6 success cases, 0 failure cases"
    assert summary in done.stdout, done.stdout


def test_a_field_that_the_provider_does_not_have_is_reported(tmp_path: Path) -> None:
    xr, bundle, image = rendered("first")
    bundle["spec"]["deletionPolicy"] = "Delete"
    done = validate([xr, bundle, image], tmp_path)
    assert done.returncode
    assert "2 success cases, 1 failure cases" in done.stdout, done.stdout
    assert "spec.deletionPolicy" in done.stdout
