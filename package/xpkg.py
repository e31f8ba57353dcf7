"""Build the packages that Crossplane installs, with the real Crossplane CLI.

    xpkg.py OUT --function-package HOST/acme/function-ecr-repos [...]

It writes to OUT function-ecr-repos-<arch>.xpkg, with the runtime image of one
architecture, configuration-ecr-repos.xpkg, and configuration-v2-ecr-repos.xpkg for
Crossplane v2. The two Configurations depend on the function and, if its package is
given, on the provider. ARCH and SOURCE have the same meaning as in image/make.py.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parent
sys.path[:0] = [str(ROOT / "image"), str(ROOT / "tests/conformance")]

import make as images  # noqa: E402  # image/make.py
from build import BuildError, build  # noqa: E402  # tests/conformance/build.py

# push.py imports these modules too, through the path that is set here.
__all__ = ["BuildError", "build", "images"]

# For each Configuration: the version of its provider, and that of Crossplane if it is
# not the function's.
CONFIGURATIONS = {
    "configuration": (">=v0.58.0", None),
    # v2.0.4 accepts a ManagedResourceActivationPolicy in a Configuration, v2.0.2 does
    # not: crossplane, internal/xpkg/lint.go, NewConfigurationLinter.
    "configuration-v2": (">=v2.0.0", {"version": ">=v2.0.4-0"}),
}
# Only Crossplane v2 has this kind, so the Configuration for claims cannot hold it.
ACTIVATION = "activation.yaml"


def cli() -> Path:
    """Return crossplane from PATH if it is new enough, else build the pinned one."""
    found = shutil.which("crossplane")
    if found:
        said = subprocess.run(
            [found, "xpkg", "build", "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        if "--embed-runtime-image-tarball" in said.stdout:
            return Path(found)
    return build("crossplane-cli")


def dependency_name(package: str) -> str:
    """Return the name that Crossplane gives to a package installed as a dependency.

    crossplane, internal/xpkg: ToDNSLabel of the OCI path, without the host.
    """
    first, _, rest = package.partition("/")
    path = rest if rest and ("." in first or ":" in first) else package
    path = path.partition("@")[0].partition(":")[0]
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:63]


def metadata() -> dict[str, Any]:
    """Return crossplane.yaml of the Function package, with the URL of its sources."""
    meta: dict[str, Any] = yaml.safe_load(
        (PACKAGE / "function/crossplane.yaml").read_text()
    )
    if source := os.environ.get("SOURCE"):
        meta["metadata"]["annotations"]["meta.crossplane.io/source"] = source
    return meta


def function(directory: Path) -> None:
    """Write the directory of the Function package."""
    shutil.copytree(PACKAGE / "function/input", directory / "input")
    (directory / "crossplane.yaml").write_text(yaml.safe_dump(metadata()))


def configuration(
    directory: Path,
    function: str,
    provider: str,
    name: str = "configuration",
    version: str = "",
) -> None:
    """Write the directory of a Configuration package.

    Args:
        directory: The directory to write.
        function: The package of the function; the Composition refers to its name.
        provider: The package of the provider, or an empty string.
        name: The source directory of the Configuration, next to this file.
        version: The minimum version of the function; by default this version.
    """
    provider_version, crossplane = CONFIGURATIONS[name]
    shutil.copy(PACKAGE / name / "definition.yaml", directory)
    if (activation := PACKAGE / name / ACTIVATION).exists():
        shutil.copy(activation, directory)
    composition = yaml.safe_load((PACKAGE / name / "composition.yaml").read_text())
    (step,) = composition["spec"]["pipeline"]
    step["functionRef"]["name"] = dependency_name(function)
    (directory / "composition.yaml").write_text(yaml.safe_dump(composition))
    meta = metadata()
    depends = [
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "Function",
            "package": function,
            # Crossplane does not upgrade dependencies. The function is upgraded first,
            # and is then newer than the version in its Configuration.
            "version": f">=v{version or images.version()}",
        }
    ]
    if provider:
        depends.append(
            {
                "apiVersion": "pkg.crossplane.io/v1",
                "kind": "Provider",
                "package": provider,
                "version": provider_version,
            }
        )
    package = {
        "apiVersion": "meta.pkg.crossplane.io/v1",
        "kind": "Configuration",
        "metadata": {
            "name": f"{name}-ecr-repos",
            "annotations": meta["metadata"]["annotations"],
        },
        "spec": {
            "crossplane": crossplane or meta["spec"]["crossplane"],
            "dependsOn": depends,
        },
    }
    (directory / "crossplane.yaml").write_text(yaml.safe_dump(package))


def build_package(file: Path, root: Path, *flags: object) -> None:
    """Build a package file from its directory with the real CLI."""
    file.unlink(missing_ok=True)
    images.run(
        *(cli(), "xpkg", "build", "--package-root", root, *flags),
        *("--package-file", file.resolve()),
    )
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, {sha256(file.read_bytes())}")


def sha256(content: bytes) -> str:
    """Return the digest of content in the format of OCI."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--function-package",
        required=True,
        help="the package of the function, on which the Configuration depends",
    )
    parser.add_argument(
        "--provider-package",
        default="",
        help="the package of provider-aws; by default there is no such dependency",
    )
    parser.add_argument(
        "--provider-package-v2",
        default="",
        help="the same for Crossplane v2: the package of provider-aws-ecr",
    )
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(
            prefix="function-ecr-repos-xpkg-"
        ) as temporary:
            directory = Path(temporary)
            tarball = directory / "runtime.tar"
            images.save(tarball)
            (directory / "function").mkdir()
            function(directory / "function")
            build_package(
                given.out / f"function-ecr-repos-{images.arch()}.xpkg",
                directory / "function",
                *("--examples-root", ROOT / "example"),
                *("--embed-runtime-image-tarball", tarball),
            )
            providers = (given.provider_package, given.provider_package_v2)
            for package, provider in zip(CONFIGURATIONS, providers, strict=True):
                (directory / package).mkdir()
                configuration(
                    directory / package, given.function_package, provider, package
                )
                build_package(
                    given.out / f"{package}-ecr-repos.xpkg", directory / package
                )
    except (images.ImageError, BuildError) as e:
        print(f"xpkg: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
