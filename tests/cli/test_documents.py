"""Documents with misspelled names: which are meant for us, and what is said."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from function.cli.documents import (
    API_VERSIONS,
    PARAMETER_NAMES,
    misnamed,
    unknown_fields,
)
from tests.cli.invocations import CLAIM

CLAIMS = "tap.vrabbi.cloud/v1alpha1"
INPUTS = "ecrrepos.fn.tap.vrabbi.cloud/v1beta1"


@pytest.mark.parametrize("package", ["configuration", "configuration-v2"])
def test_it_knows_the_versions_and_parameters_of_the_xrd(package: str) -> None:
    xrd = yaml.safe_load(Path(f"package/{package}/definition.yaml").read_text())
    (version,) = xrd["spec"]["versions"]
    kind = xrd["spec"]["names"]["kind"]
    assert API_VERSIONS[kind] == f"{xrd['spec']['group']}/{version['name']}"
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    properties = spec["properties"]["parameters"]["properties"]
    assert set(PARAMETER_NAMES) == set(properties)


@pytest.mark.parametrize(
    ("api_version", "kind", "field", "fix", "why"),
    [
        (CLAIMS, "WorkloadECRRepo", None, "", "right"),
        (CLAIMS, "XWorkloadECRRepo", None, "", "right"),
        (INPUTS, "Input", None, "", "right"),
        ("v1", "Pod", None, "", "another kind"),
        (None, None, None, "", "no manifest"),
        ("template.fn.crossplane.io/v1beta1", "Input", None, "", "another function's"),
        ("apps/v1", "Deployment", None, "", "another kind"),
        ("tap.vrabbi.cloud/v1", "WorkloadECRRepo", "apiVersion", CLAIMS, "version"),
        ("tap.vrabi.cloud/v1alpha1", "WorkloadECRRepo", "apiVersion", CLAIMS, "group"),
        ("v1", "XWorkloadECRRepo", "apiVersion", CLAIMS, "another group"),
        (None, "WorkloadECRRepo", "apiVersion", CLAIMS, "none"),
        (5, "WorkloadECRRepo", "apiVersion", CLAIMS, "no string"),
        (INPUTS, "WorkloadECRRepo", "apiVersion", CLAIMS, "the Input's"),
        (CLAIMS, "Input", "apiVersion", INPUTS, "the claim's"),
        ("ecrrepos.fn.tap.vrabbi.cloud/v1", "Input", "apiVersion", INPUTS, "version"),
        ("example.org/v1", "Input", "apiVersion", INPUTS, "unknown group"),
        (CLAIMS, "WorkloadEcrRepo", "kind", "Use WorkloadECRRepo.", "capitals"),
        (CLAIMS, "WorkloadECRRepos", "kind", "Use WorkloadECRRepo.", "plural"),
        (CLAIMS, "Banana", "kind", "Correct it, or remove the document.", "no name"),
        (CLAIMS, None, "kind", "got nothing", "no kind"),
        (INPUTS, "Inputs", "kind", "the kind of ecrrepos.fn.tap.vrabbi.cloud is", ""),
        ("tap.vrabi.cloud/v1", "WorkloadEcrRepo", "kind", "Use Workl", "both wrong"),
        ("example.org/v1", "WorkloadEcrRepo", "kind", "Use WorkloadECRRepo.", "kind"),
    ],
)
def test_a_document_with_a_wrong_type(
    api_version: Any, kind: str | None, field: str | None, fix: str, why: str
) -> None:
    typed = {"apiVersion": api_version, "kind": kind}
    problem = misnamed({k: v for k, v in typed.items() if v is not None})
    if field is None:
        assert problem is None, why
    else:
        assert problem is not None, why
        assert problem.field == field, why
        assert problem.message.startswith(f"{field}: got "), why
        assert fix in problem.message, why


@pytest.mark.parametrize(
    ("change", "field", "message", "why"),
    [
        ({"spce": {}}, "spce", "(did you mean spec?)", "of the document"),
        (
            {"spec": {"paramters": {}}},
            "spec.paramters",
            "(did you mean parameters?)",
            "of spec",
        ),
        (
            {"spec": {"parameters": {"regoin": "a"}}},
            "spec.parameters.regoin",
            "(did you mean region?), only workloadName, ",
            "of the parameters",
        ),
        (
            {"spec": {"parameters": {"zzz": "a"}}},
            "spec.parameters.zzz",
            'got "a"; there is no such parameter, only ',
            "no near name",
        ),
    ],
)
def test_an_unknown_field(
    change: dict[str, Any], field: str, message: str, why: str
) -> None:
    (problem,) = unknown_fields(yaml.safe_load(CLAIM) | change)
    assert problem.field == field, why
    assert message in problem.message, why


@pytest.mark.parametrize("file", ["claim.yaml", "xr.yaml", "v2/xr.yaml"])
def test_the_examples_have_no_unknown_field(file: str) -> None:
    manifest = yaml.safe_load(Path("example", file).read_text())
    assert list(unknown_fields(manifest)) == []
    assert list(unknown_fields({**manifest, "spec": 5})) == []
