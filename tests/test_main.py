"""The installed script, its help and its completion."""

import importlib.metadata

import click
import pytest

from function.main import cli
from tests.cli.invocations import run, run_script

COMMANDS = [
    *("adopt", "check", "completion", "explain", "impact", "input", "release"),
    *("render", "serve"),
]


def test_the_script_prints_its_version() -> None:
    version = importlib.metadata.version("function-ecr-repos")
    code, out, _ = run_script("--version")
    assert (code, out) == (0, f"function-ecr-repos, version {version}\n")


def test_the_script_is_the_packages_entry_point() -> None:
    (entry,) = importlib.metadata.entry_points(
        group="console_scripts", name="function-ecr-repos"
    )
    assert entry.load() is cli


def test_the_script_completes_names_of_commands() -> None:
    variable = "_FUNCTION_ECR_REPOS_COMPLETE"
    code, out, _ = run_script(**{variable: "bash_source"})
    assert code == 0
    assert f"{variable}=bash_complete" in out
    words = {"COMP_WORDS": "function-ecr-repos exp", "COMP_CWORD": "1"}
    _, out, _ = run_script(**{variable: "bash_complete"}, **words)
    assert "explain" in out


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_each_command_and_option_has_help(name: str) -> None:
    context = click.Context(cli)
    assert cli.list_commands(context) == COMMANDS
    command = cli.get_command(context, name) if name else cli
    assert command
    assert command.help
    assert all(
        option.help for option in command.params if isinstance(option, click.Option)
    )
    code, out, _ = run(*filter(None, [name, "--help"]))
    assert code == 0
    assert command.help.split("\n")[0] in out


@pytest.mark.parametrize("name", ["", "render", "explain", "check", "impact"])
def test_the_examples_in_help_are_commands(name: str) -> None:
    _, out, _ = run(*filter(None, [name, "--help"]))
    examples = [
        line.split("function-ecr-repos ")[1].split()[0]
        for line in out.partition("Examples:")[2].splitlines()
        if "function-ecr-repos " in line
    ]
    assert len(examples) >= 3
    assert set(examples) <= set(COMMANDS)
