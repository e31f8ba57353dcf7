"""The permissions and the ConfigMap that Kyverno needs, and what happens without."""

import json

import claims
import pytest
import yaml
from control_plane import KYVERNO
from system import ROOT, System

BASE = ROOT / "package/kyverno/base"
BACKGROUND = KYVERNO.format("background")
RIGHTS = [
    (role["metadata"]["name"], rule, resource, verb)
    for role in yaml.safe_load_all((BASE / "rbac.yaml").read_text())
    for rule, content in enumerate(role["rules"])
    for resource in content["resources"]
    for verb in content["verbs"]
]
# Used by the reports controller and by older versions of Kyverno: see the role.
NOT_THE_BACKGROUND_CONTROLLERS = {("workloads", "get"), ("workloads", "watch")}


def test_kyverno_uses_every_permission_that_it_has(system: System) -> None:
    """Read from the API server's audit log of all scenarios before this one."""
    used = system.plane.used_by_kyverno()
    unused = [
        (resource, verb)
        for _, _, resource, verb in RIGHTS
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
        r for r in RIGHTS if r[2:] == ("workloads", "list")
    )
    right = (verb, f"{resource}.carto.run", BACKGROUND)
    verbs = [v for *of, v in RIGHTS if of == [role, rule, resource] and v != verb]
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
            120,
        )
        assert claims.of_workload(system, "unlisted") is None
    finally:
        kubectl("apply", "-f", BASE / "rbac.yaml")
    system.wait("the permission is granted again", lambda: kubectl.may(*right))
    system.wait(
        "the backfill creates the claim",
        lambda: claims.of_workload(system, "unlisted"),
        180,
    )
    kubectl("delete", "workload", "unlisted")


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (
            (
                "patch",
                "--type=json",
                "-p",
                '[{"op": "remove", "path": "/data/region"}]',
            ),
            "no such key: region",
        ),
        (("delete",), "no such key: data"),
    ],
    ids=["half-filled", "missing"],
)
def test_the_policy_reports_a_bad_configmap_and_recovers(
    system: System, mistake: tuple[str, ...], said: str
) -> None:
    kubectl = system.kubectl
    verb, *flags = mistake
    kubectl(verb, "configmap", "-n", "kyverno", "workload-ecr-repos", *flags)
    try:
        kubectl.apply(claims.workload("unconfigured"))

        def reported() -> bool:
            return any(
                event["involvedObject"]["kind"] == "GeneratingPolicy"
                and said in event["message"]
                for event in kubectl.all("events", "-A")
                if event["reason"] == "PolicyError"
            )

        system.wait("an event of the policy names what is missing", reported)
        assert claims.of_workload(system, "unconfigured") is None
    finally:
        kubectl("apply", "-f", BASE / "configmap.yaml")
    system.wait(
        "the backfill creates the claim",
        lambda: claims.of_workload(system, "unconfigured"),
        180,
    )
    kubectl("delete", "workload", "unconfigured")


def test_the_api_server_warns_about_a_name_that_is_too_long(system: System) -> None:
    longest = "a" * 53
    system.wait(
        "the API server warns",
        lambda: "at most 53" in system.kubectl.warnings(claims.workload(f"{longest}a")),
    )
    assert not system.kubectl.warnings(claims.workload(longest))
