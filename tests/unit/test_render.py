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
        ("first", ["example/xr.yaml"]),
        ("ready", ["example/xr.yaml", "--observed", "example/observed.yaml"]),
        ("claim", ["example/claim.yaml"]),
    ],
)
def test_examples_render_as_their_goldens(golden: str, args: list[str]) -> None:
    code, out, _ = render(*args, "--composition", "example/composition.yaml")
    assert code == 0
    want = (GOLDENS / f"{golden}.yaml").read_text()
    assert list(yaml.safe_load_all(out)) == list(yaml.safe_load_all(want))


def test_a_fatal_result_is_an_exit_status_and_no_manifest() -> None:
    claim = Path("example/claim.yaml").read_text().replace("eu-west-2", "Here")
    code, out, err = render("-", stdin=claim)
    assert (code, out) == (1, "")
    assert err.count("spec.parameters.region: got") == 2, "a result, a condition"


@pytest.mark.parametrize(
    ("args", "stdin", "why"),
    [
        (["nofile.yaml"], None, "No such file"),
        (["-"], "{", "not YAML"),
        (["-"], "", "no document"),
        (["-"], "[1]", "not a Kubernetes manifest"),
        (["-"], "kind: 5", "not a Kubernetes manifest"),
        (["-"], b"kind: \xff\xfe", "not YAML"),
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


def test_the_examples_composition_is_the_packages() -> None:
    package, example = (
        list(yaml.safe_load_all(Path(p).read_text()))
        for p in ("package/configuration/composition.yaml", "example/composition.yaml")
    )
    assert example == package
