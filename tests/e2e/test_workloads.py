"""From a Workload to ECR and back."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import claims
import pytest
from control_plane import KubectlError
from system import MANIFESTS, System


def test_the_policy_of_the_recipe_is_refused(bare: System) -> None:
    bare.install_configuration()

    def refused() -> bool:
        # Kyverno discovers the claim's CRD with a delay.
        with pytest.raises(KubectlError) as e:
            bare.kubectl("apply", "-f", MANIFESTS / "recipe.yaml")
        return "requires permissions get,create" in str(e.value)

    bare.wait("Kyverno refuses it because permissions are missing", refused)


def test_a_workload_older_than_the_policy_gets_its_repositories(
    bare: System, request: pytest.FixtureRequest
) -> None:
    """Immediately, without the next hourly scan, if the documented order is kept."""
    bare.kubectl.apply(claims.workload("older"))
    system: System = request.getfixturevalue("installed")
    claims.wait_ready(system, "older-ecr-repos")
    assert claims.names("older") <= system.repositories()
    system.kubectl("delete", "workload", "older")


def test_repositories_are_created_and_deleted_with_a_workload(system: System) -> None:
    started = time.monotonic()
    system.kubectl.apply(claims.workload("shop"))
    claims.wait_ready(system, "shop-ecr-repos")
    print(f"{system.api.name}: Workload to Ready: {time.monotonic() - started:.1f} s")
    image, bundle = sorted(claims.names("shop"))
    assert {image, bundle} <= system.repositories()

    found = claims.of_workload(system, "shop")
    assert found
    assert found["metadata"]["ownerReferences"][0]["kind"] == "Workload"
    status = found["status"]["repositories"]
    for key, name in (("image", image), ("bundle", bundle)):
        assert status[key]["name"] == name
        assert status[key]["uri"].endswith(f"/{name}")
        assert status[key]["arn"].endswith(f":repository/{name}")
        assert status[key]["registryId"] in status[key]["arn"]
    shown = system.kubectl("get", "workloadecrrepos", "shop-ecr-repos")
    assert status["image"]["uri"] in shown

    claims.push(system, image, bundle)
    system.kubectl("delete", "workload", "shop")
    system.wait("its claim is gone", lambda: not claims.of_workload(system, "shop"))
    claims.wait_gone(system, image, bundle)
    assert not [
        composite
        for composite in system.kubectl.all("-A", system.api.composite)
        if composite["metadata"]["name"].startswith("shop-ecr-repos")
    ]


def test_updates_and_backfills_keep_the_fields_of_crossplane(system: System) -> None:
    def crossplanes() -> dict[str, Any]:
        found = claims.of_workload(system, "kept")
        assert found is not None
        metadata, spec = found["metadata"], found["spec"]
        return {
            "finalizers": metadata["finalizers"],
            "labels": metadata.get("labels"),
            "references": spec.get("resourceRef") or spec["crossplane"],
            "uid": metadata["uid"],
        }

    system.kubectl.apply(claims.workload("kept"))
    claims.wait_ready(system, "kept-ecr-repos")
    before = crossplanes()
    assert before["finalizers"]
    claims.edit(system, "kept-ecr-repos", repoPrefix="somewhere/else")
    changed = claims.workload("kept")
    changed["spec"]["image"] = "another"
    system.kubectl.apply(changed)

    def reverted() -> bool:
        found = claims.of_workload(system, "kept")
        assert found is not None
        return bool(found["spec"]["parameters"]["repoPrefix"] == claims.PREFIX)

    system.wait("an edit of a field that the policy owns is reverted", reverted)
    backfill(system)
    assert crossplanes() == before
    system.kubectl("delete", "workload", "--wait=false", "kept")


def backfill(system: System) -> None:
    """Wait until a background scan has created a deleted claim again."""
    system.kubectl.apply(claims.workload("canary"))
    first = system.wait(
        "the canary has a claim", lambda: claims.of_workload(system, "canary")
    )
    claims.delete(system, "canary-ecr-repos")

    def another() -> bool:
        found = claims.of_workload(system, "canary")
        return (
            found is not None and found["metadata"]["uid"] != first["metadata"]["uid"]
        )

    system.wait("the backfill has created it again", another)
    system.kubectl("delete", "workload", "canary")


@pytest.fixture
def without_kyverno(system: System) -> Iterator[System]:
    """The system while Kyverno is down."""
    programs = ("kyverno-admission", "kyverno-background")
    for name in programs:
        system[name].stop(signal.SIGKILL)
    yield system
    for name in programs:
        system[name].start()
    system.wait("Kyverno is ready", system.kyverno_is_ready)


def test_nothing_is_blocked_while_kyverno_is_down(
    system: System, request: pytest.FixtureRequest
) -> None:
    claims.apply(system, "unblocked")
    claims.wait_ready(system, "unblocked")
    request.getfixturevalue("without_kyverno")
    system.kubectl.apply(claims.workload("meanwhile"), claims.workload("short-lived"))
    system.kubectl("delete", "workload", "short-lived")
    # Crossplane's finalizers are writes to the claim.
    claims.delete(system, "unblocked")
    claims.wait_gone(system, *claims.names("unblocked"))


def test_the_backfill_creates_claims_missed_while_kyverno_was_down(
    system: System,
) -> None:
    claims.wait_ready(system, "meanwhile-ecr-repos")
    assert claims.of_workload(system, "short-lived") is None
    system.kubectl("delete", "workload", "--wait=false", "meanwhile")
