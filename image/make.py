"""Build, try and save the image with docker, podman or buildah.

make.py build          builds function-ecr-repos:<version>
make.py try            runs it as any user on a read-only root, and sends a request
make.py save FILE      writes the tarball that `crossplane xpkg build` embeds
make.py reproduce      builds it again, and fails if the result is a different image

ARCH=arm64 in the environment builds for another architecture, with emulation. SOURCE is
the URL of the sources, for the label of the image.
"""

import argparse
import contextlib
import datetime
import functools
import gzip
import json
import os
import platform
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from crossplane.function.proto.v1 import run_function_pb2_grpc as grpcv1

ROOT = Path(__file__).parents[1]
NAME = "function-ecr-repos"
# The user as which Crossplane runs a function.
UID = 2000
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# Much longer than needed; with emulation on a busy machine it takes half a minute.
PATIENCE_S = 120
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# The files that the image is built from.
INPUTS = (
    *("Dockerfile", "README.md", "LICENSE", "pyproject.toml"),
    *("function", "image", "requirements"),
)
# Files that an attacker could use, and files that only make the image bigger.
UNWANTED = re.compile(
    r"/(pip|pip3|ensurepip|setuptools|gcc|g\+\+|cc|as|ld|make|sh|bash|dash|perl|apt|dpkg)$"
    r"|/(pip|setuptools|ensurepip|tests?)/|_history$|/var/cache/|/(root|home)/|\.cache/|\.a$"
)
# The allowed paths: the function, its Python and the libraries that it links to, their
# files in /etc, and the copyright of each.
WANTED = re.compile(
    r"/function/(lib/python3\.\d+/.|lib64$|pyvenv\.cfg$)"
    r"|/function/bin/(python[\d.]*|function-ecr-repos)$"
    r"|/usr/(bin/python3[\d.]*$|lib/python3\.\d+/.|lib/[\w-]+-linux-gnu/.)"
    r"|/usr/(lib|lib64)/(ld-linux-.|binfmt\.d/python)"
    r"|/usr/share/doc/[^/]+/copyright$|/var/lib/dpkg/status\.d/.|/etc/."
    r"|/(bin|lib|lib64|sbin)$"
)


class ImageError(Exception):
    """The image cannot be built or is wrong; the text says why."""


def version() -> str:
    """Return the version of the project from pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    if not found:
        raise ImageError("pyproject.toml has no version")
    return found[1]


def run(*command: object) -> str:
    """Run a command; return its output.

    Raises:
        ImageError: The command failed.
    """
    done = subprocess.run(
        [str(c) for c in command],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise ImageError(f"{' '.join(map(str, command))}:\n{said}")
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """Return an environment in which buildah needs no daemon and no overlay."""
    own = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
    return {**own, **os.environ}


@functools.cache
def engine() -> str:
    """Return docker, podman or buildah: the first that works here."""
    for candidate in ("docker", "podman", "buildah"):
        if shutil.which(candidate):
            with contextlib.suppress(ImageError):
                run(candidate, "info")
                return candidate
    raise ImageError(
        "none of docker, podman and buildah works here. Install one; buildah needs "
        "neither a daemon nor a registry account"
    )


def native() -> str:
    """Return the architecture of this machine, as images name it."""
    return ARCHITECTURES[platform.machine()]


def arch() -> str:
    """Return the architecture to build for."""
    return os.environ.get("ARCH") or native()


def image() -> str:
    """Return the name and tag of the image."""
    suffix = "" if arch() == native() else f"-{arch()}"
    return f"{NAME}:{version()}{suffix}"


def labels() -> list[str]:
    """Return labels, in addition to those of the Dockerfile, that name the sources."""
    changed = run("git", "status", "--porcelain", "--", *INPUTS)
    made = datetime.datetime.fromtimestamp(int(stamp()), datetime.UTC)
    of = {
        "created": made.isoformat().replace("+00:00", "Z"),
        "revision": run("git", "rev-parse", "HEAD") + ("-changed" if changed else ""),
    }
    if source := os.environ.get("SOURCE"):
        of |= {"source": source, "documentation": f"{source}/blob/main/docs"}
    return [f"org.opencontainers.image.{name}={value}" for name, value in of.items()]


def stamp() -> str:
    """Return the time of the last commit; no file in the image is newer."""
    return run("git", "log", "-1", "--format=%ct")


def build() -> None:
    """Build the image; the same commit and base image give the same digest."""
    found = engine()
    base = with_base(found, f"debian:{_debian()}-slim")
    arguments: list[object] = ["--build-arg", f"VERSION={version()}"]
    for label in labels():
        arguments += ["--label", label]
    arguments += ["--build-arg", f"BASE={base}"]
    if arch() != native():
        arguments += ["--platform", f"linux/{arch()}"]
    if found == "docker":
        arguments += ["--build-arg", f"SOURCE_DATE_EPOCH={stamp()}"]
    else:
        arguments += ["--timestamp", stamp()]
        if CERTIFICATES.exists():  # a company's certificate authority, for pip
            inside = "/srv/certificates.crt"  # no package writes here
            arguments += ["--volume", f"{CERTIFICATES}:{inside}:ro"]
            arguments += ["--build-arg", f"PIP_CERT={inside}"]
    say(f"building {image()} with {found}")
    run(found, "build", *arguments, "--tag", image(), ".")


def _debian() -> str:
    found = re.search(
        r"^ARG DEBIAN=(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    if not found:
        raise ImageError("the Dockerfile does not name a Debian release")
    return found[1]


def with_base(found: str, base: str) -> str:
    """Return the base image: local, pulled, or a replacement built by mmdebstrap."""
    foreign = arch() != native()
    if foreign and found == "docker":
        return base  # docker pulls by platform
    made = f"{base}-{arch()}" if foreign else base
    images = (
        json.loads(run(found, "images", "--json"))
        if found == "buildah"
        else run(found, "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    )
    if made in str(images):
        return made
    with contextlib.suppress(ImageError):
        say(f"pulling {base}")
        run(found, "pull", "--platform", f"linux/{arch()}", base)
        return base
    if found != "buildah" or not shutil.which("mmdebstrap"):
        raise ImageError(
            f"{base} cannot be pulled. If no registry can be reached, install buildah "
            "and mmdebstrap to build a replacement"
        )
    say(f"{base} cannot be pulled: building a replacement with mmdebstrap")
    suite = {"13": "trixie"}[_debian()]
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-base-") as directory:
        tar = Path(directory) / "base.tar"
        run(
            *("mmdebstrap", "--variant=minbase", f"--architectures={arch()}"),
            *(suite, tar),
        )
        container = run("buildah", "from", f"--platform=linux/{arch()}", "scratch")
        try:
            run("buildah", "add", "--quiet", container, tar, "/")
            run("buildah", "commit", "--quiet", container, made)
        finally:
            run("buildah", "rm", container)
    return made


def save(file: Path) -> None:
    """Write the image as the tarball that `crossplane xpkg build` embeds."""
    found = engine()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    if found == "buildah":
        run("buildah", "push", "--quiet", image(), f"docker-archive:{file}:{image()}")
    else:
        run(found, "save", "--output", file, image())


def digest() -> str:
    """Return the digest of the image, without the algorithm."""
    found = engine()
    flags = ["--type", "image"] if found == "buildah" else []
    field = "{{.FromImageID}}" if found == "buildah" else "{{.Id}}"
    said = run(found, "inspect", *flags, "--format", field, image())
    return said.rpartition(":")[2]


def reproduce() -> None:
    """Build the image again: the same commit must give the same image."""
    before = digest()
    build()
    if (after := digest()) != before:
        raise ImageError(f"a second build is a different image: {before}, {after}")
    print(f"{image()}: a second build is the same image, {after}")


def contents(root: Path) -> list[str]:
    """Return the files in the image.

    Raises:
        ImageError: A file is not needed, or runs as another user.
    """
    found = {
        f"/{file.relative_to(root)}": file
        for file in root.rglob("*")
        if file.is_symlink() or not file.is_dir()
    }
    bad = [
        name
        for name, file in found.items()
        if UNWANTED.search(name)
        or not WANTED.match(name)
        or file.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID)
    ]
    if bad:
        raise ImageError(f"the image has what it should not: {bad[:20]}")
    return sorted(found)


def attempt() -> None:
    """Run the image as any user on a read-only root; check files, response, SIGTERM."""
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-try-") as directory:
        with rooted(Path(directory)) as root:
            files = contents(root)
            with serving(root) as (process, address):
                started = time.monotonic()
                answer(address)
                took = time.monotonic() - started
                os.kill(_inner(process.pid), signal.SIGTERM)
                status = process.wait(PATIENCE_S)
        tar = Path(directory) / "image.tar"
        save(tar)
        small = len(gzip.compress(tar.read_bytes()))
    if status != 0:
        raise ImageError(f"it ended with {status} on SIGTERM")
    print(
        f"{image()}: {small / 1e6:.1f} MB compressed, {len(files)} files; started and "
        f"responded in {took * 1000:.0f} ms as user {UID} on a read-only root; ended "
        "on SIGTERM"
    )


@contextlib.contextmanager
def rooted(directory: Path) -> Iterator[Path]:
    """Unpack the image into a directory below a temporary one; yield it."""
    found = engine()
    if found == "buildah":
        container = run("buildah", "from", f"--platform=linux/{arch()}", image())
        try:
            yield Path(run("buildah", "mount", container))
        finally:
            run("buildah", "rm", container)
        return
    container = run(found, "create", image())
    try:
        tar = directory / "root.tar"
        run(found, "export", "--output", tar, container)
        run("tar", "-x", "-C", directory, "-f", tar)
        tar.unlink()
        yield directory
    finally:
        run(found, "rm", container)


@contextlib.contextmanager
def serving(root: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run the image that is unpacked at `root`; yield its process and address.

    Raises:
        ImageError: The image cannot be run.
    """
    found = engine()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    flags = ["--insecure", f"--address=127.0.0.1:{port}"]
    if found == "buildah":
        if not shutil.which("bwrap"):
            raise ImageError("buildah has no read-only root: install bubblewrap too")
        config = json.loads(run("buildah", "inspect", image()))["OCIv1"]["config"]
        command = [
            *("bwrap", "--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev"),
            *("--unshare-user", "--uid", str(UID), "--gid", str(UID), "--clearenv"),
            *(
                part
                for pair in config["Env"]
                for part in ("--setenv", *pair.split("=", 1))
            ),
            *("--die-with-parent", "--", *config["Entrypoint"], *flags),
        ]
    else:
        command = [
            *(found, "run", "--rm", "--read-only", f"--user={UID}:{UID}"),
            *("--network=host", image(), *flags),
        ]
    process = subprocess.Popen(command, env=environment())
    try:
        yield process, f"127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _inner(pid: int) -> int:
    """Return the process inside bwrap, because bwrap does not forward signals."""
    if Path(f"/proc/{pid}/comm").read_text().strip() != "bwrap":
        return pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def answer(address: str) -> None:
    """Send a request as soon as the function listens."""
    fast = [
        ("grpc.initial_reconnect_backoff_ms", 20),
        ("grpc.min_reconnect_backoff_ms", 20),
    ]
    with grpc.insecure_channel(address, options=fast) as channel:
        stub = grpcv1.FunctionRunnerServiceStub(channel)
        rsp = stub.RunFunction(
            fnv1.RunFunctionRequest(), timeout=PATIENCE_S, wait_for_ready=True
        )
    if not rsp.requirements.resources:
        raise ImageError("the response to an empty request requires no settings")


def say(what: str) -> None:
    """Print a progress message."""
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the image")
    commands.add_parser("try", help="run it, and send a request")
    commands.add_parser("save", help="write its tarball").add_argument(
        "file", type=Path
    )
    commands.add_parser("reproduce", help="build it again, and compare")
    given = parser.parse_args()
    simple = {"build": build, "try": attempt, "reproduce": reproduce}
    try:
        if given.command == "save":
            save(given.file)
        else:
            simple[given.command]()
    except ImageError as e:
        say(f"image: {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
