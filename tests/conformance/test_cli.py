"""Each example through the real CLIs gives what ours gives: see example/README.md."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from build import build, core_crds, provider_crds

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "example"
XRD = ROOT / "package/configuration/definition.yaml"


def run(*command: object) -> str:
    done = subprocess.run(  # noqa: S603
        [str(c) for c in command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Serve the function; return a functions.yaml that names its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    command = [sys.executable, "-m", "function.main", "serve", "--insecure"]
    process = subprocess.Popen([*command, "--address", address])  # noqa: S603
    try:
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        text = (EXAMPLE / "functions.yaml").read_text()
        assert "127.0.0.1:9443" in text
        path = tmp_path_factory.mktemp("functions") / "functions.yaml"
        path.write_text(text.replace("127.0.0.1:9443", address))
        yield path
    finally:
        process.terminate()
        process.wait(30)


CLIS = {
    "v2.5": lambda: [
        build("crossplane-cli"),
        *("composition", "render", "--xrd", XRD),
        *("--crossplane-binary", build("crossplane-core")),
    ],
    "v1.20": lambda: [build("crank-v1.20"), "render"],
    "v1.16": lambda: [build("crank-v1.16"), "beta", "render"],
}


def comparable(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out only what a generation of the CLI makes up or keeps to itself.

    Of the XR: its spec (v2.5 prints resourceRefs), claimConditionTypes and conditions
    (v1.16 knows none of ours; each release words its own). Of a resource: its generated
    name and its owner's made-up UID.
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


@pytest.mark.parametrize("cli", CLIS)
@pytest.mark.parametrize("golden", ["first", "ready"])
def test_the_real_cli_prints_what_the_golden_says(
    cli: str, golden: str, functions: Path
) -> None:
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


def core_schemas(cache: Path) -> None:
    """Fill the CLI's cache with core's own schemas.

    It takes them out of an image, and looks for that under the image's name.
    """
    core = cache / "crossplane" / "core@v2.3.4"
    core.mkdir(parents=True)
    (core / "package.yaml").write_text(
        "\n---\n".join(f.read_text() for f in sorted(core_crds().glob("*.yaml")))
    )


@pytest.mark.parametrize("golden", ["first", "ready"])
def test_the_output_is_valid_by_the_providers_own_schema(
    golden: str, tmp_path: Path
) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    for source in (XRD, provider_crds() / "ecr.aws.crossplane.io_repositories.yaml"):
        (schemas / source.name).write_text(source.read_text())
    core_schemas(tmp_path / "cache")
    rendered = tmp_path / "rendered.yaml"
    package = ROOT / "package/configuration"
    # Rendered XRs come without their spec, which the schema requires.
    xr, *composed = yaml.safe_load_all(
        (ROOT / f"tests/goldens/{golden}.yaml").read_text()
    )
    xr["spec"] = yaml.safe_load((EXAMPLE / "xr.yaml").read_text())["spec"]
    rendered.write_text(
        yaml.safe_dump_all([xr, *composed])
        + "\n---\n"
        + "\n---\n".join(
            f.read_text()
            for f in (
                EXAMPLE / "claim.yaml",
                package / "composition.yaml",
                package / "definition.yaml",
            )
        )
    )
    said = run(
        build("crossplane-cli"),
        *("resource", "validate", "--error-on-missing-schemas"),
        *("--cache-dir", tmp_path / "cache"),
        *("--crossplane-image", "crossplane/core:v2.3.4"),
        schemas,
        rendered,
    )
    assert "0 missing schemas, 6 success cases, 0 failure cases" in said, said
