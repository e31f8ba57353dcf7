"""Install, configure and run the real AWS providers."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from apis import Api
from build import build, classic_crds, upbound_crds
from processes import NotReadyError, answers, free_port, is_free

if TYPE_CHECKING:
    from system import System

# The name of the program, the same for every provider.
PROVIDER = "provider-aws"
# The value of spec.parameters.providerName in claims.
CONFIG = "aws-provider"
# provider-aws v0.58.0 has no flag for its metrics port.
CLASSIC_PORT = 8080
_RATE = "--max-reconcile-rate=100"
_KEYS = "[default]\naws_access_key_id = none\naws_secret_access_key = none\n"


def check_port(api: Api) -> None:
    """Check that the provider can listen on its port.

    Raises:
        NotReadyError: Another program uses the port that provider-aws needs.
    """
    if api.name == "classic" and not is_free(CLASSIC_PORT):
        raise NotReadyError(
            f"provider-aws needs port {CLASSIC_PORT}, but another program uses it. "
            "If another e2e run is active, stop it first"
        )


def install(system: "System") -> None:
    """Create the provider's CRDs, start it, and configure the ECR endpoint."""
    credentials(system)
    if system.api.name == "classic":
        _classic(system)
    else:
        _upbound(system)


def credentials(system: "System") -> None:
    """Create the Secret that the provider's configuration refers to."""
    system.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": _secret(system),
            "stringData": {"creds": _KEYS},
        }
    )


def _secret(system: "System") -> dict[str, str]:
    return {"name": "aws", "namespace": system.namespace}


def _source(system: "System") -> dict[str, Any]:
    return {"source": "Secret", "secretRef": {**_secret(system), "key": "creds"}}


def _endpoint(system: "System") -> dict[str, Any]:
    return {
        "hostnameImmutable": True,
        "url": {"type": "Static", "static": system.endpoint},
    }


def _classic(system: "System") -> None:
    served = [yaml.safe_load(file.read_text()) for file in classic_crds()]
    system.kubectl.create(*served)
    system.established(*(crd["metadata"]["name"] for crd in served))
    system.programs.start(
        *(PROVIDER, build("provider-aws"), f"--poll={system.poll}", _RATE),
        restart=True,
        env={"KUBECONFIG": str(system.kubectl.kubeconfig)},
    )
    system.kubectl.apply(
        {
            "apiVersion": "aws.crossplane.io/v1beta1",
            "kind": "ProviderConfig",
            "metadata": {"name": CONFIG},
            "spec": {
                "credentials": _source(system),
                "endpoint": _endpoint(system),
            },
        }
    )


def _upbound(system: "System") -> None:
    webhook = free_port()
    authority = system.certificates() / "ca.crt"
    served = [_converting(crd, webhook, authority) for crd in _crds(system.api)]
    system.kubectl.create(*served)
    system.established(*(crd["metadata"]["name"] for crd in served))
    run_upbound(system, webhook)


def run_upbound(system: "System", webhook: int) -> None:
    """Start Upbound's provider, whose ProviderConfigs are served; configure it."""
    certificates, health = system.certificates(), free_port()
    system.programs.start(
        *(PROVIDER, build("provider-aws-upbound"), f"--poll={system.poll}", _RATE),
        f"--certs-dir={certificates}",
        f"--webhook-port={webhook}",
        f"--metrics-bind-address=127.0.0.1:{free_port()}",
        f"--health-probe-bind-addr=127.0.0.1:{health}",
        *system.provider_flags,
        restart=True,
        env={"KUBECONFIG": str(system.kubectl.kubeconfig)},
    )
    # Include its conversion webhook, which every write of a Repository needs.
    ready = f"http://127.0.0.1:{health}/readyz"
    system.wait("the provider is ready", lambda: answers(ready))
    namespaced = system.api.namespaced
    system.kubectl.apply(
        {
            "apiVersion": f"aws.{'m.' if namespaced else ''}upbound.io/v1beta1",
            "kind": "ClusterProviderConfig" if namespaced else "ProviderConfig",
            "metadata": {"name": CONFIG},
            "spec": {
                "credentials": _source(system),
                "endpoint": {**_endpoint(system), "services": ["ecr", "sts"]},
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
                "skip_region_validation": True,
                "skip_requesting_account_id": True,
            },
        }
    )


def _crds(api: Api) -> list[dict[str, Any]]:
    """Return the CRDs for ECR and ProviderConfigs of one of Upbound's two APIs."""
    groups = (api.group, api.group.removeprefix("ecr."))
    return [
        yaml.safe_load(file.read_text())
        for file in upbound_crds()
        if file.name.partition("_")[0] in groups
    ]


def _converting(crd: dict[str, Any], port: int, ca: Path) -> dict[str, Any]:
    """Return a CRD whose versions are converted by the provider's webhook.

    Crossplane's package manager does the same with the CRDs of a provider package.
    Without the webhook, the API server would change only the apiVersion. But scanning
    is a list in v1beta1, the stored version, and an object in v1beta2.
    """
    if len(crd["spec"]["versions"]) > 1:
        crd["spec"]["conversion"] = {
            "strategy": "Webhook",
            "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {
                    "url": f"https://127.0.0.1:{port}/convert",
                    "caBundle": base64.b64encode(ca.read_bytes()).decode(),
                },
            },
        }
    return crd
