"""Measure how the cost of a claim grows with the number of claims.

    scale.py claims     Crossplane, the function, the API server: claims in steps
    scale.py crowd      the same, beside paused copies of thousands of Ready claims
    scale.py provider   the real provider with other rates and poll intervals
    scale.py kyverno    Kyverno: Workloads in steps, then more at once than its limit

It writes docs/scale.json; scale_tables.py writes the tables of docs/scale.md from it.
`claims` and `crowd` run a program in the provider's place (stand_in.py): claims become
Ready and idle with it too, and with the real provider each costs twice as much.
Figures are processor time and memory, which other work on the machine changes little.
"""

import argparse
import base64
import datetime
import functools
import hashlib
import json
import platform
import signal
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import claims as made
import machine
import psutil
import stand_in
from apis import CLASSIC
from build import build
from changes import Manifest, Watch, scrape
from control_plane import KubectlError
from processes import NotReadyError, answers
from providers import PROVIDER
from scale_tables import REPORT, poll_delay_s
from stand_in import PAUSED, StandIn
from steady import quiet
from system import FUNCTION, System, WithoutKyverno, running, say

from function.providers.crossplane_runtime import REPOSITORY_ID

CLAIMS = "/apis/tap.vrabbi.cloud/v1alpha1/workloadecrrepos"
CONTROLLER = f"composite/{CLASSIC.composite}.tap.vrabbi.cloud"
SIZES = (100, 300, 1000, 3000, 5000)
# One namespace per team: a background scan of Kyverno lists the workloads of one.
PER_NAMESPACE = 100
# How many manifests kubectl gets at once.
CHUNK = 25
# No more claims are created while so many are not Ready: each size has the same load,
# however many claims are Ready.
IN_FLIGHT = 50
PATIENCE_S = 3600.0
SINGLES = 3
IDLE_S = 60.0
QUIET_S = 10.0
UNOCCUPIED_S = 3.0
# No new claim for so long, and Kyverno has dropped the missing ones.
LOST_S = 30.0
MIB = 2**20
# The real provider's run: rates and poll intervals. Each poll of a repository is a
# request to the API server. Two repositories of each claim, every two seconds, are more
# than the provider's 20 requests per second, as are 2,400 claims polled once a minute.
PROVIDER_CLAIMS = 80
VARIANTS = ((10, 2), (100, 2), (10, 60))
SETTLE_S = 45.0
# Kyverno: Workloads at once, at a low limit of update requests and at the default.
# kubectl creates 50 a second, and Kyverno handles about as many: more than 1,000 wait
# only after several clients, or while Kyverno is down.
BURST = 500
AT_ONCE = 500
THRESHOLDS = (50, 1000)
PARTS = ("claims", "crowd", "provider", "kyverno")
# So many real claims beside each number of copies, and connections that write copies.
BESIDE = 30
WRITERS = 4
_IDENTITY = {"uid", "resourceVersion", "creationTimestamp", "generation"}
_IDENTITY |= {"managedFields", "ownerReferences"}

Figures = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """What the programs have used so far.

    Attributes:
        cpu_s: The processor time, by program.
        memory_mb: The resident memory now, by program.
        calls: How often the function was called.
        call_s: How long all these calls took, by the function's own metrics.
        reconciles: How often Crossplane reconciled an XR.
        reconcile_s: How long all these reconciles took.
        waited_s: How long XRs waited in Crossplane's queue before them.
    """

    cpu_s: Mapping[str, float]
    memory_mb: Mapping[str, float]
    calls: float = 0.0
    call_s: float = 0.0
    reconciles: float = 0.0
    reconcile_s: float = 0.0
    waited_s: float = 0.0


@dataclass
class Step:
    """The figures of one number of claims.

    Attributes:
        claims: How many claims there are.
        added: How many of them were created in this step.
        cpu_ms: Processor time of each new claim until it is Ready, by program.
        idle_ms: Processor time per minute while nothing changes, by program.
        memory_mb: Resident memory while nothing changes, by program.
        storage_mb: The size of etcd's data, compacted.
        calls: Calls of the function per new claim.
        call_ms: The mean duration of a call.
        reconciles: Reconciles of its XR per new claim.
        reconcile_ms: Their mean duration.
        waited_ms: The mean time in Crossplane's queue before a reconcile.
        idle_calls: Calls of the function per minute while nothing changes.
        added_s: How long all new claims took until they were Ready.
        single_s: How long one more claim takes; the median of several.
    """

    claims: int
    added: int
    cpu_ms: dict[str, float]
    idle_ms: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    storage_mb: float = 0.0
    calls: float = 0.0
    call_ms: float = 0.0
    reconciles: float = 0.0
    reconcile_ms: float = 0.0
    waited_ms: float = 0.0
    idle_calls: float = 0.0
    added_s: float = 0.0
    single_s: float = 0.0


def cpu_ms(before: Sample, after: Sample, share: float) -> dict[str, float]:
    """Return the processor time between two samples, by program, in ms.

    Args:
        before: The first sample.
        after: The second sample.
        share: What to divide it by: a number of claims, or of minutes.
    """
    return {
        name: 1000 * (used - before.cpu_s[name]) / share
        for name, used in after.cpu_s.items()
    }


def mean_ms(seconds: float, times: float) -> float:
    """Return the mean duration in ms; 0 if nothing happened."""
    return 1000 * seconds / times if times else 0.0


def step(claims: int, added: int, before: Sample, after: Sample) -> Step:
    """Return the figures of creating claims."""
    calls, reconciles = (
        after.calls - before.calls,
        after.reconciles - before.reconciles,
    )
    return Step(
        claims,
        added,
        cpu_ms(before, after, added),
        memory_mb=dict(after.memory_mb),
        calls=calls / added,
        call_ms=mean_ms(after.call_s - before.call_s, calls),
        reconciles=reconciles / added,
        reconcile_ms=mean_ms(after.reconcile_s - before.reconcile_s, reconciles),
        waited_ms=mean_ms(after.waited_s - before.waited_s, reconciles),
    )


def metric(text: str, name: str, labels: str = "") -> float:
    """Return the sum of a metric's values whose labels contain a text."""
    total = 0.0
    for line in text.splitlines():
        series, _, value = line.rpartition(" ")
        if series.partition("{")[0] == name and labels in series:
            total += float(value)
    return total


def namespace(number: int) -> str:
    """Return the namespace of a Workload or claim."""
    return f"team-{number // PER_NAMESPACE}"


def chunks(numbers: Sequence[int], size: int = CHUNK) -> Iterator[Sequence[int]]:
    """Yield the numbers in portions for one command."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def copied(resource: Manifest, source: str, number: int) -> Manifest:
    """Return a paused copy of an object of a claim, without its status.

    Args:
        resource: The object.
        source: The claim's name, which all its objects contain.
        number: The number of the copy.
    """
    text = json.dumps({k: v for k, v in resource.items() if k != "status"})
    identity = resource["metadata"].get("labels", {}).get(REPOSITORY_ID)
    if identity:
        digest = hashlib.sha256(f"{number} {identity}".encode()).digest()[:20]
        text = text.replace(identity, base64.b32encode(digest).decode().lower())
    found: Manifest = json.loads(text.replace(source, f"copy-{number}"))
    metadata = {k: v for k, v in found["metadata"].items() if k not in _IDENTITY}
    metadata["annotations"] = {**metadata.get("annotations", {}), PAUSED: "true"}
    return {**found, "metadata": metadata}


def fits(seconds_left: float, added: int, per_claim_s: float, fixed_s: float) -> bool:
    """Whether a step of so many new claims is over in time.

    The time per claim is that of the step before; a larger step may take longer.
    """
    return added * per_claim_s + fixed_s <= seconds_left


class Measured(System):
    """A system whose programs are measured."""

    measured: tuple[str, ...] = ()

    def sample(self) -> Sample:
        """Return what the programs have used so far."""
        processes = {
            name: psutil.Process(self[name].pid)
            for name in self.measured
            if name in self.programs.started
        }
        return Sample(
            {name: float(sum(p.cpu_times()[:2])) for name, p in processes.items()},
            {name: p.memory_info().rss / MIB for name, p in processes.items()},
        )

    def create(
        self,
        numbers: Sequence[int],
        manifest: Callable[[int], Manifest],
        may_go_on: Callable[[], bool] = lambda: True,
        portion: int = CHUNK,
    ) -> None:
        """Create objects, in the namespaces of their numbers.

        Args:
            numbers: Their numbers.
            manifest: Returns the manifest of a number.
            may_go_on: Whether the next portion may be created now.
            portion: How many of them are created by one command.
        """
        for name in sorted({namespace(number) for number in numbers}):
            self._namespace(name)
        for part in chunks(numbers, portion):
            self.wait("earlier objects are done", may_go_on, PATIENCE_S)
            self.kubectl.create(*map(manifest, part))


class Claims(WithoutKyverno, Measured):
    """The system without Kyverno: claims are created directly."""

    measured = (FUNCTION, "crossplane", "kube-apiserver", "etcd", PROVIDER)

    def sample(self) -> Sample:
        """Return what the programs have used so far."""
        used = super().sample()
        ours = scrape(int(self._metrics.rpartition(":")[2]))
        theirs = scrape(self.crossplane_metrics)
        call, reconcile, queue = (
            "function_ecr_repos_request_duration_seconds",
            "controller_runtime_reconcile_time_seconds",
            "workqueue_queue_duration_seconds",
        )
        of = f'controller="{CONTROLLER}"'
        return Sample(
            used.cpu_s,
            used.memory_mb,
            calls=metric(ours, f"{call}_count"),
            call_s=metric(ours, f"{call}_sum"),
            reconciles=metric(theirs, f"{reconcile}_count", of),
            reconcile_s=metric(theirs, f"{reconcile}_sum", of),
            waited_s=metric(theirs, f"{queue}_sum", of),
        )

    def start(self) -> None:
        """Start and install everything; wait until all metrics are served."""
        super().start()
        for served in (self._metrics, f"127.0.0.1:{self.crossplane_metrics}"):
            url = f"http://{served}/metrics"
            self.wait(f"{url} responds", functools.partial(answers, url))

    def storage_mb(self) -> float:
        """Compact etcd, and return the size of its data."""
        command = psutil.Process(self["etcd"].pid).cmdline()
        (etcd,) = (
            part.partition("=")[2]
            for part in command
            if part.startswith("--listen-client-urls=")
        )
        status = _post(f"{etcd}/v3/maintenance/status", {})
        revision = status["header"]["revision"]
        body = {"revision": revision, "physical": True}
        _post(f"{etcd}/v3/kv/compaction", body)
        with urllib.request.urlopen(f"{etcd}/metrics") as answer:
            text = answer.read().decode()
        return metric(text, "etcd_mvcc_db_total_size_in_use_in_bytes") / MIB

    def unoccupied(self) -> Callable[[], bool]:
        """Return a probe: whether Crossplane has reconciled nothing for a while."""
        last, since = -1.0, time.monotonic()

        def probe() -> bool:
            nonlocal last, since
            text = scrape(self.crossplane_metrics)
            if (now := metric(text, "controller_runtime_reconcile_total")) != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > UNOCCUPIED_S

        return probe

    def put_stand_in(self) -> None:
        """Stop the provider, and start the program that stands in for it."""
        self[PROVIDER].stop()
        del self.programs.started[PROVIDER]
        path = f"/apis/{self.api.api_version}/repositories"
        self.programs.start(
            *("stand-in", sys.executable, stand_in.__file__),
            *(self.kubectl.kubeconfig, path),
            restart=True,
        )

    def set_flags(self, rate: int, poll_s: int) -> None:
        """Start the provider again, with other flags."""
        self[PROVIDER].stop()
        self.programs.start(
            *(PROVIDER, build(PROVIDER)),
            *(f"--poll={poll_s}s", f"--max-reconcile-rate={rate}"),
            restart=True,
            env={"KUBECONFIG": str(self.kubectl.kubeconfig)},
        )


class Chain(Measured):
    """The system with Kyverno: Workloads are created, and Crossplane is stopped."""

    measured = ("kyverno-background", "kyverno-admission", "kube-apiserver")

    def requests(self) -> int:
        """Return the number of update requests that Kyverno has not finished."""
        found = self.kubectl("get", "updaterequests", "-n", "kyverno", "-o", "name")
        return len(found.split())

    def set_threshold(self, threshold: int) -> None:
        """Set the limit of update requests, as the Helm chart does."""
        patch = {"data": {"updateRequestThreshold": str(threshold)}}
        self.kubectl(
            *("patch", "configmap", "kyverno", "-n", "kyverno", "--type=merge", "-p"),
            json.dumps(patch),
        )


def _post(url: str, body: Manifest) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


class Observed:
    """When each claim was seen first, and when it was Ready first."""

    def __init__(self, system: System) -> None:
        self._watch = Watch(system.kubectl.kubeconfig, CLAIMS)
        self._seen: dict[str, float] = {}
        self._ready: dict[str, float] = {}

    def _read(self) -> None:
        if not self._watch.is_alive():
            raise NotReadyError("the watch of the claims has ended")
        while self._watch.changes:
            # Thousands of claims change often: none of their states is kept.
            change = self._watch.changes.pop(0)
            self._seen.setdefault(change.name, change.at)
            if "Ready" in change.true:
                self._ready.setdefault(change.name, change.at)

    def seen(self) -> dict[str, float]:
        """Return when each claim was seen first."""
        self._read()
        return self._seen

    def ready(self) -> dict[str, float]:
        """Return when each claim was Ready first."""
        self._read()
        return self._ready


def claim(number: int) -> Manifest:
    """Return the manifest of a claim."""
    name = f"claim-{number}"
    return made.manifest(name, name, namespace(number))


def workload(number: int) -> Manifest:
    """Return the manifest of a Workload."""
    return made.workload(f"load-{number}", namespace(number))


class Clock:
    """The time that a run may take."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + minutes * 60

    def left_s(self) -> float:
        """Return how much is left."""
        return self._end - time.monotonic()

    def over(self) -> bool:
        """Whether none is left."""
        return self.left_s() <= 0


def wait(system: System, what: str, probe: Callable[[], bool], clock: Clock) -> bool:
    """Wait until a probe is true; return whether it was in time."""
    system.wait(
        what, lambda: probe() or clock.over(), max(clock.left_s(), 0.0) + QUIET_S
    )
    return not clock.over()


def create_all(
    system: Claims, observed: Observed, numbers: range, clock: Clock
) -> bool:
    """Create claims, some at once; return whether all were Ready in time."""
    first = len(observed.ready())
    others = len(observed.seen()) - first

    def few_in_flight() -> bool:
        waiting = len(observed.seen()) - len(observed.ready()) - others
        return clock.over() or waiting <= IN_FLIGHT - CHUNK

    system.create(numbers, claim, few_in_flight)
    return wait(
        system,
        f"{numbers.stop} claims are Ready",
        lambda: len(observed.ready()) >= first + len(numbers),
        clock,
    )


def single_s(
    system: Claims, observed: Observed, number: int, patience_s: float
) -> float:
    """Return how long one more claim takes until it is Ready, at most the patience."""
    name = f"claim-{number}"
    system.create([number], claim)
    try:
        system.wait(f"{name} is Ready", lambda: name in observed.ready(), patience_s)
    except NotReadyError:
        return patience_s
    return observed.ready()[name] - observed.seen()[name]


def idle(system: Measured, seconds: float) -> tuple[Sample, Sample, float]:
    """Measure for a while; return both samples and the minutes between them."""
    before, started = system.sample(), time.monotonic()
    time.sleep(seconds)
    return before, system.sample(), (time.monotonic() - started) / 60


def grow(system: Claims, sizes: Sequence[int], clock: Clock, idle_s: float) -> Figures:
    """Create claims in steps; return the figures of each step."""
    observed = Observed(system)
    # Whatever an empty control plane costs.
    empty_mb = system.storage_mb()
    before, after, minutes = idle(system, idle_s)
    empty = {
        "memory_mb": dict(after.memory_mb),
        "idle_ms": cpu_ms(before, after, minutes),
        "storage_mb": empty_mb,
    }
    steps: list[Step] = []
    next_number, per_claim_s = 0, 0.0
    for size in sizes:
        # The claims of single_s() count too.
        added = size - next_number
        if not fits(clock.left_s(), added, per_claim_s, idle_s + 2 * QUIET_S):
            say(f"{size} claims: not enough time left")
            break
        say(f"{size} claims: creating {added}")
        numbers = range(next_number, size)
        before, started = system.sample(), time.monotonic()
        if not create_all(system, observed, numbers, clock):
            say(f"{size} claims: the time is over at {len(observed.ready())}")
            break
        took = time.monotonic() - started
        per_claim_s = took / added
        next_number = size
        wait(system, "the function is not called", quiet(system, QUIET_S), clock)
        found = step(size, added, before, system.sample())
        found.added_s = took
        found.storage_mb = system.storage_mb()
        before, after, minutes = idle(system, idle_s)
        found.idle_ms = cpu_ms(before, after, minutes)
        found.memory_mb = dict(after.memory_mb)
        found.idle_calls = (after.calls - before.calls) / minutes
        singles = []
        for _ in range(SINGLES):
            singles.append(single_s(system, observed, next_number, 120))
            next_number += 1
        found.single_s = statistics.median(singles)
        steps.append(found)
        say(f"{size} claims: {json.dumps(rounded(asdict(found)))}")
    return {"empty": empty, "steps": [asdict(each) for each in steps]}


def crowd(system: Claims, sizes: Sequence[int], clock: Clock) -> Figures:
    """Create claims beside more and more paused copies; return what each cost."""
    observed = Observed(system)
    steps: list[Figures] = []
    copies, real, per_copy_s = 0, 0, 0.0
    # The first claims come alone, and are what is copied.
    for size in (BESIDE, *sizes):
        more = max(size - BESIDE - real - copies, 0)
        if not fits(clock.left_s(), more, per_copy_s, 3 * BESIDE):
            say(f"{size} claims: not enough time left")
            break
        started = time.monotonic()
        if more:
            say(f"{size} claims: {more} more paused copies")
            add_copies(system, range(copies, copies + more))
            copies += more
        wait(system, "Crossplane has nothing to do", system.unoccupied(), clock)
        per_copy_s = (time.monotonic() - started) / more if more else 0.0
        say(f"{size} claims: creating {BESIDE}")
        before = system.sample()
        numbers = range(real, real + BESIDE)
        if not create_all(system, observed, numbers, clock):
            break
        real += BESIDE
        found = step(copies + real, BESIDE, before, system.sample())
        found.storage_mb = system.storage_mb()
        steps.append({"copies": copies, **asdict(found)})
        say(f"{size} claims: {json.dumps(rounded(steps[-1]))}")
    return {"steps": steps}


def add_copies(system: Claims, numbers: range) -> None:
    """Create paused copies of the first claim, its XR and its managed resources."""
    name, team = "claim-0", namespace(0)
    sources = [
        *made.resources_of(system, name, team),
        *(
            xr
            for xr in system.kubectl.all(system.api.composite)
            if xr["spec"]["claimRef"]["name"] == name
        ),
        made.claim(system, name, team),
    ]

    def write(part: range) -> None:
        client = StandIn(system.kubectl.kubeconfig, "")
        for number in part:
            for resource in filter(None, sources):
                client.send("POST", _path(resource), copied(resource, name, number))

    parts = [numbers[first::WRITERS] for first in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as writers:
        for _ in writers.map(write, parts):
            pass


def _path(resource: Manifest) -> str:
    """Return the path that objects like this one are created at."""
    team = resource["metadata"].get("namespace")
    within = f"namespaces/{team}/" if team else ""
    plural = {"Repository": "repositories", "WorkloadECRRepo": "workloadecrrepos"}
    kind = plural.get(resource["kind"], CLASSIC.composite)
    return f"/apis/{resource['apiVersion']}/{within}{kind}"


def compare_flags(system: Claims, claims: int, clock: Clock, idle_s: float) -> Figures:
    """Measure the real provider with each of the flags: one more claim, idle claims."""
    observed = Observed(system)
    numbers = range(claims)
    say(f"provider: creating {claims} claims")
    before = system.sample()
    if not create_all(system, observed, numbers, clock):
        raise NotReadyError(f"only {len(observed.ready())} claims Ready in time")
    wait(system, "the function is not called", quiet(system, QUIET_S), clock)
    created = asdict(step(claims, claims, before, system.sample()))
    say(f"provider: {json.dumps(rounded(created))}")
    variants: list[Figures] = []
    number = claims
    for rate, poll_s in VARIANTS:
        say(f"provider: --max-reconcile-rate={rate} --poll={poll_s}s")
        system.set_flags(rate, poll_s)
        # All repositories are reconciled once after a start, then once per interval.
        time.sleep(SETTLE_S)
        before, after, minutes = idle(system, idle_s)
        singles = []
        for _ in range(SINGLES):
            singles.append(single_s(system, observed, number, 120))
            number += 1
        variants.append(
            {
                "rate": rate,
                "poll_s": poll_s,
                "claims": claims,
                "single_s": singles,
                "idle_ms": cpu_ms(before, after, minutes),
                "memory_mb": dict(after.memory_mb),
                "delay_s": poll_delay_s(claims, poll_s),
            }
        )
        say(f"provider: {json.dumps(rounded(variants[-1]))}")
    return {"created": created, "variants": variants}


def burst(system: Chain, observed: Observed, numbers: range) -> tuple[int, float]:
    """Create Workloads at once; return how many got a claim, and after how long."""
    expected = {f"load-{number}-ecr-repos" for number in numbers}
    started = time.monotonic()
    system.create(numbers, workload, portion=AT_ONCE)
    last, since = -1, time.monotonic()

    def settled() -> bool:
        nonlocal last, since
        if (now := len(expected & observed.seen().keys())) != last:
            last, since = now, time.monotonic()
        return last == len(expected) or time.monotonic() - since > LOST_S

    system.wait("no more claims are created", settled, 1800)
    return last, since - started


def scan(system: Chain, observed: Observed, workloads: int) -> Figures:
    """Restart the background controller, whose first scan creates what is missing."""
    controller = system["kyverno-background"]
    controller.stop()
    controller.start()
    idle_since = time.monotonic()

    def done() -> bool:
        nonlocal idle_since
        time.sleep(1)
        if system.requests():
            idle_since = time.monotonic()
        return time.monotonic() - idle_since > LOST_S

    system.wait("the scan is over", done, 1800)
    used = system.sample()
    return {
        "claims": min(len(observed.seen()), workloads),
        "cpu_ms": 1000 * used.cpu_s["kyverno-background"],
        "memory_mb": used.memory_mb["kyverno-background"],
    }


def generate(system: Chain, sizes: Sequence[int], clock: Clock) -> Figures:
    """Create Workloads in steps; return the figures of each step."""
    observed = Observed(system)
    steps: list[Figures] = []
    next_number, per_claim_s = 0, 0.0
    for size in sizes:
        added = size - next_number
        if not fits(clock.left_s(), added, per_claim_s, 3 * LOST_S):
            say(f"{size} Workloads: not enough time left")
            break
        say(f"{size} Workloads: creating {added}")
        before = system.sample()
        got, took = burst(system, observed, range(next_number, size))
        after = system.sample()
        next_number, per_claim_s = size, took / added
        steps.append(
            {
                "workloads": size,
                "added": added,
                "claims": got,
                "cpu_ms": cpu_ms(before, after, max(got, 1)),
                "memory_mb": dict(after.memory_mb),
                "scan": scan(system, observed, size),
            }
        )
        say(f"{size} Workloads: {json.dumps(rounded(steps[-1]))}")
    bursts: list[Figures] = []
    for threshold in THRESHOLDS:
        if not fits(clock.left_s(), BURST, per_claim_s, 2 * LOST_S):
            say(f"{BURST} at once: not enough time left")
            break
        system.set_threshold(threshold)
        numbers = range(next_number, next_number + BURST)
        next_number += BURST
        got, _ = burst(system, observed, numbers)
        bursts.append({"threshold": threshold, "workloads": BURST, "claims": got})
        say(f"{BURST} at once, at most {threshold} update requests: {got} claims")
    return {"steps": steps, "bursts": bursts}


def rounded(found: Any) -> Any:
    """Return figures with three digits, at any depth."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    if isinstance(found, float):
        return float(f"{found:.3g}")
    return found


def measure(part: str, given: argparse.Namespace) -> Figures:
    """Run a part of the benchmark; return its figures."""
    described: Figures = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.described(platform.python_version()),
    }
    clock = Clock(given.minutes)
    if part == "kyverno":
        chain = Chain("scale")
        with running(chain, lambda: False):
            chain.install_policy()
            for name in ("crossplane", PROVIDER):
                chain[name].stop()
                del chain.programs.started[name]
            return described | generate(chain, given.sizes, clock)
    system = Claims("scale")
    with running(system, lambda: False):
        if part == "claims":
            system.put_stand_in()
            return described | grow(system, given.sizes, clock, given.idle)
        if part == "crowd":
            system.put_stand_in()
            return described | crowd(system, given.sizes, clock)
        return described | compare_flags(
            system, given.provider_claims, clock, given.idle
        )


def main() -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=list(PARTS))
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=list(SIZES),
        help=f"how many claims (default: {' '.join(map(str, SIZES))})",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=60,
        help="begin no step of a part that would end after this time (default: 60)",
    )
    parser.add_argument(
        "--idle",
        type=float,
        default=IDLE_S,
        help=f"how long to measure idle claims, in seconds (default: {IDLE_S:.0f})",
    )
    parser.add_argument(
        "--provider-claims",
        type=int,
        default=PROVIDER_CLAIMS,
        help=f"how many claims `provider` has (default: {PROVIDER_CLAIMS})",
    )
    parser.add_argument(
        "--report", type=Path, default=REPORT, help="the file for the figures"
    )
    given = parser.parse_args()
    if sorted(set(given.sizes)) != given.sizes or given.sizes[0] < 1:
        parser.error("--sizes: must grow")
    # Handle SIGTERM like Ctrl-C, so that every started program is stopped.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    for part in given.parts:
        try:
            found = rounded(measure(part, given))
        except KeyboardInterrupt:
            say("Cleaned up")
            return 130
        except (NotReadyError, KubectlError, OSError) as e:
            say(f"{part}: {e}")
            return 1
        report = json.loads(given.report.read_text()) if given.report.exists() else {}
        report[part] = found
        given.report.write_text(json.dumps(report, indent=1) + "\n")
        say(f"{part}: wrote {given.report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
