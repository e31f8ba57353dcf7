"""Many Workloads at once; `make e2e-full` runs these tests at full size."""

import time

import claims
import psutil
from providers import PROVIDER
from system import FULL, FUNCTION, System

MANY = 200 if FULL else 30
# Kyverno drops update requests when 1,000 are pending.
CROWD = 1500


def test_many_workloads_at_once(system: System) -> None:
    workloads = [f"many-{n}" for n in range(MANY)]
    expected = {name for workload in workloads for name in claims.names(workload)}
    function = psutil.Process(system[FUNCTION].pid)
    cpu_before = sum(function.cpu_times()[:2])
    started = time.monotonic()
    system.kubectl.apply(*map(claims.workload, workloads))
    applied = time.monotonic() - started
    system.wait(
        "every repository exists", lambda: expected <= system.repositories(), 900
    )
    made = time.monotonic() - started
    claims.wait_ready(system, *(f"{w}-ecr-repos" for w in workloads), seconds=900)
    ready = time.monotonic() - started
    cpu = sum(function.cpu_times()[:2]) - cpu_before
    print(
        f"{MANY} Workloads: applied in {applied:.0f} s, {len(expected)} repositories "
        f"in {made:.0f} s, every claim Ready in {ready:.0f} s; the function used "
        f"{cpu:.1f} s of CPU and {function.memory_info().rss / 2**20:.0f} MiB"
    )
    # If ECR is slow to respond, the provider retries and finds its own repository.
    kept = claims.not_deletable(system) & expected
    print(f"{len(kept)} of {len(expected)} repositories count as adopted")
    assert len(kept) < len(expected) // 10
    system.kubectl("delete", "workload", "--wait=false", *workloads)
    claims.wait_gone(system, *expected, but=frozenset(kept), seconds=600)
    for name in kept:
        system.ecr.delete_repository(repositoryName=name)


def test_the_backfill_creates_claims_that_kyverno_dropped(system: System) -> None:
    """Only claims are created: Crossplane is stopped meanwhile."""
    kubectl = system.kubectl
    behind = ("crossplane", PROVIDER)
    # A scan lists all Workloads once per Workload. The next scan must not start before
    # it ends.
    system.scan_every("2m")
    for program in behind:
        system[program].stop()
    kubectl("create", "namespace", "crowd")
    started = time.monotonic()
    kubectl.apply(*(claims.workload(f"crowd-{n}", "crowd") for n in range(CROWD)))
    print(f"{CROWD} Workloads applied in {time.monotonic() - started:.0f} s")

    def made() -> int:
        return len(
            kubectl("get", "workloadecrrepos", "-n", "crowd", "-o", "name").split()
        )

    print(f"{made()} claims then")
    system.wait("every claim exists", lambda: made() == CROWD, 900)
    print(f"{CROWD} claims in {time.monotonic() - started:.0f} s")
    kubectl("delete", "namespace", "crowd", "--wait=false")
    system.wait(
        "the namespace is gone", lambda: not kubectl.get("namespace", "crowd"), 600
    )
    for program in behind:
        system[program].start()
    system.scan_every("15s")
