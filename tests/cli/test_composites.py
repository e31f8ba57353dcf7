"""Claims and Compositions: what they become, and which of them cannot be used."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from crossplane.function.proto.v1 import run_function_pb2 as fnv1

from function.cli.composites import (
    ClaimReference,
    CompositionStep,
    build_request,
    claim_reference,
    function_steps,
    load_step,
    refusal,
    run_function,
    step_of,
    to_xr,
)
from function.cli.errors import InputFileError
from tests.cli.invocations import CLAIM, INPUT_TYPE, run, settings

SETTINGS = "package/platform/settings.yaml"
HEAD = "apiVersion: tap.vrabbi.cloud/v1alpha1\nkind: WorkloadECRRepo"


@pytest.mark.parametrize(
    ("args", "stdin", "message"),
    [
        (["-"], HEAD, "-: metadata.name must be a string that is not empty"),
        (["-"], f"{HEAD}\nmetadata: {{name: 5}}", "metadata.name must be a string"),
        (["-"], f"{HEAD}\nmetadata: []", "metadata and spec must be objects"),
        (
            ["-"],
            f"{HEAD}\nmetadata: {{name: a, labels: [b]}}",
            "metadata.labels must be an object",
        ),
        (
            ["-"],
            f"{HEAD}\nmetadata: {{name: a}}\nspec: 2024-01-01",
            "metadata and spec must be objects",
        ),
        (
            ["example/functions.yaml"],
            None,
            "neither a WorkloadECRRepo nor an XWorkloadECRRepo of tap.vrabbi.cloud",
        ),
        (
            ["example/xr.yaml", "--composition", "example/xr.yaml"],
            None,
            "example/xr.yaml: the kind is XWorkloadECRRepo, not Composition",
        ),
        (
            ["example/xr.yaml", "--composition", "-"],
            "kind: Composition\nspec: {pipeline: [{functionRef: {name: other}}]}",
            "-: no pipeline step has a functionRef to function-ecr-repos",
        ),
        (
            ["example/xr.yaml", "--observed", "example/xr.yaml"],
            None,
            "the observed XWorkloadECRRepo has no annotation "
            "crossplane.io/composition-resource-name",
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_gets_one_line_and_status_2(
    args: list[str], stdin: str | None, message: str
) -> None:
    code, out, err = run("render", *args, stdin=stdin)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("function-ecr-repos render: ")
    assert err.count("\n") == 1


def test_explain_and_check_refuse_a_composition_with_a_broken_input(
    composition_file: Any,
) -> None:
    file = composition_file(bundel=False)
    for command in ("explain", "check"):
        code, out, err = run(command, "example/claim.yaml", "--composition", file)
        assert (code, out) == (2, ""), command
        assert f"{command}: {file}: input.bundel: got false; " in err


@pytest.mark.parametrize(
    ("document", "namespace", "namespaced", "claim", "why"),
    [
        (
            {"metadata": {"name": "a", "namespace": "b"}},
            None,
            False,
            ("WorkloadECRRepo", "b", "a"),
            "the claim's own namespace",
        ),
        (
            {"metadata": {"name": "a"}},
            None,
            False,
            ("WorkloadECRRepo", "default", "a"),
            "kubectl's default",
        ),
        (
            {"metadata": {"name": "a"}},
            "c",
            True,
            ("WorkloadECRRepo", "c", "a"),
            "--namespace, on Crossplane v2",
        ),
        (
            {"kind": "XWorkloadECRRepo", "metadata": {"name": "a-x"}},
            "c",
            False,
            ("XWorkloadECRRepo", "c", "a-x"),
            "an XR, whose claim is unknown",
        ),
        (
            {
                "kind": "XWorkloadECRRepo",
                "metadata": {"name": "a-x"},
                "spec": {"claimRef": {"name": "a", "namespace": "b", "kind": "K"}},
            },
            "c",
            False,
            ("K", "b", "a"),
            "an XR that names its claim",
        ),
    ],
)
def test_an_xr_says_which_claim_it_is_from(
    document: dict[str, Any],
    namespace: str | None,
    claim: tuple[str, str, str],
    why: str,
    *,
    namespaced: bool,
) -> None:
    document = {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "WorkloadECRRepo",
        **document,
    }
    xr = to_xr(document, "", namespace, namespaced=namespaced)
    assert claim_reference(xr) == ClaimReference(*claim), why
    assert xr["kind"] == ("WorkloadECRRepo" if namespaced else "XWorkloadECRRepo"), why


@pytest.mark.parametrize(
    ("composition", "indexes", "why"),
    [
        ({}, [], "no spec"),
        ({"spec": {"pipeline": 5}}, [], "not a list"),
        ({"spec": {"pipeline": [{"functionRef": {"name": "other"}}]}}, [], "another"),
        (
            {
                "spec": {
                    "pipeline": [
                        {"functionRef": {"name": "other"}},
                        {"functionRef": {"name": "org-function-ecr-repos"}},
                    ]
                }
            },
            [1],
            "Crossplane puts the package's organization before the name",
        ),
        (
            {
                "spec": {
                    "pipeline": [
                        {"functionRef": 5},
                        5,
                        {"step": "repositories", "input": INPUT_TYPE},
                        {"functionRef": {"name": "function-ecr-repos"}},
                    ]
                }
            },
            [2, 3],
            "a Function can have any name, and other steps can be broken",
        ),
    ],
)
def test_the_steps_of_a_composition(
    composition: dict[str, Any], indexes: list[int], why: str
) -> None:
    assert [index for index, _ in function_steps(composition)] == indexes, why


def test_a_composition_says_which_xrs_it_is_for() -> None:
    assert load_step(None, None) == CompositionStep()
    assert not load_step("example/composition.yaml", None).namespaced
    assert load_step("example/v2/composition.yaml", None).namespaced


@pytest.mark.parametrize(
    ("document", "file", "namespaced", "why"),
    [
        ({"kind": "WorkloadECRRepo"}, "", False, "a claim"),
        ({"kind": "WorkloadECRRepo", "spec": {"crossplane": {}}}, "", True, "of v2"),
        ({"kind": "WorkloadECRRepo", "spec": {"crossplane": {}}}, "f", False, "given"),
        ({"kind": "XWorkloadECRRepo", "spec": {"crossplane": {}}}, "", False, "of v1"),
    ],
)
def test_without_a_composition_an_xr_of_v2_is_recognized(
    document: dict[str, Any], file: str, why: str, *, namespaced: bool
) -> None:
    given = CompositionStep(file)
    step = step_of(document, given)
    assert step.namespaced == namespaced, why
    assert (step is given) != namespaced, why


def test_the_step_of_v2_has_the_packaged_provider() -> None:
    document = yaml.safe_load(Path("example/v2/xr.yaml").read_text())
    packaged = load_step("package/configuration-v2/composition.yaml", SETTINGS)
    want = packaged.input["provider"]
    assert step_of(document, CompositionStep()).input["provider"] == want


def test_the_function_runs_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    want = fnv1.RunFunctionResponse(meta=fnv1.ResponseMeta(tag="a"))

    async def called(_: object, req: object, context: object) -> object:
        calls.append((req, context))
        return want

    monkeypatch.setattr("function.fn.FunctionRunner.RunFunction", called)
    xr = to_xr(yaml.safe_load(CLAIM), "", None, namespaced=False)
    request = build_request(xr, CompositionStep(), [])
    assert run_function(request) == want
    assert calls == [(request, None)]


def test_a_refusal_has_the_conditions_reason() -> None:
    manifest = yaml.safe_load(CLAIM)
    manifest["spec"]["parameters"]["region"] = "Here"
    refused = refusal(to_xr(manifest, "", None, namespaced=False), CompositionStep())
    assert refused is not None
    assert refused.reason == "InvalidParameters"
    assert refused.message.startswith('spec.parameters.region: got "Here"; ')
    manifest = yaml.safe_load(CLAIM)
    assert not refusal(to_xr(manifest, "", None, namespaced=False), CompositionStep())


def test_a_value_that_json_does_not_have_cannot_be_sent() -> None:
    xr = to_xr(yaml.safe_load(CLAIM), "", None, namespaced=False)
    xr["spec"]["parameters"]["region"] = {1, 2}
    with pytest.raises(InputFileError, match="not valid as JSON"):
        build_request(xr, CompositionStep(), [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            settings().replace("ecr-repos", "other"),
            "no EnvironmentConfig with the name",
        ),
        (
            settings().replace("\ndata:", "\nspec:"),
            "spec: got {}; there is no such field",
        ),
        (settings().replace("v1beta1", "v1"), "EnvironmentConfig is apiextensions"),
    ],
)
def test_a_settings_file_that_the_function_would_not_read(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(InputFileError, match=message):
        load_step(None, str(file))
