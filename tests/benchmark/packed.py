"""The image, where there is one of these sources: how big it is, how fast it starts."""

import gzip
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import caught
import make
from servers import ask, listening
from targets import Spread

REVISION = "org.opencontainers.image.revision"


class NoImageError(Exception):
    """There is none to be measured; its text says what to do."""


@dataclass(frozen=True)
class Packed:
    """The image's figures.

    Attributes:
        size_mb: Compressed, as it is pulled.
        start_ms: From its start to the first answer, as any user, read-only.
    """

    size_mb: float
    start_ms: Spread


def measure(starts: int) -> Packed:
    """Measure the image that `make image` built.

    Raises:
        NoImageError: It built none, or its sources have changed since.
    """
    try:
        _check_sources()
        with tempfile.TemporaryDirectory(prefix="function-ecr-repos-bench-") as name:
            tar = Path(name) / "image.tar"
            make.save(tar)
            size = len(gzip.compress(tar.read_bytes())) / 1e6
            with make.rooted(Path(name)) as root:
                took = [_start(root) for _ in range(starts + 1)]
    except make.ImageError as e:
        raise NoImageError(f"{e}; `make image` builds one") from e
    return Packed(size, Spread.of(took[1:]))  # the first reads it from the disk


def _start(root: Path) -> float:
    message = caught.many(caught.FIRST, 1)[0]
    started = time.monotonic()
    with make.serving(root) as (_, address), listening(address):
        ask(address, message)
        return (time.monotonic() - started) * 1000


def _check_sources() -> None:
    found = make.engine()
    if found == "buildah":
        config = json.loads(make.run(found, "inspect", make.image()))["OCIv1"]["config"]
    else:
        config = json.loads(make.run(found, "inspect", make.image()))[0]["Config"]
    revision = config["Labels"].get(REVISION, "nobody knows what")
    try:
        make.run("git", "diff", "--quiet", revision, "--", *make.INPUTS)
    except make.ImageError:
        raise NoImageError(
            f"it is of {revision[:12]}, and its sources have changed since"
        ) from None
