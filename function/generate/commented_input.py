"""The Input with every field commented out, as `function-ecr-repos input` prints it."""

import json
import textwrap
from collections.abc import Iterator

from function.api.input import API_VERSION, KIND
from function.generate.crd import input_fields
from function.generate.structural import Schema, as_yaml, members

_WIDTH = 88
# A realistic value of each field that has no default, by the end of its path. None of
# them deletes images that a team needs.
_SAMPLES: dict[str, object] = {
    "allow.overrides": ["tags"],
    "allow.providerNames": ["aws-*"],
    "allow.regions": ["eu-*"],
    "allow.repoPrefixes": ["tap/*"],
    "defaults.providerName": "aws-provider",
    "defaults.region": "eu-west-2",
    "defaults.repoPrefix": "tap/workloads",
    "encryption.kmsKey": "arn:aws:kms:eu-west-2:123456789012:key/1234abcd",
    "encryption.type": "KMS",
    "forceDelete": False,
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": ["dev-*"],
    "byTagPrefix.expireAfterDays": 90,
    "byTagPrefix.keepLast": 50,
    "byTagPrefix.prefix": "dev-",
    "lifecycle.expireUntaggedAfterDays": 30,
    "lifecycle.keepLast": 50,
    "lifecycle.policy": json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {
                        "tagStatus": "untagged",
                        "countType": "sinceImagePushed",
                        "countUnit": "days",
                        "countNumber": 30,
                    },
                    "action": {"type": "expire"},
                }
            ]
        }
    ),
    "permissions.lambdaAccounts": ["123456789012"],
    "permissions.organizations": ["o-a1b2c3d4e5"],
    "permissions.policy": json.dumps(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::123456789012:role/ci"},
                    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                }
            ]
        }
    ),
    "permissions.pull": ["123456789012"],
    "permissions.push": ["arn:aws:iam::123456789012:role/ci"],
    "tags": {"team": "shop"},
}


def commented_input() -> str:
    """Return an Input whose fields are all commented out.

    Lines that begin with `# ` are comments. In any other commented line, the user
    removes the `#` to set the field.
    """
    lines = [f"apiVersion: {API_VERSION}", f"kind: {KIND}"]
    for name, schema in input_fields():
        lines += ["", *_commented((name,), schema, "")]
    return "\n".join(lines) + "\n"


def _commented(path: tuple[str, ...], schema: Schema, indent: str) -> Iterator[str]:
    name = path[-1]
    text = f"{schema.get('description', '')} {_choices(schema)}".strip()
    for line in textwrap.wrap(text, _WIDTH - len(indent) - 2, break_on_hyphens=False):
        yield f"{indent}# {line}"
    holder = members(schema)
    if holder is None:
        yield f"#{indent}{name}: {as_yaml(_sample(path, schema))}"
        return
    yield f"#{indent}{name}:"
    is_list = schema["type"] == "array"
    inner = f"{indent}{'    ' if is_list else '  '}"
    for n, (key, field) in enumerate(holder["properties"].items()):
        for line in _commented((*path, key), field, inner):
            first = is_list and not n and line.startswith(f"#{inner}{key}:")
            yield line.replace(f"  {key}:", f"- {key}:", 1) if first else line


def _sample(path: tuple[str, ...], schema: Schema) -> object:
    if "default" in schema:
        return schema["default"]
    for end in (".".join(path[-2:]), path[-1]):
        if end in _SAMPLES:
            return _SAMPLES[end]
    # A new field of another type needs a sample above.
    return schema["enum"][0] if "enum" in schema else {"boolean": True}[schema["type"]]


def _choices(schema: Schema) -> str:
    """Return sentences about the choices and the default of a field."""
    enum = schema.get("enum") or schema.get("items", {}).get("enum")
    sentences = [f"One of {', '.join(enum)}."] if enum else []
    if "default" in schema:
        sentences.append(f"Default: {as_yaml(schema['default'])}.")
    return " ".join(sentences)
