"""The generated parts of the two XRDs; the rest of them is written by hand.

The first XRD gets the schema of spec.parameters.repository, from RepositoryOptions, and
the bounds of the other parameters. The second one, for Crossplane v2, gets the first
one's `versions`.
"""

import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from function.api.parameters import PARAMETER_BOUNDS
from function.ecr.options import RepositoryOptions
from function.generate.crd import Dumper
from function.generate.structural import structural

XRD_PATH = Path("package/configuration/definition.yaml")
XRD_V2_PATH = Path("package/configuration-v2/definition.yaml")
# The indentation of the properties of spec.parameters in the file.
_INDENT = " " * 18
_WIDTH = 68
_DESCRIPTION = (
    "Options for this workload's repositories. They replace the platform's options, if "
    "the platform allows it."
)


def overrides_schema() -> dict[str, Any]:
    """Return the schema of spec.parameters.repository."""
    raw = RepositoryOptions.model_json_schema(by_alias=True)
    return {**structural(raw, raw["$defs"]), "description": _DESCRIPTION}


def render_xrd(text: str) -> str:
    """Return the first XRD with its generated parts.

    Args:
        text: The current file.

    Raises:
        ValueError: The file does not have exactly one place for a parameter.
    """
    for name, bounds in PARAMETER_BOUNDS.items():
        text = _replaced(text, name, _bounded(_property(text, name), bounds))
    return _replaced(text, "repository", _indented(overrides_schema()))


def render_xrd_v2(text: str, xrd: str) -> str:
    """Return the second XRD with the versions of the first.

    Args:
        text: The current file.
        xrd: The first XRD.
    """
    start = "\n  versions:\n"
    return text.partition(start)[0] + start + xrd.partition(start)[2]


def _property(text: str, name: str) -> str:
    """Return the lines below a property's name."""
    found = re.findall(
        rf"^{_INDENT}{name}:\n((?:{_INDENT} +.*\n)+)", text, re.MULTILINE
    )
    if len(found) != 1:
        raise ValueError(f"{XRD_PATH} has {len(found)} places for {name}")
    return str(found[0])


def _replaced(text: str, name: str, lines: str) -> str:
    head = f"\n{_INDENT}{name}:\n"
    return text.replace(f"{head}{_property(text, name)}", f"{head}{lines}")


def _bounded(lines: str, bounds: dict[str, Any]) -> str:
    """Return a property with new bounds, written after its type."""
    kept = re.sub(
        rf"^{_INDENT}  (?:minLength|maxLength|pattern): .*\n",
        "",
        lines,
        flags=re.MULTILINE,
    )
    kind, end, rest = kept.partition("\n")
    return f"{kind}{end}{_indented(bounds)}{rest}"


def _indented(schema: dict[str, Any]) -> str:
    text = yaml.dump(schema, Dumper=Dumper, sort_keys=False, width=_WIDTH)
    return textwrap.indent(text, f"{_INDENT}  ")


if __name__ == "__main__":
    rendered = render_xrd(XRD_PATH.read_text("utf-8"))
    XRD_PATH.write_text(rendered, "utf-8")
    XRD_V2_PATH.write_text(
        render_xrd_v2(XRD_V2_PATH.read_text("utf-8"), rendered), "utf-8"
    )
