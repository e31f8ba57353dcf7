"""`deletion: WhenEmpty`, and `function-ecr-repos release` as its CronJob runs it."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import claims
import pytest
from apis import CLASSIC
from blocks import blocks
from processes import answers, free_port
from system import FUNCTION, ROOT, SYSTEM, Refusal, System
from tenants import as_account

from function.cli.managed_resources import ClusterError, Kind, ManagedResources

PAGE = ROOT / "docs/deletion.md"
ACCOUNT = "function-ecr-repos-release"
NOT_DELETED = Refusal(
    ("DeleteRepository",),
    "AccessDeniedException",
    "not authorized to delete",
    repository="/van-moving",
)


@pytest.fixture(scope="module")
def cronjob(system: System) -> Iterator[str]:
    """The URL of an API server with the permissions of package/release, and no more."""
    system.install(PAGE, "Keep repositories that hold images")
    cronjob = system.kubectl.get("cronjob", "-n", SYSTEM, ACCOUNT)
    assert cronjob
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    function = system.kubectl.get("functions.pkg.crossplane.io", FUNCTION)
    assert function
    assert pod["containers"][0]["image"] == function["spec"]["package"]
    account = as_account(system.kubectl, ACCOUNT, SYSTEM)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    proxy = system.programs.start(
        *("release-proxy", account.program, "proxy", f"--port={port}"),
        f"--kubeconfig={account.kubeconfig}",
    )
    system.wait("kubectl proxy answers", lambda: answers(f"{url}/version"))
    yield url
    proxy.stop()


def release(cronjob: str, *args: str) -> str:
    """Run the command with the permissions of the CronJob; return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "function.main", "release", "--server", cronjob, *args],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def waiting(cronjob: str, names: set[str]) -> set[tuple[str, str]]:
    """Return which of some repositories the command would release, and why."""
    found = json.loads(release(cronjob, "--dry-run", "-o", "json"))
    every = {(each["repository"], each["reason"]) for each in found}
    return {(name, why) for name, why in every if name in names}


def policies(system: System, name: str) -> set[str]:
    """Return which policies a repository has."""
    found = set()
    with contextlib.suppress(system.ecr.exceptions.LifecyclePolicyNotFoundException):
        system.ecr.get_lifecycle_policy(repositoryName=name)
        found.add("lifecycle")
    with contextlib.suppress(system.ecr.exceptions.RepositoryPolicyNotFoundException):
        system.ecr.get_repository_policy(repositoryName=name)
        found.add("permissions")
    return found


def deletable(system: System, *names: str) -> bool:
    """Whether claims have earned the right to delete both of their repositories."""
    wanted = {name for workload in names for name in claims.names(workload)}
    found = claims.managed(system)
    return wanted <= found.keys() and not wanted & claims.not_deletable(system)


def test_only_empty_repositories_are_deleted(system: System, cronjob: str) -> None:
    options = {
        "forceDelete": True,  # WhenEmpty wins
        "lifecycle": {"keepLast": 5},
        "permissions": {"pull": ["210987654321"]},
    }
    with system.with_settings(deletion="WhenEmpty", repository=options):
        claims.apply(system, "empty", "full", "both")
        claims.wait_ready(system, "empty", "full", "both")
        system.wait(
            "their provider may delete",
            lambda: deletable(system, "empty", "full", "both"),
        )
        image, other = (f"{claims.PREFIX}/{name}-default" for name in ("full", "both"))
        kept = {image, other, f"{other}-bundle"}
        claims.push(system, *kept)
        before = claims.contents(system, kept)
        assert policies(system, other) == {"lifecycle", "permissions"}
        every = claims.names("empty") | claims.names("full") | claims.names("both")
        started = time.monotonic()
        claims.delete(system, "empty", "full", "both")
        print(f"the claims were gone after {time.monotonic() - started:.1f} s")
        system.wait(
            "the empty ones are gone",
            lambda: every & system.repositories() == kept,
            120,
        )
        system.wait(
            "the others wait",
            lambda: waiting(cronjob, every) == {(name, "images") for name in kept},
            120,
        )

        claims.apply(system, "full")
        said = claims.wait_for_reason(system, "full", "PreviousDeleting")
        assert (
            f"{image} is not deleted, because the repository still holds images" in said
        )

        assert release(cronjob, "--older-than", "1h") == "Nothing waits\n"
        assert kept <= claims.managed(system).keys()
        assert release(cronjob).count("Released Repository") == len(kept)
        system.wait(
            "their managed resources are gone",
            lambda: not claims.managed(system).keys() & (every - claims.names("full")),
        )
        assert claims.contents(system, kept) == before
        assert release(cronjob) == "Nothing waits\n"
        left = {"lifecycle"} if system.api is CLASSIC else set()
        system.wait(
            "the policies of the claims are gone",
            lambda: policies(system, other) == left,
        )

        said = claims.wait_for_reason(system, "full", "Adopted")
        assert f"not created by this claim: {image}." in said
        claims.wait_ready(system, "full")
        claims.delete(system, "full")
        claims.wait_gone(system, *every, but=frozenset(kept))
        assert claims.contents(system, kept) == before
        for name in kept:
            system.ecr.delete_repository(repositoryName=name, force=True)


def test_a_live_claim_follows_a_change_to_when_empty(
    system: System, cronjob: str
) -> None:
    """Upbound's provider deletes with the forceDelete that it applied last."""
    claims.apply(system, "follows")
    claims.wait_ready(system, "follows")
    system.wait("its provider may delete", lambda: deletable(system, "follows"))
    image = f"{claims.PREFIX}/follows-default"
    claims.push(system, image)
    before = claims.contents(system, {image})

    def applied() -> bool:
        resources = claims.resources_of(system, "follows")
        return deletable(system, "follows") and not any(
            resource["spec"]["forProvider"]["forceDelete"]
            or resource["status"]["atProvider"].get("forceDelete")
            for resource in resources
        )

    assert not applied()
    with system.with_settings(deletion="WhenEmpty"):
        seen: list[str] = []

        def follows() -> bool:
            found = claims.resources_of(system, "follows")
            seen.extend(_rights(system, resource) for resource in found)
            return applied()

        system.wait("it has the right to delete without images", follows, 120)
        print(f"on the way: {sorted({*seen})}")
        (shows,) = (b for b in blocks() if "APPLIED" in b.text)
        printed = system.run(f"REPOSITORIES={system.api.repositories}\n{shows.text}")
        assert image.rpartition("/")[2] in printed
        assert "true" not in printed
        claims.delete(system, "follows")
        system.wait(
            "only the image waits",
            lambda: waiting(cronjob, claims.names("follows")) == {(image, "images")},
            120,
        )
    release(cronjob)
    claims.wait_gone(system, *claims.names("follows"), but=frozenset({image}))
    assert claims.contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)


def _rights(system: System, resource: dict[str, Any]) -> str:
    spec, status = resource["spec"], resource["status"]["atProvider"]
    return (
        f"may delete: {system.api.may_delete(resource)}, "
        f"forceDelete: {spec['forProvider']['forceDelete']}, "
        f"applied: {status.get('forceDelete')}"
    )


def test_a_namespace_can_be_deleted_before_its_claims(
    system: System, cronjob: str
) -> None:
    """On Crossplane v2 the namespace and all managed resources in it wait too."""
    lifecycle = {"lifecycle": {"keepLast": 5}}
    with system.with_settings(deletion="WhenEmpty", repository=lifecycle):
        system.kubectl("create", "namespace", "moving")
        claims.apply(system, "van", namespace="moving")
        claims.wait_ready(system, "van", namespace="moving")
        every = claims.names("van", "moving")
        image = f"{claims.PREFIX}/van-moving"
        claims.push(system, image)
        before = claims.contents(system, {image})
        system.wait(
            "the provider may delete",
            lambda: not every & claims.not_deletable(system),
        )
        # Otherwise the provider may delete all before the namespace blocks it.
        with system.refusing(NOT_DELETED):
            system.kubectl("delete", "namespace", "moving", "--wait=false")
            if system.api.namespaced:
                system.wait(
                    "all of them wait",
                    lambda: waiting(cronjob, every)
                    == {(name, "namespace") for name in every},
                    120,
                )

        def gone() -> bool:
            release(cronjob)
            left = claims.managed(system).keys() & every
            return not left and not system.kubectl.get("namespace", "moving")

        system.wait("the namespace is gone", gone, 240)
    assert claims.contents(system, {image}) == before
    for name in every & system.repositories():
        system.ecr.delete_repository(repositoryName=name, force=True)


def test_the_cronjob_changes_only_what_is_being_deleted(
    system: System, cronjob: str
) -> None:
    claims.apply(system, "alive")
    claims.wait_ready(system, "alive")
    (resource, _) = claims.resources_of(system, "alive")
    api = system.api
    kind = Kind(api.api_version, "Repository", "repositories", api.namespaced)
    with pytest.raises(ClusterError, match="changes only what is being deleted"):
        ManagedResources(cronjob).patch(
            kind, resource, {"managementPolicies": ["Observe"]}
        )
    user = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
    assert system.kubectl.may("patch", api.repositories, user)
    for verb in ("get", "delete", "create", "update"):
        assert not system.kubectl.may(verb, api.repositories, user)
    claims.delete(system, "alive")
    claims.wait_gone(system, *claims.names("alive"))
