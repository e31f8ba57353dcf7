"""A short suite on each version of Crossplane that `make e2e` does not run."""

from collections.abc import Iterator
from pathlib import Path

import claims
import platform_settings
import pytest
import tenants
from apis import NAMESPACED, UPBOUND
from steady import quiet
from system import ROOT, System, running, say

# The folders of these versions in tests/conformance/tools.
VERSIONS = {"crossplane-core-v2.3": NAMESPACED, "crossplane-v1.20": UPBOUND}
# The calls of the function for a reconcile of a Ready claim. Only the Composition for
# v2 has the platform settings in the requirements of its step.
CALLS = {NAMESPACED: 1, UPBOUND: 2}
LIVE = "everyday"


class FromPackages(System):
    """The system with function and Composition installed by the package manager.

    Its provider does not write its own tags, because nothing may depend on them.
    """

    provider_flags = ("--skip-default-tags",)

    def _packages(self) -> None:
        """Start a registry, and install the Configuration and its dependencies."""
        self._serve_packages()
        self.package.mkdir()
        self.install_packages(self.package)

    @property
    def package(self) -> Path:
        """The directory of the Configuration package."""
        return self.directory / "package"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(core, marks=pytest.mark.xdist_group(core)) for core in VERSIONS
    ],
)
def old(request: pytest.FixtureRequest) -> Iterator[System]:
    """The system on an older Crossplane, installed as packages, with the policy."""
    core = request.param
    system = FromPackages(
        "versions", lambda s: say(f"{core}: {s}"), api=VERSIONS[core], core=core
    )
    with running(system, lambda: bool(request.session.testsfailed)):
        system.kubectl("apply", "-k", ROOT / "package/kyverno/base")
        yield system


def test_repositories_are_created_and_deleted_with_a_workload(old: System) -> None:
    old.kubectl.apply(claims.workload("shop"))
    # The policy may be installed before its permissions.
    old.scan_every("15s")
    claims.wait_ready(old, "shop-ecr-repos")
    shop = claims.names("shop")
    assert shop <= old.repositories()
    claims.push(old, *shop)
    old.kubectl("delete", "workload", "shop")
    claims.wait_gone(old, *shop)


def test_one_of_two_competing_claims_gets_the_repository(old: System) -> None:
    for namespace in ("c", "b-c"):
        old.kubectl("create", "namespace", namespace)
    wanted = claims.names("a-b", "c")
    old.kubectl.apply(claims.manifest("first", "a-b", "c"))
    claims.wait_ready(old, "first", namespace="c")
    claims.push(old, *wanted)
    before = claims.contents(old, wanted)
    old.kubectl.apply(claims.manifest("second", "a", "b-c"))
    claims.wait_for_reason(old, "second", "NameTaken", "b-c")
    assert claims.contents(old, wanted) == before
    claims.delete(old, "first", namespace="c")
    # These versions do not watch required resources. The loser reconciles again after
    # about a minute.
    claims.wait_for_reason(old, "second", "Available", "b-c")
    assert not claims.images(claims.contents(old, wanted)), (
        "the winner's images were deleted with it"
    )
    claims.remove_namespaces(old, "c", "b-c")
    claims.wait_gone(old, *wanted)


def test_a_claim_that_is_created_again_is_ready_soon(old: System) -> None:
    claims.check_created_again(old)


def test_an_existing_repository_is_adopted_and_kept(old: System) -> None:
    image = f"{claims.PREFIX}/heirloom-default"
    old.ecr.create_repository(repositoryName=image)
    claims.push(old, image)
    before = claims.contents(old, {image})
    claims.apply(old, "heirloom")
    claims.wait_for_reason(old, "heirloom", "Adopted")
    claims.delete(old, "heirloom")
    claims.wait_gone(old, image, f"{image}-bundle", but=frozenset({image}))
    assert claims.contents(old, {image}) == before


def test_the_package_manager_installed_the_packages(old: System) -> None:
    functions = old.kubectl.all("functions.pkg.crossplane.io")
    assert [f["metadata"]["name"] for f in functions] == ["e2e-function-ecr-repos"]
    (configuration,) = old.kubectl.all("configurations.pkg.crossplane.io")
    assert configuration["metadata"]["name"] == "ecr-repos"


def test_claims_work_with_the_admission_policy(old: System) -> None:
    tenants.check_claims_work_with_the_policy(old)


@pytest.fixture(scope="module")
def live(old: System) -> Iterator[System]:
    """The system with a Ready claim that is reconciled only if something happens."""
    claims.apply(old, LIVE)
    claims.wait_ready(old, LIVE)
    # A restart closes the circuit breakers of new XRs.
    old["crossplane"].stop()
    before = old.calls()
    old["crossplane"].start()
    old.wait("the claim is reconciled", lambda: old.calls() > before)
    old.wait("no claim is reconciled", quiet(old, platform_settings.QUIET_S))
    yield old
    names = claims.names(LIVE)
    old.wait("it has its rights", lambda: not claims.not_deletable(old) & names)
    claims.delete(old, LIVE)
    claims.wait_gone(old, *names)


def test_an_edit_of_the_settings_reaches_claims_that_are_touched(live: System) -> None:
    names = claims.names(LIVE)
    assert not claims.not_deletable(live) & names
    with live.with_settings(deletion="Never"):
        platform_settings.touch_all(live)
        platform_settings.timed(
            "an edit of the settings reaches a touched claim",
            live,
            lambda: names <= claims.not_deletable(live),
        )
    platform_settings.touch_all(live)
    platform_settings.timed(
        "the next edit reaches a touched claim",
        live,
        lambda: not names & claims.not_deletable(live),
    )


def test_calls_of_a_reconcile_of_a_ready_claim(live: System) -> None:
    counted = platform_settings.calls_of_a_reconcile(live, LIVE)
    assert min(counted) == CALLS[live.api]


@pytest.mark.parametrize("fault", platform_settings.FAULTS)
def test_missing_or_broken_settings_change_nothing(live: System, fault: str) -> None:
    platform_settings.check_a_fault_changes_nothing(live, fault, LIVE, watched=False)


def test_the_settings_survive_resync_upgrade_and_restart(old: FromPackages) -> None:
    platform_settings.check_they_survive(old, old.package)
