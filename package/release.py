"""Check the version of a release, and read its notes from CHANGELOG.md.

release.py check [TAG]    checks that pyproject.toml, CHANGELOG.md and the tag agree
release.py notes          prints the section of CHANGELOG.md for that version, and the
                          packages, if the environment has REGISTRY
release.py version X.Y.Z  turns the unreleased changes into that version, dated today
"""

import datetime
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CHANGELOG = ROOT / "CHANGELOG.md"
# What shows the version: the install pages and the badge of the README.
SHOWING = (
    *(ROOT / "docs").glob("install-*.md"),
    ROOT / "docs/air-gapped.md",
    ROOT / "docs/pictures/version.svg",
)
PACKAGES = ("function", "configuration", "configuration-v2")
_HEADING = re.compile(r"^## \[([^]]+)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?")
_PROJECTS = re.compile(r'^version = "(.+)"$', re.MULTILINE)


class ReleaseError(Exception):
    """The version must not be released; the text says why."""


def sections(changelog: str) -> dict[str, str]:
    """Return the text under each version's heading, newest first."""
    parts = _HEADING.split(changelog)[1:]
    return {
        version: text.strip()
        for version, text in zip(parts[::3], parts[2::3], strict=True)
    }


def project(pyproject: str) -> str:
    """Return the version of the project."""
    (found,) = _PROJECTS.findall(pyproject)
    return str(found)


def check(pyproject: str, changelog: str, tag: str | None = None) -> str:
    """Return the version if all sources agree on it.

    Raises:
        ReleaseError: They do not agree, or some changes are still unreleased.
    """
    version = project(pyproject)
    if tag is not None and tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, pyproject.toml says {version}")
    noted = sections(changelog)
    if noted.get("Unreleased"):
        raise ReleaseError("CHANGELOG.md has changes under [Unreleased]")
    newest = next((v for v in noted if v != "Unreleased"), None)
    if newest != version:
        raise ReleaseError(
            f"CHANGELOG.md's newest version is {newest}, pyproject.toml says {version}"
        )
    if not noted[version]:
        raise ReleaseError(f"CHANGELOG.md says nothing of {version}")
    return version


def notes(pyproject: str, changelog: str) -> str:
    """Return the section of the changelog for the project's version.

    Raises:
        ReleaseError: The changelog has no such section, or it is empty.
    """
    version = project(pyproject)
    if text := sections(changelog).get(version):
        return text
    raise ReleaseError(f"CHANGELOG.md says nothing of {version}")


def packages(registry: str, version: str) -> str:
    """Return the section that names the packages of a release."""
    names = (f"- `{registry}/{name}-ecr-repos:v{version}`" for name in PACKAGES)
    return "\n".join(("### Packages", "", f"`REGISTRY={registry}`:", "", *names))


def bump(
    pyproject: str, changelog: str, version: str, today: datetime.date
) -> tuple[str, str]:
    """Return both texts with the unreleased changes moved to a version.

    Raises:
        ReleaseError: The version is malformed or already released, or there are no
            unreleased changes.
    """
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version} is no version: X.Y.Z, or X.Y.Z-rc.1")
    noted = sections(changelog)
    if version in noted:
        raise ReleaseError(f"CHANGELOG.md has {version} already")
    if not noted.get("Unreleased"):
        raise ReleaseError("CHANGELOG.md has nothing under [Unreleased]")
    headed = changelog.replace(
        "## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - {today}\n", 1
    )
    return _PROJECTS.sub(f'version = "{version}"', pyproject, count=1), headed


def main() -> int:
    """Run the command; return the exit status."""
    pyproject, changelog = PYPROJECT.read_text(), CHANGELOG.read_text()
    try:
        match sys.argv[1:]:
            case ["check"]:
                print(check(pyproject, changelog))
            case ["check", tag]:
                print(check(pyproject, changelog, tag))
            case ["notes"]:
                print(notes(pyproject, changelog))
                if registry := os.environ.get("REGISTRY"):
                    print(f"\n{packages(registry, project(pyproject))}")
            case ["version", version]:
                today = datetime.datetime.now(datetime.UTC).date()
                older = project(pyproject)
                pyproject, changelog = bump(pyproject, changelog, version, today)
                for file in SHOWING:
                    text = file.read_text()
                    file.write_text(text.replace(f"v{older}", f"v{version}"))
                PYPROJECT.write_text(pyproject)
                CHANGELOG.write_text(changelog)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except ReleaseError as e:
        print(f"release: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
