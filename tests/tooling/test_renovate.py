"""Renovate's configuration covers everything that this repository pins.

`make lint` checks it against Renovate's schema. These tests check what the schema
cannot know: that its patterns and rules match files and versions that exist.
"""

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest

CONFIG: dict[str, Any] = json.loads(Path(".github/renovate.json").read_text())
RULES: list[dict[str, Any]] = CONFIG["packageRules"]
REQUIREMENTS = sorted(Path("requirements").iterdir())
TOOLS = sorted(Path("tests/conformance/tools").iterdir())
# Renovate's own patterns for what it finds by itself.
DEFAULTS = {
    "pep621": ["pyproject.toml"],
    "gomod": [f"{tool}/go.mod" for tool in TOOLS],
    "github-actions": [str(file) for file in Path(".github/workflows").iterdir()],
}


def pinned(package: str) -> list[str]:
    """Return the versions of a package that the lock files pin, by a glob."""
    lines = "\n".join(file.read_text() for file in REQUIREMENTS)
    found = re.findall(r"^([\w.-]+)==(\S+)", lines, re.MULTILINE)
    return [version for name, version in found if fnmatch.fnmatch(name, package)]


@pytest.mark.parametrize("file", REQUIREMENTS, ids=str)
def test_every_lock_file_is_updated(file: Path) -> None:
    (pattern,) = CONFIG["pip_requirements"]["managerFilePatterns"]
    assert re.search(pattern.strip("/"), str(file))


@pytest.mark.parametrize("manager", DEFAULTS)
def test_files_that_renovate_finds_by_itself_are_updated(manager: str) -> None:
    assert manager in CONFIG["enabledManagers"]
    assert DEFAULTS[manager]
    assert all(Path(file).is_file() for file in DEFAULTS[manager])


def test_the_tools_below_tests_are_not_ignored() -> None:
    """config:recommended ignores every folder called tests."""
    assert CONFIG["ignorePaths"] == []


def test_the_debian_release_is_found_in_the_dockerfile() -> None:
    (manager,) = CONFIG["customManagers"]
    (pattern,) = manager["matchStrings"]
    found = re.findall(pattern.replace("(?<", "(?P<"), Path("Dockerfile").read_text())
    assert len(found) == 1


@pytest.mark.parametrize(
    "file", sorted({file for rule in RULES for file in rule.get("matchFileNames", [])})
)
def test_a_rule_names_a_file_that_exists(file: str) -> None:
    assert Path(file).is_file()


@pytest.mark.parametrize(
    "rule", [r for r in RULES if "allowedVersions" in r], ids=lambda r: r["description"]
)
def test_a_limit_allows_the_version_that_is_pinned(rule: dict[str, Any]) -> None:
    (file,), (package,) = rule["matchFileNames"], rule["matchPackageNames"]
    module = re.escape(package.removesuffix("/**"))
    required = re.search(
        rf"^(?:require )?\s*{module}(?:/v2)? (\S+)",
        Path(file).read_text(),
        re.MULTILINE,
    )
    assert required
    assert re.search(rule["allowedVersions"].strip("/"), required[1])


@pytest.mark.parametrize(
    "package",
    [
        package
        for rule in RULES
        if rule.get("matchManagers") == ["pip_requirements"]
        for package in rule["matchPackageNames"]
    ],
)
def test_an_exception_is_for_a_package_that_is_pinned(package: str) -> None:
    assert pinned(package)
