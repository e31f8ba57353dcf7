"""render --diff: what would change, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from function.cli.render_diff import diff_lines
from tests.cli.invocations import run, run_in_terminal, run_script

OBSERVED = list(yaml.safe_load_all(Path("example/observed.yaml").read_text()))
EXTERNAL_NAME = "crossplane.io/external-name"


def write(file: Path, documents: list[dict[str, Any]]) -> str:
    file.write_text(yaml.safe_dump_all(documents))
    return str(file)


def test_it_shows_changed_fields_only(tmp_path: Path) -> None:
    documents = [
        {**each, "spec": {**each["spec"], "deletionPolicy": "Orphan"}}
        for each in OBSERVED
    ]
    # As kubectl prints them.
    listed = {"apiVersion": "v1", "kind": "List", "items": documents}
    file = write(tmp_path / "live.yaml", [listed])
    code, out, _ = run("render", "example/xr.yaml", "--diff", file)
    assert code == 0
    assert out.count("-  deletionPolicy: Orphan\n+  deletionPolicy: Delete") == 2
    assert "ownerReferences" not in out
    assert "status" not in out


def test_a_resource_that_does_not_exist_is_all_new(tmp_path: Path) -> None:
    file = write(tmp_path / "live.yaml", OBSERVED[:1])
    _, out, _ = run("render", "example/xr.yaml", "--diff", file)
    assert "--- (none)\n+++ Repository bundlerepo (" in out
    assert f"+    {EXTERNAL_NAME}: tap/workloads/example-app-default-bundle" in out


def test_a_steady_state_has_no_diff(tmp_path: Path) -> None:
    _, out, _ = run("render", "example/xr.yaml", "--observed", "example/observed.yaml")
    desired = list(yaml.safe_load_all(out))[1:]
    observed = {d["metadata"]["annotations"][EXTERNAL_NAME]: d for d in OBSERVED}
    for document in desired:
        annotations = document["metadata"]["annotations"]
        annotations |= observed[annotations[EXTERNAL_NAME]]["metadata"]["annotations"]
        document["status"] = observed[annotations[EXTERNAL_NAME]]["status"]
    file = write(tmp_path / "live.yaml", desired)
    code, out, err = run("render", "example/xr.yaml", "--diff", file)
    assert (code, out) == (0, "")
    assert err.endswith("Nothing would change\n")


def test_a_claim_is_not_compared_with_its_xr_in_silence(tmp_path: Path) -> None:
    """Without the XR's name and UID there are differences that are none."""
    args = ("--diff", "example/observed.yaml")
    code, out, err = run("render", "example/claim.yaml", *args)
    assert code == 0
    assert "-    crossplane.io/composite: example-app-ecr-repos-x7k2p" in out
    assert "belong to the XR example-app-ecr-repos-x7k2p. Differences in" in err
    assert "belong to" not in run("render", "example/xr.yaml", *args)[2]
    unlabelled = [{**OBSERVED[0], "metadata": {**OBSERVED[0]["metadata"], "labels": 5}}]
    file = write(tmp_path / "live.yaml", unlabelled)
    assert "belong to" not in run("render", "example/claim.yaml", "--diff", file)[2]


def test_it_has_color_on_a_terminal_only() -> None:
    args = ("render", "example/xr.yaml", "--diff", "example/observed.yaml")
    assert "+  deletionPolicy: Delete\x1b[0m" in run_in_terminal(*args)[1]
    assert "\x1b" not in run_in_terminal(*args, NO_COLOR="1")[1]
    assert "\x1b" not in run_script(*args)[1]


def repository(**fields: Any) -> dict[str, Any]:
    annotations = {"crossplane.io/composition-resource-name": "imagerepo"}
    return {"kind": "Repository", "metadata": {"annotations": annotations}, **fields}


@pytest.mark.parametrize(
    ("observed", "desired", "changes", "why"),
    [
        (
            [repository(spec={"a": 1, "b": [1]})],
            [repository(spec={"b": [2]})],
            ["-  - 1", "+  - 2"],
            "a field that the function does not set stays; a list is replaced",
        ),
        (
            [repository(spec={"a": 1}, status={"b": 1})],
            [repository(spec={"a": 1})],
            [],
            "the status is the provider's",
        ),
        (
            [repository(kind="Repository")],
            [],
            [
                "-kind: Repository",
                "-metadata:",
                "-  annotations:",
                "-    crossplane.io/composition-resource-name: imagerepo",
            ],
            "Crossplane deletes what is not desired",
        ),
    ],
)
def test_desired_fields_are_merged_into_observed_ones(
    observed: list[dict[str, Any]],
    desired: list[dict[str, Any]],
    changes: list[str],
    why: str,
) -> None:
    lines = list(diff_lines(observed, desired))
    assert [
        line for line in lines if line[0] in "+-" and line[:3] not in ("---", "+++")
    ] == changes, why
    if not desired:
        assert lines[:2] == [
            "--- Repository imagerepo observed",
            "+++ (none: it would be deleted)",
        ]
