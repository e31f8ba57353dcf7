"""What Kyverno needs, and what is seen where it has not got it."""

import json
from collections.abc import Iterator

import pytest
import yaml
from control_plane import KYVERNO
from system import ROOT, System
from test_chain import claim, workload

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


@pytest.fixture
def whole(system: System) -> Iterator[System]:
    """The system, with all its rights again afterwards."""
    yield system
    system.kubectl("apply", "-f", BASE / "rbac.yaml")


@pytest.mark.parametrize(
    ("role", "rule", "resource", "verb"),
    [r for r in RIGHTS if r[2:] not in NOT_THE_BACKGROUND_CONTROLLERS],
    ids=lambda value: str(value),
)
def test_without_any_one_right_there_is_no_claim(
    whole: System, role: str, rule: int, resource: str, verb: str
) -> None:
    system, kubectl = whole, whole.kubectl
    group = {"workloads": "carto.run", "workloadecrrepos": "tap.vrabbi.cloud"}
    right = (verb, f"{resource}.{group[resource]}", BACKGROUND)
    current = kubectl.get("clusterrole", role)
    assert current is not None
    verbs = current["rules"][rule]["verbs"]
    verbs.remove(verb)
    patch = [{"op": "replace", "path": f"/rules/{rule}/verbs", "value": verbs}]
    kubectl("patch", "clusterrole", role, "--type=json", "-p", json.dumps(patch))
    system.wait("the right is gone", lambda: not kubectl.may(*right))

    name = f"without-{verb}-{resource}"
    # Server-side apply creates by a patch; of the trigger it lists all.
    asked = ("patch" if verb == "create" else verb, resource)
    of = None if verb == "list" else f"{name}-ecr-repos"
    before = system.plane.refused(*asked, of)
    kubectl.apply(workload(name))
    # At the second refusal it is past the first, and has made nothing.
    system.wait(
        "Kyverno is refused, twice",
        lambda: system.plane.refused(*asked, of) >= before + 2,
        120,
    )
    assert claim(system, name) is None

    kubectl("apply", "-f", BASE / "rbac.yaml")
    system.wait("the right is back", lambda: kubectl.may(*right))
    system.wait("the backfill heals it", lambda: claim(system, name), 180)
    kubectl("delete", "workload", name)


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
def test_a_bad_configmap_is_said_on_the_policy_and_mended(
    system: System, mistake: tuple[str, ...], said: str
) -> None:
    kubectl = system.kubectl
    verb, *flags = mistake
    kubectl(verb, "configmap", "-n", "kyverno", "workload-ecr-repos", *flags)
    try:
        kubectl.apply(workload("unconfigured"))

        def told() -> bool:
            return any(
                event["involvedObject"]["kind"] == "GeneratingPolicy"
                and said in event["message"]
                for event in kubectl.all("events", "-A")
                if event["reason"] == "PolicyError"
            )

        system.wait("an event of the policy says what is missing", told)
        assert claim(system, "unconfigured") is None
    finally:
        kubectl("apply", "-f", BASE / "configmap.yaml")
    system.wait("the backfill heals it", lambda: claim(system, "unconfigured"), 180)
    kubectl("delete", "workload", "unconfigured")


def test_a_name_that_is_too_long_is_warned_of(system: System) -> None:
    longest = "a" * 53
    system.wait(
        "the API server warns",
        lambda: "53 is the most" in system.kubectl.warnings(workload(f"{longest}a")),
    )
    assert not system.kubectl.warnings(workload(longest))
