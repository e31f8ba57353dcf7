"""The examples against their goldens, and files that cannot be used."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from function.main import cli

CLAIM = "apiVersion: tap.vrabbi.cloud/v1alpha1\nkind: WorkloadECRRepo"
GOLDENS = Path(__file__).parents[1] / "goldens"


def render(*args: str, stdin: str | bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["render", *args], input=stdin)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("golden", "args"),
    [
        ("first", ["xr.yaml"]),
        ("ready", ["xr.yaml", "--observed", "observed.yaml"]),
        ("claim", ["claim.yaml"]),
        ("v2/first", ["xr.yaml"]),
        ("v2/ready", ["xr.yaml", "--observed", "observed.yaml"]),
    ],
)
def test_examples_render_as_their_goldens(golden: str, args: list[str]) -> None:
    example = "example/v2" if golden.startswith("v2/") else "example"
    files = [f"{example}/{a}" if a.endswith(".yaml") else a for a in args]
    code, out, _ = render(*files, "--composition", f"{example}/composition.yaml")
    assert code == 0
    want = (GOLDENS / f"{golden}.yaml").read_text()
    assert list(yaml.safe_load_all(out)) == list(yaml.safe_load_all(want))


def test_a_fatal_result_is_an_exit_status_and_no_manifest() -> None:
    claim = Path("example/claim.yaml").read_text().replace("eu-west-2", "Here")
    code, out, err = render("-", stdin=claim)
    assert (code, out) == (1, "")
    assert err.count("spec.parameters.region: got") == 2, "a result, a condition"


# Ten times as much at each of eight steps.
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("args", "stdin", "why"),
    [
        (["nofile.yaml"], None, "No such file"),
        (["-"], "{", "not YAML"),
        (["-"], "", "no document"),
        (["-"], "[1]", "not a Kubernetes manifest"),
        (["-"], "kind: 5", "not a Kubernetes manifest"),
        (["-"], b"kind: \xff\xfe", "UTF-8"),
        (["-"], "kind: {{ .Values.kind }}", "line 1, column 8"),
        (["-"], "kind: {{ .Values.kind }}", "render it first"),
        (["-"], "[" * 5000, "nested too deeply"),
        (["-"], f"{CLAIM}\na: &a [*a]", "nested too deeply"),
        (["-"], f"{CLAIM}\n{BOMB}", "too large"),
        (["-"], f"{CLAIM}\n1: a", "the key 1"),
        (["-"], f"{CLAIM}\na: !!set {{b}}", "JSON has not"),
        (["-"], f"{CLAIM}", "metadata.name"),
        (["-"], f"{CLAIM}\nmetadata: {{name: 5}}", "metadata.name"),
        (["-"], f"{CLAIM}\nmetadata: []", "metadata"),
        (["-"], f"{CLAIM}\nmetadata: {{name: a, labels: [b]}}", "metadata.labels"),
        (["-"], f"{CLAIM}\nmetadata: {{name: a}}\nspec: 2024-01-01", "spec"),
        (["example/functions.yaml"], None, "neither a WorkloadECRRepo nor"),
        (["example/xr.yaml", "--composition", "example/xr.yaml"], None, "not a Comp"),
        (["example/xr.yaml", "--observed", "example/xr.yaml"], None, "observed"),
    ],
)
def test_an_unusable_file_gets_one_clear_line(
    args: list[str], stdin: str | bytes | None, why: str
) -> None:
    code, out, err = render(*args, stdin=stdin)
    assert (code, out) == (2, "")
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("package", "example"),
    [("configuration", "example"), ("configuration-v2", "example/v2")],
)
def test_the_examples_composition_is_the_packages(package: str, example: str) -> None:
    packaged, shown = (
        list(yaml.safe_load_all(Path(folder, "composition.yaml").read_text()))
        for folder in (f"package/{package}", example)
    )
    assert shown == packaged


def test_what_a_tenant_writes_is_the_xr_on_crossplane_v2() -> None:
    code, out, _ = render(
        *("example/claim.yaml", "--composition", "example/v2/composition.yaml"),
        *("--namespace", "shop"),
    )
    assert code == 0
    xr, *composed = yaml.safe_load_all(out)
    assert (xr["kind"], xr["metadata"]["namespace"]) == ("WorkloadECRRepo", "shop")
    assert {r["metadata"]["namespace"] for r in composed} == {"shop"}
    assert "claim-name" not in out
