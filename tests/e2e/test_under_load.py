"""Many Workloads at once: the last file, for what it starts takes long to go."""

import time

import psutil
from system import FUNCTION, System
from test_chain import kept_by_their_claims, names, workload

MANY, CROWD = 200, 1500


def test_two_hundred_workloads_at_once(system: System) -> None:
    workloads = [workload(f"many-{n}") for n in range(MANY)]
    expected = {name for n in range(MANY) for name in names(f"many-{n}")}
    function = psutil.Process(system[FUNCTION].pid)
    cpu_before = sum(function.cpu_times()[:2])
    started = time.monotonic()
    system.kubectl.apply(*workloads)
    applied = time.monotonic() - started
    system.wait(
        "every repository is there", lambda: expected <= system.repositories(), 900
    )
    made = time.monotonic() - started

    def all_ready() -> bool:
        return len(_ready_claims(system)) == MANY

    system.wait("every claim is Ready", all_ready, 900)
    ready = time.monotonic() - started
    cpu = sum(function.cpu_times()[:2]) - cpu_before
    print(
        f"{MANY} Workloads: applied in {applied:.0f} s, {len(expected)} repositories "
        f"in {made:.0f} s, every claim Ready in {ready:.0f} s; the function used "
        f"{cpu:.1f} s of CPU and {function.memory_info().rss / 2**20:.0f} MiB"
    )
    # The provider tries again where ECR is slow to answer, and finds what it made.
    kept = kept_by_their_claims(system) & expected
    print(f"{len(kept)} of {len(expected)} repositories count as found there")
    assert len(kept) < len(expected) // 10
    system.kubectl(
        "delete", "workload", "--wait=false", *(f"many-{n}" for n in range(MANY))
    )
    system.wait(
        "all others are gone again",
        lambda: expected & system.repositories() == kept,
        600,
    )
    for name in kept:
        system.ecr.delete_repository(repositoryName=name)


def _ready_claims(system: System) -> list[str]:
    listed = system.kubectl(
        "get",
        "workloadecrrepos",
        "-o",
        r"jsonpath={range .items[*]}{.metadata.name} "
        r'{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}',
    )
    return [
        line
        for line in listed.splitlines()
        if line.startswith("many-") and line.endswith(" True")
    ]


def test_what_kyverno_drops_of_1500_the_backfill_makes(system: System) -> None:
    """Claims only: what is behind them stands still meanwhile."""
    kubectl = system.kubectl
    behind = ("crossplane", "provider-aws")
    # A scan lists all Workloads once for each: the next must not begin meanwhile.
    system.scan_every("2m")
    for program in behind:
        system[program].stop()
    kubectl("create", "namespace", "crowd")
    started = time.monotonic()
    kubectl.apply(*(workload(f"crowd-{n}", "crowd") for n in range(CROWD)))
    print(f"{CROWD} Workloads applied in {time.monotonic() - started:.0f} s")

    def claims() -> int:
        return len(
            kubectl("get", "workloadecrrepos", "-n", "crowd", "-o", "name").split()
        )

    print(f"{claims()} claims then")
    system.wait("every claim is there", lambda: claims() == CROWD, 900)
    print(f"{CROWD} claims in {time.monotonic() - started:.0f} s")
    kubectl("delete", "namespace", "crowd", "--wait=false")
    system.wait(
        "the namespace is gone", lambda: not kubectl.get("namespace", "crowd"), 600
    )
    for program in behind:
        system[program].start()
    system.scan_every("15s")
