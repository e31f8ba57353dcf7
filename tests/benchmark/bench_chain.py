"""Compare claims through this function with claims through patch-and-transform.

Both Compositions are on one control plane, with the real provider. They take turns, so
the machine's load is the same for both: only the ratios count. On each provider API it
creates claims one at a time, then many at once, and deletes them.

Without options it takes half an hour or more, writes docs/chain.json, and from it the
tables of docs/performance.md and of the README beside this file. With options it only
prints, and writes what --report says.
"""

import contextlib
import datetime
import json
import platform
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parents[2] / "package"))

import claims as made
import machine
import psutil
import tables
from apis import APIS, Api
from build import TOOLS, build
from chain_costs import (
    API_SERVER,
    CROSSPLANE,
    FUNCTION,
    OURS,
    PROVIDER,
    RECIPE,
    Cost,
    Phase,
    compared,
    title,
)
from chain_plan import Plan, Results, arguments, measure
from changes import (
    Breaker,
    Change,
    Log,
    Manifest,
    Watch,
    belongs,
    breaker,
    count,
    gone_s,
    quiet_for,
    ready_s,
    scrape,
    writes,
)
from control_plane import KubectlError
from processes import NotReadyError
from progress import say
from recipe import recipe
from rich.console import Console
from rich.table import Table
from system import MANIFESTS, WithoutKyverno, running

REPORT = tables.CHAIN
# Each Composition's name.
COMPOSITIONS = {OURS: "workloadecrrepo", RECIPE: RECIPE}
PROGRAMS = {
    "crossplane": CROSSPLANE,
    "provider-aws": PROVIDER,
    "kube-apiserver": API_SERVER,
}
# Where the versions are pinned: a folder of tests/conformance/tools, and a module.
MODULES = {
    "classic": ("provider-aws", "github.com/crossplane-contrib/provider-aws"),
    "upbound": ("provider-aws-upbound", "github.com/upbound/provider-aws/v2"),
    "namespaced": ("provider-aws-upbound", "github.com/upbound/provider-aws/v2"),
}
# Each provider's default. Upbound's writes at each poll, so with the minute of the
# end-to-end tests many claims would never become quiet.
POLLS = {"classic": "1m", "upbound": "10m", "namespaced": "10m"}
# So long without a change, and a claim has cost what it costs.
QUIET_S = 3.0
# Something else changes all the time if it does not become quiet within this time.
RESTLESS_S = 180.0
# crossplane-runtime keeps a managed resource that it created until its creation is this
# old (pkg/reconciler/managed, defaultGracePeriod), in case ECR does not show it yet.
GRACE_S = 32.0
POLL_S = 0.25
TELL_S = 10.0
GROUP, VERSION = "tap.vrabbi.cloud", "v1alpha1"


class BothSystem(WithoutKyverno):
    """The system with both Compositions."""

    audits_writes = True

    def start(self) -> None:
        """Start and install everything."""
        self.poll = POLLS[self.api.name]
        super().start()
        self.install_function(
            f"function-{RECIPE}",
            MANIFESTS / "patch-and-transform",
            build("patch-and-transform"),
        )
        self.kubectl.apply(recipe(self.api))


class Bench:
    """Creates and deletes claims of both Compositions, and measures what they cost."""

    def __init__(self, system: BothSystem, patience: float) -> None:
        self._system, self._patience = system, patience
        api, kubeconfig = system.api, system.kubectl.kubeconfig
        claims = f"/apis/{GROUP}/{VERSION}"
        kinds = {
            f"{claims}/workloadecrrepos",
            f"{claims}/{api.composite}",
            f"/apis/{api.api_version}/repositories",
        }
        # A claim, its XR unless that is the claim itself, and two repositories.
        self._objects = len(kinds) + 1
        self._watches = [Watch(kubeconfig, kind) for kind in kinds]
        self._audit = Log(system.plane.audit_log)
        self._controller = f"composite/{api.composite}.{GROUP}"
        self._created_at = 0.0

    def create(self, of: str, names: Sequence[str]) -> Cost:
        """Create claims of a Composition at once; return what they cost."""
        manifests = [self._manifest(name, COMPOSITIONS[of]) for name in names]
        return self._measure(
            of,
            names,
            lambda: self._system.kubectl.create(*manifests),
            lambda: ready_s(self._changes(), names),
            "Ready",
        )

    def delete(self, of: str, names: Sequence[str]) -> Cost:
        """Delete claims of a Composition at once; return what that cost."""
        return self._measure(
            of,
            names,
            lambda: made.delete(self._system, *names, wait=False),
            lambda: gone_s(self._changes(), names, self._objects),
            "gone",
        )

    def rest(self) -> None:
        """Wait until the provider deletes at once what was created last."""
        end = self._created_at + GRACE_S
        self._until(lambda: time.monotonic() > end, GRACE_S)

    def _measure(
        self,
        of: str,
        names: Sequence[str],
        act: Callable[[], None],
        times: Callable[[], dict[str, float]],
        state: str,
    ) -> Cost:
        """Act, wait until all claims have a state and nothing changes, and count."""
        for watch in self._watches:
            watch.changes.clear()
        self._audit.new_lines()
        before, cpu = self._breaker(), self._cpu(of)
        act()
        told = time.monotonic()

        def done() -> bool:
            nonlocal told
            found = len(times())
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                say(f"{found} of {len(names)} claims of {of} are {state}")
            return found == len(names)

        self._until(done, self._patience)
        if not self._until(lambda: quiet_for(self._changes()) > QUIET_S, RESTLESS_S):
            say(f"still changing after {RESTLESS_S:.0f} s: the rest is not counted")
        found, changes = times(), self._changes()
        added = [c.at for c in changes if (c.type, c.kind) == ("ADDED", "Repository")]
        self._created_at = max([self._created_at, *added])
        late = [name for name in names if name not in found]
        if late:
            say(f"not {state} within {self._patience:.0f} s: {', '.join(late)}")
        prefix = names[0].rpartition("-")[0]
        uids = frozenset(c.uid for c in changes if belongs(c.name, prefix, frozenset()))
        used = {name: now - cpu[name] for name, now in self._cpu(of).items()}
        return Cost(
            claims=len(names),
            seconds=[*found.values(), *[self._patience] * len(late)],
            late=len(late),
            writes=count(
                write
                for write in writes(self._audit.new_lines())
                if write.who != "kubectl" and belongs(write.name, prefix, uids)
            ),
            changes=Counter(c.kind for c in changes if c.uid in uids),
            breaker=self._breaker().since(before),
            cpu_s=used,
        )

    def _changes(self) -> list[Change]:
        """Return all changes of this measurement so far, in order."""
        found = [change for watch in self._watches for change in [*watch.changes]]
        return sorted(found, key=lambda change: change.at)

    def _until(self, probe: Callable[[], bool], seconds: float) -> bool:
        """Wait for a probe; return whether it was true in time.

        Raises:
            NotReadyError: A program ended unexpectedly, or a watch did.
        """
        deadline = time.monotonic() + seconds
        while not (found := probe()) and time.monotonic() < deadline:
            for program in self._system.programs.started.values():
                program.check()
            for watch in self._watches:
                if watch.failure:
                    raise NotReadyError(f"a watch ended: {watch.failure}")
            time.sleep(POLL_S)
        return found

    def _manifest(self, name: str, composition: str) -> Manifest:
        manifest = made.manifest(name, name)
        chosen: Manifest = {"compositionRef": {"name": composition}}
        if self._system.api.namespaced:
            chosen = {"crossplane": chosen}
        manifest["spec"] |= chosen
        return manifest

    def _breaker(self) -> Breaker:
        return breaker(scrape(self._system.crossplane_metrics), self._controller)

    def _cpu(self, of: str) -> dict[str, float]:
        """Return the processor time so far, also of a Composition's function."""
        function = OURS if of == OURS else f"function-{RECIPE}"
        found = {}
        for name, program in {**PROGRAMS, function: FUNCTION}.items():
            times = psutil.Process(self._system[name].pid).cpu_times()
            found[program] = times.user + times.system
        return found


def table(heading: str, key: str, phase: Phase) -> Table:
    """Return the table of one phase."""
    found = Table(title=f"{heading}: {title(key, phase)}", title_justify="left")
    found.add_column("per claim")
    for column in ("this function", "the recipe", "ratio"):
        found.add_column(column, justify="right")
    for row in compared(phase):
        found.add_row(*row)
    return found


def pinned(tool: str, module: str) -> str:
    """Return the version of a module that a folder of tests/conformance/tools pins."""
    pins = (TOOLS / tool / "go.mod").read_text()
    found = re.search(rf"{re.escape(module)} v(\S+)", pins)
    return found[1] if found else "unknown"


def described(plan: Plan) -> dict[str, Any]:
    """Return the head of the report."""
    versions = {"Crossplane": pinned(plan.core, "github.com/crossplane/crossplane/v2")}
    versions[RECIPE] = machine.versions()[RECIPE]
    versions |= {f"provider, {api}": pinned(*MODULES[api]) for api in plan.apis}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.described(platform.python_version()),
        "versions": versions,
        "apis": {},
    }


def on_one_api(api: Api, plan: Plan, first: int, results: Results) -> None:
    """Measure on a control plane of its own."""
    system = BothSystem("chain", say, api=api, core=plan.core)
    with running(system, lambda: False):
        measure(Bench(system, plan.patience), plan, api.name, first, results)


def main() -> int:
    """Run the benchmark; return the exit status."""
    plan, file = arguments(__doc__, REPORT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    report = described(plan)
    with contextlib.suppress(KeyboardInterrupt):
        for number, name in enumerate(plan.apis):
            say(f"{name}: starting everything")
            results: Results = {}
            try:
                on_one_api(APIS[name], plan, number % 2, results)
            except (NotReadyError, KubectlError) as e:
                say(str(e))
                return 1
            finally:  # also what was measured before it failed, or was stopped
                for key, phase in results.items():
                    console.print(table(f"{name}, {plan.core}", key, phase))
            report["apis"][name] = results
        if file:
            file.write_text(json.dumps(report, indent=1) + "\n")
            say(f"wrote {file}")
            if file.resolve() == REPORT:
                tables.write()
        return 0
    say("stopped")
    return 130


if __name__ == "__main__":
    sys.exit(main())
