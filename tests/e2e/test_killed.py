"""Recovery after errors of ECR and after programs are killed."""

import signal
import time
from datetime import UTC, datetime

import claims
import refusals
from control_plane import KubectlError
from providers import PROVIDER
from system import FUNCTION, System

EACH = 5


def test_refused_claims_recover_when_ecr_stops_refusing(
    system: System,
    refused: dict[str, str],
) -> None:
    assert refused.keys() == refusals.REFUSALS.keys()
    refusals.recovered(system)
    claims.delete(system, *refused, wait=False)


def test_an_unrecorded_creation_is_recovered(system: System) -> None:
    """A provider was killed just before, or just after, ECR created the repository."""
    image, bundle = sorted(claims.names("cut-off"))
    system[PROVIDER].stop()
    claims.apply(system, "cut-off")
    system.wait(
        "both managed resources exist",
        lambda: len(claims.resources_of(system, "cut-off")) == 2,
    )
    system.ecr.create_repository(repositoryName=image)
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    mark = f"crossplane.io/external-create-pending={begun}"
    for resource in claims.resources_of(system, "cut-off"):
        metadata = resource["metadata"]
        system.kubectl(
            *("annotate", system.api.repositories, metadata["name"], mark),
            *(("-n", metadata["namespace"]) if system.api.namespaced else ()),
        )
    started = time.monotonic()
    system[PROVIDER].start()
    # The provider starts within half a minute; the claim may reconcile once a minute.
    claims.wait_ready(system, "cut-off", seconds=240)
    print(f"Ready {time.monotonic() - started:.0f} s after the provider's start")
    assert {image, bundle} <= system.repositories()
    # Nothing proves that the claim created the image repository: it is adopted. If ECR
    # was slow, the provider needed two attempts for the bundle, and adopts it too.
    message = claims.wait_for_reason(system, "cut-off", "Adopted")
    kept = {image, bundle} if bundle in message.partition("Adopted")[2] else {image}
    print(f"adopted: {', '.join(sorted(kept))}")
    system.wait(
        "the claim may delete only what it created",
        lambda: claims.not_deletable(system) & {image, bundle} == kept,
    )
    claims.delete(system, "cut-off")
    claims.wait_gone(system, image, bundle, but=frozenset(kept))
    for name in kept:
        system.ecr.delete_repository(repositoryName=name)


def test_everything_converges_after_programs_are_killed(system: System) -> None:
    """Kill each program in turn while Workloads are created, then check ECR."""
    victims = (FUNCTION, PROVIDER, "kube-apiserver", "kyverno-background", "crossplane")
    workloads = [f"{victim}-{n}" for victim in victims for n in range(EACH)]
    expected = {name for workload in workloads for name in claims.names(workload)}
    for victim in victims:
        system.kubectl.apply(*(claims.workload(f"{victim}-{n}") for n in range(EACH)))
        system[victim].stop(signal.SIGKILL)
        system[victim].start()
        system.wait("the API server responds", lambda: _serves_kinds(system))
    # Wait for Ready: before that, the right to delete is missing and repositories stay.
    claims.wait_ready(system, *(f"{w}-ecr-repos" for w in workloads), seconds=300)
    assert expected <= system.repositories()
    # The provider was killed before it recorded that it had created these.
    kept = claims.not_deletable(system) & expected
    print(f"{len(kept)} of {len(expected)} repositories count as adopted")
    assert len(kept) < len(expected)
    system.kubectl("delete", "workload", "--wait=false", *workloads)
    claims.wait_gone(system, *expected, but=frozenset(kept), seconds=240)
    for name in kept:
        system.ecr.delete_repository(repositoryName=name)


def _serves_kinds(system: System) -> bool:
    """Whether the API server serves the kinds that Kyverno needs when it starts."""
    try:
        served = system.kubectl("get", "--raw", "/apis")
    except KubectlError:
        return False
    return '"carto.run"' in served and '"tap.vrabbi.cloud"' in served
