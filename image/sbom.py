"""Write a CycloneDX SBOM of the image: its packages from Debian and PyPI.

    sbom.py FILE

The list is read from the built image, not from the files that it was built from.
"""

import email
import importlib.metadata
import sys
import tempfile
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from make import ImageError, digest, rooted, say, version
from packageurl import PackageURL


def contents(root: Path) -> Bom:
    """Return the SBOM of an unpacked image."""
    bom = Bom()
    bom.metadata.component = Component(
        name="function-ecr-repos",
        version=version(),
        type=ComponentType.CONTAINER,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest())],
    )
    for file in sorted((root / "var/lib/dpkg/status.d").iterdir()):
        status = email.message_from_string(file.read_text())
        name, version_of = status["Package"], status["Version"]
        purl = PackageURL(
            "deb", "debian", name, version_of, {"arch": status["Architecture"]}
        )
        bom.components.add(component(name, version_of, purl))
    (packages,) = root.glob("function/lib/python3*/site-packages")
    for found in importlib.metadata.distributions(path=[str(packages)]):
        name = found.metadata["Name"]
        purl = PackageURL("pypi", None, name.lower(), found.version)
        bom.components.add(component(name, found.version, purl))
    bom.register_dependency(bom.metadata.component, bom.components)
    return bom


def component(name: str, version: str, purl: PackageURL) -> Component:
    """Return a package as a component, identified by its package URL."""
    return Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())


def main() -> int:
    """Run the command; return the exit status."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):  # noqa: PLR2004
        say(__doc__ or "")
        return 2
    try:
        with (
            tempfile.TemporaryDirectory() as directory,
            rooted(Path(directory)) as root,
        ):
            bom = contents(root)
    except ImageError as e:
        say(f"sbom: {e}")
        return 1
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        say(f"sbom: not valid CycloneDX 1.6: {wrong}")
        return 1
    file = Path(sys.argv[1])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    print(f"{file}: {len(bom.components)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
