"""The image's files and the image's Python: what is measured is what ships.

A developer's own Python may be one that was built without optimisation, which takes
nearly twice as long for the same code.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import make

HERE = Path(__file__).parent
DOCKERFILE = HERE.parents[1] / "Dockerfile"
# Where a benchmark finds the modules that it imports.
FOLDERS = (
    *(HERE, HERE.parent / "conformance", HERE.parent / "e2e"),
    HERE.parents[1] / "image",
)


@dataclass(frozen=True)
class Shipped:
    """The image, unpacked.

    Attributes:
        root: The directory that has its files.
    """

    root: Path

    @property
    def python(self) -> list[object]:
        """The command that runs its Python on its own libraries, without a sandbox."""
        usr = self.root / "usr"
        (loader,) = [*usr.glob("lib64/ld-linux-*"), *usr.glob("lib/ld-linux-*")][:1]
        (libraries,) = usr.glob("lib/*-linux-gnu")
        return [loader, "--library-path", libraries, self._program]

    @property
    def function(self) -> Path:
        """What its entrypoint runs, for that Python."""
        return self.root / "function/bin/function-ecr-repos"

    @property
    def env(self) -> dict[str, str]:
        """The environment for it: the image's own, and where its modules are."""
        (packages,) = self.root.glob("function/lib/python3.*/site-packages")
        return {
            **dict(
                re.findall(r"^ENV (\w+)=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
            ),
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONPATH": str(packages),
            # It has its own, compiled.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def _program(self) -> Path:
        return (self.root / "usr/bin/python3").resolve()

    def run(self, *arguments: object) -> str:
        """Return what its Python prints, which finds the benchmarks' modules.

        Raises:
            ImageError: It failed.
        """
        env = {**os.environ, **self.env}
        env["PYTHONPATH"] = ":".join([env["PYTHONPATH"], *map(str, FOLDERS)])
        done = subprocess.run(
            [str(part) for part in (*self.python, *arguments)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise make.ImageError(f"{arguments}:\n{done.stderr[-2000:]}")
        return done.stdout.strip()

    def version(self) -> str:
        """Return its Python's version."""
        return self.run("-c", "import platform; print(platform.python_version())")


@contextmanager
def unpacked() -> Iterator[Shipped]:
    """Yield the image that `make image` built.

    Raises:
        ImageError: There is none.
    """
    with (
        tempfile.TemporaryDirectory(prefix="function-ecr-repos-image-") as directory,
        make.rooted(Path(directory)) as root,
    ):
        yield Shipped(root)
