"""Check the workflows with actionlint, and our own rules for workflows."""

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from build import build

WORKFLOWS = sorted(Path(".github/workflows").glob("*.yaml"))
# Commands that only GitHub can run; all others are make targets.
OTHERS = ("gh release create ", 'test "$FAILED" = false')


def test_actionlint_finds_nothing() -> None:
    assert WORKFLOWS
    done = subprocess.run(
        [build("actionlint"), "-shellcheck=", "-pyflakes=", *WORKFLOWS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_actionlint_finds_nothing_in_the_documented_workflow(tmp_path: Path) -> None:
    page = Path("docs/ci-cd.md").read_text()
    (shown,) = re.findall(r"```yaml\n(name: .*?)```", page, re.DOTALL)
    workflow = tmp_path / "deploy.yaml"
    workflow.write_text(shown)
    done = subprocess.run(
        [build("actionlint"), "-shellcheck=", "-pyflakes=", workflow],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_every_permission_of_a_workflow_is_declared_by_a_job(workflow: Path) -> None:
    of = yaml.safe_load(workflow.read_text())
    assert of["permissions"] == {}
    for name, job in of["jobs"].items():
        assert "permissions" in job, name
        assert "timeout-minutes" in job, name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_an_action_is_pinned_to_a_commit(workflow: Path) -> None:
    """A tag can move to another commit; the comment names the tag."""
    used = re.findall(r"uses: (.+)", workflow.read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def commands(workflow: dict[str, Any]) -> Iterator[str]:
    """Yield each command, once per lane if a job has several."""
    for job in workflow["jobs"].values():
        lanes = job.get("strategy", {}).get("matrix", {}).get("lane", [""])
        for lane, step in itertools.product(lanes, job["steps"]):
            if "run" in step:
                yield step["run"].replace("${{ matrix.lane }}", lane)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_a_step_is_a_make_target(workflow: Path) -> None:
    rules = re.findall(r"^([a-z0-9 -]+):", Path("Makefile").read_text(), re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    ran = list(commands(yaml.safe_load(workflow.read_text())))
    assert ran
    for command in ran:
        if command.startswith(OTHERS):
            continue
        bare = re.sub(r"\$\{\{.*?\}\}", "", command)
        words = re.split("[<>]", bare, maxsplit=1)[0].split()
        assert words[0] == "make", command
        named = [w for w in words[1:] if "=" not in w and not w.startswith("-")]
        assert named
        assert set(named) <= targets, command
