"""A version is one word in three places, or nothing is released."""

import dataclasses
import datetime

import pytest
from release import (
    ROOT,
    SHOWING,
    ReleaseError,
    bump,
    check,
    notes,
    packages,
    project,
)

PYPROJECT = '[project]\nname = "x"\nversion = "0.2.0"\n\n[tool.x]\nminimum = "1"\n'
RELEASED = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-01-02

### Added

- A thing.

## [0.1.0] - 2026-01-01

- The first.
"""
UNRELEASED = RELEASED.replace("## [0.2.0] - 2026-01-02\n\n", "")


@dataclasses.dataclass(frozen=True)
class Case:
    reason: str
    changelog: str
    tag: str | None
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Case("the tag is another version", RELEASED, "v0.1.0", "the tag is v0.1.0"),
        Case("a tag begins with v", RELEASED, "0.2.0", "the tag is 0.2.0"),
        Case("it is not in the CHANGELOG", UNRELEASED, None, "under [Unreleased]"),
        Case(
            "the CHANGELOG is ahead",
            RELEASED.replace("[0.2.0]", "[0.3.0]"),
            None,
            "newest version is 0.3.0",
        ),
        Case(
            "a heading without a word",
            RELEASED.replace("### Added\n\n- A thing.\n\n", ""),
            None,
            "says nothing of 0.2.0",
        ),
        Case("there is no heading", "# Changelog\n", None, "newest version is None"),
    ],
    ids=lambda case: case.reason,
)
def test_what_is_not_to_be_released_says_why(case: Case) -> None:
    with pytest.raises(ReleaseError) as e:
        check(PYPROJECT, case.changelog, case.tag)
    assert case.says in str(e.value)


def test_what_agrees_is_released_with_its_own_notes() -> None:
    assert check(PYPROJECT, RELEASED, "v0.2.0") == "0.2.0"
    assert notes(PYPROJECT, RELEASED) == "### Added\n\n- A thing."


def test_a_bump_is_all_that_a_release_needs() -> None:
    pyproject, changelog = bump(
        PYPROJECT.replace("0.2.0", "0.1.0"),
        UNRELEASED,
        "0.2.0",
        datetime.date(2026, 1, 2),
    )
    assert (pyproject, changelog) == (PYPROJECT, RELEASED)


@pytest.mark.parametrize(
    ("version", "changelog", "says"),
    [
        ("v0.3.0", UNRELEASED, "no version"),
        ("0.1.0", UNRELEASED, "has 0.1.0 already"),
        ("0.3.0", RELEASED, "nothing under [Unreleased]"),
    ],
    ids=["a tag is none", "released before", "no change"],
)
def test_a_bump_that_cannot_be_says_why(
    version: str, changelog: str, says: str
) -> None:
    with pytest.raises(ReleaseError) as e:
        bump(PYPROJECT, changelog, version, datetime.date(2026, 1, 2))
    assert says in str(e.value)


def test_the_notes_name_the_packages() -> None:
    assert packages("example.org/acme", "0.2.0") == (
        "### Packages\n\n`REGISTRY=example.org/acme`:\n\n"
        "- `example.org/acme/function-ecr-repos:v0.2.0`\n"
        "- `example.org/acme/configuration-ecr-repos:v0.2.0`\n"
        "- `example.org/acme/configuration-v2-ecr-repos:v0.2.0`"
    )


def test_each_file_that_shows_the_version_is_known() -> None:
    """Otherwise `make version` would leave an older version in it."""
    assert len(SHOWING) == len(set(SHOWING)) == 5
    version = project((ROOT / "pyproject.toml").read_text())
    for file in SHOWING:
        assert f"v{version}" in file.read_text(), file
