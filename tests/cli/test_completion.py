"""completion: the scripts, and what bash completes with one."""

import os
import subprocess

import pytest

from tests.cli.invocations import SCRIPT, run


@pytest.mark.parametrize(
    ("shell", "registers"),
    [
        ("bash", "complete -o nosort -F _function_ecr_repos_completion "),
        ("zsh", "#compdef function-ecr-repos"),
        ("fish", "complete --no-files --command function-ecr-repos "),
    ],
)
def test_the_script_is_for_this_program(shell: str, registers: str) -> None:
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert registers in out
    assert f"_FUNCTION_ECR_REPOS_COMPLETE={shell}_complete" in out


@pytest.mark.parametrize(
    ("words", "want", "why"),
    [
        (["comp"], "completion", "a command"),
        (["completion", "f"], "fish", "a choice"),
        (["check", "--allow"], "--allow-none", "an option"),
        (["ad"], "adopt", "a command that is imported only when it runs"),
        (["adopt", "--ru"], "--rule", "its option"),
        (["adopt", "-o", "a"], "addresses", "the value of an option"),
        (["impact", "name"], "namespace", "a type of impact"),
        (["impact", "--left"], "--leftovers", "an option of impact"),
    ],
)
def test_bash_completes(words: list[str], want: str, why: str) -> None:
    line = " ".join([SCRIPT.name, *words])
    done = subprocess.run(
        ["bash", "--norc"],
        input=f'eval "$({SCRIPT.name} completion bash)"\n'
        f"COMP_WORDS=({line}) COMP_CWORD={len(words)}\n"
        f"_function_ecr_repos_completion {SCRIPT.name}\n"
        'echo "${COMPREPLY[@]}"',
        env={**os.environ, "PATH": f"{SCRIPT.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [want], why


def test_another_shell_is_refused() -> None:
    code, out, err = run("completion", "csh")
    assert (code, out) == (2, "")
    assert "'bash', 'zsh', 'fish'" in err
