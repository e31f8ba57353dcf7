"""The real CLIs render each example as our render does: see example/README.md."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from build import build, provider_crds
from real_cli import EXAMPLE, ROOT, core_schemas, functions, run

from function.generate.crd import CRD_PATH

__all__ = ["functions"]  # the fixture

XRD = ROOT / "package/configuration/definition.yaml"


CLIS = {
    "v2.5": lambda: [
        build("crossplane-cli"),
        *("composition", "render", "--xrd", XRD),
        *("--crossplane-binary", build("crossplane-core")),
    ],
    "v1.20": lambda: [build("crossplane-v1.20", "crank"), "render"],
    "v1.16": lambda: [build("crank-v1.16"), "beta", "render"],
}


def comparable(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Remove only what differs between versions of the CLI.

    From the XR: its spec (v2.5 prints resourceRefs), claimConditionTypes and conditions
    (v1.16 does not print ours; each release words its own). From a resource: its
    generated name and the random UID of its owner.
    """
    for document in documents:
        document.pop("spec", None) if document["kind"] == "XWorkloadECRRepo" else None
        document.get("status", {}).pop("conditions", None)
        document.get("status", {}).pop("claimConditionTypes", None)
        if document["kind"] != "XWorkloadECRRepo":
            document["metadata"].pop("name", None)
            document["metadata"].pop("generateName", None)
        for owner in document["metadata"].get("ownerReferences", []):
            owner.pop("uid")
    return documents


@pytest.mark.parametrize(
    "cli", ["v2.5", "v1.20", pytest.param("v1.16", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("golden", ["first", "ready"])
def test_the_real_cli_prints_the_golden(cli: str, golden: str, functions: Path) -> None:
    observed = ["-o", EXAMPLE / "observed.yaml"] if golden == "ready" else []
    out = run(
        *CLIS[cli](),
        EXAMPLE / "xr.yaml",
        EXAMPLE / "composition.yaml",
        functions,
        *observed,
    )
    want = (ROOT / f"tests/goldens/{golden}.yaml").read_text()
    got = comparable(list(yaml.safe_load_all(out)))
    assert got == comparable(list(yaml.safe_load_all(want)))


@pytest.mark.parametrize(
    "cli", ["v2.5", "v1.20", pytest.param("v1.16", marks=pytest.mark.full)]
)
@pytest.mark.parametrize(
    ("name", "observed"),
    [("kms", False), ("lifecycle", True), ("cross-account-pull", True)],
)
def test_the_real_cli_renders_with_platform_settings(
    cli: str, name: str, functions: Path, *, observed: bool
) -> None:
    out = run(
        *CLIS[cli](),
        *(EXAMPLE / "xr.yaml", EXAMPLE / "composition.yaml", functions),
        *("-e", EXAMPLE / f"how-to/{name}.yaml"),
        *(("-o", EXAMPLE / "observed.yaml") if observed else ()),
    )
    want = (ROOT / f"tests/goldens/how-to/{name}.yaml").read_text()
    got = comparable(list(yaml.safe_load_all(out)))
    assert got == comparable(list(yaml.safe_load_all(want)))


@pytest.mark.parametrize("cli", ["v2.5", "v1.20"])
def test_the_real_cli_renders_the_packaged_composition_with_the_shipped_settings(
    cli: str, functions: Path
) -> None:
    out = run(
        *CLIS[cli](),
        *(EXAMPLE / "xr.yaml", ROOT / "package/configuration/composition.yaml"),
        *(functions, "-e", ROOT / "package/platform/settings.yaml"),
    )
    want = (ROOT / "tests/goldens/first.yaml").read_text()
    got = comparable(list(yaml.safe_load_all(out)))
    assert got == comparable(list(yaml.safe_load_all(want)))


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache for the CLI with the schemas of Crossplane core."""
    cache = tmp_path_factory.mktemp("cache")
    core_schemas(cache)
    return cache


def validate(core: Path, schemas: list[Path], documents: str, tmp_path: Path) -> str:
    """Return the output of the real `crossplane resource validate` for documents."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    for source in schemas:
        (folder / source.name).write_text(source.read_text())
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(documents)
    return run(
        build("crossplane-cli"),
        *("resource", "validate", "--error-on-missing-schemas"),
        *("--cache-dir", core),
        *("--crossplane-image", "crossplane/core:v2.4.2"),
        folder,
        rendered,
    )


@pytest.mark.parametrize("golden", ["first", "ready"])
def test_the_output_matches_the_schema_of_the_provider(
    golden: str, core: Path, tmp_path: Path
) -> None:
    package = ROOT / "package/configuration"
    # Rendered XRs have no spec, but the schema requires one.
    xr, *composed = yaml.safe_load_all(
        (ROOT / f"tests/goldens/{golden}.yaml").read_text()
    )
    xr["spec"] = yaml.safe_load((EXAMPLE / "xr.yaml").read_text())["spec"]
    rest = (
        EXAMPLE / "claim.yaml",
        package / "composition.yaml",
        package / "definition.yaml",
    )
    documents = "\n---\n".join(
        [yaml.safe_dump_all([xr, *composed]), *(f.read_text() for f in rest)]
    )
    crd = provider_crds() / "ecr.aws.crossplane.io_repositories.yaml"
    said = validate(core, [XRD, crd, ROOT / CRD_PATH], documents, tmp_path)
    assert "0 missing schemas, 7 success cases, 0 failure cases" in said, said


def test_every_option_matches_the_schema_of_the_provider(
    core: Path, tmp_path: Path
) -> None:
    cases = yaml.safe_load(
        (ROOT / "tests/goldens/options/ecr.aws.crossplane.io.yaml").read_text()
    )
    # The CLI identifies resources by their names.
    composed = [
        {**m, "metadata": {**m["metadata"], "name": f"{name}-{n}"}}
        for n, case in enumerate(cases.values())
        for name, m in case.items()
    ]
    assert {m["kind"] for m in composed} == {
        "Repository",
        "LifecyclePolicy",
        "RepositoryPolicy",
    }
    crds = [
        provider_crds() / f"ecr.aws.crossplane.io_{plural}.yaml"
        for plural in ("repositories", "lifecyclepolicies", "repositorypolicies")
    ]
    said = validate(core, crds, yaml.safe_dump_all(composed), tmp_path)
    want = f"0 missing schemas, {len(composed)} success cases, 0 failure cases"
    assert want in said, said
