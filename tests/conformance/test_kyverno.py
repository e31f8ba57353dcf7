"""Every kustomization of package/kyverno generates exactly its golden claims."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from build import build

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "package/kyverno"
GOLDENS = ROOT / "tests/goldens/kyverno"
KUSTOMIZATIONS = sorted(
    str(p.parent.relative_to(PACKAGE)) for p in PACKAGE.glob("**/kustomization.yaml")
)
TRIGGERS = {
    "overlays/deployments": ("apps/v1", "Deployment"),
    "overlays/knative-services": ("serving.knative.dev/v1", "Service"),
    "overlays/argocd-applications": ("argoproj.io/v1alpha1", "Application"),
}


def kyverno(*args: object) -> subprocess.CompletedProcess[str]:
    program = build("kyverno", "kubectl-kyverno")
    return subprocess.run(
        [program, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def kustomize(directory: Path) -> list[dict[str, Any]]:
    kubectl = build("kubernetes", "kubectl")
    text = subprocess.check_output([kubectl, "kustomize", directory], timeout=60)
    return list(yaml.safe_load_all(text))


def triggers(kustomization: str) -> list[dict[str, Any]]:
    """Return objects of the trigger kind: labelled ones, and one without the label."""
    text = (PACKAGE / "tests/workloads.yaml").read_text()
    api_version, kind = TRIGGERS.get(kustomization, ("carto.run/v1alpha1", "Workload"))
    found = [
        each | {"apiVersion": api_version, "kind": kind}
        for each in yaml.safe_load_all(text)
    ]
    for each in found[:-1]:
        each["metadata"]["labels"] = {"ecr.tap.vrabbi.cloud/enabled": "true"}
    plain = {"name": "no-label", "namespace": "dev", "uid": "1-2-3"}
    return [*found, {"apiVersion": api_version, "kind": kind, "metadata": plain}]


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_the_policy_generates_the_golden_claims(
    kustomization: str, tmp_path: Path
) -> None:
    (policy,) = (
        d for d in kustomize(PACKAGE / kustomization) if d["kind"] == "GeneratingPolicy"
    )
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    (tmp_path / "triggers.yaml").write_text(yaml.safe_dump_all(triggers(kustomization)))
    out = tmp_path / "out.yaml"
    # The CLI reports a pass even if it generated nothing, so compare the file.
    done = kyverno(
        *("apply", tmp_path / "policy.yaml"),
        *("--resource", tmp_path / "triggers.yaml", "-o", out),
        *("--context-file", PACKAGE / "tests/context.yaml"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    got = [d for d in yaml.safe_load_all(out.read_text()) if d]
    golden = GOLDENS / f"{Path(kustomization).name}.yaml"
    assert got == list(yaml.safe_load_all(golden.read_text()))


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_every_permission_is_for_the_claim_or_the_trigger(kustomization: str) -> None:
    """Permissions match the trigger kind of the kustomization; there are no others."""
    api_version, kind = TRIGGERS.get(kustomization, ("carto.run/v1alpha1", "Workload"))
    roles = [
        r for r in kustomize(PACKAGE / kustomization) if r["kind"] == "ClusterRole"
    ]
    assert sorted(
        (rule["apiGroups"][0], rule["resources"][0], *rule["verbs"])
        for role in roles
        for rule in role["rules"]
    ) == sorted(
        [
            ("tap.vrabbi.cloud", "workloadecrrepos", "get", "create", "patch"),
            (api_version.partition("/")[0], f"{kind.lower()}s", "get", "list", "watch"),
        ]
    )


def test_the_tests_of_the_policies_pass() -> None:
    done = kyverno("test", PACKAGE / "tests", "--require-tests", "--remove-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_the_policies_can_fail(tmp_path: Path) -> None:
    policy = "base/policy.yaml"
    copy = tmp_path / "kyverno"
    shutil.copytree(PACKAGE, copy)
    text = (copy / policy).read_text()
    broken = text.replace("-ecr-repos", "-ecr")
    assert broken != text
    (copy / policy).write_text(broken)
    done = kyverno("test", copy / "tests", "--require-tests", "--remove-color")
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_the_warning_about_long_names_has_the_same_trigger(kustomization: str) -> None:
    made = {d["kind"]: d for d in kustomize(PACKAGE / kustomization)}
    warning = made["ValidatingAdmissionPolicy"]
    binding = made["ValidatingAdmissionPolicyBinding"]
    assert binding["spec"]["policyName"] == warning["metadata"]["name"]
    policy = made["GeneratingPolicy"]
    assert warning["metadata"]["name"] == policy["metadata"]["name"]
    assert warning["spec"]["matchConstraints"] == policy["spec"]["matchConstraints"]
