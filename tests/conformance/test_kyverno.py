"""Every kustomization of package/kyverno generates exactly its golden claims."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from build import build, core_crds

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "package/kyverno"
GOLDENS = ROOT / "tests/goldens/kyverno"
TRIGGERS = {
    "workloads": ("carto.run/v1alpha1", "Workload"),
    "deployments": ("apps/v1", "Deployment"),
    "knative-services": ("serving.knative.dev/v1", "Service"),
    "argocd-applications": ("argoproj.io/v1alpha1", "Application"),
}
# Kyverno 1.19 and newer, then 1.17 and 1.18; the value is the trigger.
KUSTOMIZATIONS = {
    str(path.parent.relative_to(PACKAGE)): (
        "workloads" if path.parent.name == "base" else path.parent.name
    )
    for folder in ("base", "overlays")
    for path in sorted((PACKAGE / folder).rglob("kustomization.yaml"))
}
EACH = pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
# One for each way to write the policy.
POLICIES = ["base", "overlays/kyverno-1.17/workloads"]
SETTINGS: dict[str, Any] = yaml.safe_load(
    (ROOT / "package/platform/settings.yaml").read_text()
)
DEFAULTS: dict[str, Any] = SETTINGS["data"]["defaults"]


def kustomize(directory: Path) -> list[dict[str, Any]]:
    kubectl = build("kubernetes", "kubectl")
    text = subprocess.check_output([kubectl, "kustomize", directory], timeout=60)
    return list(yaml.safe_load_all(text))


def triggers(api_version: str, kind: str) -> list[dict[str, Any]]:
    """Return objects of the trigger kind: labelled ones, and one without the label."""
    text = (GOLDENS / "triggers.yaml").read_text()
    found = [
        each | {"apiVersion": api_version, "kind": kind}
        for each in yaml.safe_load_all(text)
    ]
    for each in found[:-1]:
        each["metadata"]["labels"] = {"ecr.tap.vrabbi.cloud/enabled": "true"}
    plain = {"name": "no-label", "namespace": "dev", "uid": "1-2-3"}
    return [*found, {"apiVersion": api_version, "kind": kind, "metadata": plain}]


def generate(
    directory: Path,
    trigger: tuple[str, str],
    tmp_path: Path,
    settings: dict[str, Any] | None = SETTINGS,
) -> tuple[list[dict[str, Any]], str]:
    """Apply a policy with Kyverno's CLI; return the claims, and what the CLI says."""
    (policy,) = (d for d in kustomize(directory) if d["kind"] == "GeneratingPolicy")
    context = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Context",
        "metadata": {"name": "context"},
        "spec": {"resources": [settings] if settings else []},
    }
    for name, documents in (
        ("policy.yaml", [policy]),
        ("triggers.yaml", triggers(*trigger)),
        ("context.yaml", [context]),
    ):
        (tmp_path / name).write_text(yaml.safe_dump_all(documents))
    out = tmp_path / "out.yaml"
    crd = "apiextensions.crossplane.io_environmentconfigs.yaml"
    # The CLI reports a pass even if it generated nothing, so read the file.
    done = subprocess.run(
        [
            build("kyverno", "kubectl-kyverno"),
            *("apply", tmp_path / "policy.yaml"),
            *("--resource", tmp_path / "triggers.yaml"),
            *("--context-file", tmp_path / "context.yaml"),
            *("--crd-paths", core_crds("crossplane-core") / crd),
            *("-o", out),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    claims = list(yaml.safe_load_all(out.read_text())) if out.exists() else []
    assert bool(claims) == (done.returncode == 0), done.stdout + done.stderr
    return [claim for claim in claims if claim], done.stdout + done.stderr


@EACH
def test_the_policy_generates_the_golden_claims(
    kustomization: str, tmp_path: Path
) -> None:
    trigger = KUSTOMIZATIONS[kustomization]
    got, _ = generate(PACKAGE / kustomization, TRIGGERS[trigger], tmp_path)
    golden = GOLDENS / f"{trigger}.yaml"
    assert got == list(yaml.safe_load_all(golden.read_text()))


def test_every_trigger_is_there_for_every_version_of_kyverno() -> None:
    assert sorted(KUSTOMIZATIONS.values()) == sorted([*TRIGGERS, *TRIGGERS])


@pytest.mark.parametrize("policy", POLICIES)
def test_namespace_in_the_prefix_is_replaced(policy: str, tmp_path: Path) -> None:
    settings = SETTINGS | {
        "data": {"defaults": DEFAULTS | {"repoPrefix": "tap/{namespace}/{namespace}"}}
    }
    got, _ = generate(PACKAGE / policy, TRIGGERS["workloads"], tmp_path, settings)
    prefixes = {claim["spec"]["parameters"]["repoPrefix"] for claim in got}
    assert prefixes == {"tap/dev/dev"}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "no such key: data"),
        ({"deletion": "Never"}, "no such key: defaults"),
        *(
            ({"defaults": {k: v for k, v in DEFAULTS.items() if k != missing}}, said)
            for missing, said in (
                ("repoPrefix", "no such key: repoPrefix"),
                ("region", "no such key: region"),
                ("providerName", "no such key: providerName"),
            )
        ),
        ({"defaults": DEFAULTS | {"repoPrefix": 5}}, "no such overload: replace(int"),
    ],
    ids=[
        *("no-settings", "no-defaults"),
        *("no-prefix", "no-region", "no-provider", "number"),
    ],
)
def test_without_a_value_there_is_no_claim_but_an_error(
    policy: str, data: dict[str, Any] | None, said: str, tmp_path: Path
) -> None:
    settings = SETTINGS | {"data": data} if data else None
    got, output = generate(PACKAGE / policy, TRIGGERS["workloads"], tmp_path, settings)
    assert not got
    assert said in output


@EACH
def test_every_permission_is_for_the_claim_the_settings_or_the_trigger(
    kustomization: str,
) -> None:
    """Permissions match the trigger kind of the kustomization; there are no others."""
    api_version, kind = TRIGGERS[KUSTOMIZATIONS[kustomization]]
    made = kustomize(PACKAGE / kustomization)
    assert [
        (rule["apiGroups"], rule["resources"], rule.get("resourceNames"), rule["verbs"])
        for role in made
        if role["kind"] == "ClusterRole"
        for rule in role["rules"]
    ] == [
        (["tap.vrabbi.cloud"], ["workloadecrrepos"], None, ["get", "create", "patch"]),
        (
            ["apiextensions.crossplane.io"],
            ["environmentconfigs"],
            [SETTINGS["metadata"]["name"]],
            ["get"],
        ),
        (
            [api_version.partition("/")[0]],
            [f"{kind.lower()}s"],
            None,
            ["get", "list", "watch"],
        ),
    ]


@EACH
def test_the_warning_about_long_names_has_the_same_trigger(kustomization: str) -> None:
    made = {d["kind"]: d for d in kustomize(PACKAGE / kustomization)}
    policy, warning = made["GeneratingPolicy"], made["ValidatingAdmissionPolicy"]
    binding = made["ValidatingAdmissionPolicyBinding"]
    assert binding["spec"]["policyName"] == warning["metadata"]["name"]
    assert warning["metadata"]["name"] == policy["metadata"]["name"]
    assert warning["spec"]["matchConstraints"] == policy["spec"]["matchConstraints"]


def test_all_triggers_can_be_in_one_kustomization(tmp_path: Path) -> None:
    """None of their names collide, and another prefix keeps the references."""
    own = tmp_path / "package"
    shutil.copytree(PACKAGE, own / "kyverno")
    of_1_19 = [name for name in KUSTOMIZATIONS if "1.17" not in name]
    made = together(own, [f"kyverno/{name}" for name in of_1_19])
    names = [(d["kind"], d["metadata"]["name"]) for d in made]
    assert len(names) == 5 * len(TRIGGERS)
    policies = {n for kind, n in names if kind == "ValidatingAdmissionPolicy"}
    assert policies == {
        d["spec"]["policyName"]
        for d in made
        if d["kind"] == "ValidatingAdmissionPolicyBinding"
    }


def together(directory: Path, resources: list[str]) -> list[dict[str, Any]]:
    """Return what kustomize makes of a kustomization of these."""
    kustomization = {"namePrefix": "prod-", "resources": resources}
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return kustomize(directory)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a Git repository with package/kyverno, as a user has it remotely."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(PACKAGE, root / "package/kyverno")
    git = ("git", "-C", root, "-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        ("commit", "--quiet", "--message=Add the package"),
    ):
        subprocess.run([*git, *command], check=True, timeout=60)
    return f"file://{root}"


@pytest.mark.parametrize("version", ["1.19", "1.17"])
def test_the_documented_file_is_all_that_another_trigger_needs(
    version: str, repository: str, tmp_path: Path
) -> None:
    page = (PACKAGE / "README.md").read_text().partition("## Another trigger\n")[2]
    (text,) = re.findall(r"```yaml\n(.*?)```", page.partition("\n## ")[0], re.DOTALL)
    assert text.count("github.com/…/function-ecr-repos//") == 3
    text = text.replace("github.com/…/function-ecr-repos", repository)
    text = text.replace("?ref=…", "?ref=main")
    if version == "1.17":
        assert "\n# components:\n# - " in text
        text = text.replace("\n# components:\n# - ", "\ncomponents:\n- ")
    own = tmp_path / "own"
    own.mkdir()
    (own / "kustomization.yaml").write_text(text)
    got, _ = generate(own, ("apps/v1", "StatefulSet"), tmp_path)
    golden = (GOLDENS / "deployments.yaml").read_text()
    assert got == list(yaml.safe_load_all(golden.replace("Deployment", "StatefulSet")))
    made = kustomize(own)
    assert {d["metadata"]["name"].partition("-")[0] for d in made} == {"statefulset"}
    (policy,) = (d for d in made if d["kind"] == "GeneratingPolicy")
    assert policy["metadata"]["annotations"][
        "policies.kyverno.io/minversion"
    ].startswith(version)
    assert [
        rule["resources"]
        for d in made
        if d["metadata"]["name"].endswith("-trigger")
        for rule in d["rules"]
    ] == [["statefulsets"]]
