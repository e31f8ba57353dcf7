"""Builds the packages that Crossplane installs, with the real Crossplane CLI.

    xpkg.py OUT --function-package HOST/acme/function-ecr-repos [...]

OUT gets function-ecr-repos-<arch>.xpkg, which holds the runtime image, and
configuration-ecr-repos.xpkg, which has Crossplane install the function and, if it is
told where that is, the provider.
"""

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parent
sys.path[:0] = [str(ROOT / "image"), str(ROOT / "tests/conformance")]

import make as images  # noqa: E402  # image/make.py
from build import BuildError, build  # noqa: E402  # tests/conformance/build.py

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
PROVIDER_VERSION = ">=v0.58.0"


def cli() -> Path:
    """Return PATH's crossplane if it is new enough, else the pinned one, built."""
    found = shutil.which("crossplane")
    if found:
        said = subprocess.run(  # noqa: S603
            [found, "xpkg", "build", "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        if "--embed-runtime-image-tarball" in said.stdout:
            return Path(found)
    return build("crossplane-cli")


def dependency_name(package: str) -> str:
    """Return the name that Crossplane gives a package that it installs for another.

    crossplane, internal/xpkg: ToDNSLabel of the OCI path, without its host.
    """
    first, _, rest = package.partition("/")
    path = rest if rest and ("." in first or ":" in first) else package
    path = path.partition("@")[0].partition(":")[0]
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:63]


def configuration(directory: Path, function: str, provider: str) -> None:
    """Write the Configuration package's directory."""
    shutil.copy(PACKAGE / "configuration/definition.yaml", directory)
    composition = yaml.safe_load(
        (PACKAGE / "configuration/composition.yaml").read_text()
    )
    (step,) = composition["spec"]["pipeline"]
    step["functionRef"]["name"] = dependency_name(function)
    (directory / "composition.yaml").write_text(yaml.safe_dump(composition))
    meta = yaml.safe_load((PACKAGE / "function/crossplane.yaml").read_text())
    annotations = dict(meta["metadata"]["annotations"])
    depends: list[dict[str, str]] = [
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "Function",
            "package": function,
            "version": f"=v{images.version()}",
        }
    ]
    if provider:
        depends.append(
            {
                "apiVersion": "pkg.crossplane.io/v1",
                "kind": "Provider",
                "package": provider,
                "version": PROVIDER_VERSION,
            }
        )
    package = {
        "apiVersion": "meta.pkg.crossplane.io/v1",
        "kind": "Configuration",
        "metadata": {"name": "configuration-ecr-repos", "annotations": annotations},
        "spec": {"crossplane": meta["spec"]["crossplane"], "dependsOn": depends},
    }
    (directory / "crossplane.yaml").write_text(yaml.safe_dump(package))


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--function-package",
        required=True,
        help="where the function's package will be: the Configuration depends on it",
    )
    parser.add_argument(
        "--provider-package",
        default="",
        help="provider-aws's package; without it the Configuration depends on none",
    )
    given = parser.parse_args()
    arch = ARCHITECTURES[platform.machine()]
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        crossplane = cli()
        with tempfile.TemporaryDirectory(
            prefix="function-ecr-repos-xpkg-"
        ) as temporary:
            directory = Path(temporary)
            tarball = directory / "runtime.tar"
            images.save(tarball)
            configured = directory / "configuration"
            configured.mkdir()
            configuration(configured, given.function_package, given.provider_package)
            for name, flags in (
                (
                    f"function-ecr-repos-{arch}",
                    (
                        *("--package-root", PACKAGE / "function"),
                        *("--examples-root", ROOT / "example"),
                        *("--embed-runtime-image-tarball", tarball),
                    ),
                ),
                ("configuration-ecr-repos", ("--package-root", configured)),
            ):
                file = given.out / f"{name}.xpkg"
                file.unlink(missing_ok=True)
                images.run(
                    crossplane,
                    "xpkg",
                    "build",
                    *flags,
                    "--package-file",
                    file.resolve(),
                )
                print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    except (images.ImageError, BuildError) as e:
        print(f"xpkg: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
