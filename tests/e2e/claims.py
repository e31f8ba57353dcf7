"""Create, read and delete claims, their managed resources and their repositories.

A claim here is the WorkloadECRRepo that a tenant writes. On Crossplane v2 that is the
composite resource itself.
"""

import json
import time
from typing import Any

from providers import CONFIG
from system import REGION, TIMEOUT_S, System

PREFIX = "tap/workloads"
# How long a claim may take to be Ready after its predecessor is gone.
AGAIN_S = 10
MEDIA = "application/vnd.oci.image.manifest.v1+json"

Contents = dict[str, tuple[Any, list[str]]]


def workload(name: str, namespace: str = "default") -> dict[str, Any]:
    """Return the manifest of a Workload."""
    return {
        "apiVersion": "carto.run/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "example"},
    }


def manifest(
    name: str, workload_name: str | None = None, namespace: str = "default"
) -> dict[str, Any]:
    """Return the manifest of a claim."""
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
    """Return the names of the two repositories of a workload."""
    image = f"{PREFIX}/{workload}-{namespace}"
    return {image, f"{image}-bundle"}


def condition(of: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """Return a condition of an object, or {} if it has none of that type."""
    found = ((of or {}).get("status") or {}).get("conditions") or []
    return next((c for c in found if c["type"] == kind), {})


def claim(
    system: System, name: str, namespace: str = "default"
) -> dict[str, Any] | None:
    """Return a claim, or None if it does not exist."""
    return system.kubectl.get("workloadecrrepos", "-n", namespace, name)


def of_workload(system: System, name: str) -> dict[str, Any] | None:
    """Return the claim that the Kyverno policy generated for a Workload."""
    return claim(system, f"{name}-ecr-repos")


def ready_condition(
    system: System, name: str, namespace: str = "default"
) -> dict[str, Any]:
    """Return the RepositoriesReady condition of a claim."""
    return condition(claim(system, name, namespace), "RepositoriesReady")


def is_ready(system: System, name: str, namespace: str = "default") -> bool:
    """Whether a claim is Ready."""
    found = condition(claim(system, name, namespace), "Ready")
    return bool(found.get("status") == "True")


def all_ready(system: System, *claims: str, namespace: str = "default") -> bool:
    """Whether all these claims are Ready, read with one list request."""
    found = {
        c["metadata"]["name"]
        for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
        if condition(c, "Ready").get("status") == "True"
    }
    return set(claims) <= found


def wait_ready(
    system: System, *claims: str, namespace: str = "default", seconds: float = TIMEOUT_S
) -> None:
    """Wait until claims are Ready."""
    system.wait(
        f"{', '.join(claims[:5])}{' …' * (len(claims) > 5)} Ready",
        lambda: all_ready(system, *claims, namespace=namespace),
        seconds,
    )


def apply(system: System, *claims: str, namespace: str = "default") -> None:
    """Apply claims that have the same names as their workloads."""
    system.kubectl.apply(*(manifest(name, name, namespace) for name in claims))


def edit(
    system: System, name: str, namespace: str = "default", /, **parameters: str
) -> None:
    """Change parameters of a claim."""
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


def wait_for_reason(
    system: System,
    name: str,
    reason: str,
    namespace: str = "default",
    seconds: float = TIMEOUT_S,
) -> str:
    """Wait until RepositoriesReady has a reason; return the message with it.

    Both are read from one response. An older condition may come back for a moment,
    because Crossplane first applies a status with the conditions from its cache.
    """

    def read() -> str | None:
        found = ready_condition(system, name, namespace)
        return found["message"] if found.get("reason") == reason else None

    return system.wait(f"{name} has the reason {reason}", read, seconds)


def external_name(resource: dict[str, Any]) -> str:
    """Return the external name of a managed resource: its repository name."""
    return str(resource["metadata"]["annotations"]["crossplane.io/external-name"])


def managed(system: System) -> dict[str, dict[str, Any]]:
    """Return all Repository managed resources by external name."""
    return {
        external_name(r): r for r in system.kubectl.all("-A", system.api.repositories)
    }


def resources_of(
    system: System, name: str, namespace: str = "default"
) -> list[dict[str, Any]]:
    """Return the Repository managed resources of a claim: image, then bundle."""
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


def not_deletable(system: System) -> set[str]:
    """Return the repositories that the provider may not delete with their claims."""
    return {
        name
        for name, resource in managed(system).items()
        if not system.api.may_delete(resource)
    }


def created_again(
    system: System, name: str, namespace: str = "default"
) -> tuple[float, list[str]]:
    """Delete a claim and create it again immediately; wait until it is Ready.

    Returns:
        How many seconds the new claim took after the managed resources of its
        predecessor were last seen, and the reasons of RepositoriesReady until then.
    """
    before = claim(system, name, namespace)
    assert before
    old = {r["metadata"]["uid"] for r in resources_of(system, name, namespace)}
    file = system.directory / f"{name}.json"
    file.write_text(json.dumps(manifest(name, namespace=namespace)))
    system.kubectl("replace", "--force", "-f", file)
    last_seen, reasons = time.monotonic(), list[str]()

    def ready() -> float | None:
        nonlocal last_seen
        started = time.monotonic()
        found = resources_of(system, name, namespace)
        if old & {r["metadata"]["uid"] for r in found}:
            last_seen = started
        new = claim(system, name, namespace)
        if new is None or new["metadata"]["uid"] == before["metadata"]["uid"]:
            return None
        reason = condition(new, "RepositoriesReady").get("reason", "")
        if reason and reason not in reasons:
            reasons.append(reason)
        is_true = condition(new, "Ready").get("status") == "True"
        return time.monotonic() - last_seen if is_true else None

    return system.wait(f"{name} is Ready again", ready, 240), reasons


def check_created_again(system: System) -> None:
    """Check that a claim that was deleted and created again is Ready soon."""
    apply(system, "phoenix")
    wait_ready(system, "phoenix")
    of_both = names("phoenix")
    push(system, *of_both)
    seconds, reasons = created_again(system, "phoenix")
    print(f"Ready {seconds:.1f} s after its predecessor was gone: {reasons}")
    assert seconds <= AGAIN_S
    assert "PreviousDeleting" in reasons
    wrong = {"NameTaken", "Adopted"} & {*reasons}
    assert not wrong, f"{reasons}\n{system.unready()}"
    found = contents(system, of_both)
    assert found.keys() == of_both
    assert not images(found), "these are new repositories"
    delete(system, "phoenix")
    wait_gone(system, *of_both)


def push(system: System, *repositories: str) -> None:
    """Push an image manifest to each repository; the ECR endpoint stores no layers."""
    for name in repositories:
        image = {"schemaVersion": 2, "mediaType": MEDIA, "of": name}
        system.ecr.put_image(
            repositoryName=name,
            imageManifest=json.dumps({**image, "at": time.time_ns()}),
            imageTag="kept",
        )


def contents(system: System, names: set[str]) -> Contents:
    """Return when each repository was created, and the digests of its images."""
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
    """Return the total number of images."""
    return sum(len(digests) for _, digests in found.values())


def wait_gone(
    system: System,
    *repositories: str,
    but: frozenset[str] = frozenset(),
    seconds: float = TIMEOUT_S,
) -> None:
    """Wait until repositories and their managed resources are gone.

    Args:
        system: The running system.
        repositories: Their names.
        but: Those of them that must stay in ECR.
        seconds: The timeout.
    """
    expected = set(repositories)
    system.wait(
        "the repositories are gone",
        lambda: expected & system.repositories() == expected & but,
        seconds,
    )
    system.wait(
        "their managed resources are gone",
        lambda: not expected & managed(system).keys(),
        seconds,
    )


def remove_namespaces(system: System, *namespaces: str) -> None:
    """Delete composites, then their namespaces, in the order of docs/deletion.md.

    On Crossplane v2 a namespace that is deleted before its composites hangs.
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
    )
    system.kubectl("delete", "namespace", "--timeout=180s", *namespaces)
