"""Uninstalling: nothing of ours works afterwards."""

import functools
from pathlib import Path

import claims
from system import FUNCTION, ROOT, System

GROUP = "tap.vrabbi.cloud"
CLAIMS = f"workloadecrrepos.{GROUP}"
XRDS = "compositeresourcedefinitions.apiextensions.crossplane.io"


def adopted(system: System, name: str) -> tuple[str, claims.Contents]:
    """Have a claim adopt an image's repository; return its name and contents."""
    image = f"{claims.PREFIX}/{name}-default"
    system.ecr.create_repository(repositoryName=image)
    claims.push(system, image)
    before = claims.contents(system, {image})
    claims.apply(system, name)
    claims.told(system, name, "Adopted")
    return image, before


def test_deleting_the_xrd_takes_what_claims_created_alone(system: System) -> None:
    image, before = adopted(system, "legacy")
    claims.apply(system, "created")
    claims.wait_ready(system, "created", "legacy", seconds=claims.HEALS_S)

    # Or it would make claims for as long as there is a kind to make.
    system.kubectl("delete", "generatingpolicy", "workload-ecr-repos")
    definition = system.api.configuration / "definition.yaml"
    system.kubectl("delete", "-f", definition, "--timeout=180s")
    gone = claims.names("created") | {f"{image}-bundle"}
    claims.wait_gone(system, *gone, image, but=frozenset({image}), seconds=240)
    assert claims.contents(system, {image}) == before


def test_the_configuration_package_brings_all(system: System, tmp_path: Path) -> None:
    """With nothing of ours there: its XRD, its Composition, and the function."""
    kubectl = system.kubectl
    # The same function installed by hand and as a dependency would be two.
    kubectl("delete", "functions.pkg.crossplane.io", FUNCTION, "--timeout=60s")
    kubectl("delete", "composition", "workloadecrrepo")
    system[FUNCTION].stop()
    system.install_packages(tmp_path)
    claims.apply(system, "packaged")
    claims.wait_ready(system, "packaged", seconds=claims.HEALS_S)


def test_deleting_the_configuration_package_takes_what_claims_created_alone(
    system: System,
) -> None:
    image, before = adopted(system, "inherited")
    system.kubectl(
        "delete", "configurations.pkg.crossplane.io", "ecr-repos", "--timeout=60s"
    )

    def is_gone(kind: str, name: str) -> bool:
        return not system.kubectl.get(kind, name)

    # The XRD is the last to go; what is applied to one that is going is lost.
    for kind, name in (("crd", CLAIMS), (XRDS, f"{system.api.composite}.{GROUP}")):
        system.wait(
            f"the {kind} goes",
            functools.partial(is_gone, kind, name),
            120,
        )
    # The garbage collector may have missed whose the resources were. It knows again
    # when the kind is there again.
    definition = system.api.configuration / "definition.yaml"
    system.kubectl("apply", "-f", definition)
    gone = claims.names("packaged") | {f"{image}-bundle"}
    claims.wait_gone(system, *gone, image, but=frozenset({image}), seconds=240)
    assert claims.contents(system, {image}) == before
    system.kubectl("delete", "-f", definition, "--timeout=120s")


def test_what_runs_it_in_production_is_accepted(system: System) -> None:
    said = system.kubectl("apply", "-k", ROOT / "package/runtime", "--dry-run=server")
    assert said.count("(server dry run)") == 3
