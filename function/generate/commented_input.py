"""The Input with every field commented out, as `function-ecr-repos input` prints it."""

import textwrap
from collections.abc import Iterator

from function.api.input import API_VERSION, KIND
from function.generate.crd import input_fields
from function.generate.structural import Schema, as_yaml, members

_WIDTH = 88


def commented_input() -> str:
    """Return an Input whose fields are all commented out.

    Lines that begin with `# ` are comments. In any other commented line, the user
    removes the `#` to set the field.
    """
    lines = [f"apiVersion: {API_VERSION}", f"kind: {KIND}"]
    for name, schema in input_fields():
        lines += ["", *_commented(name, schema, "")]
    return "\n".join(lines) + "\n"


def _commented(name: str, schema: Schema, indent: str) -> Iterator[str]:
    text = f"{schema.get('description', '')} {_choices(schema)}".strip()
    for line in textwrap.wrap(text, _WIDTH - len(indent) - 2, break_on_hyphens=False):
        yield f"{indent}# {line}"
    holder = members(schema)
    if holder is None:
        yield f"#{indent}{name}: {as_yaml(_sample(schema))}"
        return
    yield f"#{indent}{name}:"
    is_list = schema["type"] == "array"
    inner = f"{indent}{'    ' if is_list else '  '}"
    for n, (key, field) in enumerate(holder["properties"].items()):
        for line in _commented(key, field, inner):
            first = is_list and not n and line.startswith(f"#{inner}{key}:")
            yield line.replace(f"  {key}:", f"- {key}:", 1) if first else line


def _sample(schema: Schema) -> object:
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [_sample(schema["items"])]
    samples = {"integer": schema.get("minimum", 1), "boolean": True, "string": "…"}
    return samples.get(schema["type"], {"key": "value"})


def _choices(schema: Schema) -> str:
    """Return sentences about the choices and the default of a field."""
    enum = schema.get("enum") or schema.get("items", {}).get("enum")
    sentences = [f"One of {', '.join(enum)}."] if enum else []
    if "default" in schema:
        sentences.append(f"Default: {as_yaml(schema['default'])}.")
    return " ".join(sentences)
