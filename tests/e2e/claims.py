"""Claims and what is behind them: how the scenarios make them and look at them.

What this calls a claim is what a tenant writes, a WorkloadECRRepo: on Crossplane v2
that is the composite resource itself.
"""

import json
import time
from typing import Any

from providers import CONFIG
from system import REGION, System

PREFIX = "tap/workloads"
# The loser of a name, and a refused claim, reconcile again within a minute or two.
HEALS_S = 150
MEDIA = "application/vnd.oci.image.manifest.v1+json"

Contents = dict[str, tuple[Any, list[str]]]


def workload(name: str, namespace: str = "default") -> dict[str, Any]:
    """Return a Workload's manifest."""
    return {
        "apiVersion": "carto.run/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "example"},
    }


def manifest(
    name: str, workload_name: str | None = None, namespace: str = "default"
) -> dict[str, Any]:
    """Return a claim's manifest."""
    return {
        "apiVersion": "tap.vrabbi.cloud/v1alpha1",
        "kind": "WorkloadECRRepo",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "parameters": {
                "workloadName": workload_name or name,
                "repoPrefix": PREFIX,
                "region": REGION,
                "providerName": CONFIG,
            }
        },
    }


def names(workload: str, namespace: str = "default") -> set[str]:
    """Return a workload's repositories."""
    image = f"{PREFIX}/{workload}-{namespace}"
    return {image, f"{image}-bundle"}


def condition(of: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """Return a condition of an object; an empty one where there is none."""
    found = ((of or {}).get("status") or {}).get("conditions") or []
    return next((c for c in found if c["type"] == kind), {})


def claim(
    system: System, name: str, namespace: str = "default"
) -> dict[str, Any] | None:
    """Return a claim."""
    return system.kubectl.get("workloadecrrepos", "-n", namespace, name)


def of_workload(system: System, name: str) -> dict[str, Any] | None:
    """Return the claim that the policy made for a Workload."""
    return claim(system, f"{name}-ecr-repos")


def said(system: System, name: str, namespace: str = "default") -> dict[str, Any]:
    """Return a claim's RepositoriesReady condition."""
    return condition(claim(system, name, namespace), "RepositoriesReady")


def is_ready(system: System, name: str, namespace: str = "default") -> bool:
    """Whether a claim is Ready."""
    found = condition(claim(system, name, namespace), "Ready")
    return bool(found.get("status") == "True")


def all_ready(system: System, *claims: str, namespace: str = "default") -> bool:
    """Whether claims are Ready, by one look."""
    found = {
        c["metadata"]["name"]
        for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
        if condition(c, "Ready").get("status") == "True"
    }
    return set(claims) <= found


def wait_ready(
    system: System, *claims: str, namespace: str = "default", seconds: float = 120
) -> None:
    """Wait until claims are Ready."""
    system.wait(
        f"{', '.join(claims[:5])}{' …' * (len(claims) > 5)} Ready",
        lambda: all_ready(system, *claims, namespace=namespace),
        seconds,
    )


def apply(system: System, *claims: str, namespace: str = "default") -> None:
    """Apply claims that are called as their workloads."""
    system.kubectl.apply(*(manifest(name, name, namespace) for name in claims))


def edit(
    system: System, name: str, namespace: str = "default", /, **parameters: str
) -> None:
    """Change a claim's parameters."""
    patch = json.dumps({"spec": {"parameters": parameters}})
    system.kubectl(
        *("patch", "workloadecrrepos", "-n", namespace, name, "--type=merge", "-p"),
        patch,
    )


def delete(
    system: System, *claims: str, namespace: str = "default", wait: bool = True
) -> None:
    """Delete claims."""
    system.kubectl(
        *("delete", "workloadecrrepos", "-n", namespace),
        *(f"--wait={str(wait).lower()}", "--timeout=180s", *claims),
    )


def told(system: System, name: str, reason: str, namespace: str = "default") -> str:
    """Wait until a claim says a reason; return the message beside it.

    One look has both: for a moment an older condition may come back, because the
    status that Crossplane applies first has the conditions that its cache had.
    """

    def look() -> str | None:
        found = said(system, name, namespace)
        return found["message"] if found.get("reason") == reason else None

    return system.wait(f"{name} says {reason}", look, HEALS_S)


def external_name(resource: dict[str, Any]) -> str:
    """Return the repository that a managed resource is for."""
    return str(resource["metadata"]["annotations"]["crossplane.io/external-name"])


def managed(system: System) -> dict[str, dict[str, Any]]:
    """Return the managed resources that there are, by their repositories."""
    return {
        external_name(r): r for r in system.kubectl.all("-A", system.api.repositories)
    }


def resources_of(
    system: System, name: str, namespace: str = "default"
) -> list[dict[str, Any]]:
    """Return a claim's managed resources: the image's, then the bundle's."""
    labels = {
        "crossplane.io/claim-name": name,
        "crossplane.io/claim-namespace": namespace,
    }
    if system.api.namespaced:
        labels = {"crossplane.io/composite": name}
    return sorted(
        (
            r
            for r in system.kubectl.all("-A", system.api.repositories)
            if labels.items() <= r["metadata"].get("labels", {}).items()
            and r["metadata"].get("namespace", namespace) == namespace
        ),
        key=external_name,
    )


def kept_by_their_claims(system: System) -> set[str]:
    """Return the repositories that stay when their claims go."""
    return {
        name
        for name, resource in managed(system).items()
        if not system.api.may_delete(resource)
    }


def push(system: System, *repositories: str) -> None:
    """Put an image into repositories, as far as their endpoint knows images."""
    for name in repositories:
        image = {"schemaVersion": 2, "mediaType": MEDIA, "of": name}
        system.ecr.put_image(
            repositoryName=name,
            imageManifest=json.dumps({**image, "at": time.time_ns()}),
            imageTag="kept",
        )


def contents(system: System, names: set[str]) -> Contents:
    """Return each repository's making and images: what must not change."""
    return {
        r["repositoryName"]: (
            r["createdAt"],
            [
                image["imageDigest"]
                for image in system.ecr.describe_images(
                    repositoryName=r["repositoryName"]
                )["imageDetails"]
            ],
        )
        for page in system.ecr.get_paginator("describe_repositories").paginate()
        for r in page["repositories"]
        if r["repositoryName"] in names
    }


def images(found: Contents) -> int:
    """Return how many images repositories hold."""
    return sum(len(digests) for _, digests in found.values())


def wait_gone(
    system: System,
    *repositories: str,
    but: frozenset[str] = frozenset(),
    seconds: float = 120,
) -> None:
    """Wait until repositories and their managed resources are gone.

    Args:
        system: The running system.
        repositories: Which.
        but: Those of them that stay in ECR.
        seconds: For how long to wait.
    """
    asked = set(repositories)
    system.wait(
        "the repositories are gone",
        lambda: asked & system.repositories() == asked & but,
        seconds,
    )
    system.wait(
        "their managed resources are gone",
        lambda: not asked & managed(system).keys(),
        seconds,
    )


def remove_namespaces(system: System, *namespaces: str) -> None:
    """Delete namespaces in the order that docs/deletion.md has: composites first.

    On Crossplane v2 a namespace that is deleted first does not go.
    """
    for namespace in namespaces:
        system.kubectl(
            *("delete", "workloadecrrepos", "-n", namespace, "--all"),
            "--timeout=180s",
        )
    system.wait(
        "no managed resource is left in them",
        lambda: not [
            r
            for r in managed(system).values()
            if r["metadata"].get("namespace") in namespaces
        ],
        120,
    )
    system.kubectl("delete", "namespace", "--timeout=180s", *namespaces)
