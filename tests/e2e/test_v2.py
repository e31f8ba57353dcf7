"""On Crossplane v2: a namespaced composite, and a stand-in for the Upbound provider."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from system import REGION, ROOT, Refusal, System
from test_chain import (
    PREFIX,
    claim_manifest,
    condition,
    direct,
    direct_condition,
    direct_ready,
    names,
    workload,
)
from test_safety import HEALS_S, adopted, contents, delete, push, told

PAIRS = 30
REPOSITORIES = "repositories.ecr.aws.m.upbound.io"


@pytest.fixture(scope="module")
def system(bare_v2: System) -> System:
    """The system with the configuration and the policy, as docs/crossplane-v2.md says.

    It takes the place of the one on the classic provider: no cluster can have both.
    """
    bare_v2.install(ROOT / "docs/crossplane-v2.md", "Install")
    bare_v2.scan_every("15s")
    return bare_v2


def managed(system: System, namespace: str = "default") -> list[dict[str, Any]]:
    return system.kubectl.all(REPOSITORIES, "-n", namespace)


def composite(system: System, name: str, namespace: str = "default") -> dict[str, Any]:
    found = system.kubectl.get("workloadecrrepos", "-n", namespace, name)
    assert found is not None
    return found


def of_crossplane(xr: dict[str, Any]) -> tuple[Any, ...]:
    """Return what Crossplane writes on a composite."""
    metadata, spec = xr["metadata"], xr["spec"]
    return (metadata["finalizers"], metadata["labels"], spec["crossplane"])


def test_a_workload_gets_its_repositories_and_takes_them_along(system: System) -> None:
    kubectl = system.kubectl
    kubectl.apply(workload("shop"))
    name = "shop-ecr-repos"
    system.wait("it is Ready", lambda: direct_ready(system, name), 120)
    assert names("shop") <= system.repositories()
    xr = composite(system, name)
    assert xr["metadata"]["ownerReferences"][0]["kind"] == "Workload"
    assert len(xr["spec"]["crossplane"]["resourceRefs"]) == 2
    status = xr["status"]["repositories"]
    for key, end in (("image", ""), ("bundle", "-bundle")):
        assert status[key]["name"] == f"{PREFIX}/shop-default{end}"
        assert status[key]["uri"].endswith(f"/{PREFIX}/shop-default{end}")
        assert status[key]["arn"].endswith(f":repository/{PREFIX}/shop-default{end}")
        assert status[key]["registryId"] in status[key]["arn"]
    assert status["image"]["uri"] in kubectl("get", "workloadecrrepos", name)
    assert {r["metadata"]["namespace"] for r in managed(system)} == {"default"}

    # The policy applies its fields anew, and leaves Crossplane's alone.
    before = of_crossplane(xr)
    kubectl("patch", "workloadecrrepos", name, "--type=merge", "-p", EDIT)
    kubectl("label", "workload", "shop", "touched=yes")

    def reverted() -> bool:
        parameters = composite(system, name)["spec"]["parameters"]
        return bool(parameters["repoPrefix"] == PREFIX)

    system.wait("an edit of what the policy owns is undone", reverted)
    assert of_crossplane(composite(system, name)) == before

    kubectl("delete", "workload", "shop")
    system.wait(
        "its repositories are gone", lambda: not names("shop") & system.repositories()
    )
    system.wait("nothing is left", lambda: not managed(system))
    assert kubectl.get("workloadecrrepos", name) is None


EDIT = json.dumps({"spec": {"parameters": {"repoPrefix": "somewhere/else"}}})


def test_bad_parameters_are_said_on_the_composite(system: System) -> None:
    bad = claim_manifest("bad", "Bad.Name")
    system.kubectl.apply(bad)
    said = told(system, "bad", "InvalidParameters")
    assert "spec.parameters.workloadName" in said
    assert not managed(system)
    delete(system, "bad")


@pytest.fixture
def colliding(system: System) -> Iterator[System]:
    """The system with the namespaces c and b-c."""
    for namespace in ("c", "b-c"):
        system.kubectl("create", "namespace", namespace)
    yield system
    for namespace in ("c", "b-c"):
        system.kubectl("delete", "namespace", namespace)


def test_of_two_tenants_for_one_repository_one_gets_it(colliding: System) -> None:
    system = colliding
    wanted = {f"{PREFIX}/a-b-c", f"{PREFIX}/a-b-c-bundle"}
    direct(system, "first", "a-b", "c")
    system.wait("the first is Ready", lambda: direct_ready(system, "first", "c"), 120)
    told(system, "first", "Available", "c")
    push(system, *wanted)
    before = contents(system, wanted)
    assert all(images for _, images in before.values())

    direct(system, "second", "a", "b-c")
    said = told(system, "second", "NameTaken", "b-c")
    assert f"{PREFIX}/a-b-c" in said
    assert "first" not in said
    assert not direct_ready(system, "second", "b-c"), "it never was"
    delete(system, "second", "b-c")
    system.wait("nothing of it is left", lambda: not managed(system, "b-c"))
    assert contents(system, wanted) == before

    direct(system, "second", "a", "b-c")
    told(system, "second", "NameTaken", "b-c")
    delete(system, "first", "c")
    # The loser heals when the winner is gone.
    told(system, "second", "Available", "b-c")
    system.wait("it is Ready", lambda: direct_ready(system, "second", "b-c"))
    # New ones: the winner took its own along.
    assert not any(images for _, images in contents(system, wanted).values())
    delete(system, "second", "b-c")
    system.wait("all are gone", lambda: not wanted & system.repositories())


def test_of_pairs_that_race_one_each_gets_the_repositories(colliding: System) -> None:
    """Many are in both namespaces before any is made: the API server locks nothing."""
    system = colliding
    sides = {
        "c": [claim_manifest(f"p{n}", f"p{n}-b", "c") for n in range(PAIRS)],
        "b-c": [claim_manifest(f"p{n}", f"p{n}", "b-c") for n in range(PAIRS)][::-1],
    }
    provider = system["provider-standin"]
    provider.stop()
    with ThreadPoolExecutor(len(sides)) as pool:
        for applied in [pool.submit(system.kubectl.apply, *s) for s in sides.values()]:
            applied.result()

    def answered() -> bool:
        return all(
            reason_of(c)
            for namespace in sides
            for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
        )

    system.wait("all are answered once", answered, 120)
    live = {side: set(map(external_name, managed(system, side))) for side in sides}
    print(f"{len(live['c'] & live['b-c'])} repositories are asked for twice")
    provider.start()

    def outcome() -> dict[tuple[str, str], str]:
        return {
            (c["metadata"]["namespace"], c["metadata"]["name"]): reason_of(c)
            for namespace in sides
            for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
        }

    def decided() -> dict[tuple[str, str], str]:
        found = outcome()
        pairs = (sorted(found[side, f"p{n}"] for side in sides) for n in range(PAIRS))
        one_each = all(pair == ["Available", "NameTaken"] for pair in pairs)
        return found if one_each else {}

    # One look says who lost: see told().
    found = system.wait("each pair has one winner, and one who is told", decided, 400)
    losers = [who for who, reason in found.items() if reason == "NameTaken"]
    print(f"of {PAIRS} pairs {sum(side == 'c' for side, _ in losers)} lost in c")
    wanted = {
        f"{PREFIX}/p{n}-b-c{end}" for n in range(PAIRS) for end in ("", "-bundle")
    }
    push(system, *wanted)
    before = contents(system, wanted)
    assert len(before) == len(wanted)
    for side in sides:
        gone = [name for namespace, name in losers if namespace == side]
        if gone:
            system.kubectl("delete", "workloadecrrepo", "-n", side, *gone)
    system.wait(
        "nobody is told so any more", lambda: "NameTaken" not in outcome().values()
    )
    assert contents(system, wanted) == before
    for side in sides:
        system.kubectl("delete", "workloadecrrepo", "-n", side, "--all")
    system.wait(
        "the winners take theirs along", lambda: not wanted & system.repositories(), 120
    )


def reason_of(xr: dict[str, Any]) -> str:
    return str(condition(xr, "RepositoriesReady").get("reason", ""))


def external_name(resource: dict[str, Any]) -> str:
    return str(resource["metadata"]["annotations"]["crossplane.io/external-name"])


def test_what_was_there_before_is_used_and_kept(system: System) -> None:
    image, before = adopted(system, "heirloom")
    bundle = f"{image}-bundle"
    system.wait("it is usable", lambda: direct_ready(system, "heirloom"))
    policies = {
        external_name(r): r["spec"]["managementPolicies"] for r in managed(system)
    }
    assert policies[image] == ["Observe"]
    delete(system, "heirloom")
    system.wait("its own goes", lambda: bundle not in system.repositories())
    system.wait("no resource is left", lambda: not managed(system))
    assert contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)


DENIED = Refusal(
    ("CreateRepository",), "AccessDeniedException", "not authorized to create"
)


def test_what_somebody_else_made_after_a_failed_attempt_is_kept(system: System) -> None:
    """The provider marks a creation that it only began as one that succeeded."""
    image, bundle = f"{PREFIX}/byhand-default", f"{PREFIX}/byhand-default-bundle"
    with system.refusing(DENIED):
        direct(system, "byhand")

        def attempted() -> bool:
            marked = [
                r
                for r in managed(system)
                if "crossplane.io/external-create-succeeded"
                in r["metadata"]["annotations"]
            ]
            return len(marked) == 2

        system.wait("the provider has tried to make both", attempted)
        system.wait(
            "the composite says what ECR says",
            lambda: (
                "not authorized to create"
                in direct_condition(system, "RepositoriesReady", "byhand")["message"]
            ),
            HEALS_S,
        )
        # It goes on later, and remembers that its attempt failed.
        pid = system["provider-standin"].pid
        os.kill(pid, signal.SIGSTOP)
    system.ecr.create_repository(repositoryName=image)
    push(system, image)
    before = contents(system, {image})
    os.kill(pid, signal.SIGCONT)
    # The other one it made itself, at its second attempt.
    assert f"not created by it: {image}. Deleting" in told(system, "byhand", "Adopted")
    delete(system, "byhand")
    system.wait("no resource is left", lambda: not managed(system))
    system.wait("its own goes", lambda: bundle not in system.repositories())
    assert contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_an_object_holds_what_a_claims_secret_would(system: System, kind: str) -> None:
    package = ROOT / "package/configuration-v2/composition.yaml"
    composition = yaml.safe_load(package.read_text())
    (step,) = composition["spec"]["pipeline"]
    step["input"]["connection"] = {"kind": kind}
    name = f"connected-{kind.lower()}"
    system.kubectl.apply(composition)
    try:
        direct(system, name)
        system.wait("it is Ready", lambda: direct_ready(system, name), HEALS_S)

        def details() -> dict[str, str]:
            found = system.kubectl.get(kind, f"{name}-repositories") or {}
            data = found.get("data") or {}
            if kind == "Secret":
                return {k: base64.b64decode(v).decode() for k, v in data.items()}
            return dict(data)

        status = composite(system, name)["status"]["repositories"]
        system.wait(
            "it has what the composite shows",
            lambda: (
                details()
                == {
                    "imageRepositoryUri": status["image"]["uri"],
                    "bundleRepositoryUri": status["bundle"]["uri"],
                    "region": REGION,
                }
            ),
        )
        delete(system, name)
        system.wait("it goes too", lambda: not details())
        system.wait("all go", lambda: not names(name) & system.repositories())
    finally:
        system.kubectl("replace", "-f", package)


def test_a_namespace_takes_its_repositories_along(system: System) -> None:
    system.kubectl("create", "namespace", "leaving")
    direct(system, "passenger", namespace="leaving")
    system.wait(
        "it is Ready", lambda: direct_ready(system, "passenger", "leaving"), 120
    )
    system.kubectl("delete", "namespace", "leaving", "--timeout=120s")
    system.wait(
        "its repositories are gone",
        lambda: not names("passenger", "leaving") & system.repositories(),
        120,
    )
