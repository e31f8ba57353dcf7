"""What `make image` refuses to find in the image."""

from pathlib import Path

import pytest
from make import ImageError, contents

NEEDED = (
    "function/bin/function-ecr-repos",
    "function/lib/python3.13/site-packages/function/fn.py",
    "usr/bin/python3.13",
    "usr/lib/aarch64-linux-gnu/libz.so.1",
    "usr/lib/ld-linux-aarch64.so.1",
    "usr/share/doc/zlib1g/copyright",
    "var/lib/dpkg/status.d/zlib1g",
    "etc/passwd",
)


def root(directory: Path, *names: str) -> Path:
    for name in names:
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return directory


def test_what_it_needs_may_be_there(tmp_path: Path) -> None:
    assert contents(root(tmp_path, *NEEDED)) == sorted(f"/{name}" for name in NEEDED)


@pytest.mark.parametrize(
    "name",
    [
        "function/bin/pip",
        "function/lib/python3.13/site-packages/pip/__main__.py",
        "function/lib/python3.13/site-packages/grpc/tests/test_x.py",
        "usr/lib/python3.13/ensurepip/__init__.py",
        "usr/bin/gcc",
        "usr/bin/bash",
        "usr/bin/curl",
        "root/.bash_history",
        "var/cache/apt/pkgcache.bin",
        "var/log/apt/history.log",
        "tmp/left.txt",
        "src/pyproject.toml",
        "function/lib/python3.13/site-packages/x/.cache/y",
        "usr/lib/x86_64-linux-gnu/libc.a",
    ],
)
def test_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match="should not"):
        contents(root(tmp_path, *NEEDED, name))


def test_nothing_runs_as_another_user(tmp_path: Path) -> None:
    (root(tmp_path, *NEEDED) / NEEDED[0]).chmod(0o4755)
    with pytest.raises(ImageError, match="bin/function-ecr-repos"):
        contents(tmp_path)
