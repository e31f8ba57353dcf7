"""Tests mirror the code: a namesake for each module, and none imports another."""

import ast
from pathlib import Path

import pytest

TESTS, FUNCTION = Path("tests"), Path("function")
TEST_MODULES = sorted(TESTS.rglob("test_*.py"))
# A folder of function/ has a folder of tests.
FOLDERS = {path.name for path in FUNCTION.iterdir() if (path / "__init__.py").exists()}
MODULES = {
    path.relative_to(FUNCTION)
    for path in FUNCTION.rglob("*.py")
    if path.name != "__init__.py"
}
WITHOUT_A_TEST = {
    "cli/options.py": "declares options; the commands that take them are tested",
    "api/fields.py": "the fields of two models; test_input.py parses all of them",
    "ecr/model.py": "a base class without methods",
}


def imported(file: Path) -> set[str]:
    """Return the names of the modules that a file imports, and of what is in them."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {alias.name for alias in node.names}
    return {part for name in found for part in name.split(".")}


@pytest.mark.parametrize("file", TEST_MODULES, ids=str)
def test_no_test_module_imports_another(file: Path) -> None:
    """What two of them need belongs into tests/builders.py, or a module beside them."""
    assert not imported(file) & {module.stem for module in TEST_MODULES}


@pytest.mark.parametrize("module", sorted(MODULES), ids=str)
def test_each_module_has_its_tests(module: Path) -> None:
    file = TESTS / module.with_name(f"test_{module.name}")
    assert file.exists() != (module.as_posix() in WITHOUT_A_TEST)


def test_each_test_module_has_its_module() -> None:
    mirrored = {file.relative_to(TESTS) for file in TEST_MODULES}
    names = {
        file.with_name(file.name.removeprefix("test_"))
        for file in mirrored
        if file.parts[0] in FOLDERS or len(file.parts) == 1
    }
    assert names <= MODULES
