"""Ways to run the commands, and claims and Compositions to run them on."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import yaml
from click.testing import CliRunner

from function.main import cli
from tests.builders import platform_settings

SCRIPT = Path(sys.executable).with_name("function-ecr-repos")
CLAIM = Path("example/claim.yaml").read_text()
COMPOSITION = Path("example/composition.yaml").read_text()
INPUT_TYPE = {"apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1", "kind": "Input"}
# explain breaks its lines: with this, tests compare whole sentences.
_CONTINUATION = "\n" + " " * 28


def run(*args: str, stdin: str | bytes | None = None) -> tuple[int, str, str]:
    """Run a command in this process; return its status, output and errors."""
    result = CliRunner().invoke(cli, args, input=stdin, prog_name=SCRIPT.name)
    return result.exit_code, result.stdout, result.stderr


def run_script(*args: str, **env: str) -> tuple[int, str, str]:
    """Run the installed script as a process; return status, output and errors."""
    done = subprocess.run(
        [SCRIPT, *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def run_in_terminal(*args: str, **env: str) -> tuple[int, str]:
    """Run the installed script with a terminal; return its status and output."""
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    process = subprocess.Popen(
        [SCRIPT, *args],
        env={**environment, "TERM": "xterm-256color", **env},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    out = b""
    try:
        while chunk := os.read(ours, 65536):
            out += chunk
    except OSError:  # how Linux reports the end of a terminal
        pass
    os.close(ours)
    return process.wait(60), out.decode()


def unwrap(text: str) -> str:
    """Return the output of explain with its broken lines joined."""
    return " ".join(text.split(_CONTINUATION))


def claim(**changes: str) -> str:
    """Return the example's claim with another name, namespace or parameters."""
    manifest = yaml.safe_load(CLAIM)
    for key, value in changes.items():
        in_metadata = key in ("name", "namespace")
        target = manifest["metadata" if in_metadata else "spec"]
        (target if in_metadata else target["parameters"])[key] = value
    return yaml.safe_dump(manifest)


def settings(**data: object) -> str:
    """Return platform settings."""
    return yaml.safe_dump(platform_settings(**data), sort_keys=False)


def composition(**step_input: object) -> str:
    """Return the example's Composition with fields in the function's input."""
    manifest = yaml.safe_load(COMPOSITION)
    manifest["spec"]["pipeline"][0]["input"] = {**INPUT_TYPE, **step_input}
    return yaml.safe_dump(manifest)
