"""The permissions and the settings that Kyverno needs, and what happens without."""

import json
from typing import Any

import claims
import pytest
import yaml
from control_plane import KYVERNO
from system import ROOT, System

BASE = ROOT / "package/kyverno/base"
DEPLOYMENTS = ROOT / "package/kyverno/overlays/deployments"
BACKGROUND = KYVERNO.format("background")
# Used by the reports controller and by older versions of Kyverno: see the role.
NOT_THE_BACKGROUND_CONTROLLERS = {("workloads", "get"), ("workloads", "watch")}


def rights(system: System) -> list[tuple[str, int, str, str]]:
    """Return every permission of the policy: role, rule, resource, verb."""
    made = yaml.safe_load_all(system.kubectl("kustomize", BASE))
    return [
        (role["metadata"]["name"], rule, resource, verb)
        for role in made
        if role["kind"] == "ClusterRole"
        for rule, content in enumerate(role["rules"])
        for resource in content["resources"]
        for verb in content["verbs"]
    ]


def test_kyverno_uses_every_permission_that_it_has(system: System) -> None:
    """Read from the API server's audit log of all scenarios before this one."""
    used = system.plane.used_by_kyverno()
    unused = [
        (resource, verb)
        for _, _, resource, verb in rights(system)
        if (verb, resource) not in used
        and (resource, verb) not in NOT_THE_BACKGROUND_CONTROLLERS
    ]
    assert not unused, f"never used; these were used: {sorted(used)}"


def test_without_permission_to_list_the_trigger_no_claim_is_created(
    system: System,
) -> None:
    """The only permission whose absence nothing reports: see the role."""
    kubectl = system.kubectl
    role, rule, resource, verb = next(
        r for r in rights(system) if r[2:] == ("workloads", "list")
    )
    right = (verb, f"{resource}.carto.run", BACKGROUND)
    verbs = [
        v for *of, v in rights(system) if of == [role, rule, resource] and v != verb
    ]
    patch = [{"op": "replace", "path": f"/rules/{rule}/verbs", "value": verbs}]
    kubectl("patch", "clusterrole", role, "--type=json", "-p", json.dumps(patch))
    try:
        system.wait("the permission is revoked", lambda: not kubectl.may(*right))
        before = system.plane.refused(verb, resource)
        kubectl.apply(claims.workload("unlisted"))
        # The second refusal shows that Kyverno gave up on the first one.
        system.wait(
            "Kyverno is refused twice",
            lambda: system.plane.refused(verb, resource) >= before + 2,
        )
        assert claims.of_workload(system, "unlisted") is None
    finally:
        kubectl("apply", "-k", BASE)
    system.wait("the permission is granted again", lambda: kubectl.may(*right))
    system.wait(
        "the backfill creates the claim",
        lambda: claims.of_workload(system, "unlisted"),
    )
    kubectl("delete", "workload", "unlisted")


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (None, "no such key: data"),
        ([{"op": "remove", "path": "/data/defaults"}], "no such key: defaults"),
        (
            [{"op": "remove", "path": "/data/defaults/region"}],
            "no such key: region",
        ),
        (
            [{"op": "replace", "path": "/data/defaults/region", "value": ""}],
            "spec.parameters.region: Invalid value",
        ),
        (
            [{"op": "replace", "path": "/data/defaults/providerName", "value": 5}],
            "spec.parameters.providerName: expected string",
        ),
    ],
    ids=["missing", "no-defaults", "no-region", "empty", "number"],
)
def test_the_policy_reports_missing_settings_and_recovers(
    system: System,
    patch: list[dict[str, Any]] | None,
    said: str,
    request: pytest.FixtureRequest,
) -> None:
    kubectl = system.kubectl
    # The claim of the row before may still be there, until its repositories are gone.
    name = f"unconfigured-{request.node.callspec.id.partition('-')[2]}"
    if patch is None:
        kubectl("delete", "environmentconfig", "ecr-repos")
    else:
        change = ("--type=json", "-p", json.dumps(patch))
        kubectl("patch", "environmentconfig", "ecr-repos", *change)
    try:
        kubectl.apply(claims.workload(name))

        def reported() -> bool:
            return any(
                event["involvedObject"]["kind"] == "GeneratingPolicy"
                and said in event["message"]
                for event in kubectl.all("events", "-A")
                if event["reason"] == "PolicyError"
            )

        system.wait("an event of the policy names what is missing", reported)
        assert claims.of_workload(system, name) is None
    finally:
        kubectl.apply(system.platform_settings())
    system.wait(
        "the backfill creates the claim",
        lambda: claims.of_workload(system, name),
    )
    kubectl("delete", "workload", name)


def test_a_generated_claim_gets_the_path_of_its_namespace(system: System) -> None:
    defaults = system.platform_settings()["data"]["defaults"]
    own_path = {**defaults, "repoPrefix": "tap/{namespace}"}
    with system.with_settings(defaults=own_path):
        system.kubectl.apply(claims.workload("pathfinder"))
        claims.wait_ready(system, "pathfinder-ecr-repos")
        claim = claims.of_workload(system, "pathfinder")
        assert claim
        assert claim["spec"]["parameters"]["repoPrefix"] == "tap/default"
        repositories = {
            f"tap/default/pathfinder-default{end}" for end in ("", "-bundle")
        }
        assert repositories <= system.repositories()
        system.kubectl("delete", "workload", "pathfinder")
        claims.wait_gone(system, *repositories)


def deployment(name: str, **labels: str) -> dict[str, Any]:
    """Return the manifest of a Deployment without Pods."""
    selected = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": selected},
            "template": {
                "metadata": {"labels": selected},
                "spec": {"containers": [{"name": "app", "image": "example"}]},
            },
        },
    }


def test_two_triggers_work_in_one_cluster(system: System) -> None:
    """Also on the same name: the first one keeps the claim."""
    kubectl = system.kubectl
    enabled = {"ecr.tap.vrabbi.cloud/enabled": "true"}

    def owner(name: str) -> str:
        found = claims.of_workload(system, name)
        return str(found["metadata"]["ownerReferences"][0]["kind"]) if found else ""

    kubectl.apply(claims.workload("same"))
    system.wait("the Workload has a claim", lambda: owner("same"))
    kubectl.apply(
        *(deployment(name, **enabled) for name in ("older-deployment", "same")),
        deployment("no-label"),
    )
    kubectl("apply", "-k", DEPLOYMENTS)
    try:
        system.wait(
            "the backfill finds the Deployment",
            lambda: owner("older-deployment") == "Deployment",
        )
        kubectl.apply(deployment("deployment", **enabled), claims.workload("workload"))
        system.wait(
            "the new ones have claims, too",
            lambda: (owner("deployment"), owner("workload"))
            == ("Deployment", "Workload"),
        )
        assert owner("same") == "Workload"
        assert not owner("no-label")
        claims.wait_ready(system, "deployment-ecr-repos")
        assert claims.names("deployment") <= system.repositories()
        kubectl("delete", "-k", DEPLOYMENTS)
        # The other trigger keeps its policy and its permissions.
        kubectl.apply(claims.workload("afterwards"))
        system.wait("a new Workload has a claim", lambda: owner("afterwards"))
        assert owner("deployment")
    finally:
        kubectl("delete", "--ignore-not-found", "-k", DEPLOYMENTS)
        kubectl("delete", "deployments", "-n", "default", "--all")
    kubectl("delete", "workload", "same", "workload", "afterwards")


def test_the_api_server_warns_about_a_name_that_is_too_long(system: System) -> None:
    longest = "a" * 53
    system.wait(
        "the API server warns",
        lambda: "at most 53" in system.kubectl.warnings(claims.workload(f"{longest}a")),
    )
    assert not system.kubectl.warnings(claims.workload(longest))
