"""Each `aws ecr` command of the documentation is one that the API accepts.

The AWS CLI takes its commands and options from botocore's model of the API.
"""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from blocks import PAGES, ROOT, blocks
from botocore import loaders, model, validate, xform_name

API = model.ServiceModel(loaders.Loader().load_service_model("ecr", "service-2"), "ecr")
OPERATIONS = {xform_name(name, "-"): name for name in API.operation_names}
# Options of every command of the AWS CLI.
GLOBAL = {"--region", "--query", "--output", "--profile", "--registry-id"}
# Commands of the AWS CLI that are no operation of the API.
OWN = {"get-login-password", "wait"}


class Command(NamedTuple):
    """A command: where it is, its name, and its options."""

    place: str
    name: str
    options: list[str]


def commands() -> Iterator[Command]:
    for block in blocks():
        for place, text in enumerate(whole_commands(block.text)):
            name, *options = shlex.split(text)
            yield Command(f"{block}-{place}", name, options)


def whole_commands(text: str) -> Iterator[str]:
    """Yield the text after `aws ecr` of each command, which may have many lines."""
    text = re.sub(r"^(?:[$>] )", "", text, flags=re.MULTILINE)
    for start in re.finditer(r"\baws ecr ", text):
        rest = text[start.end() :]
        for line_end in re.finditer(r"(?<!\\)(?:[|;)]|&&|\n|$)", rest):
            command = rest[: line_end.start()]
            try:
                shlex.split(command)
            except ValueError:  # within quotes
                continue
            yield command.replace("\\\n", " ")
            break


COMMANDS = [each for each in commands() if each.name not in OWN]


def parameters(command: Command, shape: Any) -> dict[str, Any]:
    """Return the parameters that the AWS CLI makes of a command's options."""
    names = {f"--{xform_name(name, '-')}": name for name in shape.members}
    found: dict[str, Any] = {}
    options = list(command.options)
    while options:
        option = options.pop(0)
        values = []
        while options and not options[0].startswith("--"):
            values.append(options.pop(0))
        if option not in GLOBAL:
            assert option in names, f"{command.place}: no option {option}"
            name = names[option]
            found[name] = parsed(values, shape.members[name])
    return found


def parsed(values: list[str], shape: Any) -> Any:
    """Return the value of an option, as the AWS CLI reads it."""
    text = values[0] if values else ""
    match shape.type_name:
        case "boolean":
            found: Any = not values
        case "list" if text.startswith("["):
            found = json.loads(text)
        case "list":
            found = [parsed([value], shape.member) for value in values]
        case "structure" if text.startswith("{"):
            found = json.loads(text)
        case "structure":  # shorthand
            found = dict(pair.split("=", 1) for pair in text.split(","))
        case "string" if text.startswith("file://"):  # the file is the reader's
            found = text.ljust(shape.metadata.get("min", 0), "x")
        case "string":
            found = text
        case other:
            raise NotImplementedError(other)
    assert len(values) < 2 or shape.type_name == "list", values
    return found


def problems(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Yield what the API would refuse, and botocore's own validation does not see."""
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from problems(each, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{path}: too many"
        for each in value:
            yield from problems(each, shape.member, f"{path}[]")
    elif shape.type_name == "string" and not value.startswith(("file://", "<", "$")):
        if shape.enum and value not in shape.enum:
            yield f"{path}: {value} is none of {shape.enum}"
        if not re.search(shape.metadata.get("pattern", ""), value):
            yield f"{path}: {value} does not match {shape.metadata['pattern']}"
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{path}: too long"


def refused(command: Command) -> list[str]:
    """Return what is wrong with a command; empty for nothing."""
    operation = API.operation_model(OPERATIONS[command.name])
    shape = operation.input_shape
    given = parameters(command, shape)
    report = validate.ParamValidator().validate(given, shape)
    if report.has_errors():
        return [report.generate_report()]
    return list(problems(given, shape))


def test_the_commands_are_found() -> None:
    """Otherwise the next test would check nothing."""
    pages = "".join((ROOT / page).read_text() for page in PAGES)
    written = re.findall(r"^(?:[$>] )?\s*aws ecr ([\w-]+)", pages, re.MULTILINE)
    found = [command.name for command in commands()]
    assert len(found) > 10
    assert not [name for name in written if name not in found]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: f"{c.place}-{c.name}")
def test_the_api_accepts_the_command(command: Command) -> None:
    assert not refused(command)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("describe-images --repository-name XX", "does not match"),
        ("describe-images", "repositoryName"),
        ("put-account-setting --name N", "value"),
        (
            'put-replication-configuration --replication-configuration \'{"rules": '
            '[{"destinations": [{"region": "eu-west-1"}]}]}\'',
            "registryId",
        ),
        (
            "put-registry-scanning-configuration --scan-type FAST",
            "FAST is none of",
        ),
        (
            'put-registry-scanning-configuration --rules \'[{"scanFrequency": '
            '"MANUAL", "repositoryFilters": [], "color": 1}]\'',
            "color",
        ),
    ],
)
def test_a_wrong_command_is_found(text: str, said: str) -> None:
    name, *options = shlex.split(text)
    assert said in "".join(refused(Command("here", name, options)))


def test_an_option_that_does_not_exist_is_found() -> None:
    with pytest.raises(AssertionError, match="no option --repository"):
        refused(Command("here", "describe-images", ["--repository", "x"]))
