"""The editors' JSON Schemas: as committed, wired, and of one mind with the code."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from function.api.input import parse_input
from function.cli.manifests import to_struct
from function.errors import InvalidRequestError
from function.generate.json_schemas import FOLDER, render_schema, schemas
from tests.builders import INPUT

WIRED = [
    file
    for folder in ("example", "package")
    for file in sorted(Path(folder).rglob("*.yaml"))
    if "yaml-language-server" in file.read_text()
]


def validator(name: str) -> jsonschema.Draft7Validator:
    schema = json.loads((FOLDER / name).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_the_schemas_have_not_drifted() -> None:
    committed = {f.name: f.read_text() for f in FOLDER.iterdir()}
    assert committed == {n: render_schema(s) for n, s in schemas().items()}, (
        "run `make generate`"
    )


@pytest.mark.parametrize("file", WIRED, ids=str)
def test_an_example_names_its_schema_and_is_valid(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    (path,) = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", first)
    schema = (file.parent / path).resolve()
    assert schema.parent == FOLDER.resolve()
    (document,) = yaml.safe_load_all(file.read_text())
    assert validator(schema.name).is_valid(document)


def test_claim_xr_and_composition_are_wired() -> None:
    assert {"claim.yaml", "xr.yaml", "composition.yaml"} <= {f.name for f in WIRED}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "all defaults"),
        ({"bundle": False}, "a boolean"),
        ({"bundle": "no"}, "a string that looks like one"),
        ({"registryHost": "Keep"}, "a choice"),
        ({"registryHost": "keep"}, "not as it is spelled"),
        ({"regoin": "x"}, "an unknown field"),
        ({"allow": {"regions": ["eu-*"]}}, "a list"),
        ({"allow": {"regions": "eu-*"}}, "no list"),
        ({"allow": {"regions": [""]}}, "an empty glob"),
        ({"image": {"tags": {"team": "shop"}}}, "a tag"),
        ({"image": {"tags": {"crossplane-name": "shop"}}}, "a tag of the provider's"),
        ({"image": {"tags": {"k" * 129: ""}}}, "a tag with a long key"),
        ({"image": {"tags": {"k": "v" * 257}}}, "a tag with a long value"),
        ({"image": {"lifecycle": {"keepLast": 2**31}}}, "a huge number"),
        ({"kind": "Output"}, "another kind"),
        ({"apiVersion": "v1"}, "another version"),
    ],
)
def test_the_inputs_schema_says_what_the_function_says(
    change: dict[str, Any], why: str
) -> None:
    document = {**INPUT, **change}
    try:
        parse_input(to_struct(document))
        taken = True
    except InvalidRequestError:
        taken = False
    assert validator("input.json").is_valid(document) == taken, why
    name = "acme-function-ecr-repos"
    step = {"step": "a", "functionRef": {"name": name}, "input": document}
    composition = {"spec": {"pipeline": [step]}}
    assert validator("composition.json").is_valid(composition) == taken, why


def test_another_functions_input_is_not_validated() -> None:
    step = {"step": "a", "functionRef": {"name": "other"}, "input": {"kind": "X"}}
    assert validator("composition.json").is_valid({"spec": {"pipeline": [step]}})


def test_a_misspelt_parameter_is_refused() -> None:
    claim = yaml.safe_load(Path("example/claim.yaml").read_text())
    claim["spec"]["parameters"]["regoin"] = claim["spec"]["parameters"]["region"]
    assert not validator("workloadecrrepo.json").is_valid(claim)
