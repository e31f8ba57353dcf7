"""The Composition to compare with: the recipe's, through patch-and-transform."""

from typing import Any

import yaml
from apis import ROOT, Api
from chain_costs import RECIPE


def recipe(api: Api) -> dict[str, Any]:
    """Return the recipe as a pipeline for patch-and-transform, for a provider API."""
    text = (ROOT / "tests/conformance/original/composition.yaml").read_text()
    composition: dict[str, Any] = yaml.safe_load(text)
    resources = composition["spec"].pop("resources")
    for resource in resources:
        resource["base"]["apiVersion"] = api.api_version
        if api.namespaced:
            reference = resource["base"]["spec"]["providerConfigRef"]
            reference["kind"] = "ClusterProviderConfig"
            for patch in resource["patches"]:
                for variable in patch.get("combine", {}).get("variables", ()):
                    if variable["fromFieldPath"] == "spec.claimRef.namespace":
                        variable["fromFieldPath"] = "metadata.namespace"
    if api.namespaced:
        composition["spec"].pop("writeConnectionSecretsToNamespace")
        composition["spec"]["compositeTypeRef"]["kind"] = "WorkloadECRRepo"
    composition["metadata"]["name"] = RECIPE
    composition["spec"] |= {
        "mode": "Pipeline",
        "pipeline": [
            {
                "step": RECIPE,
                "functionRef": {"name": f"function-{RECIPE}"},
                "input": {
                    "apiVersion": "pt.fn.crossplane.io/v1beta1",
                    "kind": "Resources",
                    "resources": resources,
                },
            }
        ],
    }
    return composition
