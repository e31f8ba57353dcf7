"""Crossplane without default activations: the Configuration package brings its policy.

`provider.defaultActivations` in Crossplane's chart is what its init gets as
--activation. The init of System gets none, so there is no policy that activates all.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import claims
import provider_package
import pytest
import xpkg
import yaml
from apis import NAMESPACED, UPBOUND, Api
from blocks import blocks
from build import upbound_crds
from system import ROOT, System, running, say

DEFINITIONS = "managedresourcedefinitions.apiextensions.crossplane.io"
POLICIES = "managedresourceactivationpolicies.apiextensions.crossplane.io"
COMPOSED = {NAMESPACED.repositories, *NAMESPACED.policies}
SYMPTOM = 'no matches for kind "Repository"'
OPTIONS = {"lifecycle": {"keepLast": 30}, "permissions": {"pull": ["210987654321"]}}


class WithoutPolicy(System):
    """The system with its provider as a package, and the first release of ours.

    That release has no activation policy.
    """

    @property
    def package(self) -> Path:
        """The directory of the Configuration package."""
        return self.directory / "package"

    def _provider(self) -> None:
        self._serve_packages()
        provider_package.install_upbound(self)

    def _kyverno(self) -> None:
        """Do not start Kyverno."""

    def _packages(self) -> None:
        self.package.mkdir()
        self.install_packages(self.package)

    def push_package(self, name: str, package: Path, **where: Any) -> str:
        """Build and push a package; leave the policy out of the first release."""
        if package == self.package and not where:
            (package / xpkg.ACTIVATION).unlink()
        return super().push_package(name, package, **where)

    def upgrade(self) -> None:
        """Upgrade to the release with the policy, whose input sets both policies."""
        source = self.api.configuration
        activation = (source / xpkg.ACTIVATION).read_text()
        (self.package / xpkg.ACTIVATION).write_text(activation)
        file = self.package / "composition.yaml"
        composition = yaml.safe_load(file.read_text())
        composition["spec"]["pipeline"][0]["input"]["repository"] = OPTIONS
        file.write_text(yaml.safe_dump(composition))
        package = self.push_package(source.name, self.package, version="v0.2.0")
        self.kubectl(
            *("patch", "configurations.pkg.crossplane.io", "ecr-repos"),
            *("--type=merge", "-p", yaml.safe_dump({"spec": {"package": package}})),
        )

    def states(self) -> dict[str, str]:
        """Return the state of each ManagedResourceDefinition that Crossplane handled.

        Before that, its condition Established is missing.
        """
        return {
            mrd["metadata"]["name"]: mrd["spec"]["state"]
            for mrd in self.kubectl.all(DEFINITIONS)
            if claims.condition(mrd, "Established")
        }

    def served(self) -> set[str]:
        """Return the kinds for ECR that the API server serves."""
        return {
            crd["metadata"]["name"]
            for crd in self.kubectl.all("crds")
            if crd["spec"]["group"].startswith("ecr.")
        }


@pytest.fixture(scope="module")
def inactive(api: Api, request: pytest.FixtureRequest) -> Iterator[WithoutPolicy]:
    """A control plane of its own with both packages, and no activation policy."""
    system = WithoutPolicy("activation", lambda s: say(f"activation: {s}"), api=api)
    with running(system, lambda: bool(request.session.testsfailed)):
        yield system


@pytest.fixture(scope="module")
def kinds() -> set[str]:
    """The kinds for ECR in the provider's package."""
    crds = [yaml.safe_load(file.read_text()) for file in upbound_crds()]
    of_ecr = {
        crd["metadata"]["name"]
        for crd in crds
        if crd["spec"]["group"].startswith("ecr.")
    }
    assert of_ecr > COMPOSED
    return of_ecr


def test_without_the_policy_no_kind_is_active(
    inactive: WithoutPolicy, kinds: set[str]
) -> None:
    assert not inactive.kubectl.all(POLICIES)
    claims.apply(inactive, "early")

    def reported() -> bool:
        claim = claims.claim(inactive, "early")
        return SYMPTOM in claims.condition(claim, "Synced").get("message", "")

    inactive.wait(f"the XR says {SYMPTOM}", reported)
    assert SYMPTOM in (ROOT / "docs/troubleshooting.md").read_text()
    assert inactive.states() == dict.fromkeys(kinds, "Inactive")
    assert not inactive.served()


def test_the_package_activates_what_it_composes(
    inactive: WithoutPolicy, kinds: set[str]
) -> None:
    inactive.upgrade()
    inactive.wait("the three kinds are served", lambda: inactive.served() == COMPOSED)
    assert inactive.states() == {
        kind: "Active" if kind in COMPOSED else "Inactive" for kind in kinds
    }
    (policy,) = inactive.kubectl.all(POLICIES)
    (owner,) = policy["metadata"]["ownerReferences"][:1]
    assert owner["kind"] == "ConfigurationRevision"
    assert set(policy["status"]["activated"]) == COMPOSED


def test_the_waiting_xr_gets_its_repositories(inactive: WithoutPolicy) -> None:
    claims.wait_ready(inactive, "early")
    assert claims.names("early") <= inactive.repositories()
    for kind in inactive.api.policies:
        assert len(inactive.kubectl.all("-A", kind)) == len(claims.names("early"))
    assert inactive.served() == COMPOSED


def test_the_documented_policy_activates_the_cluster_scoped_kinds(
    inactive: WithoutPolicy,
) -> None:
    """Only for those who use claims: they install no policy with their package."""
    page = Path("docs/crossplane-v2.md")
    (policy,) = (
        block.text
        for block in blocks()
        if block.page == page and "kind: ManagedResourceActivationPolicy" in block.text
    )
    before = inactive.served()
    inactive.kubectl("apply", "-f", "-", stdin=policy)
    more = {UPBOUND.repositories, *UPBOUND.policies}
    inactive.wait("they are served", lambda: inactive.served() == before | more)
    active = {kind for kind, is_ in inactive.states().items() if is_ == "Active"}
    assert active == before | more
