"""The three provider APIs that the scenarios run on, and their resource names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Api:
    """One provider API and the package that composes its resources.

    Attributes:
        name: The name used in test ids and make targets.
        api_version: The apiVersion of the provider's Repository kind.
        configuration: The directory of the XRD and the Composition.
        composite: The plural name of the composite resources.
        namespaced: Whether the managed resources and our composites are namespaced.
    """

    name: str
    api_version: str
    configuration: Path
    composite: str
    namespaced: bool = False

    @property
    def group(self) -> str:
        """The provider's API group."""
        return self.api_version.partition("/")[0]

    @property
    def repositories(self) -> str:
        """The name of the Repository resources for kubectl."""
        return f"repositories.{self.group}"

    @property
    def policies(self) -> tuple[str, str]:
        """The names of the two policy resources for kubectl."""
        return f"lifecyclepolicies.{self.group}", f"repositorypolicies.{self.group}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of all resources that follow from a Workload, for kubectl."""
        claims = () if self.namespaced else ("workloadecrrepos",)
        return (*claims, self.composite, self.repositories)

    def may_delete(self, resource: dict[str, Any]) -> bool:
        """Whether the provider may delete the repository of this managed resource."""
        spec = resource["spec"]
        policies = spec.get("managementPolicies", ["*"])
        allowed = "*" in policies or "Delete" in policies
        return allowed and spec.get("deletionPolicy", "Delete") == "Delete"


_CLAIMS = ROOT / "package/configuration"
CLASSIC = Api(
    "classic",
    "ecr.aws.crossplane.io/v1beta1",
    _CLAIMS,
    "xworkloadecrrepos",
)
UPBOUND = Api(
    "upbound",
    "ecr.aws.upbound.io/v1beta2",
    _CLAIMS,
    "xworkloadecrrepos",
)
NAMESPACED = Api(
    "namespaced",
    "ecr.aws.m.upbound.io/v1beta1",
    ROOT / "package/configuration-v2",
    "workloadecrrepos",
    namespaced=True,
)
APIS = {api.name: api for api in (CLASSIC, UPBOUND, NAMESPACED)}
