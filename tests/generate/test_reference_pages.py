"""The references that people read are the models', the XRDs' and the metrics'."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml

from function.composition.conditions import PUSHABLE, Reason
from function.generate.crd import input_crd
from function.generate.reference_pages import (
    CONDITIONS_PATH,
    INPUT_PATH,
    METRICS_PATH,
    XR_PATH,
    conditions_page,
    input_page,
    metrics_page,
    xr_page,
)

(VERSION,) = input_crd()["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def paths(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field of a schema."""
    for name, field in schema.get("properties", {}).items():
        yield (name,)
        within = field.get("items", field)
        yield from ((name, *path) for path in paths(within))


def test_the_page_has_not_drifted_from_the_model() -> None:
    assert INPUT_PATH.read_text() == input_page(), "run `make generate`"
    page = input_page()
    for path in paths(SCHEMA):
        if path[0] not in ("apiVersion", "kind", "metadata"):
            assert f"{path[-1]}`" in page
    assert page.count(".lifecycle`") == 1, "the options are there once"


def test_the_page_of_the_claim_has_not_drifted_from_the_xrds() -> None:
    text = XR_PATH.read_text()
    assert text == xr_page(), "run `make generate`"
    xrd = yaml.safe_load(Path("package/configuration/definition.yaml").read_text())
    schema = xrd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    asked = schema["properties"]["spec"]["properties"]["parameters"]
    # The options are on the Input's page.
    shown = [path for path in paths(asked) if path[0] != "repository" or len(path) == 1]
    for path in (*shown, *paths(schema["properties"]["status"])):
        assert f"{path[-1]}`" in text
    assert "[`repository` in the Input](input.md)" in text
    required = re.findall(r"^\| `(\w+)` \| [^|]*; required \|", text, re.MULTILINE)
    assert required == asked["required"]


def test_the_table_of_the_reasons_has_not_drifted_from_the_code() -> None:
    text = CONDITIONS_PATH.read_text()
    assert text == conditions_page(), "run `make generate`"
    rows = re.findall(r"^\| `(\w+)` \| (True|False) \| ", text, re.MULTILINE)
    assert sorted(reason for reason, _ in rows) == sorted(get_args(Reason))
    assert {reason for reason, status in rows if status == "True"} == PUSHABLE


def test_the_page_of_the_metrics_has_not_drifted_from_the_code() -> None:
    assert METRICS_PATH.read_text() == metrics_page(), "run `make generate`"
