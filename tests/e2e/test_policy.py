"""What Kyverno needs, and what is seen where it has not got it."""

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
# The reports controller's, and older Kyvernos': see the role.
NOT_THE_BACKGROUND_CONTROLLERS = {("workloads", "get"), ("workloads", "watch")}


def test_kyverno_uses_every_right_that_it_is_given(system: System) -> None:
    """By the API server's audit log of what the scenarios before this one did."""
    used = system.plane.used_by_kyverno()
    unused = [
        (resource, verb)
        for _, _, resource, verb in RIGHTS
        if (verb, resource) not in used
        and (resource, verb) not in NOT_THE_BACKGROUND_CONTROLLERS
    ]
    assert not unused, f"never used; used are {sorted(used)}"


def test_without_the_right_to_list_the_trigger_there_is_no_claim(
    system: System,
) -> None:
    """Of all the rights, the one whose absence nothing tells: see the role."""
    kubectl = system.kubectl
    role, rule, resource, verb = next(
        r for r in RIGHTS if r[2:] == ("workloads", "list")
    )
    right = (verb, f"{resource}.carto.run", BACKGROUND)
    verbs = [v for *of, v in RIGHTS if of == [role, rule, resource] and v != verb]
    patch = [{"op": "replace", "path": f"/rules/{rule}/verbs", "value": verbs}]
    kubectl("patch", "clusterrole", role, "--type=json", "-p", json.dumps(patch))
    try:
        system.wait("the right is gone", lambda: not kubectl.may(*right))
        before = system.plane.refused(verb, resource)
        kubectl.apply(claims.workload("unlisted"))
        # At the second refusal it is past the first, and has made nothing.
        system.wait(
            "Kyverno is refused, twice",
            lambda: system.plane.refused(verb, resource) >= before + 2,
            120,
        )
        assert claims.of_workload(system, "unlisted") is None
    finally:
        kubectl("apply", "-f", BASE / "rbac.yaml")
    system.wait("the right is back", lambda: kubectl.may(*right))
    system.wait(
        "the backfill makes the claim",
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
def test_a_bad_configmap_is_said_on_the_policy_and_heals(
    system: System, mistake: tuple[str, ...], said: str
) -> None:
    kubectl = system.kubectl
    verb, *flags = mistake
    kubectl(verb, "configmap", "-n", "kyverno", "workload-ecr-repos", *flags)
    try:
        kubectl.apply(claims.workload("unconfigured"))

        def told() -> bool:
            return any(
                event["involvedObject"]["kind"] == "GeneratingPolicy"
                and said in event["message"]
                for event in kubectl.all("events", "-A")
                if event["reason"] == "PolicyError"
            )

        system.wait("an event of the policy says what is missing", told)
        assert claims.of_workload(system, "unconfigured") is None
    finally:
        kubectl("apply", "-f", BASE / "configmap.yaml")
    system.wait(
        "the backfill heals it", lambda: claims.of_workload(system, "unconfigured"), 180
    )
    kubectl("delete", "workload", "unconfigured")


def test_a_name_that_is_too_long_is_warned_of(system: System) -> None:
    longest = "a" * 53
    system.wait(
        "the API server warns",
        lambda: "at most 53" in system.kubectl.warnings(claims.workload(f"{longest}a")),
    )
    assert not system.kubectl.warnings(claims.workload(longest))
