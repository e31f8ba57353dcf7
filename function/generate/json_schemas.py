"""JSON Schemas for editors, generated from the Input's model and the XRD.

An editor with the YAML language server uses them: it completes and checks a file whose
first line names a schema.
"""

import copy
import json
from pathlib import Path

import yaml

from function.api import platform_settings
from function.api.input import API_VERSION, KIND, Input
from function.api.parameters import CLAIM_KIND, XR_KIND
from function.api.platform_settings import PlatformSettings
from function.generate.structural import Schema
from function.generate.xrds import XRD_PATH

FOLDER = Path("schemas")
_DIALECT = "http://json-schema.org/draft-07/schema#"  # the newest that editors support
_METADATA = {"type": "object", "description": "Kubernetes' standard metadata."}


def schemas() -> dict[str, Schema]:
    """Return the schemas by file name."""
    step_input, definitions = _input()
    return {
        "input.json": {
            "$schema": _DIALECT,
            "title": f"{KIND} of {API_VERSION}",
            **step_input,
            "definitions": definitions,
        },
        "settings.json": _settings(),
        "composition.json": {
            "$schema": _DIALECT,
            "title": "A Composition with function-ecr-repos as a step",
            "description": "Checks the input of function-ecr-repos only. Other steps "
            "can have any input.",
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {"pipeline": {"type": "array", "items": _step()}},
                }
            },
            "definitions": {**definitions, KIND: step_input},
        },
        "workloadecrrepo.json": _claim(yaml.safe_load(XRD_PATH.read_text("utf-8"))),
    }


def _input() -> tuple[Schema, Schema]:
    raw = Input.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions = raw.pop("$defs", {})
    del raw["title"]
    group = API_VERSION.partition("/")[0]
    raw["properties"] = {
        "apiVersion": {"const": API_VERSION, "description": f"The version of {group}."},
        "kind": {"const": KIND, "description": "The kind of this object."},
        "metadata": _METADATA,
        **raw["properties"],
    }
    raw["required"] = ["apiVersion", "kind", *raw.get("required", ())]
    return raw, definitions


def _settings() -> Schema:
    data = PlatformSettings.model_json_schema(
        by_alias=True, ref_template="#/definitions/{model}"
    )
    definitions = data.pop("$defs", {})
    del data["title"]
    metadata = {
        **_METADATA,
        "properties": {"name": {"const": platform_settings.NAME}},
        "required": ["name"],
    }
    return {
        "$schema": _DIALECT,
        "title": "The platform settings of function-ecr-repos",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"const": platform_settings.API_VERSION},
            "kind": {"const": platform_settings.KIND},
            "metadata": metadata,
            "data": data,
        },
        "definitions": definitions,
    }


def _step() -> Schema:
    """Return the schema of a pipeline step, which allows other functions any input."""
    return {
        "type": "object",
        "if": {
            "properties": {
                "functionRef": {
                    "properties": {"name": {"pattern": "function-ecr-repos$"}},
                    "required": ["name"],
                }
            },
            "required": ["functionRef"],
        },
        "then": {"properties": {"input": {"$ref": f"#/definitions/{KIND}"}}},
    }


def _claim(xrd: Schema) -> Schema:
    version = xrd["spec"]["versions"][0]
    schema = copy.deepcopy(version["schema"]["openAPIV3Schema"])
    # Unknown fields are errors, as with kubectl. The API server would drop them.
    schema["properties"]["spec"]["properties"]["parameters"]["additionalProperties"] = (
        False
    )
    return {
        "$schema": _DIALECT,
        "title": f"{CLAIM_KIND} and {XR_KIND} of {xrd['spec']['group']}",
        **schema,
        "required": ["apiVersion", "kind", "metadata", *schema["required"]],
        "properties": {
            "apiVersion": {
                "const": f"{xrd['spec']['group']}/{version['name']}",
                "description": f"The version of {xrd['spec']['group']}.",
            },
            "kind": {
                "enum": [CLAIM_KIND, XR_KIND],
                "description": f"Teams write a {CLAIM_KIND}. Crossplane creates the "
                f"{XR_KIND}.",
            },
            "metadata": _METADATA,
            **schema["properties"],
        },
    }


def render_schema(schema: Schema) -> str:
    """Return a schema as the file that is committed."""
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(render_schema(schema), encoding="utf-8")
