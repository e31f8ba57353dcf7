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
    whole = re.sub(r"^#(?! \S)", "", commented_input(), flags=re.MULTILINE)
    whole = re.sub(r"^ *# .*\n", "", whole, flags=re.MULTILINE)
    found = set(places(yaml.safe_load(whole)))
    wanted = set(paths({"properties": dict(input_fields())}))
    wanted |= {("apiVersion",), ("kind",)}
    # What is in a map has keys of its user's.
    maps = ("tags", "repositories")
    assert {p for p in found if not {*p[:-1]} & {*maps}} == wanted


def uncommented() -> dict[str, Any]:
    whole = re.sub(r"^#(?! \S)", "", commented_input(), flags=re.MULTILINE)
    document: dict[str, Any] = yaml.safe_load(whole)
    return document


# Fields that exclude one another, in one object.
EXCLUSIVE = (
    ("byTagPrefix", "byTagPattern"),
    (
        "keepLast",
        "expireAfterDays",
        "archiveAllButLast",
        "archiveAfterDays",
        "archiveUnpulledAfterDays",
    ),
)


def alternatives(value: Any) -> Iterator[Any]:
    """Yield a value with each of the fields that exclude one another."""
    if isinstance(value, dict):
        if "policy" in value:
            yield {"policy": value["policy"]}
        objects = [{k: v for k, v in value.items() if k != "policy"}]
        for fields in EXCLUSIVE:
            objects = [
                {k: v for k, v in each.items() if k == kept or k not in fields}
                for each in objects
                for kept in [k for k in fields if k in each] or [""]
            ]
        for each in objects:
            choices = [[(k, a) for a in alternatives(v)] for k, v in each.items()]
            for n in range(max(map(len, choices))):
                yield dict(c[min(n, len(c) - 1)] for c in choices)
    elif isinstance(value, list) and isinstance(value[0], dict):
        yield from ([each] for each in alternatives(value[0]))
    else:
        yield value


def test_each_sample_is_valid() -> None:
    document = uncommented() | {"provider": "ecr.aws.m.upbound.io/v1beta1"}
    inputs = list(alternatives(document))
    found = {path for each in inputs for path in places(each)}
    assert found == set(places(document)), "each field is in one of them"
    for each in inputs:
        assert parse_input(resource.dict_to_struct(each)) != DEFAULT_INPUT


def test_no_sample_deletes_images_that_a_team_needs() -> None:
    text = commented_input()
    assert "…" not in text
    numbers = {
        name: int(number)
        for name, number in re.findall(
            r"(keepLast|expire\w+|archive[A-Z]\w+|countNumber)\W+(\d+)", text
        )
    }
    assert len(numbers) == 8
    assert min(numbers.values()) >= 30
    assert set(re.findall("forceDelete: (.*)", text)) == {"false"}
    assert re.findall("deletion: (.*)", text) == ["OnlyCreated"]
