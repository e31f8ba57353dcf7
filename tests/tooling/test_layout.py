"""Where tests are: beside the namesake of what they test, and apart from each other."""

import ast
from pathlib import Path

import pytest

TESTS = Path("tests")
MODULES = sorted(TESTS.rglob("test_*.py"))


def imported(file: Path) -> set[str]:
    """Return the names of the modules that a file imports, and of what is in them."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {alias.name for alias in node.names}
    return {part for name in found for part in name.split(".")}


@pytest.mark.parametrize("file", MODULES, ids=str)
def test_no_test_module_imports_another(file: Path) -> None:
    """What two of them need is a builder's, in tests/builders.py."""
    assert not imported(file) & {module.stem for module in MODULES}
