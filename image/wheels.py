"""Fetches what the image installs for each architecture, and looks at what is compiled.

    wheels.py ARCHITECTURE...

By the lock alone, hash for hash, as pip in the image does: a dependency without a
wheel for an architecture, or with another one's code in it, is found on any machine.
"""

import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from make import ROOT, ImageError, say

# Of Debian 13.
PYTHON = "3.13"
# A wheel's word for an architecture, and ELF's number (elf.h, e_machine).
MACHINES = {"amd64": ("x86_64", 62), "arm64": ("aarch64", 183)}
# What Debian 13's glibc, 2.41, takes of PEP 600's platforms.
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def fetch(word: str, directory: Path) -> list[Path]:
    """Return the wheels of the lock for an architecture.

    Raises:
        ImageError: There is no such wheel of one of the packages.
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
    """Return a wheel's ELF files, each with its machine's number."""
    found = {}
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            with files.open(name) as file:
                head = file.read(20)
            if head.startswith(b"\x7fELF"):
                found[name] = struct.unpack_from("<H", head, 18)[0]
    return found


def check(architecture: str) -> None:
    """Fetch one architecture's wheels, and print what they hold.

    Raises:
        ImageError: One is missing, or holds another architecture's code.
    """
    word, machine = MACHINES[architecture]
    with tempfile.TemporaryDirectory(prefix="function-ecr-repos-wheels-") as temporary:
        wheels = fetch(word, Path(temporary))
        lock = (ROOT / "requirements/runtime.txt").read_text()
        locked = len(re.findall(r"^[\w.-]+==", lock, re.MULTILINE))
        code = {wheel.name: compiled(wheel) for wheel in wheels}
    if len(wheels) != locked:
        raise ImageError(f"{locked} packages are locked, {len(wheels)} wheels came")
    for wheel, files in code.items():
        for file, number in files.items():
            if number != machine:
                raise ImageError(f"{wheel}: {file} is for machine {number}, no {word}")
    total = sum(map(len, code.values()))
    if not total:
        raise ImageError(f"no wheel for {word} holds anything compiled: wrong wheels?")
    print(
        f"{architecture}: {locked} wheels by the lock's hashes, {total} compiled "
        f"files, all {word}"
    )


def main() -> int:
    """Return the exit status."""
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
