"""Fixtures for the tests of the real CLIs: the function, and Crossplane's schemas."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from build import core_crds

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "example"


def run(*command: object) -> str:
    done = subprocess.run(
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
    """Serve the function; yield a functions.yaml with its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    command = [sys.executable, "-m", "function.main", "serve", "--insecure"]
    process = subprocess.Popen([*command, "--address", address])
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


def core_schemas(cache: Path) -> None:
    """Fill the cache of the CLI with the schemas of Crossplane core.

    The CLI extracts them from an image and caches them under the name of that image.
    """
    core = cache / "crossplane" / "core@v2.4.2"
    core.mkdir(parents=True)
    (core / "package.yaml").write_text(
        "\n---\n".join(f.read_text() for f in sorted(core_crds().glob("*.yaml")))
    )
