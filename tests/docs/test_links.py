"""Every link leads to an existing file and heading.

Links to other hosts are not followed: CI may not reach them.
"""

import re
from pathlib import Path

import pytest
from blocks import PAGES, ROOT

_LINK = re.compile(
    r"\]\((?P<inline>[^)\s]+)\)|^\[(?!\^)[^\]]+\]: (?P<named>\S+)", re.MULTILINE
)
_SOURCE = re.compile(r'(?:src|srcset)="(?P<to>[^"]+)"')
_FENCE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    return _FENCE.sub("", (ROOT / page).read_text())


def links(page: Path) -> list[str]:
    text = prose(page)
    found = [m["inline"] or m["named"] for m in _LINK.finditer(text)]
    return found + [m["to"] for m in _SOURCE.finditer(text)]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub creates from the headings of a page."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    }


# Pages of GitHub itself, relative to the README.
ELSEWHERE = ("http", "../../actions/")
LINKS = [
    (page, to) for page in PAGES for to in links(page) if not to.startswith(ELSEWHERE)
]


def test_there_are_links() -> None:
    assert len(LINKS) > 30


@pytest.mark.parametrize(("page", "to"), LINKS, ids=lambda value: str(value))
def test_a_link_leads_somewhere(page: Path, to: str) -> None:
    path, _, anchor = to.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists(), f"{page}: no {path}"
    if target.is_dir():
        target /= "README.md"
    if anchor:
        there = target.resolve().relative_to(ROOT.resolve())
        assert anchor in anchors(there), f"{page}: {there} has no heading {anchor}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_picture_has_an_alt_text(page: Path) -> None:
    text = prose(page)
    for alt in re.findall(r"!\[([^\]]*)\]\(", text) + re.findall(
        r'<img[^>]*alt="([^"]*)"', text
    ):
        assert len(alt.split()) > 5, alt
    assert len(re.findall(r"<img", text)) == len(re.findall(r'<img[^>]*alt="', text))


def test_a_named_link_is_used() -> None:
    """No page defines a link that it does not use."""
    for page in PAGES:
        text = prose(page)
        for name in re.findall(r"^\[(?!\^)([^\]]+)\]: ", text, re.MULTILINE):
            assert text.count(f"[{name}]") > 1, f"{page}: [{name}] is unused"
