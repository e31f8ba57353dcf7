"""The commands, through the console script that is installed."""

import importlib.metadata
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from function.cli import rendering
from function.cli.checker import PARAMETER_NAMES

SCRIPT = Path(sys.executable).with_name("function-ecr-repos")
(ENTRY,) = importlib.metadata.entry_points(
    group="console_scripts", name="function-ecr-repos"
)
CLAIM = Path("example/claim.yaml").read_text()
COMPOSITION = Path("example/composition.yaml").read_text()
HOST = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"


def run(*args: str, stdin: str | bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(ENTRY.load(), args, input=stdin)
    return result.exit_code, result.stdout, result.stderr


def script(*args: str, **env: str) -> tuple[int, str, str]:
    """Run the script itself, as a program of its own."""
    done = subprocess.run(
        [SCRIPT, *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def terminal(*args: str, **env: str) -> str:
    """Run the script with a terminal as its standard output."""
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    process = subprocess.Popen(
        [SCRIPT, *args],
        env={**environment, "TERM": "xterm-256color", **env},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    out = b""
    try:
        while chunk := os.read(ours, 65536):
            out += chunk
    except OSError:  # Linux's end of a terminal
        pass
    os.close(ours)
    assert process.wait(60) == 0
    return out.decode()


def claim(**parameters: str) -> str:
    manifest = yaml.safe_load(CLAIM)
    metadata = {"name", "namespace"}
    manifest["metadata"] |= {k: v for k, v in parameters.items() if k in metadata}
    manifest["spec"]["parameters"] |= {
        k: v for k, v in parameters.items() if k not in metadata
    }
    return yaml.safe_dump(manifest)


def composition(**step_input: object) -> str:
    manifest = yaml.safe_load(COMPOSITION)
    manifest["spec"]["pipeline"][0]["input"] = {
        "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
        "kind": "Input",
        **step_input,
    }
    return yaml.safe_dump(manifest)


def test_the_script_says_its_version() -> None:
    version = importlib.metadata.version("function-ecr-repos")
    code, out, _ = script("--version")
    assert (code, out) == (0, f"function-ecr-repos, version {version}\n")


def test_the_script_completes() -> None:
    variable = "_FUNCTION_ECR_REPOS_COMPLETE"
    code, out, _ = script(**{variable: "bash_source"})
    assert code == 0
    assert f"{variable}=bash_complete" in out
    code, out, _ = script(
        **{
            variable: "bash_complete",
            "COMP_WORDS": "function-ecr-repos exp",
            "COMP_CWORD": "1",
        }
    )
    assert "explain" in out


@pytest.mark.parametrize("name", ["", "render", "explain", "check"])
def test_help_has_examples_that_are_commands(name: str) -> None:
    cli: click.Group = ENTRY.load()
    context = click.Context(cli)
    command = cli.get_command(context, name) if name else cli
    assert command
    code, out, _ = run(*filter(None, [name, "--help"]))
    assert code == 0
    examples = [
        line.split("function-ecr-repos ")[1].split()[0]
        for line in out.partition("Examples:")[2]
        .partition("Completion")[0]
        .splitlines()
        if "function-ecr-repos " in line
    ]
    assert len(examples) >= 3
    assert set(examples) <= set(cli.list_commands(context)), (
        "no example of what there is not"
    )
    assert all(
        option.help for option in command.params if isinstance(option, click.Option)
    )


@pytest.mark.parametrize(
    ("args", "said", "why"),
    [
        (["exlpain"], "there is explain", "the nearest command"),
        (["xyz"], "check, explain", "no near one: all"),
        (["render"], "FILE", "what is missing"),
        (["render", "--nope"], "--nope", "what there is not"),
        (["explain", "x", "--account", "12"], "12 digits", "the rule"),
        (["check", "x", "-o", "xml"], "'json'", "the choices"),
        (["explain", "nofile"], "nofile: No such file", "which file"),
        (["check", "x", "--composition", "nofile"], "nofile: No such file", "which"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(
    args: list[str], said: str, why: str
) -> None:
    code, out, err = run(*args)
    assert (code, out) == (2, ""), why
    assert said in err, why
    assert err.count("\n") == 1, err
    assert err.startswith(("function-ecr-repos", "cli")), err


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_has_a_traceback_with_debug_alone(
    monkeypatch: pytest.MonkeyPatch, *, debug: bool
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(rendering, "run", broken)
    code, _, err = run(*["--debug"][:debug], "render", "example/claim.yaml")
    assert code == 70
    assert "internal error: ZeroDivisionError: two lines" in err
    assert ("Traceback" in err) == debug
    assert debug or err.count("\n") == 1


def test_a_pipe_that_closes_is_no_error() -> None:
    command = f"set -o pipefail; {SCRIPT} render example/claim.yaml | true"
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


# --- explain


@pytest.mark.parametrize(
    ("given", "args", "said", "why"),
    [
        (
            {},
            [],
            "docker push <account>.dkr.ecr.eu-west-2.amazonaws.com/tap/workloads/"
            "example-app-default-bundle:<tag>",
            "nobody said which account",
        ),
        (
            {},
            ["--account", "123456789012"],
            f"docker push {HOST}/tap/workloads/example-app-default:<tag>",
            "somebody did",
        ),
        (
            {"repoPrefix": f"{HOST}/tap"},
            [],
            f"docker push {HOST}/tap/example-app-default:",
            "the prefix did",
        ),
        (
            {"repoPrefix": f"{HOST}/tap"},
            [],
            f"acts    registry host     {HOST} is dropped",
            "and the host is stripped",
        ),
        (
            {"repoPrefix": "xxxxxxx.dkr.ecr.eu-west-2.amazonaws.com/tap"},
            [],
            "looks like a registry host but is none",
            "the recipe's own placeholder",
        ),
        (
            {"region": "cn-north-1"},
            [],
            "<account>.dkr.ecr.cn-north-1.amazonaws.com.cn/",
            "China's partition",
        ),
        (
            {"region": "us-isob-east-1"},
            [],
            "<the registry of us-isob-east-1>/",
            "a partition whose hosts we do not know",
        ),
        (
            {"workloadName": "a-b", "namespace": "c"},
            [],
            "workload a in b-c",
            "the other claim of that name",
        ),
        (
            {"workloadName": "x", "namespace": "n-bundle"},
            [],
            "workload x in n,",
            "its bundle is our image",
        ),
        (
            {"workloadName": "a", "namespace": "c"},
            [],
            "workload a in c-bundle",
            "its image is our bundle",
        ),
    ],
)
def test_explain_says_where_to_push_and_who_else_would(
    given: dict[str, str], args: list[str], said: str, why: str
) -> None:
    code, out, err = run("explain", "-", *args, stdin=claim(**given))
    assert (code, err) == (0, ""), why
    assert said in " ".join(out.split("\n" + " " * 28)), why


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "the input has no lists: a claim may ask for anything"),
        (
            {"allow": {"repoPrefixes": ["tap/*"]}},
            'repoPrefix "tap/workloads" by "tap/*"',
        ),
        (
            {"allow": {"providerNames": ["aws-*"]}},
            'providerName "aws-provider" by "aws-*"',
        ),
        ({"deletion": "Never"}, "Never: the repositories stay when the claim goes"),
        ({"deletion": "Always"}, "even those that were there before"),
        ({"registryHost": "Keep"}, "Keep: a host in repoPrefix stays a part of names"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_explain_says_what_the_platform_has_set(
    settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "composition.yaml"
    file.write_text(composition(**settings))
    code, out, _ = run("explain", "example/claim.yaml", "--composition", str(file))
    assert code == 0
    assert said in " ".join(out.split("\n" + " " * 28))


@pytest.mark.parametrize(
    ("given", "settings", "reason"),
    [
        ({"region": "Here"}, {}, "InvalidParameters"),
        ({"region": "us-east-1"}, {"allow": {"regions": ["eu-*"]}}, "NotAllowed"),
    ],
)
def test_explain_says_which_guard_stops_a_claim(
    given: dict[str, str], settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "composition.yaml"
    file.write_text(composition(**settings))
    args = ("explain", "-", "--composition", str(file))
    code, out, _ = run(*args, stdin=claim(**given))
    assert code == 1
    assert f"stops   {reason}" in out
    assert "docker push" not in out
    code, out, _ = run(*args, "-o", "json", stdin=claim(**given))
    (explained,) = json.loads(out)
    assert (code, explained["stopped"], explained["repositories"]) == (1, True, {})


def test_explain_says_whose_account_it_does_not_know() -> None:
    _, out, _ = run("explain", "example/claim.yaml")
    assert "the one that the ProviderConfig aws-provider reaches" in out


def test_explain_agrees_with_render() -> None:
    _, out, _ = run("explain", "example/claim.yaml", "-o", "json")
    (explained,) = json.loads(out)
    _, out, _ = run("render", "example/claim.yaml")
    xr = next(yaml.safe_load_all(out))
    assert {
        role: {"name": r["name"]} for role, r in explained["repositories"].items()
    } == xr["status"]["repositories"]


# --- check


def test_check_knows_the_xrds_parameters() -> None:
    xrd = yaml.safe_load(Path("package/configuration/definition.yaml").read_text())
    (version,) = xrd["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    properties = spec["properties"]["parameters"]["properties"]
    assert set(PARAMETER_NAMES) == set(properties)


def two_claims() -> str:
    first = claim(workloadName="a-b", namespace="c", name="one")
    return f"{first}---\n{claim(workloadName='a', namespace='b-c', name='two')}"


@pytest.mark.parametrize(
    ("stdin", "reason", "field", "line", "why"),
    [
        (
            CLAIM.replace("eu-west-2", "Here"),
            "InvalidParameters",
            "spec.parameters.region",
            10,
            "the function's own rule",
        ),
        (
            CLAIM.replace("region:", "regoin:"),
            "InvalidParameters",
            "spec.parameters.regoin",
            10,
            "kubectl refuses it too",
        ),
        (two_claims(), "NameTaken", "spec.parameters.workloadName", 22, "a collision"),
        (claim(name="x" * 64), "InvalidParameters", "metadata.name", 4, "a label's 63"),
        (
            composition(bundel=False),
            "InvalidParameters",
            "spec.pipeline.0.input.bundel",
            18,
            "an input's unknown field",
        ),
        (
            composition(allow={"regions": ["eu-*", 5]}),
            "InvalidParameters",
            "spec.pipeline.0.input.allow.regions.1",
            20,
            "inside a list",
        ),
        (
            COMPOSITION.replace("Pipeline", "Resources"),
            "InvalidParameters",
            "spec.mode",
            14,
            "no function runs there",
        ),
        (
            "apiVersion: ecrrepos.fn.tap.vrabbi.cloud/v1beta1\nkind: Input\nbundle: 5",
            "InvalidParameters",
            "bundle",
            3,
            "an Input by itself",
        ),
        (
            CLAIM.replace("name: example-app-ecr-repos", "name: 5"),
            "Unusable",
            "",
            1,
            "no manifest",
        ),
        ("a: [", "Unusable", "", 1, "no YAML"),
    ],
)
def test_check_says_what_is_wrong_and_where(
    stdin: str, reason: str, field: str, line: int, why: str
) -> None:
    code, out, _ = run("check", "-", "-o", "json", stdin=stdin)
    found = json.loads(out)["findings"][0]
    assert (found["reason"], found["field"]) == (reason, field), why
    assert stdin.count("\n") >= line - 1
    if field:
        key = field.split(".")[-1]
        assert key in stdin.splitlines()[found["line"] - 1] or key.isdigit(), why
    assert code == (2 if why == "no YAML" else 1)


def test_check_prints_a_line_that_editors_find() -> None:
    code, out, err = run("check", "-", stdin=CLAIM.replace("eu-west-2", "Here"))
    (number,) = [n for n, line in enumerate(CLAIM.splitlines(), 1) if "region:" in line]
    assert code == 1
    assert out.startswith(f"-:{number}: WorkloadECRRepo/example-app-ecr-repos: ")
    assert out.count("\n") == 1
    assert err == "1 checked, 0 skipped, 1 wrong\n"


def test_check_takes_all_that_is_ours_and_skips_what_is_not() -> None:
    files = [*Path("example").glob("*.yaml"), *Path("package").rglob("*.yaml")]
    code, out, _ = run("check", "-o", "json", *map(str, files))
    report = json.loads(out)
    assert (code, report["findings"]) == (0, [])
    assert report["checked"] >= 4
    assert report["skipped"] >= 10


def test_check_of_a_claim_and_its_xr_is_no_collision() -> None:
    code, out, _ = run("check", "example/claim.yaml", "example/xr.yaml")
    assert (code, out) == (0, "")


def test_check_reads_what_kubectl_lists() -> None:
    items = [yaml.safe_load(CLAIM), yaml.safe_load(CLAIM)]
    items[1]["spec"]["parameters"]["region"] = "Here"
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})
    code, out, err = run("check", "-", stdin=listed)
    assert code == 1
    assert 'got "Here"' in out
    assert err == "2 checked, 0 skipped, 1 wrong\n"


def test_check_holds_claims_against_the_composition(tmp_path: Path) -> None:
    file = tmp_path / "composition.yaml"
    file.write_text(composition(allow={"regions": ["us-*"]}))
    args = ("check", "example/claim.yaml", "-o", "json", "--composition", str(file))
    code, out, _ = run(*args)
    assert code == 1
    assert json.loads(out)["findings"][0]["reason"] == "NotAllowed"


def test_the_pre_commit_hook_is_a_command_that_there_is() -> None:
    (hook,) = yaml.safe_load(Path(".pre-commit-hooks.yaml").read_text())
    program, *args = hook["entry"].split()
    assert program == SCRIPT.name
    assert script(*args, "example/claim.yaml")[0] == 0


def test_check_says_on_which_line_a_file_is_no_yaml() -> None:
    code, out, _ = run("check", "-", stdin="kind: List\nname: {{ .Values.name }}\n")
    assert code == 2
    assert out == (
        "-:2: not YAML: line 2, column 8: found unhashable key. If it is a template, "
        "render it first\n"
    )


def test_what_looks_like_a_date_is_a_string_as_for_kubectl() -> None:
    dated = CLAIM.replace("workloadName: example-app", "workloadName: 2024-01-01")
    code, out, _ = run("explain", "-", stdin=dated)
    assert code == 0
    assert "  image   tap/workloads/2024-01-01-default\n" in out


# --- render of what is beside the Repositories


def test_render_has_the_policies_of_a_live_repository() -> None:
    code, out, err = run(
        *("render", "example/xr.yaml", "--observed", "example/observed.yaml"),
        *("--composition", "example/how-to/lifecycle.yaml"),
    )
    assert code == 0, err
    made = {
        m["metadata"]["annotations"]["crossplane.io/composition-resource-name"]: m
        for m in yaml.safe_load_all(out)
        if m["kind"] == "LifecyclePolicy"
    }
    assert set(made) == {"imagerepo-lifecycle", "bundlerepo-lifecycle"}
    for manifest in made.values():
        composite = manifest["metadata"]["labels"]["crossplane.io/composite"]
        assert composite == "example-app-ecr-repos-x7k2p"


def test_render_has_the_object_of_connection_details(tmp_path: Path) -> None:
    composed_by = yaml.safe_load(Path("example/v2/composition.yaml").read_text())
    step = composed_by["spec"]["pipeline"][0]
    step["input"]["connection"] = {"kind": "ConfigMap"}
    file = tmp_path / "composition.yaml"
    file.write_text(yaml.safe_dump(composed_by))
    code, out, err = run(
        *("render", "example/v2/xr.yaml", "--composition", str(file)),
        *("--observed", "example/v2/observed.yaml"),
    )
    assert code == 0, err
    assert "ConfigMap" in [m["kind"] for m in yaml.safe_load_all(out)]


# --- render --diff


def observed(tmp_path: Path, **changes: object) -> str:
    documents = list(yaml.safe_load_all(Path("example/observed.yaml").read_text()))
    for document in documents:
        document["spec"] |= changes
    listed = {"apiVersion": "v1", "kind": "List", "items": documents}
    file = tmp_path / "live.yaml"
    file.write_text(yaml.safe_dump(listed))
    return str(file)


def test_diff_shows_what_would_change_and_nothing_else(tmp_path: Path) -> None:
    live = observed(tmp_path, deletionPolicy="Orphan")
    code, out, _ = run("render", "example/xr.yaml", "--diff", live)
    assert code == 0
    assert out.count("-  deletionPolicy: Orphan\n+  deletionPolicy: Delete") == 2
    assert "ownerReferences" not in out
    assert "status" not in out


def test_diff_of_what_is_not_there_yet_is_all_of_it(tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all(Path("example/observed.yaml").read_text()))
    file = tmp_path / "live.yaml"
    file.write_text(yaml.safe_dump(documents[0]))
    _, out, _ = run("render", "example/xr.yaml", "--diff", str(file))
    assert "--- (none)\n+++ Repository bundlerepo" in out
    assert (
        "+    crossplane.io/external-name: tap/workloads/example-app-default-bundle"
        in out
    )


def test_diff_of_what_is_as_wanted_is_empty(tmp_path: Path) -> None:
    _, out, _ = run("render", "example/xr.yaml", "--observed", "example/observed.yaml")
    wanted = list(yaml.safe_load_all(out))[1:]
    seen = list(yaml.safe_load_all(Path("example/observed.yaml").read_text()))
    by_name = {
        d["metadata"]["annotations"]["crossplane.io/external-name"]: d for d in seen
    }
    for document in wanted:
        was = by_name[
            document["metadata"]["annotations"]["crossplane.io/external-name"]
        ]
        document["metadata"]["annotations"] |= was["metadata"]["annotations"]
        document["status"] = was["status"]
    file = tmp_path / "live.yaml"
    file.write_text(yaml.safe_dump_all(wanted))
    code, out, err = run("render", "example/xr.yaml", "--diff", str(file))
    assert (code, out) == (0, "")
    assert err.endswith("Nothing would change\n")


def test_diff_has_colours_on_a_terminal_that_wants_them() -> None:
    args = ("render", "example/xr.yaml", "--diff", "example/observed.yaml")
    assert "+  deletionPolicy: Delete\x1b[0m" in terminal(*args)
    assert "\x1b" not in terminal(*args, NO_COLOR="1")
    assert "\x1b" not in script(*args)[1]
