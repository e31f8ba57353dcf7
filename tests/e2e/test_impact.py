"""What `impact` says before a deletion is what is then gone."""

import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import claims
import yaml
from system import REGION, ROOT, System

PROGRAM = Path(sys.executable).with_name("function-ecr-repos")
OTHER_REGION = "eu-central-1"
DELETES_IMAGES = 3
PAGE = ROOT / "docs/impact.md"


def impact(
    system: System, *args: object, kubeconfig: Path | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the JSON of the real command."""
    done = subprocess.run(
        [PROGRAM, "impact", *map(str, args), "--aws", "-o", "json"],
        env={
            **system.environment(),
            "KUBECONFIG": str(kubeconfig or system.kubectl.kubeconfig),
            "AWS_ENDPOINT_URL": system.endpoint,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, DELETES_IMAGES), done.stderr
    return done.returncode, json.loads(done.stdout)


def named(report: dict[str, Any], *outcomes: str) -> set[str]:
    """Return the repositories of a report with one of these outcomes."""
    found = report["repositories"]
    return {r["name"] for r in found if r["outcome"] in outcomes}


def test_impact_of_a_namespace_names_what_is_then_gone(system: System) -> None:
    """Created and adopted repositories, with images and without, and a bystander."""
    kubectl = system.kubectl
    kubectl("create", "namespace", "judged")
    adopted = claims.names("settler", "judged")
    for name in adopted:
        system.ecr.create_repository(repositoryName=name)
    full, empty = claims.names("passenger", "judged"), claims.names("light", "judged")
    spared = claims.names("bystander")
    claims.apply(system, "bystander")
    claims.apply(system, "passenger", "light", "settler", namespace="judged")
    claims.wait_ready(system, "bystander")
    claims.wait_ready(system, "passenger", "light", "settler", namespace="judged")
    claims.push(system, *full, *adopted, *spared)
    before = claims.contents(system, full | empty | adopted | spared)

    status, report = impact(system, "namespace", "judged")

    assert status == DELETES_IMAGES
    assert {r["name"]: r["images"] for r in report["repositories"]} == {
        name: len(digests)
        for name, (_, digests) in before.items()
        if name not in spared
    }
    assert {r["claim"]["name"] for r in report["repositories"]} == {
        *("passenger", "light", "settler")
    }
    assert {r["region"] for r in report["repositories"]} == {REGION}
    claims.remove_namespaces(system, "judged")
    system.wait(
        "the repositories that impact named are gone",
        lambda: not named(report, "deleted") & system.repositories(),
    )
    after = claims.contents(system, before.keys() | set())
    assert before.keys() - after.keys() == named(report, "deleted")
    assert named(report, "kept") == adopted
    assert after == {name: before[name] for name in adopted | spared}
    for name in adopted:
        system.ecr.delete_repository(repositoryName=name, force=True)
    claims.delete(system, "bystander", wait=False)


def test_impact_of_a_claim_and_of_its_workload_is_the_same(system: System) -> None:
    system.kubectl.apply(claims.workload("weighed"))
    claims.wait_ready(system, "weighed-ecr-repos")
    both = claims.names("weighed")
    claims.push(system, *both)
    status, report = impact(system, "workload", "weighed", "-n", "default")
    assert (status, named(report, "deleted")) == (DELETES_IMAGES, both)
    of_claim = impact(system, "claim/weighed-ecr-repos", "-n", "default")
    assert of_claim[0] == DELETES_IMAGES
    assert of_claim[1]["repositories"] == report["repositories"]
    of_definition = impact(system, "crd", "workloads.carto.run")
    assert both <= named(of_definition[1], "deleted")
    before = system.repositories()
    system.kubectl("delete", "workload", "weighed")
    claims.wait_gone(system, *both)
    assert before - system.repositories() == both


def test_impact_of_settings_names_what_they_change(system: System) -> None:
    claims.apply(system, "shielded")
    claims.wait_ready(system, "shielded")
    both = claims.names("shielded")
    system.wait("they may be deleted", lambda: not both & claims.not_deletable(system))
    before = claims.not_deletable(system)
    file = system.directory / "new-settings.yaml"
    arguments = ("settings", "--settings", file)
    file.write_text(yaml.safe_dump(system.platform_settings(deletion="Never")))
    status, report = impact(system, *arguments)
    assert status == 0, "these settings delete nothing"
    changed = named(report, "kept")
    assert both <= changed
    assert {r["before"] for r in report["repositories"]} == {"deleted"}

    def as_named() -> bool:
        """Whether exactly those that impact named lost the right to be deleted."""
        found = claims.managed(system)  # without those deleted in the meantime
        kept = {name for name, r in found.items() if not system.api.may_delete(r)}
        return kept - before == changed & found.keys()

    with system.with_settings(deletion="Never"):
        system.wait("what impact named may no longer be deleted", as_named)
        claims.push(system, *both)
        file.write_text(yaml.safe_dump(system.platform_settings()))
        status, report = impact(system, *arguments)
        assert status == DELETES_IMAGES
        assert both <= named(report, "deleted") <= changed
    system.wait(
        "they may be deleted again",
        lambda: not both & claims.not_deletable(system),
    )
    claims.delete(system, "shielded", wait=False)


def test_impact_lists_leftovers_in_every_region(system: System) -> None:
    claims.apply(system, "owner")
    claims.wait_ready(system, "owner")
    owned = sorted(claims.names("owner"))
    other = boto3.client(
        "ecr",
        region_name=OTHER_REGION,
        endpoint_url=system.endpoint,
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106
    )
    account = system.ecr.describe_registry()["registryId"]
    destination = {"region": OTHER_REGION, "registryId": account}
    system.ecr.put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination]}]}
    )
    left = f"{claims.PREFIX}/forgotten"
    system.ecr.create_repository(repositoryName=left)
    system.ecr.create_repository(repositoryName="elsewhere/forgotten")
    other.create_repository(repositoryName=owned[0])  # as ECR's replication would
    try:
        status, report = impact(system, "--leftovers", "--prefix", claims.PREFIX)
    finally:
        system.ecr.put_replication_configuration(replicationConfiguration={"rules": []})
        other.delete_repository(repositoryName=owned[0], force=True)
        for name in (left, "elsewhere/forgotten"):
            system.ecr.delete_repository(repositoryName=name, force=True)
    assert status == 0, "nothing is deleted"
    found = {(r["region"], r["name"]) for r in report["repositories"]}
    assert {(REGION, left), (OTHER_REGION, owned[0])} <= found
    assert not {(REGION, name) for name in (*owned, "elsewhere/forgotten")} & found
    claims.delete(system, "owner", wait=False)


def test_the_documented_role_is_all_that_impact_needs(system: System) -> None:
    role = re.search(
        r"```yaml\n(.*?kind: ClusterRole\n.*?)```", PAGE.read_text(), re.DOTALL
    )
    assert role
    account = {"name": "impact", "namespace": "default"}
    reference = {"kind": "ClusterRole", "name": "ecr-repos-impact"}
    system.kubectl.apply(
        yaml.safe_load(role[1]),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "impact"},
            "subjects": [{"kind": "ServiceAccount", **account}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", **reference},
        },
    )
    token = system.kubectl("create", "token", "impact").strip()
    config = yaml.safe_load(system.kubectl.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    limited = system.directory / "impact.kubeconfig"
    limited.write_text(yaml.safe_dump(config))
    settings = system.directory / "never.yaml"
    settings.write_text(yaml.safe_dump(system.platform_settings(deletion="Never")))
    claims.apply(system, "watched")
    claims.wait_ready(system, "watched")
    for arguments in (
        ("namespace", "default"),
        ("crd", "workloads.carto.run"),
        ("--leftovers", "--region", REGION),
        ("settings", "--settings", settings),
    ):

        def same(*args: object) -> bool:
            admin = impact(system, *args)
            return impact(system, *args, kubeconfig=limited) == admin

        # Claims of other scenarios may still be deleted in the background.
        system.wait("both users get one answer", functools.partial(same, *arguments))
    _, report = impact(system, "namespace", "default", kubeconfig=limited)
    assert claims.names("watched") <= named(report, "deleted")
    claims.delete(system, "watched", wait=False)
