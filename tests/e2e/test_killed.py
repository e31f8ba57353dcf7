"""Programs that are killed, and what they left half done."""

import signal
import time
from datetime import UTC, datetime

import claims
import refusals
from control_plane import KubectlError
from providers import PROVIDER
from system import FUNCTION, System

EACH = 5


def test_what_ecr_refused_is_there_when_it_refuses_no_more(
    system: System,
    refused: dict[str, str],
) -> None:
    assert refused.keys() == refusals.REFUSALS.keys()
    refusals.recovered(system)
    claims.delete(system, *refused, wait=False)


def test_a_creation_that_nobody_recorded_is_looked_at_again(system: System) -> None:
    """As a provider leaves it that is killed before ECR makes it, and after."""
    image, bundle = sorted(claims.names("cut-off"))
    system[PROVIDER].stop()
    claims.apply(system, "cut-off")
    system.wait(
        "both managed resources are there",
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
    # It starts within half a minute; its claim may reconcile each minute only.
    claims.wait_ready(system, "cut-off", seconds=240)
    print(f"Ready {time.monotonic() - started:.0f} s after the provider's start")
    assert {image, bundle} <= system.repositories()
    # Nobody can know who created the image: it is adopted. The bundle was created: its
    # claim earns the right to delete it within a reconcile or two.
    system.wait(
        "the claim may delete its bundle, and not the image",
        lambda: claims.kept_by_their_claims(system) & {image, bundle} == {image},
    )
    claims.delete(system, "cut-off")
    claims.wait_gone(system, image, bundle, but=frozenset({image}))
    system.ecr.delete_repository(repositoryName=image)


def test_killed_programs_come_back_and_all_converges(system: System) -> None:
    """kill -9 of each in turn while Workloads come: none is missing, none left."""
    victims = (FUNCTION, PROVIDER, "kube-apiserver", "kyverno-background", "crossplane")
    workloads = [f"{victim}-{n}" for victim in victims for n in range(EACH)]
    expected = {name for workload in workloads for name in claims.names(workload)}
    for victim in victims:
        system.kubectl.apply(*(claims.workload(f"{victim}-{n}") for n in range(EACH)))
        system[victim].stop(signal.SIGKILL)
        system[victim].start()
        system.wait("the API server answers", lambda: _answers(system))
    # Ready: until then the right to delete is not there, and a repository would stay.
    claims.wait_ready(system, *(f"{w}-ecr-repos" for w in workloads), seconds=300)
    assert expected <= system.repositories()
    # Of these the provider did not live to record that it made them.
    kept = claims.kept_by_their_claims(system) & expected
    print(f"{len(kept)} of {len(expected)} repositories count as found there")
    assert len(kept) < len(expected)
    system.kubectl("delete", "workload", "--wait=false", *workloads)
    claims.wait_gone(system, *expected, but=frozenset(kept), seconds=240)
    for name in kept:
        system.ecr.delete_repository(repositoryName=name)


def _answers(system: System) -> bool:
    """Whether the API server serves the kinds that Kyverno looks for at its start."""
    try:
        served = system.kubectl("get", "--raw", "/apis")
    except KubectlError:
        return False
    return '"carto.run"' in served and '"tap.vrabbi.cloud"' in served
