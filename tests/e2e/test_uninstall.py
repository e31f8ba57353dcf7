"""Uninstall everything; nothing of ours works afterwards."""

import functools

import claims
import platform_settings
from system import FUNCTION, ROOT, System

GROUP = "tap.vrabbi.cloud"
CLAIMS = f"workloadecrrepos.{GROUP}"
# Where the Configuration package is written, in the directory of the run.
PACKAGE = "package"
XRDS = "compositeresourcedefinitions.apiextensions.crossplane.io"


def adopted(system: System, name: str) -> tuple[str, claims.Contents]:
    """Make a claim adopt an image repository; return its name and contents."""
    image = f"{claims.PREFIX}/{name}-default"
    system.ecr.create_repository(repositoryName=image)
    claims.push(system, image)
    before = claims.contents(system, {image})
    claims.apply(system, name)
    claims.wait_for_reason(system, name, "Adopted")
    return image, before


def test_deleting_the_xrd_deletes_only_created_repositories(system: System) -> None:
    image, before = adopted(system, "legacy")
    claims.apply(system, "created")
    claims.wait_ready(system, "created", "legacy")

    # Otherwise the policy would generate claims as long as their CRD exists.
    system.kubectl("delete", "generatingpolicy", "workload-ecr-repos")
    definition = system.api.configuration / "definition.yaml"
    system.kubectl("delete", "-f", definition, "--timeout=180s")
    gone = claims.names("created") | {f"{image}-bundle"}
    claims.wait_gone(system, *gone, image, but=frozenset({image}), seconds=240)
    assert claims.contents(system, {image}) == before


def test_the_configuration_package_installs_everything(system: System) -> None:
    """From an empty cluster: the XRD, the Composition and the function."""
    kubectl = system.kubectl
    # Installed by hand and as a dependency, the function would exist twice.
    kubectl("delete", "functions.pkg.crossplane.io", FUNCTION, "--timeout=60s")
    kubectl("delete", "composition", "workloadecrrepo")
    system[FUNCTION].stop()
    directory = system.directory / PACKAGE
    directory.mkdir()
    system.install_packages(directory)
    claims.apply(system, "packaged")
    claims.wait_ready(system, "packaged")


def test_the_settings_survive_resync_upgrade_and_restart(system: System) -> None:
    platform_settings.check_they_survive(system, system.directory / PACKAGE)


def test_deleting_the_configuration_package_deletes_only_created_repositories(
    system: System,
) -> None:
    image, before = adopted(system, "inherited")
    system.kubectl(
        "delete", "configurations.pkg.crossplane.io", "ecr-repos", "--timeout=60s"
    )

    def is_gone(kind: str, name: str) -> bool:
        return not system.kubectl.get(kind, name)

    # The XRD is deleted last. Changes applied to it during deletion would be lost.
    for kind, name in (("crd", CLAIMS), (XRDS, f"{system.api.composite}.{GROUP}")):
        system.wait(
            f"the {kind} is deleted",
            functools.partial(is_gone, kind, name),
        )
    # The garbage collector may have missed the owners of the resources. It finds them
    # once the kind exists again.
    definition = system.api.configuration / "definition.yaml"
    system.kubectl("apply", "-f", definition)
    gone = claims.names("packaged") | {f"{image}-bundle"}
    claims.wait_gone(system, *gone, image, but=frozenset({image}), seconds=240)
    assert claims.contents(system, {image}) == before
    system.kubectl("delete", "-f", definition, "--timeout=120s")


def test_the_production_manifests_are_accepted(system: System) -> None:
    said = system.kubectl("apply", "-k", ROOT / "package/runtime", "--dry-run=server")
    assert said.count("(server dry run)") == 3
