"""The versions of Crossplane that `make e2e` does not run: a short suite on each."""

from collections.abc import Iterator

import claims
import pytest
from apis import NAMESPACED, UPBOUND
from system import ROOT, System, running, say

# By the folder of the core under tests/conformance/tools.
VERSIONS = {"crossplane-core-v2.3": NAMESPACED, "crossplane-v1.20": UPBOUND}


class FromPackages(System):
    """The system whose function and Composition the package manager brings.

    Its provider does not write its own tags: nothing may depend on those.
    """

    provider_flags = ("--skip-default-tags",)

    def _packages(self) -> None:
        """Start a registry, and install from it what a Configuration depends on."""
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


def test_a_workload_gets_its_repositories_and_takes_them_along(old: System) -> None:
    old.kubectl.apply(claims.workload("shop"))
    # The policy's rights may come after it.
    old.scan_every("15s")
    claims.wait_ready(old, "shop-ecr-repos", seconds=180)
    shop = claims.names("shop")
    assert shop <= old.repositories()
    claims.push(old, *shop)
    old.kubectl("delete", "workload", "shop")
    claims.wait_gone(old, *shop)


def test_of_two_claims_for_one_repository_one_gets_it(old: System) -> None:
    for namespace in ("c", "b-c"):
        old.kubectl("create", "namespace", namespace)
    wanted = claims.names("a-b", "c")
    old.kubectl.apply(claims.manifest("first", "a-b", "c"))
    claims.wait_ready(old, "first", namespace="c")
    claims.push(old, *wanted)
    before = claims.contents(old, wanted)
    old.kubectl.apply(claims.manifest("second", "a", "b-c"))
    claims.told(old, "second", "NameTaken", "b-c")
    assert claims.contents(old, wanted) == before
    claims.delete(old, "first", namespace="c")
    # These do not watch required resources: it reconciles again within a minute or so.
    claims.told(old, "second", "Available", "b-c")
    assert not claims.images(claims.contents(old, wanted)), "the winner took its own"
    claims.remove_namespaces(old, "c", "b-c")
    claims.wait_gone(old, *wanted)


def test_what_was_there_before_is_used_and_kept(old: System) -> None:
    image = f"{claims.PREFIX}/heirloom-default"
    old.ecr.create_repository(repositoryName=image)
    claims.push(old, image)
    before = claims.contents(old, {image})
    claims.apply(old, "heirloom")
    claims.told(old, "heirloom", "Adopted")
    claims.delete(old, "heirloom")
    claims.wait_gone(old, image, f"{image}-bundle", but=frozenset({image}))
    assert claims.contents(old, {image}) == before


def test_the_package_manager_installed_what_runs(old: System) -> None:
    functions = old.kubectl.all("functions.pkg.crossplane.io")
    assert [f["metadata"]["name"] for f in functions] == ["e2e-function-ecr-repos"]
    (configuration,) = old.kubectl.all("configurations.pkg.crossplane.io")
    assert configuration["metadata"]["name"] == "ecr-repos"
