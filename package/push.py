"""Pushes the packages of a directory, the function's as one of all its architectures.

    push.py DIRECTORY HOST/ORGANISATION [--architectures amd64,arm64]

Prints what each was pushed as, by digest: what is to be signed. Credentials are those
that `docker login` and its like leave.
"""

import argparse
import sys
from pathlib import Path

import xpkg
from xpkg import BuildError, build, images


def references(organisation: str) -> tuple[str, str]:
    """Return what the function's and the Configuration's packages are pushed as."""
    function, configuration = (
        f"{organisation}/{name}-ecr-repos:v{images.version()}"
        for name in ("function", "configuration")
    )
    return function, configuration


def push(directory: Path, organisation: str, architectures: list[str]) -> list[str]:
    """Push both packages, and return their references by digest.

    Raises:
        ImageError: One is missing, or the registry refuses.
    """
    crossplane, crane = xpkg.cli(), build("crane")
    functions = [directory / f"function-ecr-repos-{a}.xpkg" for a in architectures]
    configurations = [directory / "configuration-ecr-repos.xpkg"]
    if missing := [f for f in (*functions, *configurations) if not f.exists()]:
        raise images.ImageError(f"{', '.join(map(str, missing))}: `make xpkg` first")
    pushed = []
    for reference, files in zip(
        references(organisation), (functions, configurations), strict=True
    ):
        images.run(
            *(crossplane, "xpkg", "push", reference),
            *("--package-files", ",".join(map(str, files))),
        )
        by_digest = images.run(crane, "digest", "--full-ref", reference)
        pushed.append(by_digest)
    return pushed


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("organisation")
    parser.add_argument("--architectures", default="amd64,arm64")
    given = parser.parse_args()
    try:
        pushed = push(
            given.directory, given.organisation, given.architectures.split(",")
        )
    except (images.ImageError, BuildError) as e:
        print(f"push: {e}", file=sys.stderr)
        return 1
    print("\n".join(pushed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
