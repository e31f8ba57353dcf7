"""Compare claims through this function with claims through patch-and-transform.

Both Compositions are on one control plane, with the real provider. Their claims
alternate, so the machine's load is the same for both: only the ratios count.

    bench_chain.py --api classic --single 20 --batch 30

For each Composition it creates `--single` claims, each after the one before is Ready,
then `--batch` claims at once, and deletes each of them. `--report FILE` has everything
as JSON.
"""

import argparse
import dataclasses
import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import claims as made
import psutil
import yaml
from apis import APIS, Api
from build import build
from changes import (
    Breaker,
    Change,
    Log,
    Manifest,
    Watch,
    belongs,
    breaker,
    count,
    scrape,
    settled,
    writes,
)
from rich.console import Console
from rich.table import Table
from system import FUNCTION, MANIFESTS, ROOT, WithoutKyverno, running, say

OURS, RECIPE = FUNCTION, "patch-and-transform"
# Each Composition's name.
COMPOSITIONS = {OURS: "workloadecrrepo", RECIPE: RECIPE}
# Whose processor time counts; the function is that of the Composition.
PROGRAMS = ("crossplane", "provider-aws", "kube-apiserver")
# So long without a change, and a claim has cost what it costs.
QUIET_S = 3.0
# crossplane-runtime keeps a managed resource that it created until its creation is this
# old (pkg/reconciler/managed, defaultGracePeriod), in case ECR does not show it yet.
GRACE_S = 32.0
PATIENCE_S = 600.0
GROUP, VERSION = "tap.vrabbi.cloud", "v1alpha1"


def recipe(api: Api) -> Manifest:
    """Return the recipe as a pipeline for patch-and-transform, for a provider API."""
    text = (ROOT / "tests/conformance/original/composition.yaml").read_text()
    composition: Manifest = yaml.safe_load(text)
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


class BothSystem(WithoutKyverno):
    """The system with both Compositions."""

    audits_writes = True

    def start(self) -> None:
        """Start and install everything."""
        super().start()
        self.install_function(
            f"function-{RECIPE}",
            MANIFESTS / "patch-and-transform",
            build("patch-and-transform"),
        )
        self.kubectl.apply(recipe(self.api))


@dataclasses.dataclass
class Cost:
    """What one claim, or one batch of claims, has cost.

    Attributes:
        claims: How many claims.
        ready_s: From the request to the claim's Ready condition, for each of them.
        writes: The write requests, by program, verb and resource.
        changes: What changed, by kind.
        breaker: What Crossplane's circuit breakers counted.
        cpu_s: The processor time, by program.
    """

    claims: int
    ready_s: list[float]
    writes: Counter[str]
    changes: Counter[str]
    breaker: Breaker
    cpu_s: dict[str, float]


class Bench:
    """Creates and deletes claims of both Compositions, and measures what they cost."""

    def __init__(self, system: BothSystem) -> None:
        self._system = system
        api, kubeconfig = system.api, system.kubectl.kubeconfig
        claims = f"/apis/{GROUP}/{VERSION}"
        paths = {
            f"{claims}/workloadecrrepos",
            f"{claims}/{api.composite}",
            f"/apis/{api.api_version}/repositories",
        }
        self._watches = [Watch(kubeconfig, path) for path in paths]
        self._audit = Log(system.plane.audit_log)
        self._controller = f"composite/{api.composite}.{GROUP}"

    def changes(self) -> list[Change]:
        """Return all changes so far, in order."""
        found = [change for watch in self._watches for change in watch.changes]
        return sorted(found, key=lambda change: change.at)

    def forget(self) -> None:
        """Drop all changes so far, and the audit log's lines."""
        for watch in self._watches:
            watch.changes.clear()
        self._audit.new_lines()

    def create(self, composition: str, names: list[str], seconds: float) -> Cost:
        """Create claims at once; return what they cost until nothing changes."""
        self.forget()
        manifests = [self._manifest(name, composition) for name in names]
        before, cpu = self._breaker(), self._cpu()
        started = time.monotonic()
        self._system.kubectl.create(*manifests)
        self._system.wait(
            "all claims are Ready",
            lambda: len(self._ready_at(names)) == len(names),
            seconds,
        )
        self._system.wait("nothing changes", settled(self.changes, QUIET_S), seconds)
        ready = [at - started for at in self._ready_at(names).values()]
        return self._cost(names, ready, before, cpu)

    def delete(self, names: list[str], seconds: float) -> Cost:
        """Delete claims; return what that cost until nothing changes."""
        self.forget()
        before, cpu = self._breaker(), self._cpu()
        started = time.monotonic()
        made.delete(self._system, *names, wait=False)
        gone: dict[str, float] = {}

        def all_gone() -> bool:
            for change in self.changes():
                if change.kind == "Repository" and change.type == "DELETED":
                    gone[change.uid] = change.at - started
            return len(gone) == 2 * len(names)

        self._system.wait("all repositories are gone", all_gone, seconds)
        self._system.wait("nothing changes", settled(self.changes, QUIET_S), seconds)
        return self._cost(names, [*gone.values()], before, cpu)

    def _cost(
        self,
        names: list[str],
        seconds: list[float],
        before: Breaker,
        cpu: Mapping[str, float],
    ) -> Cost:
        changes = self.changes()
        uids = frozenset(change.uid for change in changes)
        found = [
            each
            for each in writes(self._audit.new_lines())
            if each.who != "kubectl"
            and any(belongs(each.name, name, uids) for name in names)
        ]
        return Cost(
            claims=len(names),
            ready_s=seconds,
            writes=count(found),
            changes=Counter(change.kind for change in changes),
            breaker=self._breaker().since(before),
            cpu_s={name: used - cpu[name] for name, used in self._cpu().items()},
        )

    def _manifest(self, name: str, composition: str) -> Manifest:
        manifest = made.manifest(name, name)
        chosen: Manifest = {"compositionRef": {"name": composition}}
        if self._system.api.namespaced:
            chosen = {"crossplane": chosen}
        manifest["spec"] |= chosen
        return manifest

    def _ready_at(self, names: list[str]) -> dict[str, float]:
        """Return when each claim was Ready for the first time."""
        found: dict[str, float] = {}
        for change in self.changes():
            if change.kind == "WorkloadECRRepo" and change.is_true("Ready"):
                found.setdefault(change.name, change.at)
        return {name: found[name] for name in names if name in found}

    def _breaker(self) -> Breaker:
        return breaker(scrape(self._system.crossplane_metrics), self._controller)

    def _cpu(self) -> dict[str, float]:
        """Return the processor time of each program so far."""
        found = {}
        for name in (*PROGRAMS, FUNCTION, f"function-{RECIPE}"):
            times = psutil.Process(self._system[name].pid).cpu_times()
            found[name] = times.user + times.system
        return found


def together(costs: Iterable[Cost]) -> Cost:
    """Return several costs as one."""
    total = Cost(0, [], Counter(), Counter(), Breaker(0, 0), {})
    for cost in costs:
        total.claims += cost.claims
        total.ready_s += cost.ready_s
        total.writes += cost.writes
        total.changes += cost.changes
        total.breaker = Breaker(
            total.breaker.opens + cost.breaker.opens,
            total.breaker.events + cost.breaker.events,
        )
        for name, used in cost.cpu_s.items():
            total.cpu_s[name] = total.cpu_s.get(name, 0.0) + used
    return total


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile of values: the smallest that so many are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def figures(cost: Cost, composition: str) -> dict[str, float]:
    """Return what one claim of a Composition costs, by the name of the figure."""
    other = f"function-{RECIPE}" if composition == OURS else FUNCTION
    return {
        "seconds, p50": statistics.median(cost.ready_s),
        "seconds, p99": percentile(cost.ready_s, 99),
        "writes": cost.writes.total() / cost.claims,
        "changed objects": cost.changes.total() / cost.claims,
        "breaker events": cost.breaker.events / cost.claims,
        "open breakers": float(cost.breaker.opens),
        **{
            f"processor s, {'function' if name not in PROGRAMS else name}": used
            / cost.claims
            for name, used in cost.cpu_s.items()
            if name != other
        },
    }


def ratio(ours: float, theirs: float) -> float | None:
    """Return ours to theirs; None if there is nothing to compare with."""
    return ours / theirs if theirs else None


def table(title: str, costs: Mapping[str, Cost]) -> Table:
    """Return the table of one phase."""
    shown = Table(title=title)
    for column in ("per claim", "this function", "the recipe", "ratio"):
        shown.add_column(column, justify="left" if column == "per claim" else "right")
    ours, theirs = (figures(costs[name], name) for name in (OURS, RECIPE))
    for name, value in ours.items():
        found = ratio(value, theirs[name])
        shown.add_row(
            name,
            f"{value:.2f}",
            f"{theirs[name]:.2f}",
            "" if found is None else f"{found:.2f}",
        )
    return shown


def run(
    bench: Bench, single: int, batch: int, *, deletes: bool = True
) -> dict[str, dict[str, Cost]]:
    """Measure each phase; return what it cost, by phase and Composition."""
    phases = {
        "one claim at a time": [_named(f"{n}", 1) for n in range(single)],
        f"{batch} claims at once": [_named("batch", batch)] if batch else [],
    }
    results: dict[str, dict[str, Cost]] = {}
    for phase, rounds in phases.items():
        made: dict[str, list[Cost]] = {name: [] for name in COMPOSITIONS}
        gone: dict[str, list[Cost]] = {name: [] for name in COMPOSITIONS}
        for claims in rounds:
            for name, composition in COMPOSITIONS.items():
                made[name].append(bench.create(composition, claims[name], PATIENCE_S))
            say(f"{phase}: {claims[OURS][0]} Ready")
        if not rounds:
            continue
        results[phase] = {name: together(found) for name, found in made.items()}
        if not deletes:
            continue
        time.sleep(GRACE_S)
        for claims in rounds:
            for name in COMPOSITIONS:
                gone[name].append(bench.delete(claims[name], PATIENCE_S))
        results[f"{phase}, deleted"] = {
            name: together(found) for name, found in gone.items()
        }
    return results


def _named(part: str, claims: int) -> dict[str, list[str]]:
    """Return the names of claims of each Composition."""
    return {
        name: [f"{kind}-{part}-{n}" for n in range(claims)]
        for name, kind in ((OURS, "ours"), (RECIPE, "recipe"))
    }


def as_json(cost: Cost) -> dict[str, object]:
    """Return a cost as plain values."""
    return {
        **vars(cost),
        "writes": dict(cost.writes),
        "changes": dict(cost.changes),
        "breaker": cost.breaker._asdict(),
    }


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(description="Compare whole chains.")
    parser.add_argument("--api", choices=list(APIS), default="classic")
    parser.add_argument(
        "--core",
        default="crossplane-core",
        help="the version of Crossplane: a folder of tests/conformance/tools",
    )
    parser.add_argument("--single", type=int, default=20)
    parser.add_argument("--batch", type=int, default=30)
    parser.add_argument(
        "--keep", action="store_true", help="delete nothing, and measure no deletion"
    )
    parser.add_argument("--report", type=Path, help="write all figures to this file")
    given = parser.parse_args()
    system = BothSystem("chain", say, api=APIS[given.api], core=given.core)
    with running(system, lambda: False):
        results = run(Bench(system), given.single, given.batch, deletes=not given.keep)
    console = Console()
    for phase, costs in results.items():
        console.print(table(f"{phase} ({given.api}, {given.core})", costs))
    if given.report:
        report = {
            phase: {name: as_json(cost) for name, cost in costs.items()}
            for phase, costs in results.items()
        }
        given.report.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
