"""The files of the image and its Python, so that the benchmark measures what ships.

A developer's own Python may have been built without optimisation. Such a one takes
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


@dataclass(frozen=True)
class ImagePython:
    """The image, unpacked.

    Attributes:
        root: The directory that has its files.
    """

    root: Path

    @property
    def command(self) -> list[object]:
        """The command that runs its Python on its own libraries, without a sandbox."""
        usr = self.root / "usr"
        (loader,) = [*usr.glob("lib64/ld-linux-*"), *usr.glob("lib/ld-linux-*")][:1]
        (libraries,) = usr.glob("lib/*-linux-gnu")
        program = (usr / "bin/python3").resolve()
        return [loader, "--library-path", libraries, program]

    @property
    def function(self) -> Path:
        """The image's entrypoint, a script for that Python."""
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
            # The image has the bytecode already.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def version(self) -> str:
        """Return its Python's version.

        Raises:
            ImageError: It does not run.
        """
        program = "import platform; print(platform.python_version())"
        done = subprocess.run(
            [*map(str, self.command), "-c", program],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise make.ImageError(f"the image's Python: {done.stderr[-2000:]}")
        return done.stdout.strip()


@contextmanager
def unpacked() -> Iterator[ImagePython]:
    """Yield the Python of the image that `make image` built.

    Raises:
        ImageError: There is no image.
    """
    with (
        tempfile.TemporaryDirectory(prefix="function-ecr-repos-image-") as directory,
        make.rooted(Path(directory)) as root,
    ):
        yield ImagePython(root)
