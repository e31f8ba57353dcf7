"""Claims with invalid parameters, claims that ECR refuses, and the URIs of claims."""

import base64

import claims
import pytest
import tenants
from refusals import REFUSALS
from system import REGION, System


@pytest.mark.parametrize("name", REFUSALS)
def test_a_claim_reports_an_error_of_ecr(refused: dict[str, str], name: str) -> None:
    """test_killed.py checks later that they recover, which takes the provider long."""
    refusal = REFUSALS[name]
    assert refusal.code in refused[name]
    assert refusal.message in refused[name]


def test_a_claim_reports_a_bad_workload_name_and_creates_nothing(
    system: System,
) -> None:
    system.kubectl.apply(claims.manifest("bad", "Shop"))
    said = claims.wait_for_reason(system, "bad", "InvalidParameters")
    assert "spec.parameters.workloadName" in said or "/Shop-default" in said
    assert not claims.resources_of(system, "bad")

    def reported() -> bool:
        return any(
            event["involvedObject"]["kind"] == "WorkloadECRRepo"
            and event["involvedObject"]["name"] == "bad"
            and "Shop" in event["message"]
            for event in system.kubectl.all("events", "-n", "default")
        )

    system.wait("an event of the claim reports it too", reported)
    claims.edit(system, "bad", workloadName="healed")
    claims.wait_ready(system, "bad")
    assert claims.names("healed") <= system.repositories()
    claims.delete(system, "bad", wait=False)


def test_an_existing_claim_never_moves_to_another_repository(system: System) -> None:
    """An edit of the prefix is reported, and existing repositories do not change."""
    claims.apply(system, "moved")
    claims.wait_ready(system, "moved")
    claims.edit(system, "moved", repoPrefix="other", region="eu-west-1")

    def reported() -> bool:
        message = claims.ready_condition(system, "moved").get("message", "")
        kept = "Kept, because existing repositories are never moved or replaced: "
        return f"{kept}{claims.PREFIX}/moved-" in message

    # Crossplane's circuit breaker may hold back an XR that is this new for 30 s.
    system.wait("the claim reports what is kept", reported)
    assert (
        claims.names("moved") <= system.repositories() & claims.managed(system).keys()
    )
    assert not [name for name in system.repositories() if name.startswith("other/")]
    claims.delete(system, "moved")
    claims.wait_gone(system, *claims.names("moved"))


def _uris(system: System, name: str) -> dict[str, str]:
    described = system.ecr.describe_repositories(
        repositoryNames=sorted(claims.names(name))
    )
    # ECR lists repositories in the order of their creation.
    image, bundle = sorted(r["repositoryUri"] for r in described["repositories"])
    return {
        "imageRepositoryUri": image,
        "bundleRepositoryUri": bundle,
        "region": REGION,
    }


def _data(system: System, kind: str, name: str) -> dict[str, str]:
    data = (system.kubectl.get(kind, name) or {}).get("data") or {}
    if kind == "Secret":
        return {k: base64.b64decode(v).decode() for k, v in data.items()}
    return dict(data)


def test_the_connection_secret_of_a_claim_has_its_uris(system: System) -> None:
    secretive = claims.manifest("secretive")
    secretive["spec"]["writeConnectionSecretToRef"] = {"name": "secretive-ecr"}
    system.kubectl.apply(secretive)
    claims.wait_ready(system, "secretive")
    uris = _uris(system, "secretive")
    system.wait(
        "the Secret has the URIs in the claim's status",
        lambda: _data(system, "Secret", "secretive-ecr") == uris,
    )
    claims.delete(system, "secretive", wait=False)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_a_composed_object_holds_the_uris(system: System, kind: str) -> None:
    name = f"connected-{kind.lower()}"
    held = f"{name}-repositories"
    with system.configured(connection={"kind": kind}):
        claims.apply(system, name)
        claims.wait_ready(system, name)
        uris = _uris(system, name)
        system.wait("it has the URIs", lambda: _data(system, kind, held) == uris)
        claims.delete(system, name)
        system.wait("it is deleted too", lambda: not _data(system, kind, held))
        claims.wait_gone(system, *claims.names(name))


def test_claims_work_with_the_admission_policy(system: System) -> None:
    """Not in test_admission.py, whose tests need no provider and are a group apart."""
    tenants.check_claims_work_with_the_policy(system)
