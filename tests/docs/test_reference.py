"""The documentation lists every message, reason, metric and command of the code."""

import ast
import re
import runpy
from collections.abc import Iterator
from typing import get_args

import click
import pytest
from blocks import ROOT
from crossplane.function.proto.v1 import run_function_pb2 as fnv1
from prometheus_client import CollectorRegistry

from function.composition.conditions import Reason
from function.main import cli
from function.server.metrics import Metrics

TROUBLES = " ".join((ROOT / "docs/troubleshooting.md").read_text().split())
REFUSALS = {
    "InvalidParameterError",
    "InvalidInputError",
    "NotAllowedError",
    "ForeignResourceError",
    "error_class",  # one of these, in api/validation.py
}
# The position of the rule: the arguments are field, value, rule and fix.
RULE = 2


def literal(node: ast.expr) -> str | None:
    """Return the first literal words of a text, or None if it has none."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            words = " ".join(part.value.split())
            if len(words.split()) > 1:
                return words.strip(" .,;:\"'(")
    return None


Named = dict[str, list[ast.expr]]


def named(tree: ast.Module) -> Named:
    """Return all values that a module assigns to each name."""
    found: Named = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def choices(node: ast.expr, names: Named) -> list[ast.expr]:
    """Return the literal texts that an expression may evaluate to."""
    if isinstance(node, ast.IfExp):
        return [*choices(node.body, names), *choices(node.orelse, names)]
    if isinstance(node, ast.Name):
        return [v for v in names.get(node.id, []) if literal(v)]
    return [node] if literal(node) else []


def texts_of(node: ast.AST, file: str, names: Named) -> Iterator[ast.expr]:
    """Yield the texts for users in a piece of code."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in REFUSALS:
            *others, fix = node.args
            rules = choices(others[RULE], names) if len(others) > RULE else []
            # If another library words the rule, look for the fix instead.
            yield from rules or choices(fix, names)
        elif name in ("Condition", "replace", "Result"):
            yield from (k.value for k in node.keywords if k.arg == "message")
    elif isinstance(node, ast.Assign):
        if getattr(node.targets[0], "id", "") in ("msg", "_INTERNAL_ERROR"):
            yield node.value
    elif isinstance(node, ast.Return | ast.Yield) and file in (
        "conditions.py",
        "desired.py",
    ):
        yield from [node.value] if isinstance(node.value, ast.JoinedStr) else []


def messages() -> Iterator[tuple[str, str]]:
    """Yield the location of each message to users, and its first words."""
    for file in sorted((ROOT / "function").rglob("*.py")):
        if "cli" in file.parts:
            continue  # these are printed to the user who typed the command
        tree = ast.parse(file.read_text())
        names = named(tree)
        for node in ast.walk(tree):
            for text in texts_of(node, file.name, names):
                if words := literal(text):
                    yield f"{file.name}:{text.lineno}", words


MESSAGES = list(messages())


def test_the_messages_in_the_code_are_found() -> None:
    """Otherwise the next test would check nothing."""
    words = " | ".join(text for _, text in MESSAGES)
    for known in (
        "it must be the code of an AWS region",
        "Another claim already owns the repository",
        "internal error",
        "no TLS certificates",
        "looks like a registry host",
        "Correct the input",
        "The provider says",
    ):
        assert known in words


@pytest.mark.parametrize(("where", "words"), MESSAGES, ids=[w for w, _ in MESSAGES])
def test_troubleshooting_lists_every_message(where: str, words: str) -> None:
    # The first words are enough: the page may shorten the rest.
    assert words[:30] in TROUBLES, f"{where}: {words}"


@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("page", ["docs/conditions.md", "docs/troubleshooting.md"])
def test_every_reason_has_an_entry(reason: str, page: str) -> None:
    text = (ROOT / page).read_text()
    place = rf"^(\| |## The claim says )`{reason}`"
    assert re.search(place, text, re.MULTILINE)


def test_every_reason_on_the_page_exists() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    found = re.findall(r"^## The claim says `(\w+)`", text, re.MULTILINE)
    assert sorted(found) == sorted(get_args(Reason))


def test_every_metric_is_listed_with_its_labels() -> None:
    text = (ROOT / "docs/metrics.md").read_text()
    registry = CollectorRegistry()
    rsp = fnv1.RunFunctionResponse(
        results=[fnv1.Result(severity=fnv1.SEVERITY_FATAL)],
        conditions=[fnv1.Condition(reason="NameTaken")],
    )
    Metrics(registry).record(rsp, 0.001, ["image"])
    families = list(registry.collect())
    assert families
    for family in families:
        labels = {k for s in family.samples for k in s.labels if k != "le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        said = "; ".join(f"`{label}`[^|;]*" for label in labels)
        row = rf"^\| `{name}` \| {family.type} \| {said or ' *'}\|"
        assert re.search(row, text, re.MULTILINE), name


def test_every_command_is_listed() -> None:
    text = (ROOT / "docs/command-line.md").read_text()
    assert isinstance(cli, click.Group)
    names = cli.list_commands(click.Context(cli))
    assert names
    for name in names:
        assert re.search(rf"^\| `{name}[` ]", text, re.MULTILINE), name


@pytest.mark.parametrize("name", ["chain-light.svg", "chain-dark.svg"])
def test_the_picture_is_up_to_date(name: str) -> None:
    folder = ROOT / "docs/pictures"
    pictures = runpy.run_path(str(folder / "chain.py"))["pictures"]
    assert (folder / name).read_text() == pictures()[name], "run `make pictures`"


def test_the_recording_loads_nothing_and_has_a_label() -> None:
    svg = (ROOT / "docs/pictures/demo.svg").read_text()
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert 'role="img" aria-label="' in svg
    for words in ("A workload comes", "Amazon ECR", "The workload goes"):
        assert words.replace(" ", "&#160;") in svg
