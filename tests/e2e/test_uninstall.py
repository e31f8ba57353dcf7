"""The end: the last file by its name, for nothing works after it."""

import sys
from pathlib import Path

from system import FUNCTION, OURS, ROOT, System
from test_chain import direct, direct_ready, managed, names
from test_safety import HEALS_S, adopted, contents

sys.path.append(str(ROOT / "package"))

import xpkg

CLAIMS = "workloadecrrepos.tap.vrabbi.cloud"
XRD = (
    "compositeresourcedefinitions.apiextensions.crossplane.io",
    "xworkloadecrrepos.tap.vrabbi.cloud",
)


def test_deleting_the_xrd_takes_what_claims_created_alone(system: System) -> None:
    image, before = adopted(system, "legacy")
    direct(system, "created")
    system.wait("one is made", lambda: direct_ready(system, "created"), HEALS_S)

    # Or it would make claims for as long as there is a kind to make.
    system.kubectl("delete", "generatingpolicy", "workload-ecr-repos")
    system.kubectl(
        "delete", "-f", ROOT / "package/configuration/definition.yaml", "--timeout=180s"
    )
    gone = names("created") | {f"{image}-bundle"}
    system.wait("its repositories go", lambda: not gone & system.repositories(), 120)
    system.wait("no resource is left", lambda: not managed(system), 180)
    assert contents(system, {image}) == before


def test_the_configuration_package_brings_all(system: System, tmp_path: Path) -> None:
    """With nothing of ours there: its XRD, its Composition, and the function."""
    kubectl = system.kubectl
    # The same function installed by hand and as a dependency would be two.
    kubectl("delete", "functions.pkg.crossplane.io", FUNCTION, "--timeout=60s")
    kubectl("delete", "composition", "workloadecrrepo")
    system[FUNCTION].stop()
    function = system.push_package(FUNCTION, ROOT / "package/function")
    repository = function.rpartition(":")[0]
    xpkg.configuration(tmp_path, repository, "")
    kubectl.apply(
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "Configuration",
            "metadata": {"name": "ecr-repos"},
            "spec": {"package": system.push_package("configuration", tmp_path)},
        }
    )
    system.run_function("dependency", xpkg.dependency_name(repository), *OURS)

    def healthy() -> bool:
        found = kubectl.get("configurations.pkg.crossplane.io", "ecr-repos") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return {"Installed", "Healthy"} <= {
            c["type"] for c in conditions if c["status"] == "True"
        }

    system.wait("the Configuration is installed and healthy", healthy, 120)
    system.established(CLAIMS)
    direct(system, "packaged")
    system.wait("a claim is Ready", lambda: direct_ready(system, "packaged"), HEALS_S)


def test_deleting_the_configuration_package_takes_what_claims_created_alone(
    system: System,
) -> None:
    image, before = adopted(system, "inherited")
    system.kubectl(
        "delete", "configurations.pkg.crossplane.io", "ecr-repos", "--timeout=60s"
    )
    # The XRD is the last to go; what is applied to one that is going is lost.
    for kind, name in (("crd", CLAIMS), XRD):
        system.wait(
            f"the {kind} goes",
            lambda kind=kind, name=name: not system.kubectl.get(kind, name),
            120,
        )
    # The garbage collector may have missed whose the resources were. It knows again
    # when the kind is there again.
    definition = ROOT / "package/configuration/definition.yaml"
    system.kubectl("apply", "-f", definition)
    gone = names("packaged") | {f"{image}-bundle"}
    system.wait("its repositories go", lambda: not gone & system.repositories(), 240)
    system.wait("no resource is left", lambda: not managed(system), 180)
    assert contents(system, {image}) == before
    system.kubectl("delete", "-f", definition, "--timeout=120s")


def test_what_runs_it_in_production_is_accepted(system: System) -> None:
    said = system.kubectl("apply", "-k", ROOT / "package/runtime", "--dry-run=server")
    assert said.count("(server dry run)") == 3
