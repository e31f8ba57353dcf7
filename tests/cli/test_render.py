"""render: the examples and their goldens, results, and the exit status."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.builders import CLUSTER
from tests.cli.invocations import CLAIM, INPUT_TYPE, claim, run, settings

GOLDENS = Path(__file__).parents[1] / "goldens"
COMPOSED_NAME = "crossplane.io/composition-resource-name"


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
    code, out, _ = run("render", *files, "--composition", f"{example}/composition.yaml")
    assert code == 0
    want = (GOLDENS / f"{golden}.yaml").read_text()
    assert list(yaml.safe_load_all(out)) == list(yaml.safe_load_all(want))


@pytest.mark.parametrize(
    ("package", "example"),
    [("configuration", "example"), ("configuration-v2", "example/v2")],
)
def test_the_composition_of_an_example_is_the_packaged_one(
    package: str, example: str
) -> None:
    packaged, shown = (
        list(yaml.safe_load_all(Path(folder, "composition.yaml").read_text()))
        for folder in (f"package/{package}", example)
    )
    # Claims can be rendered without platform settings.
    (step,) = packaged[0]["spec"]["pipeline"]
    assert step["input"].pop("settings") == "Required"
    step.pop("requirements", None)
    if step["input"].keys() == {"apiVersion", "kind"}:
        del step["input"]
    assert shown == packaged


def test_a_fatal_result_is_status_1_and_no_manifest() -> None:
    code, out, err = run("render", "-", stdin=CLAIM.replace("eu-west-2", "Here"))
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert [line.split()[0] for line in lines] == ["Note:", "Fatal", "Condition"], (
        "the claim's event has the same message, and is not repeated"
    )
    assert all("spec.parameters.region: got" in line for line in lines[1:])


def test_a_file_with_one_fatal_result_renders_the_rest() -> None:
    two = f"{CLAIM.replace('eu-west-2', 'Here')}---\n{CLAIM}"
    code, out, _ = run("render", "-", stdin=two)
    assert code == 1
    kinds = [manifest["kind"] for manifest in yaml.safe_load_all(out)]
    assert kinds == ["XWorkloadECRRepo", "Repository", "Repository"]


def test_the_xr_has_the_claims_kind_on_crossplane_v2() -> None:
    code, out, _ = run(
        *("render", "example/claim.yaml"),
        *("--composition", "example/v2/composition.yaml", "--namespace", "shop"),
    )
    assert code == 0
    xr, *composed = yaml.safe_load_all(out)
    assert (xr["kind"], xr["metadata"]["namespace"]) == ("WorkloadECRRepo", "shop")
    assert {r["metadata"]["namespace"] for r in composed} == {"shop"}
    assert "claim-name" not in out


@pytest.mark.parametrize(
    ("name", "observed"),
    [("kms", False), ("lifecycle", True), ("cross-account-pull", True)],
)
def test_the_settings_of_a_guide_render_as_their_golden(
    name: str, *, observed: bool
) -> None:
    code, out, err = run(
        *("render", "example/xr.yaml", "--composition", "example/composition.yaml"),
        *("--settings", f"example/how-to/{name}.yaml"),
        *(("--observed", "example/observed.yaml") if observed else ()),
    )
    assert code == 0, err
    want = (GOLDENS / f"how-to/{name}.yaml").read_text()
    assert list(yaml.safe_load_all(out)) == list(yaml.safe_load_all(want))


def test_the_policies_of_a_repository_have_crossplanes_labels() -> None:
    code, out, err = run(
        *("render", "example/xr.yaml", "--observed", "example/observed.yaml"),
        *("--settings", "example/how-to/lifecycle.yaml"),
    )
    assert code == 0, err
    policies = {
        m["metadata"]["annotations"][COMPOSED_NAME]: m
        for m in yaml.safe_load_all(out)
        if m["kind"] == "LifecyclePolicy"
    }
    assert set(policies) == {"imagerepo-lifecycle", "bundlerepo-lifecycle"}
    for manifest in policies.values():
        composite = manifest["metadata"]["labels"]["crossplane.io/composite"]
        assert composite == "example-app-ecr-repos-x7k2p"


def test_the_object_of_connection_details_is_rendered(tmp_path: Path) -> None:
    composition = yaml.safe_load(Path("example/v2/composition.yaml").read_text())
    composition["spec"]["pipeline"][0]["input"] |= {"connection": {"kind": "ConfigMap"}}
    file = tmp_path / "composition.yaml"
    file.write_text(yaml.safe_dump(composition))
    code, out, err = run(
        *("render", "example/v2/xr.yaml", "--composition", str(file)),
        *("--observed", "example/v2/observed.yaml"),
    )
    assert code == 0, err
    assert "ConfigMap" in [m["kind"] for m in yaml.safe_load_all(out)]


def test_a_broken_input_is_what_the_function_says_of_it(
    composition_file: Callable[..., str],
) -> None:
    assert "bundel" not in INPUT_TYPE
    file = composition_file(bundel=False)
    code, out, err = run("render", "example/claim.yaml", "--composition", file)
    assert (code, out) == (1, "")
    assert "Fatal XWorkloadECRRepo/example-app-ecr-repos: input.bundel: got" in err


@pytest.mark.parametrize(
    ("file", "note"),
    [
        (
            "claim.yaml",
            "WorkloadECRRepo is rendered as a claim of Crossplane v1, for provider "
            "ecr.aws.crossplane.io/v1beta1",
        ),
        (
            "xr.yaml",
            "XWorkloadECRRepo is rendered for provider ecr.aws.crossplane.io/v1beta1",
        ),
        (
            "v2/xr.yaml",
            "WorkloadECRRepo with spec.crossplane is rendered as an XR of Crossplane "
            "v2, for provider ecr.aws.m.upbound.io/v1beta1",
        ),
    ],
)
def test_without_a_composition_it_says_what_it_assumes(file: str, note: str) -> None:
    files = (f"example/{file}", f"example/{file}")
    code, assumed, err = run("render", *files)
    assert code == 0
    assert err.splitlines()[0] == f"Note: there is no --composition, so {note}"
    assert err.count("Note:") == 1, "once, for two files"
    composition = str(Path("example", file).with_name("composition.yaml"))
    code, out, err = run("render", *files, "--composition", composition)
    assert (code, out) == (0, assumed), "the packaged Composition says the same"
    assert "Note:" not in err


def test_it_warns_of_unknown_fields_and_regions() -> None:
    code, out, err = run("render", "-", stdin=claim(region="eu-west-9", regoin="a"))
    subject = "Warning WorkloadECRRepo/example-app-ecr-repos: spec.parameters"
    assert code == 0
    assert f'{subject}.regoin: got "a"; there is no such parameter' in err
    assert f'{subject}.region: got "eu-west-9"; no AWS region' in err
    assert "kind: Repository" in out


def test_platform_settings_are_applied(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(settings(provider=CLUSTER, bundle=False, deletion="Never"))
    code, out, err = run("render", "-", "--settings", str(file), stdin=CLAIM)
    assert code == 0
    assert f"for provider {CLUSTER}" in err
    _, repository = yaml.safe_load_all(out)
    assert repository["apiVersion"] == CLUSTER
    assert repository["spec"]["deletionPolicy"] == "Orphan"


def test_the_packaged_compositions_render_with_the_shipped_settings() -> None:
    for file, package in (
        ("example/claim.yaml", "configuration"),
        ("example/v2/xr.yaml", "configuration-v2"),
    ):
        code, out, err = run(
            *("render", file, "--settings", "package/platform/settings.yaml"),
            *("--composition", f"package/{package}/composition.yaml"),
        )
        assert code == 0, err
        assert len(list(yaml.safe_load_all(out))) == 3


def test_a_mistake_in_the_settings_is_reported_for_their_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(settings(deletion="Nevr"))
    code, out, err = run("render", "-", "--settings", str(file), stdin=CLAIM)
    assert (code, out) == (2, "")
    assert f"{file}: data.deletion: got" in err
