"""Describe the machine and the versions that were measured."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from build import go
from servers import OURS, PATCH

TOOLS = Path(__file__).parents[1] / "conformance/tools"
MODULES = {
    PATCH: "github.com/crossplane-contrib/function-patch-and-transform",
    "ghz": "github.com/bojand/ghz",
}


def described(python: str) -> dict[str, object]:
    """Return the processor, its cores, the kernel, the Python, and the load.

    Args:
        python: The version of the Python that runs what is measured.
    """
    found = re.search(r"^model name\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo"))
    return {
        "processor": found[1] if found else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) * 1024 / 1e9) if memory else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": python,
        # Other work on the machine slows what is measured.
        "load": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    """Return the versions of the programs, and of our main dependencies."""
    packages = (OURS, "crossplane-function-sdk-python", "grpcio", "protobuf")
    found = {name: metadata.version(name) for name in packages}
    for tool, module in MODULES.items():
        pins = (TOOLS / tool / "go.mod").read_text()
        pinned = re.search(rf"{module} (\S+)", pins)
        if pinned:
            found[tool] = pinned[1].removeprefix("v")
    said = subprocess.run(
        [go(), "env", "GOVERSION"], capture_output=True, text=True, check=True
    )
    return {**found, "go": said.stdout.strip().removeprefix("go")}


def _read(file: str) -> str:
    return Path(file).read_text()
