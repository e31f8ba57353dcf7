"""The YAML in the README is valid and matches the package."""

import re
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import struct_pb2 as structpb

from function.api.input import parse_input

README = Path("README.md").read_text()
BLOCKS = [
    yaml.safe_load(block)
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    if "…" not in block
]


def block(key: str) -> Any:
    (found,) = [b[key] for b in BLOCKS if key in b]
    return found


def test_the_input_is_valid() -> None:
    struct = structpb.Struct()
    struct.update(block("input"))
    parsed = parse_input(struct)
    assert parsed.allow.regions == ["eu-*"]
    assert parsed.defaults.region == "eu-west-2"


def test_the_composition_is_the_one_in_the_example() -> None:
    example = yaml.safe_load(Path("example/composition.yaml").read_text())
    (shown,) = [b["spec"] for b in BLOCKS if "pipeline" in b.get("spec", {})]
    assert shown == example["spec"]
