"""Push the packages in a directory; the function becomes one multi-arch package.

    push.py DIRECTORY HOST/ORGANISATION [--architectures amd64,arm64 | --login USER]

It prints the reference of each package by digest, and writes them beside the packages:
pushed.txt for signing, checksums.txt for attestation. It uses the credentials that
`make login`, `docker login` or a similar command stored.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import xpkg
from xpkg import BuildError, build, images


def reference(organisation: str, name: str) -> str:
    """Return the reference to which a package is pushed."""
    return f"{organisation}/{name}-ecr-repos:v{images.version()}"


def push(directory: Path, organisation: str, architectures: list[str]) -> list[str]:
    """Push the packages; return their references by digest, the function first.

    Raises:
        ImageError: A package is missing, or the registry refuses it.
    """
    crossplane, crane = xpkg.cli(), build("crane")
    packages = {
        "function": [directory / f"function-ecr-repos-{a}.xpkg" for a in architectures],
        **{
            name: [directory / f"{name}-ecr-repos.xpkg"] for name in xpkg.CONFIGURATIONS
        },
    }
    if missing := [f for files in packages.values() for f in files if not f.exists()]:
        raise images.ImageError(f"{', '.join(map(str, missing))}: `make xpkg` first")
    pushed = []
    for name, files in packages.items():
        wanted = reference(organisation, name)
        images.run(
            *(crossplane, "xpkg", "push", wanted),
            *("--package-files", ",".join(map(str, files))),
        )
        pushed.append(images.run(crane, "digest", "--full-ref", wanted))
    (directory / "pushed.txt").write_text("".join(f"{each}\n" for each in pushed))
    checksums = (each.partition("@sha256:")[::2] for each in pushed)
    (directory / "checksums.txt").write_text(
        "".join(f"{digest}  {name}\n" for name, digest in checksums)
    )
    return pushed


def login(host: str, user: str) -> int:
    """Store credentials for a registry; return the exit status."""
    command = [str(build("crane")), "auth", "login", host, "--username", user]
    return subprocess.run([*command, "--password-stdin"], check=False).returncode


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("organisation")
    parser.add_argument("--architectures", default="amd64,arm64")
    parser.add_argument(
        "--login", metavar="USER", help="only log in; reads the password from stdin"
    )
    given = parser.parse_args()
    try:
        if given.login is not None:
            return login(given.organisation.partition("/")[0], given.login)
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
