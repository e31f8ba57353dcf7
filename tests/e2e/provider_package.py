"""Install a provider as a package; its program runs in place of its image."""

import datetime
import json
import re
import shutil

import claims
import providers
import yaml
from build import upbound_crds
from processes import free_port
from system import System

PROVIDERS = "providers.pkg.crossplane.io"


def install_upbound(system: System) -> None:
    """Install Upbound's provider with the CRDs of both its APIs for ECR.

    Unlike providers.install(), this leaves it to Crossplane's package manager to serve
    the kinds: it converts their CRDs to ManagedResourceDefinitions.
    """
    name = "provider-aws-ecr"
    package = system.directory / name
    (package / "crds").mkdir(parents=True)
    files = upbound_crds()
    for file in files:
        shutil.copy(file, package / "crds")
    template = files[0].parents[1] / "crossplane.yaml.tmpl"
    listed = re.search(r"^  capabilities:\n((?: +- .+\n)+)", template.read_text(), re.M)
    assert listed, f"{template} declares no capabilities"
    meta = {
        "apiVersion": "meta.pkg.crossplane.io/v1",
        "kind": "Provider",
        "metadata": {"name": name},
        "spec": {"capabilities": yaml.safe_load(listed[1])},
    }
    (package / "crossplane.yaml").write_text(yaml.safe_dump(meta))
    system.kubectl.apply(
        {
            "apiVersion": "pkg.crossplane.io/v1",
            "kind": "Provider",
            "metadata": {"name": name},
            "spec": {"package": system.push_package(name, package)},
        }
    )
    system.certificates()
    run_provider(system, name)
    providers.credentials(system)
    system.established(
        *(
            f"{kind}.aws.m.upbound.io"
            for kind in ("providerconfigs", "clusterproviderconfigs")
        )
    )
    providers.run_upbound(system, free_port())


def run_provider(system: System, name: str) -> None:
    """Make the package of a provider healthy; its program already runs.

    This publishes what a runtime would: the certificates, and that the program runs.
    """
    revisions = "providerrevisions.pkg.crossplane.io"
    revision = system.wait(
        "the provider has a revision",
        lambda: system.kubectl.all(
            revisions, "-l", f"pkg.crossplane.io/package={name}"
        ),
    )[0]["metadata"]["name"]
    secret = {"name": f"{name}-server", "namespace": "crossplane-system"}
    files = (system.directory / "tls-server").iterdir()
    system.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": secret,
            "stringData": {file.name: file.read_text() for file in files},
        }
    )
    named = ("tlsServerSecretName", "tlsClientSecretName")
    status = {"status": dict.fromkeys(named, secret["name"])}
    system.kubectl(
        *("patch", revisions, revision, "--subresource=status", "--type=merge"),
        *("-p", json.dumps(status)),
    )

    def says(kind: str, of: str, *conditions: str) -> bool:
        found = system.kubectl.get(kind, of)
        return all(
            claims.condition(found, c).get("status") == "True" for c in conditions
        )

    system.wait(
        "the provider package controls the provider's CRDs",
        lambda: says(revisions, revision, "RevisionHealthy"),
        240,
    )
    report_running(system, revisions, revision)
    system.wait(
        "the provider is healthy",
        lambda: says(PROVIDERS, name, "Installed", "Healthy"),
    )


def report_running(system: System, revisions: str, revision: str) -> None:
    """Add the condition by which a runtime says that a package's program runs."""
    running = {
        "type": "RuntimeHealthy",
        "status": "True",
        "reason": "HealthyPackageRuntime",
        "lastTransitionTime": datetime.datetime.now(datetime.UTC).isoformat(
            "T", "seconds"
        ),
    }
    added = [{"op": "add", "path": "/status/conditions/-", "value": running}]
    system.kubectl(
        *("patch", revisions, revision, "--subresource=status", "--type=json"),
        *("-p", json.dumps(added)),
    )
