"""The image: how big it is, how fast it starts."""

import gzip
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import caught
import make
from servers import ask, listening
from shipped import Shipped
from targets import Spread


@dataclass(frozen=True)
class Packed:
    """The image's figures.

    Attributes:
        size_mb: Compressed, as it is pulled.
        start_ms: From its start to the first answer, as any user, read-only.
    """

    size_mb: float
    start_ms: Spread


def measure(shipped: Shipped, starts: int) -> Packed:
    """Measure the image that `make image` built.

    Raises:
        ImageError: It cannot be saved or run.
    """
    with tempfile.TemporaryDirectory(prefix="function-ecr-repos-bench-") as name:
        tar = Path(name) / "image.tar"
        make.save(tar)
        size = len(gzip.compress(tar.read_bytes())) / 1e6
    took = [_start(shipped.root) for _ in range(starts + 1)]
    return Packed(size, Spread.of(took[1:]))  # the first reads it from the disk


def _start(root: Path) -> float:
    message = caught.many(caught.FIRST, 1)[0]
    started = time.monotonic()
    with make.serving(root) as (_, address), listening(address):
        ask(address, message)
        return (time.monotonic() - started) * 1000
