"""The comparison with other tools: what it says of this function, a test shows."""

import re

import pytest
from blocks import ROOT

PAGE = ROOT / "docs/repository-options.md"
TEXT = PAGE.read_text()
SECTION = re.split(r"^## ", TEXT, flags=re.MULTILINE)
(COMPARISON,) = [s for s in SECTION if s.startswith("Compare with other tools\n")]
HEADINGS: list[str] = []
ROWS: list[list[str]] = []
for line in re.findall(r"^\|(.*)\|$", COMPARISON, re.MULTILINE):
    cells = [cell.strip() for cell in line.split("|")]
    HEADINGS = HEADINGS or cells
    if cells[0] and not cells[0].startswith("---"):
        ROWS.append(cells)


def link(cell: str) -> str:
    """Return where a cell's link leads to, relative to the page; empty for none."""
    found = re.fullmatch(r"\[([^\]]+)\](?:\((.+)\)|\[(.+)\])?", cell)
    if not found:
        return ""
    text, to, name = found.groups()
    named = re.search(rf"^\[{re.escape(name or text)}\]: (\S+)", TEXT, re.MULTILINE)
    return str(to or (named and named[1]) or "")


def test_the_table_is_found() -> None:
    assert HEADINGS[:2] == ["", "this function"]
    assert len(ROWS) > 10
    assert {len(cells) for cells in ROWS} == {len(HEADINGS)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_each_cell_of_ours_has_its_test(row: list[str]) -> None:
    feature, ours, *_ = row
    if re.match(r"\[?no\b", ours):
        return
    test = (PAGE.parent / link(ours)).resolve().relative_to(ROOT)
    assert (ROOT / test).is_file(), f"{feature}: no {test}"
    assert re.fullmatch(r"tests/\w+/test_\w+\.py", str(test)), feature
    assert "def test_" in (ROOT / test).read_text()


@pytest.mark.parametrize(
    ("cell", "to"),
    [
        ("[yes](../a.py)", "../a.py"),
        ("[access]", "../tests/ecr/test_repository_policy.py"),
        ("[created with it][workloads]", "../tests/e2e/test_workloads.py"),
        ("yes", ""),
        ("[without a target]", ""),
    ],
)
def test_where_a_cell_leads(cell: str, to: str) -> None:
    assert link(cell) == to
