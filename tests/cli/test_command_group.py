"""Mistakes on the command line, bugs, and colors."""

import subprocess

import click
import pytest

from function.main import cli
from tests.cli.invocations import SCRIPT, run


@pytest.mark.parametrize(
    ("args", "message", "why"),
    [
        (
            ["exlpain"],
            "function-ecr-repos: no command 'exlpain'; did you mean explain? "
            "See function-ecr-repos --help",
            "the nearest command",
        ),
        (
            ["xyz"],
            "no command 'xyz'; the commands are adopt, check, completion, explain, "
            "impact, input, release, render, serve. See function-ecr-repos --help",
            "no command is near",
        ),
        (["render"], "render: missing argument 'FILE...'. See ", "what is missing"),
        (["render", "--nope"], "no such option '--nope'. See", "an unknown option"),
        (["explain", "x", "--account", "12"], "an AWS account ID has 12 digits", ""),
        (["check", "x", "-o", "xml"], "'json'", "the choices"),
        (["explain", "nofile"], "explain: nofile: No such file", "which file"),
        (["check", "x", "--composition", "nofile"], "nofile: No such file", "which"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(
    args: list[str], message: str, why: str
) -> None:
    code, out, err = run(*args)
    assert (code, out) == (2, ""), why
    assert message in err, why
    assert err.count("\n") == 1, err
    assert err.startswith("function-ecr-repos"), err


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_prints_a_traceback_only_with_debug(
    monkeypatch: pytest.MonkeyPatch, *, debug: bool
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("function.cli.render.run_function", broken)
    command = "render example/claim.yaml --composition example/composition.yaml"
    code, _, err = run(*["--debug"][:debug], *command.split())
    assert code == 70
    assert "internal error: ZeroDivisionError: two lines. Please report it" in err
    assert ("Traceback" in err) == debug
    assert debug or err.count("\n") == 1


def test_ctrl_c_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("function.cli.render.run_function", interrupted)
    code, out, err = run("render", "example/claim.yaml")
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def test_a_pipe_that_closes_is_no_error() -> None:
    command = f"set -o pipefail; {SCRIPT} render example/claim.yaml | true"
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


def test_a_command_that_does_not_exist_is_none() -> None:
    assert cli.get_command(click.Context(cli), "nope") is None
