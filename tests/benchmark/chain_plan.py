"""How much the chain's benchmark measures, and in which order."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from apis import APIS
from chain_costs import (
    OURS,
    RECIPE,
    Cost,
    Phase,
    claim_names,
    in_order,
    reported,
    together,
)
from progress import say

# How the names of each Composition's claims begin.
KINDS = {OURS: "ours", RECIPE: "recipe"}
# So many claims of each are created first, and do not count: the first claim of a kind
# starts Crossplane's watches.
WARM_UP = 3
# So many at once, by provider API. 200 of Upbound's would still change when their
# deletion begins.
BATCHES = {"classic": 200, "upbound": 100, "namespaced": 100}


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        apis: The names of the provider APIs.
        single: How many claims of each Composition are created one at a time.
        batch: How many claims of each Composition are created at once; None for what
            BATCHES says.
        rounds: How often they are.
        patience: How many seconds claims have to be Ready, or gone.
        deletes: Whether the claims are deleted, too.
        core: The version of Crossplane: a folder of tests/conformance/tools.
    """

    apis: tuple[str, ...] = ("classic", "upbound")
    single: int = 15
    batch: int | None = None
    rounds: int = 1
    patience: float = 600.0
    deletes: bool = True
    core: str = "crossplane-core"

    def at_once(self, api: str) -> int:
        """Return how many claims of a provider API are created at once."""
        return BATCHES[api] if self.batch is None else self.batch


class Bench(Protocol):
    """Creates and deletes claims of a Composition, and measures what they cost."""

    def create(self, of: str, names: Sequence[str]) -> Cost:
        """Create claims at once."""

    def delete(self, of: str, names: Sequence[str]) -> Cost:
        """Delete claims at once."""

    def rest(self) -> None:
        """Wait until the provider deletes at once what was created last."""


Results = dict[str, Phase]


def measure(bench: Bench, plan: Plan, api: str, first: int, results: Results) -> None:
    """Measure each phase on one provider API; add it to the results.

    Args:
        bench: It creates and deletes.
        plan: How much.
        api: The name of the provider API.
        first: Whether the recipe begins (1), or this function does (0).
        results: What was measured, by the phase's key.
    """
    for of, kind in KINDS.items():
        bench.create(of, claim_names(kind, "warm", WARM_UP))
    _one_at_a_time(bench, plan, first, results)
    _at_once(bench, plan, plan.at_once(api), first, results)


def _one_at_a_time(bench: Bench, plan: Plan, first: int, results: Results) -> None:
    acts = {"created_one": bench.create, "deleted_one": bench.delete}
    for key, act in acts.items():
        if not plan.single or (act == bench.delete and not plan.deletes):
            continue
        if act == bench.delete:
            bench.rest()
        costs: dict[str, list[Cost]] = {name: [] for name in KINDS}
        for number in range(plan.single):
            say(f"one claim at a time: {key} {number + 1} of {plan.single}")
            for of in in_order(first + number, [*KINDS]):
                names = claim_names(KINDS[of], f"s{number}", 1)
                costs[of].append(act(of, names))
        results[key] = reported({of: together(c) for of, c in costs.items()}, 1)


def _at_once(
    bench: Bench, plan: Plan, batch: int, first: int, results: Results
) -> None:
    """Create many claims, and delete them before the others are created.

    So both Compositions find the same number of other claims.
    """
    if not batch:
        return
    created: dict[str, list[Cost]] = {name: [] for name in KINDS}
    deleted: dict[str, list[Cost]] = {name: [] for name in KINDS}
    for number in range(plan.rounds):
        for of in in_order(first + number, [*KINDS]):
            names = claim_names(KINDS[of], f"b{number}", batch)
            say(f"{batch} claims at once: {of}")
            created[of].append(bench.create(of, names))
            if plan.deletes:
                bench.rest()
                say(f"{batch} claims at once, deleted: {of}")
                deleted[of].append(bench.delete(of, names))
    for key, costs in (("created_many", created), ("deleted_many", deleted)):
        if costs[OURS]:
            both = {of: together(c) for of, c in costs.items()}
            results[key] = reported(both, batch)


def arguments(
    description: str, report: Path, given: Sequence[str] | None = None
) -> tuple[Plan, Path | None]:
    """Return what to measure, and the file for the report, if there is one.

    Args:
        description: What --help says first.
        report: The file for the report of a whole run.
        given: The arguments; by default the command's.
    """
    plan = Plan()
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--api", choices=list(APIS), help="only this provider API; by default: both"
    )
    parser.add_argument(
        "--single",
        type=int,
        default=plan.single,
        help="claims of each Composition, one at a time (%(default)s)",
    )
    parser.add_argument(
        "--batch",
        type=int,
        help="claims of each Composition at once "
        f"({', '.join(f'{api}: {batch}' for api, batch in BATCHES.items())})",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=plan.rounds,
        help="how often that many at once (%(default)s)",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=plan.patience,
        help="seconds until claims are counted as not in time (%(default)g)",
    )
    parser.add_argument(
        "--core",
        default=plan.core,
        help="the Crossplane: a folder of tests/conformance/tools (%(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="delete nothing, and measure no deletion"
    )
    parser.add_argument(
        "--report",
        type=Path,
        help="the file for the figures; docs/chain.json if nothing else is set",
    )
    chosen = parser.parse_args(given)
    asked = Plan(
        (chosen.api,) if chosen.api else plan.apis,
        chosen.single,
        chosen.batch,
        chosen.rounds,
        chosen.patience,
        not chosen.keep,
        chosen.core,
    )
    return asked, chosen.report or (report if asked == plan else None)
