"""ServiceAccounts with their own tokens, and what the admission policy allows them."""

import json
from typing import Any

import claims
import pytest
from control_plane import Kubectl, KubectlError
from system import ROOT, System

GROUP = "tap.vrabbi.cloud"
NAMESPACE = "team-a"
CROSSPLANE_RIGHTS = {
    "apiGroups": [GROUP],
    "resources": [
        f"{plural}{of}"
        for plural in ("workloadecrrepos", "xworkloadecrrepos")
        for of in ("", "/status", "/finalizers")
    ],
    "verbs": ["*"],
}


def as_account(admin: Kubectl, name: str, namespace: str) -> Kubectl:
    """Return kubectl that authenticates as a ServiceAccount."""
    token = admin("create", "token", name, "-n", namespace).strip()
    config = json.loads(admin.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = admin.kubeconfig.with_name(f"account-{name}.kubeconfig")
    path.write_text(json.dumps(config))
    return Kubectl(path)


def account(name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    """Return a ServiceAccount."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def cluster_role(name: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a ClusterRole."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": list(rules),
        **more,
    }


def binding(
    role: str, user: str, namespace: str = NAMESPACE, kind: str = "ClusterRoleBinding"
) -> dict[str, Any]:
    """Return a binding of a ClusterRole to a ServiceAccount."""
    metadata = {"name": f"{role}-{user}"}
    if kind == "RoleBinding":
        metadata["namespace"] = namespace
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": namespace}],
    }


def check_claims_work_with_the_policy(system: System) -> None:
    """Check that Crossplane may set its fields of a claim, and a tenant may not."""
    kubectl, name = system.kubectl, "with-the-policy"
    # Without its settings.yaml: the system has its own settings.
    policy = [
        f"--filename={ROOT / 'package/platform' / file}"
        for file in ("admission.yaml", "rbac.yaml")
    ]
    kubectl("apply", *policy)
    try:
        claims.apply(system, name)
        claims.wait_ready(system, name)
        claim = claims.claim(system, name)
        assert claim
        where = "crossplane" if system.api.namespaced else ""
        chosen = claim["spec"][where] if where else claim["spec"]
        assert chosen["compositionRef"] == {"name": "workloadecrrepo"}
        pinned: dict[str, Any] = {"compositionUpdatePolicy": "Manual"}
        pin = json.dumps({"spec": {where: pinned} if where else pinned})
        kubectl.apply(
            cluster_role("edit-claims", CROSSPLANE_RIGHTS),
            account("a-tenant", "default"),
            binding("edit-claims", "a-tenant", "default"),
        )
        tenant = as_account(kubectl, "a-tenant", "default")
        with pytest.raises(KubectlError, match="only the platform team chooses"):
            tenant(
                *("patch", "workloadecrrepos", name, "-n", "default"),
                *("--type=merge", "-p", pin),
            )
        claims.delete(system, name, wait=False)
    finally:
        kubectl("delete", *policy)
