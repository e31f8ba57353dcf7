"""The commented Input: nothing counts as it is, and everything can."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import yaml
from crossplane.function import resource

from function.api.input import DEFAULT_INPUT, parse_input
from function.generate.commented_input import commented_input
from function.generate.crd import input_fields


def paths(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field of a schema."""
    for name, field in schema.get("properties", {}).items():
        yield (name,)
        within = field.get("items", field)
        yield from ((name, *path) for path in paths(within))


def places(value: object) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field of a document; of a list, its first item's."""
    if isinstance(value, list):
        yield from places(value[0])
    elif isinstance(value, dict):
        for name, field in value.items():
            yield (name,)
            yield from ((name, *path) for path in places(field))


def test_what_is_printed_is_an_input_that_says_nothing() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "function.main", "input"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == commented_input()
    struct = resource.dict_to_struct(yaml.safe_load(printed))
    assert parse_input(struct) == DEFAULT_INPUT


def test_without_its_marks_it_has_every_field() -> None:
    whole = re.sub(r"^#(?! [A-Za-z{`])", "", commented_input(), flags=re.MULTILINE)
    whole = re.sub(r"^ *# .*\n", "", whole, flags=re.MULTILINE)
    found = set(places(yaml.safe_load(whole)))
    wanted = set(paths({"properties": dict(input_fields())}))
    wanted |= {("apiVersion",), ("kind",)}
    assert {p for p in found if p[-1] != "key"} == wanted
