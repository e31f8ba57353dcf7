"""Builds the image with what is there: docker, podman or buildah; tries it; saves it.

make.py build          builds function-ecr-repos:<version>
make.py try            runs it as any user on a read-only root, and asks it
make.py save FILE      writes the tarball that `crossplane xpkg build` embeds
make.py reproduce      builds it again, and fails where it is another image

ARCH=arm64 in the environment makes one of another architecture, by emulation; SOURCE is
where the sources are, for its label.
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
# The user that Crossplane runs a function as.
UID = 2000
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# Much more than it takes; emulated on a busy machine it is half a minute.
PATIENCE_S = 120
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What the image is made from.
INPUTS = (
    *("Dockerfile", "README.md", "LICENSE", "pyproject.toml"),
    *("function", "image", "requirements"),
)
# What an attacker would like to find, and what only makes it bigger.
UNWANTED = re.compile(
    r"/(pip|pip3|ensurepip|setuptools|gcc|g\+\+|cc|as|ld|make|sh|bash|dash|perl|apt|dpkg)$"
    r"|/(pip|setuptools|ensurepip|tests?)/|_history$|/var/cache/|/(root|home)/|\.cache/|\.a$"
)
# Where a file may be: the function, its Python and what that links to, what Debian has
# in /etc for them, and who made each.
WANTED = re.compile(
    r"/function/(lib/python3\.\d+/.|lib64$|pyvenv\.cfg$)"
    r"|/function/bin/(python[\d.]*|function-ecr-repos)$"
    r"|/usr/(bin/python3[\d.]*$|lib/python3\.\d+/.|lib/[\w-]+-linux-gnu/.)"
    r"|/usr/(lib|lib64)/(ld-linux-.|binfmt\.d/python)"
    r"|/usr/share/doc/[^/]+/copyright$|/var/lib/dpkg/status\.d/.|/etc/."
    r"|/(bin|lib|lib64|sbin)$"
)


class ImageError(Exception):
    """The image cannot be made or is not as it should be; its text says why."""


def version() -> str:
    """Return the project's version, from the one place that has it."""
    text = (ROOT / "pyproject.toml").read_text()
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    if not found:
        raise ImageError("pyproject.toml has no version")
    return found[1]


def run(*command: object) -> str:
    """Return a command's output.

    Raises:
        ImageError: It failed.
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
    """Return the environment, in which buildah needs no daemon and no overlay."""
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
    """Return this machine's architecture, as images call it."""
    return ARCHITECTURES[platform.machine()]


def arch() -> str:
    """Return the architecture that is asked for."""
    return os.environ.get("ARCH") or native()


def image() -> str:
    """Return the image's name and tag."""
    suffix = "" if arch() == native() else f"-{arch()}"
    return f"{NAME}:{version()}{suffix}"


def labels() -> list[str]:
    """Return the labels beside the Dockerfile's, which tell where it is from."""
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
    """Return the last commit's time: no file in the image is newer."""
    return run("git", "log", "-1", "--format=%ct")


def build() -> None:
    """Build the image; the same commit and base give the same digest."""
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
        if CERTIFICATES.exists():  # a company's own authority, for pip
            inside = "/srv/certificates.crt"  # where no package writes
            arguments += ["--volume", f"{CERTIFICATES}:{inside}:ro"]
            arguments += ["--build-arg", f"PIP_CERT={inside}"]
    say(f"building {image()} with {found}")
    run(found, "build", *arguments, "--tag", image(), ".")


def _debian() -> str:
    found = re.search(
        r"^ARG DEBIAN=(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    if not found:
        raise ImageError("the Dockerfile names no release of Debian")
    return found[1]


def with_base(found: str, base: str) -> str:
    """Return the base image: here, pulled, or made by mmdebstrap to stand in for it."""
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
            f"{base} cannot be pulled. Where no registry can be reached, buildah and "
            "mmdebstrap make one that stands in for it"
        )
    say(f"{base} cannot be pulled: mmdebstrap makes one that stands in for it")
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
    """Return the image's own digest, without the algorithm."""
    found = engine()
    flags = ["--type", "image"] if found == "buildah" else []
    field = "{{.FromImageID}}" if found == "buildah" else "{{.Id}}"
    said = run(found, "inspect", *flags, "--format", field, image())
    return said.rpartition(":")[2]


def reproduce() -> None:
    """Build the image again: the same commit must give the same."""
    before = digest()
    build()
    if (after := digest()) != before:
        raise ImageError(f"a second build of it is another image: {before}, {after}")
    print(f"{image()}: a second build is the same image, {after}")


def contents(root: Path) -> list[str]:
    """Return the image's files.

    Raises:
        ImageError: One is none that it needs, or runs as another user.
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
    """Run the image as any user on a read-only root: files, answer, SIGTERM, size."""
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
        f"answered in {took * 1000:.0f} ms as user {UID} on a read-only root; ended on "
        "SIGTERM"
    )


@contextlib.contextmanager
def rooted(directory: Path) -> Iterator[Path]:
    """Yield the directory that has the image's files, beneath a temporary one."""
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
    """Run the image, whose files are at `root`; yield its process and address.

    Raises:
        ImageError: It cannot be run.
    """
    found = engine()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    flags = ["--insecure", f"--address=127.0.0.1:{port}"]
    if found == "buildah":
        if not shutil.which("bwrap"):
            raise ImageError("buildah runs nothing read-only: install bubblewrap too")
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
    """Return the process in bwrap, which passes no signal on; others do."""
    if Path(f"/proc/{pid}/comm").read_text().strip() != "bwrap":
        return pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def answer(address: str) -> None:
    """Ask it, as soon as it listens."""
    fast = [
        ("grpc.initial_reconnect_backoff_ms", 20),
        ("grpc.min_reconnect_backoff_ms", 20),
    ]
    with grpc.insecure_channel(address, options=fast) as channel:
        stub = grpcv1.FunctionRunnerServiceStub(channel)
        rsp = stub.RunFunction(
            fnv1.RunFunctionRequest(), timeout=PATIENCE_S, wait_for_ready=True
        )
    if not rsp.results:
        raise ImageError("it answered an empty request with nothing")


def say(what: str) -> None:
    """Tell what is going on."""
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the image")
    commands.add_parser("try", help="run it, and ask it")
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
