"""Delete claims, namespaces, Compositions and functions, in every order."""

import claims
import pytest
from control_plane import KubectlError
from system import FUNCTION, MANIFESTS, OURS, ROOT, Refusal, System

NOT_DELETED = Refusal(
    ("DeleteRepository",),
    "AccessDeniedException",
    "not authorized to delete",
    repository="/lucky-",
)


def test_a_claim_that_is_created_again_is_ready_soon(system: System) -> None:
    claims.check_created_again(system)


def test_deleting_a_namespace_deletes_its_repositories(system: System) -> None:
    system.kubectl("create", "namespace", "leaving")
    claims.apply(system, "passenger", namespace="leaving")
    claims.wait_ready(system, "passenger", namespace="leaving")
    claims.push(system, *claims.names("passenger", "leaving"))
    system.kubectl("delete", "namespace", "leaving", "--timeout=120s")
    claims.wait_gone(system, *claims.names("passenger", "leaving"))


def test_a_namespace_can_be_deleted_after_its_composites(system: System) -> None:
    system.kubectl("create", "namespace", "leaving")
    claims.apply(system, "passenger", namespace="leaving")
    claims.wait_ready(system, "passenger", namespace="leaving")
    claims.push(system, *claims.names("passenger", "leaving"))
    page = ROOT / "docs/deletion.md"
    system.install(page, "Delete a namespace on Crossplane v2", {"my-team": "leaving"})
    assert not claims.names("passenger", "leaving") & system.repositories()


def test_a_namespace_that_hangs_can_be_released_without_losing_an_image(
    system: System,
) -> None:
    """The namespace is deleted before its composites."""
    system.kubectl("create", "namespace", "hung")
    claims.apply(system, "passenger", "lucky", namespace="hung")
    claims.wait_ready(system, "passenger", "lucky", namespace="hung")
    lucky = claims.names("lucky", "hung")
    every = claims.names("passenger", "hung") | lucky
    claims.push(system, *every)

    def stuck() -> bool:
        found = claims.resources_of(system, "passenger", "hung")
        found += claims.resources_of(system, "lucky", "hung")
        said = [claims.condition(r, "Synced").get("message", "") for r in found]
        why = "unable to create new content in namespace hung"
        return len(said) == 4 and all(why in message for message in said)

    # The provider may still delete a repository before the namespace blocks it.
    with system.refusing(NOT_DELETED):
        system.kubectl("delete", "namespace", "hung", "--wait=false")
        system.wait("its resources report why they are not deleted", stuck)
    before = claims.contents(system, every)
    assert lucky <= before.keys()
    with pytest.raises(KubectlError, match="timed out"):
        system.kubectl("wait", "--for=delete", "namespace/hung", "--timeout=20s")
    page = ROOT / "docs/deletion.md"
    system.install(page, "A namespace that hangs", {"my-team": "hung"})
    system.wait("it is gone", lambda: not system.kubectl.get("namespace", "hung"))
    assert claims.contents(system, every) == before
    for name in before:
        system.ecr.delete_repository(repositoryName=name, force=True)


def test_a_claim_can_be_deleted_after_its_composition_and_function(
    system: System,
) -> None:
    """Crossplane runs no pipeline for a deleted XR, so no finalizer blocks it."""
    claims.apply(system, "survivor")
    claims.wait_ready(system, "survivor")
    survives = claims.names("survivor")
    claims.push(system, *survives)
    before = claims.contents(system, survives)
    system.kubectl("delete", "composition", "workloadecrrepo")
    system.kubectl("delete", "functions.pkg.crossplane.io", FUNCTION)
    system[FUNCTION].stop()
    try:
        claims.apply(system, "too-late")

        def reported() -> bool:
            return any(
                event["involvedObject"].get("name", "").startswith("too-late")
                and "Composition" in event["message"]
                for event in system.kubectl.all("events", "-n", "default")
            )

        system.wait("an event of its XR names what is missing", reported)
        assert claims.contents(system, survives) == before
        claims.delete(system, "too-late", "survivor")
        claims.wait_gone(system, *survives)
    finally:
        system.install_function(FUNCTION, ROOT / "package/function", *OURS)
        system.kubectl.apply(system.composed_with())
    claims.apply(system, "reborn")
    claims.wait_ready(system, "reborn")
    claims.delete(system, "reborn", wait=False)


def test_claims_can_be_kept_when_the_crd_of_the_trigger_is_deleted(
    system: System,
) -> None:
    """Otherwise the garbage collector deletes each claim with its Workload."""
    kubectl = system.kubectl
    kubectl.apply(claims.workload("keeps"))
    claims.wait_ready(system, "keeps-ecr-repos")
    kept = claims.of_workload(system, "keeps")
    assert kept
    owner = kept["metadata"]["ownerReferences"]
    assert owner
    page = ROOT / "package/kyverno/README.md"
    system.install(page, "Keep the repositories without the trigger")
    owned = claims.manifest("owned")
    owned["metadata"]["ownerReferences"] = owner
    kubectl.apply(owned)
    claims.push(system, *claims.names("keeps"))
    before = claims.contents(system, claims.names("keeps"))
    try:
        kubectl("delete", "crd", "workloads.carto.run", "--timeout=60s")
        system.wait(
            "the claim that still has its owner is deleted with it",
            lambda: not claims.claim(system, "owned"),
        )
        assert claims.of_workload(system, "keeps")
        assert claims.contents(system, claims.names("keeps")) == before
    finally:
        kubectl("create", "-f", MANIFESTS / "workloads.yaml")
        system.established("workloads.carto.run")
        kubectl("apply", "-k", ROOT / "package/kyverno/base")
        # Kyverno discovers the kinds when it starts.
        system.scan_every("15s")
    claims.delete(system, "keeps-ecr-repos", wait=False)

    def back() -> bool:
        try:
            kubectl.apply(claims.workload("back"))
        except KubectlError:
            return False
        return True

    system.wait("Workloads are served again", back)
    claims.wait_ready(system, "back-ecr-repos")
    kubectl("delete", "workload", "back")
