"""A short suite on each version of Crossplane that `make e2e` does not run."""

from collections.abc import Iterator

import claims
import pytest
import tenants
from apis import NAMESPACED, UPBOUND
from system import ROOT, System, running, say

# The folders of these versions in tests/conformance/tools.
VERSIONS = {"crossplane-core-v2.3": NAMESPACED, "crossplane-v1.20": UPBOUND}


class FromPackages(System):
    """The system with function and Composition installed by the package manager.

    Its provider does not write its own tags, because nothing may depend on them.
    """

    provider_flags = ("--skip-default-tags",)

    def _packages(self) -> None:
        """Start a registry, and install the Configuration and its dependencies."""
        self._serve_packages()
        directory = self.directory / "package"
        directory.mkdir()
        self.install_packages(directory)


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
    claims.wait_ready(old, "shop-ecr-repos", seconds=180)
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
