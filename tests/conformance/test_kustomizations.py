"""Every kustomization builds unchanged, as Argo CD, Flux and kubectl do it."""

import subprocess
from pathlib import Path

import pytest
import yaml
from build import build

# A Component changes the kustomization that names it: alone, it is empty.
KUSTOMIZATIONS = [
    file
    for file in sorted(Path("package").rglob("kustomization.yaml"))
    if yaml.safe_load(file.read_text())["kind"] == "Kustomization"
]


@pytest.mark.parametrize(
    "kustomization", KUSTOMIZATIONS, ids=lambda f: str(f.parent.relative_to("package"))
)
def test_it_builds(kustomization: Path) -> None:
    built = subprocess.run(
        [build("kubernetes", "kubectl"), "kustomize", kustomization.parent],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, "")
    manifests = list(yaml.safe_load_all(built.stdout))
    assert manifests
    for manifest in manifests:
        assert {"apiVersion", "kind", "metadata"} <= manifest.keys()


def test_all_kustomizations_are_found() -> None:
    folders = {file.relative_to("package").parts[0] for file in KUSTOMIZATIONS}
    assert {"kyverno", "monitoring", "platform", "release", "runtime"} <= folders
