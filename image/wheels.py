"""Download the image's wheels for each architecture, and check their compiled files.

    wheels.py ARCHITECTURE...

It uses the hashes in the lock file, as pip in the image does. So any machine can detect
a dependency that has no wheel for an architecture, or one with the wrong code.
"""

import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from make import ROOT, ImageError, say

# The version in Debian 13.
PYTHON = "3.13"
# The name of an architecture in wheels, and its number in ELF (elf.h, e_machine).
MACHINES = {"amd64": ("x86_64", 62), "arm64": ("aarch64", 183)}
# The PEP 600 platforms that glibc 2.41 of Debian 13 supports.
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def fetch(word: str, directory: Path) -> list[Path]:
    """Download the locked wheels for an architecture; return their paths.

    Raises:
        ImageError: A package has no such wheel.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--disable-pip-version-check", "--dest", str(directory)),
            *(f"--platform={platform}_{word}" for platform in PLATFORMS),
            *("--implementation=cp", f"--python-version={PYTHON}"),
            *("--only-binary=:all:", "--require-hashes"),
            *("-r", str(ROOT / "requirements/runtime.txt")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ImageError(done.stderr[-2000:])
    return sorted(directory.glob("*.whl"))


def compiled(wheel: Path) -> dict[str, int]:
    """Return the ELF files in a wheel, with their machine numbers."""
    found = {}
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            with files.open(name) as file:
                head = file.read(20)
            if head.startswith(b"\x7fELF"):
                found[name] = struct.unpack_from("<H", head, 18)[0]
    return found


def check(architecture: str) -> None:
    """Download and check the wheels for one architecture, and print a summary.

    Raises:
        ImageError: A wheel is missing, or has code for another architecture.
    """
    word, machine = MACHINES[architecture]
    with tempfile.TemporaryDirectory(prefix="function-ecr-repos-wheels-") as temporary:
        wheels = fetch(word, Path(temporary))
        lock = (ROOT / "requirements/runtime.txt").read_text()
        locked = len(re.findall(r"^[\w.-]+==", lock, re.MULTILINE))
        code = {wheel.name: compiled(wheel) for wheel in wheels}
    if len(wheels) != locked:
        raise ImageError(
            f"{locked} packages are locked, but {len(wheels)} wheels found"
        )
    for wheel, files in code.items():
        for file, number in files.items():
            if number != machine:
                raise ImageError(f"{wheel}: {file} is for machine {number}, not {word}")
    total = sum(map(len, code.values()))
    if not total:
        raise ImageError(f"no wheel for {word} has compiled files: wrong wheels?")
    print(
        f"{architecture}: {locked} wheels match the locked hashes, {total} compiled "
        f"files, all {word}"
    )


def main() -> int:
    """Run the command; return the exit status."""
    if not sys.argv[1:] or not set(sys.argv[1:]) <= set(MACHINES):
        say(__doc__ or "")
        return 2
    try:
        for architecture in sys.argv[1:]:
            check(architecture)
    except ImageError as e:
        say(f"wheels: {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
