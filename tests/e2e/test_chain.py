"""From a Workload to ECR and back, on the real programs."""

import base64
import signal
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from control_plane import KubectlError
from system import FUNCTION, MANIFESTS, REGION, ROOT, Refusal, System

PREFIX = "tap/workloads"


def workload(name: str, namespace: str = "default") -> dict[str, Any]:
    return {
        "apiVersion": "carto.run/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "example"},
    }


def claim(system: System, name: str) -> dict[str, Any] | None:
    return system.kubectl.get("workloadecrrepos", f"{name}-ecr-repos")


def condition(of: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    found = ((of or {}).get("status") or {}).get("conditions") or []
    return next((c for c in found if c["type"] == kind), {})


def ready(system: System, name: str) -> dict[str, Any] | None:
    found = claim(system, name)
    return found if condition(found, "Ready").get("status") == "True" else None


def managed(system: System) -> set[str]:
    """Return the external names of the managed resources that there are."""
    return {
        r["metadata"]["annotations"]["crossplane.io/external-name"]
        for r in system.kubectl.all("repositories.ecr.aws.crossplane.io")
    }


def resources_of(system: System, name: str) -> list[dict[str, Any]]:
    label = f"crossplane.io/claim-name={name}"
    return sorted(
        system.kubectl.all("repositories.ecr.aws.crossplane.io", "-l", label),
        key=lambda r: r["metadata"]["name"],
    )


def kept_by_their_claims(system: System) -> set[str]:
    """Return the repositories that stay when their claims go."""
    return {
        r["metadata"]["annotations"]["crossplane.io/external-name"]
        for r in system.kubectl.all("repositories.ecr.aws.crossplane.io")
        if r["spec"]["deletionPolicy"] == "Orphan"
    }


def names(workload: str, namespace: str = "default") -> set[str]:
    image = f"{PREFIX}/{workload}-{namespace}"
    return {image, f"{image}-bundle"}


def test_the_recipes_own_policy_is_refused(bare: System) -> None:
    bare.kubectl("apply", "-f", ROOT / "package/configuration")

    def refused() -> bool:
        # Kyverno hears of the claim's kind a moment later.
        with pytest.raises(KubectlError) as e:
            bare.kubectl("apply", "-f", MANIFESTS / "recipe.yaml")
        return "requires permissions get,create" in str(e.value)

    bare.wait("Kyverno refuses it for want of rights", refused)


def test_a_workload_from_before_the_policy_gets_its_repositories(
    bare: System, request: pytest.FixtureRequest
) -> None:
    """At once, by the order of the documented commands: the next scan is in an hour."""
    bare.kubectl.apply(workload("older"))
    system: System = request.getfixturevalue("installed")
    system.wait("its claim is Ready", lambda: ready(system, "older"), 90)
    assert names("older") <= system.repositories()


def test_a_workload_gets_its_repositories_and_takes_them_along(system: System) -> None:
    started = time.monotonic()
    system.kubectl.apply(workload("shop"))
    got = system.wait("its claim is Ready", lambda: ready(system, "shop"), 120)
    print(f"Workload to Ready: {time.monotonic() - started:.1f} s")
    assert names("shop") <= system.repositories()
    uri = got["status"]["repositories"]["image"]["uri"]
    assert uri.endswith(f"/{PREFIX}/shop-default")
    assert uri in system.kubectl("get", "workloadecrrepos", "shop-ecr-repos")

    system.kubectl("delete", "workload", "shop")
    system.wait("its claim is gone", lambda: claim(system, "shop") is None)
    system.wait(
        "its repositories are gone",
        lambda: not names("shop") & system.repositories(),
    )
    system.wait(
        "its managed resources are gone",
        lambda: not names("shop") & managed(system),
    )
    assert not system.kubectl.all(
        *("xworkloadecrrepos", "-l", "crossplane.io/claim-name=shop-ecr-repos")
    )


def test_updates_and_backfills_leave_crossplanes_fields_alone(system: System) -> None:
    def crossplanes() -> dict[str, Any]:
        got = claim(system, "kept")
        assert got is not None
        return {
            "finalizers": got["metadata"]["finalizers"],
            "labels": got["metadata"].get("labels"),
            "resourceRef": got["spec"]["resourceRef"],
            "uid": got["metadata"]["uid"],
        }

    system.kubectl.apply(workload("kept"))
    system.wait("its claim is Ready", lambda: ready(system, "kept"))
    before = crossplanes()
    assert before["finalizers"]
    changed = workload("kept")
    changed["spec"]["image"] = "another"
    system.kubectl.apply(changed)
    backfill(system)
    assert crossplanes() == before


def backfill(system: System) -> None:
    """Wait until a background scan has made a claim that was deleted."""
    system.kubectl.apply(workload("canary"))
    first = system.wait("the canary has a claim", lambda: claim(system, "canary"))
    system.kubectl("delete", "workloadecrrepos", "canary-ecr-repos")

    def another() -> bool:
        got = claim(system, "canary")
        return got is not None and got["metadata"]["uid"] != first["metadata"]["uid"]

    system.wait("the backfill has made it again", another, 90)
    system.kubectl("delete", "workload", "canary")
    system.wait("the canary is gone", lambda: not names("canary") & managed(system))


def test_a_bad_workload_name_is_said_on_the_claim_and_nothing_is_made(
    system: System,
) -> None:
    direct(system, "bad", workload_name="Shop")

    def reason() -> bool:
        got = system.kubectl.get("workloadecrrepos", "bad")
        return condition(got, "RepositoriesReady").get("reason") == "InvalidParameters"

    system.wait("the claim says what is wrong", reason)

    def told() -> bool:
        return any(
            event["involvedObject"]["kind"] == "WorkloadECRRepo"
            and event["involvedObject"]["name"] == "bad"
            and "/Shop-default" in event["message"]
            for event in system.kubectl.all("events", "-n", "default")
        )

    system.wait("so does an event of it", told)
    fixed = '{"spec": {"parameters": {"workloadName": "healed"}}}'
    system.kubectl("patch", "workloadecrrepos", "bad", "--type=merge", "-p", fixed)
    system.wait("it heals", lambda: direct_ready(system, "bad"))
    assert names("healed") <= system.repositories()
    system.kubectl("delete", "workloadecrrepos", "bad")
    system.wait("and goes", lambda: not names("healed") & system.repositories())


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(
            ("CreateRepository",),
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/platform/1 is not authorized "
            "to perform: ecr:CreateRepository",
        ),
        Refusal(("DescribeRepositories",), "ThrottlingException", "Rate exceeded"),
        Refusal(
            ("CreateRepository",),
            "KmsException",
            "The operation failed due to a KMS exception",
        ),
    ],
    ids=lambda refusal: refusal.code,
)
def test_what_ecr_refuses_is_said_on_the_claim_and_heals(
    system: System, refusal: Refusal
) -> None:
    name = refusal.code.lower()
    with system.refusing(refusal):
        direct(system, name)

        def told() -> bool:
            got = system.kubectl.get("workloadecrrepos", name)
            message = condition(got, "RepositoriesReady").get("message", "")
            return refusal.code in message and refusal.message in message

        # Crossplane's circuit breaker holds back an XR that changes often, and the
        # provider waits longer after each refusal.
        system.wait("the claim says what ECR says", told, 180)
        # Else the provider would try again at once, each time.
        for resource in resources_of(system, name):
            marks = resource["metadata"]["annotations"]
            assert "ecrrepos.fn.tap.vrabbi.cloud/create-abandoned" not in marks
    system.wait("it heals", lambda: direct_ready(system, name), 240)
    assert names(name) <= system.repositories()

    def forgotten() -> bool:
        said = direct_condition(system, "RepositoriesReady", name)["message"]
        return refusal.code not in said

    system.wait("and says so", forgotten)
    system.kubectl("delete", "workloadecrrepos", name)


def test_a_claims_connection_secret_has_its_uris(system: System) -> None:
    secretive = claim_manifest("secretive", "secretive")
    secretive["spec"]["writeConnectionSecretToRef"] = {"name": "secretive-ecr"}
    system.kubectl.apply(secretive)
    system.wait("it is Ready", lambda: direct_ready(system, "secretive"), 120)

    def details() -> dict[str, str]:
        found = system.kubectl.get("secret", "secretive-ecr") or {}
        data = found.get("data") or {}
        return {k: base64.b64decode(v).decode() for k, v in data.items()}

    described = system.ecr.describe_repositories(
        repositoryNames=sorted(names("secretive"))
    )
    # ECR lists them as they were made.
    image, bundle = sorted(r["repositoryUri"] for r in described["repositories"])
    system.wait(
        "the secret has what the claim shows",
        lambda: (
            details()
            == {
                "imageRepositoryUri": image,
                "bundleRepositoryUri": bundle,
                "region": REGION,
            }
        ),
    )
    system.kubectl("delete", "workloadecrrepos", "secretive")


def test_a_live_claim_never_moves_to_another_repository(system: System) -> None:
    """An edit of the prefix is reported, and what exists stays as it is."""
    direct(system, "moved")
    system.wait("it is Ready", lambda: direct_ready(system, "moved"))
    edit = '{"spec": {"parameters": {"repoPrefix": "other", "region": "eu-west-1"}}}'
    system.kubectl("patch", "workloadecrrepos", "moved", "--type=merge", "-p", edit)

    def told() -> bool:
        got = system.kubectl.get("workloadecrrepos", "moved")
        message = condition(got, "RepositoriesReady").get("message", "")
        return f"Kept, because a repository never moves: {PREFIX}/moved-" in message

    # Crossplane's circuit breaker may hold back an XR that is this new for 30 s.
    system.wait("the claim tells what is kept", told, 120)
    assert names("moved") <= system.repositories() & managed(system)
    assert not [name for name in system.repositories() if name.startswith("other/")]
    system.kubectl("delete", "workloadecrrepos", "moved")
    system.wait(
        "its repositories are gone",
        lambda: not names("moved") & system.repositories(),
        120,
    )


def test_a_creation_that_nobody_recorded_is_looked_at_again(system: System) -> None:
    """As a provider leaves it that is killed before ECR makes it, and after."""
    image, bundle = sorted(names("cut-off"))
    system["provider-aws"].stop()
    direct(system, "cut-off")
    system.wait(
        "both managed resources are there",
        lambda: len(resources_of(system, "cut-off")) == 2,
    )
    system.ecr.create_repository(repositoryName=image)
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    mark = f"crossplane.io/external-create-pending={begun}"
    for resource in resources_of(system, "cut-off"):
        one = resource["metadata"]["name"]
        system.kubectl("annotate", "repositories.ecr.aws.crossplane.io", one, mark)
    started = time.monotonic()
    system["provider-aws"].start()
    # It starts within half a minute; its claim may be asked for each minute only.
    system.wait("its claim is Ready", lambda: direct_ready(system, "cut-off"), 240)
    print(f"Ready {time.monotonic() - started:.0f} s after the provider's start")
    assert {image, bundle} <= system.repositories()
    # It may be somebody else's, as far as anyone knows.
    assert kept_by_their_claims(system) & {image, bundle} == {image}
    system.kubectl("delete", "workloadecrrepos", "cut-off")
    system.wait("its own goes", lambda: bundle not in system.repositories())
    assert image in system.repositories()
    system.ecr.delete_repository(repositoryName=image)


def test_killed_programs_come_back_and_all_converges(system: System) -> None:
    """kill -9 of each in turn while Workloads come: none is missing, none left."""
    victims = (FUNCTION, "provider-aws", "kube-apiserver", "kyverno-background")
    expected = {
        name for victim in victims for n in range(5) for name in names(f"{victim}-{n}")
    }
    for victim in victims:
        system.kubectl.apply(*(workload(f"{victim}-{n}") for n in range(5)))
        system[victim].stop(signal.SIGKILL)
        system[victim].start()
        system.wait("the API server answers", lambda: answering(system))
    workloads = [f"{victim}-{n}" for victim in victims for n in range(5)]
    # Ready: until then the right to delete is not there, and a repository would stay.
    system.wait(
        "every claim is Ready", lambda: all(ready(system, w) for w in workloads), 240
    )
    assert expected <= system.repositories()
    # Of these the provider did not live to record that it made them.
    kept = kept_by_their_claims(system) & expected
    print(f"{len(kept)} of {len(expected)} repositories count as found there")
    assert len(kept) < len(expected)
    system.kubectl("delete", "workload", "--wait=false", *workloads)
    system.wait(
        "all others are gone again",
        lambda: expected & system.repositories() == kept,
        120,
    )
    for name in kept:
        system.ecr.delete_repository(repositoryName=name)


def test_kyverno_down_blocks_nothing_and_its_backfill_heals(system: System) -> None:
    direct(system, "unblocked")
    system.wait("it is Ready", lambda: direct_ready(system, "unblocked"))
    for name in ("kyverno-admission", "kyverno-background"):
        system[name].stop(signal.SIGKILL)
    system.kubectl.apply(workload("meanwhile"), workload("short-lived"))
    system.kubectl("delete", "workload", "short-lived")
    # Crossplane's finalizers are writes to the claim.
    system.kubectl("delete", "workloadecrrepos", "unblocked")
    system.wait(
        "its repositories are gone",
        lambda: not names("unblocked") & system.repositories(),
    )
    for name in ("kyverno-admission", "kyverno-background"):
        system[name].start()
    system.wait("the backfill", lambda: ready(system, "meanwhile"), 120)
    assert claim(system, "short-lived") is None


def test_the_policy_can_go_and_the_cluster_policy_take_over(system: System) -> None:
    system.kubectl.apply(workload("stays"))
    system.wait("its claim is Ready", lambda: ready(system, "stays"))
    system.kubectl("delete", "generatingpolicy", "workload-ecr-repos")
    overlay = ROOT / "package/kyverno/overlays/cluster-policy"
    system.kubectl("apply", "-k", overlay)
    system.kubectl.apply(workload("by-cluster-policy"))
    system.wait("its claim is Ready", lambda: ready(system, "by-cluster-policy"), 90)
    assert ready(system, "stays")
    assert names("stays") <= system.repositories()
    system.kubectl("delete", "workload", "by-cluster-policy")
    system.wait(
        "its repositories are gone",
        lambda: not names("by-cluster-policy") & system.repositories(),
    )
    system.kubectl("delete", "clusterpolicy", "workload-ecr-repos")
    system.kubectl("apply", "-k", ROOT / "package/kyverno/base")


def answering(system: System) -> bool:
    """Whether the API server serves the kinds that Kyverno looks for at its start."""
    try:
        served = system.kubectl("get", "--raw", "/apis")
    except KubectlError:
        return False
    return '"carto.run"' in served and '"tap.vrabbi.cloud"' in served


def direct(
    system: System,
    name: str,
    workload_name: str | None = None,
    namespace: str = "default",
) -> None:
    """Apply a claim without a Workload."""
    system.kubectl.apply(claim_manifest(name, workload_name or name, namespace))


def claim_manifest(
    name: str, workload_name: str, namespace: str = "default"
) -> dict[str, Any]:
    return {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "WorkloadECRRepo",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parameters": {
                "workloadName": workload_name,
                "repoPrefix": PREFIX,
                "region": "eu-west-2",
                "providerName": "aws-provider",
            }
        },
    }


def direct_condition(
    system: System, kind: str, name: str, namespace: str = "default"
) -> dict[str, Any]:
    got = system.kubectl.get("workloadecrrepos", "-n", namespace, name)
    return condition(got, kind)


def direct_ready(system: System, name: str, namespace: str = "default") -> bool:
    return direct_condition(system, "Ready", name, namespace).get("status") == "True"
