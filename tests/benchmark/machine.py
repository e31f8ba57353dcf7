"""What a figure was measured on, without which it says nothing."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from build import go
from servers import OURS, PATCH, TEMPLATING

TOOLS = Path(__file__).parents[1] / "conformance/tools"
MODULES = {
    PATCH: "github.com/crossplane-contrib/function-patch-and-transform",
    TEMPLATING: "github.com/crossplane-contrib/function-go-templating",
    "ghz": "github.com/bojand/ghz",
}


def described(python: str) -> dict[str, object]:
    """Return the processor, its cores, the kernel and the Python, and what it does.

    Args:
        python: The version of that which ran what was measured.
    """
    found = re.search(r"^model name\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo"))
    return {
        "processor": found[1] if found else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory[1]) * 1024 / 1e9) if memory else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": python,
        # Whoever else works on it slows what is measured.
        "load": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    """Return the version of each program that was run, and of what ours stands on."""
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
