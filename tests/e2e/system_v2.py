"""The system on Crossplane v2: namespaced composites, the Upbound provider's API."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from build import build, core_crds
from control_plane import ControlPlane
from system import MANIFESTS, SYSTEM, System

CONFIG = "aws-provider"
# What Crossplane's RBAC manager would see of the XRD and of the provider's package.
MANAGED = {
    "tap.vrabbi.cloud": ("workloadecrrepos",),
    "ecr.aws.m.upbound.io": (
        "repositories",
        "lifecyclepolicies",
        "repositorypolicies",
    ),
}


class SystemV2(System):
    """As System, with a stand-in for the namespaced provider, and its own cluster.

    One cluster cannot have both: the composite of v2 is of the claim's group and kind.
    Crossplane has the rights of its chart and its RBAC manager, and no others.
    """

    crossplane_user = "crossplane"
    composed = ("workloadecrrepos", "repositories.ecr.aws.m.upbound.io")

    def start(self) -> None:
        """Start and install everything but the policy and the configuration.

        Raises:
            NotReadyError: A program cannot be had or does not start.
        """
        started = time.monotonic()
        self.plane = ControlPlane(self.programs)
        self.kubectl = self.plane.start()
        self._ecr()
        self._step("control plane and ECR endpoint", started)
        self._crossplane()
        self._step("Crossplane", started)
        self._provider()
        self._step("a stand-in for the namespaced provider", started)
        self._kyverno()
        self._step("Kyverno", started)
        self._function()
        self._step("the function, as a package", started)

    def _crossplane(self) -> None:
        self._namespace(SYSTEM)
        self.kubectl.apply(*self._chart(), *map(_managed_by_rbac_manager, MANAGED))
        super()._crossplane()

    def _chart(self) -> list[dict[str, Any]]:
        """Return the roles of Crossplane's chart."""
        chart = self.directory / "crossplane-chart"
        source = core_crds().parent / "charts/crossplane"
        shutil.copytree(source, chart, copy_function=shutil.copyfile)
        command = (
            build("helm"),
            "template",
            "crossplane",
            chart,
            "--namespace",
            SYSTEM,
        )
        rendered = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=True
        )
        kept = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
        documents = yaml.safe_load_all(rendered.stdout)
        return [d for d in documents if d and d["kind"] in kept]

    def _provider(self) -> None:
        self.kubectl("create", "-f", MANIFESTS / "upbound.yaml")
        self.established(
            *(
                f"{plural}.ecr.aws.m.upbound.io"
                for plural in (
                    "repositories",
                    "lifecyclepolicies",
                    "repositorypolicies",
                )
            ),
            "clusterproviderconfigs.aws.m.upbound.io",
            "providerconfigs.aws.m.upbound.io",
        )
        self.programs.start(
            "provider-standin",
            sys.executable,
            Path(__file__).parent / "standin_provider.py",
            self.kubectl.kubeconfig,
            self.endpoint,
        )
        self.kubectl.apply(
            {
                "apiVersion": "aws.m.upbound.io/v1beta1",
                "kind": "ClusterProviderConfig",
                "metadata": {"name": CONFIG},
                "spec": {"credentials": {"source": "None"}},
            }
        )


def _managed_by_rbac_manager(group: str) -> dict[str, Any]:
    """Return the role that Crossplane's RBAC manager makes for a group's kinds.

    crossplane v2.3.4, internal/controller/rbac: definition/roles.go for an XRD,
    provider/roles/roles.go for a provider. Its port is provider-aws's too, so it does
    not run here.
    """
    resources = [f"{kind}{end}" for kind in MANAGED[group] for end in ("", "/status")]
    finalizers = [f"{kind}/finalizers" for kind in MANAGED[group]]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": f"crossplane:e2e:{group}",
            "labels": {"rbac.crossplane.io/aggregate-to-crossplane": "true"},
        },
        "rules": [
            {"apiGroups": [group], "resources": resources, "verbs": ["*"]},
            {"apiGroups": [group], "resources": finalizers, "verbs": ["update"]},
        ],
    }
