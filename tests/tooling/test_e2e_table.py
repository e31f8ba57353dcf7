"""The table of e2e's scenarios names tests that there are."""

import ast
from pathlib import Path

import pytest
import scenarios
from apis import APIS

E2E = Path(__file__).parents[1] / "e2e"
MODULES = {file.stem: file for file in E2E.glob("test_*.py")}
TESTS = {
    node.name
    for file in MODULES.values()
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


def test_every_module_has_its_place() -> None:
    assert set(scenarios.ORDER) == set(MODULES)


@pytest.mark.parametrize(
    "name", [*scenarios.NOT_ON, *scenarios.FULL_ONLY, *scenarios.ALONE]
)
def test_what_is_excepted_is_a_scenario(name: str) -> None:
    assert name in TESTS | set(MODULES)


@pytest.mark.parametrize(("name", "excepted"), scenarios.NOT_ON.items())
def test_each_exception_is_of_an_api_and_says_why(
    name: str, excepted: dict[str, str]
) -> None:
    assert excepted.keys() < APIS.keys(), f"{name} runs nowhere"
    assert all(excepted.values())
