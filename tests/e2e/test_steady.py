"""Claims that have settled: left alone, and still healed at once."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from system import System
from test_chain import (
    claim_manifest,
    direct_condition,
    direct_ready,
    names,
    resources_of,
)
from test_safety import OUR_COMPOSITION

SETTLED = [f"settled-{n}" for n in range(20)]
# Answers that are good for a minute are asked for again within 66 s, at the latest.
WATCHED_S = 75
# Long before the hour is over: that they are not polled has been seen by then.
SEEN_S = 180


@pytest.fixture(scope="module")
def settled(system: System) -> Iterator[System]:
    """The system with claims that are no longer asked for."""
    system.kubectl.apply(*(claim_manifest(name, name) for name in SETTLED))
    system.wait("all are Ready", lambda: all_ready(system), 240)
    # Of most new XRs Crossplane drops events, and asks for them each minute meanwhile
    # (docs/operate.md). It does not once it is started anew.
    system["crossplane"].stop()
    system["crossplane"].start()
    yield system
    system.kubectl("delete", "workloadecrrepos", "--wait=false", *SETTLED)


def all_ready(system: System) -> bool:
    return all(direct_ready(system, name) for name in SETTLED)


def seldom(system: System) -> Callable[[], bool]:
    """Return a probe: were there fewer calls than claims for a while?

    Other tests' claims may be asked for. Of answers that are good for a minute, each
    claim has one within the time at least, so it would never be true.
    """
    seen: list[tuple[float, int]] = []

    def probe() -> bool:
        now = time.monotonic()
        seen.append((now, system.calls()))
        old = [count for at, count in seen if now - at >= WATCHED_S]
        return bool(old) and seen[-1][1] - old[-1] < len(SETTLED)

    return probe


def healed(system: System, what: str, probe: Callable[[], object]) -> None:
    started, before = time.monotonic(), system.calls()
    system.wait(what, probe, SEEN_S)
    took = time.monotonic() - started
    print(f"{what}: {took:.1f} s, {system.calls() - before} calls")


def test_they_are_not_asked_for_each_minute(settled: System) -> None:
    settled.wait("they are left alone", seldom(settled), 240)


def test_an_edit_of_a_managed_resource_is_undone(settled: System) -> None:
    (resource, _) = resources_of(settled, SETTLED[0])
    name, label = resource["metadata"]["name"], "crossplane.io/claim-name"
    kind = "repositories.ecr.aws.crossplane.io"

    def now() -> dict[str, Any]:
        found = settled.kubectl.get(kind, name)
        assert found
        return found

    identity = "ecrrepos.fn.tap.vrabbi.cloud/repository"
    identified = resource["metadata"]["labels"][identity]
    region = resource["spec"]["forProvider"]["region"]
    assert resource["metadata"]["labels"][label] == SETTLED[0]
    settled.kubectl("label", kind, name, "--overwrite", f"{identity}=another")
    healed(
        settled,
        "the label is set back",
        lambda: now()["metadata"]["labels"][identity] == identified,
    )
    edit = '{"spec": {"deletionPolicy": "Orphan"}}'
    settled.kubectl("patch", kind, name, "--type=merge", "-p", edit)
    healed(
        settled,
        "the spec is set back",
        lambda: now()["spec"] == resource["spec"],
    )
    assert now()["spec"]["forProvider"]["region"] == region
    assert now()["metadata"]["uid"] == resource["metadata"]["uid"]


def test_a_managed_resource_that_is_deleted_comes_back(settled: System) -> None:
    """With its repository: who deletes what may delete, deletes that too."""
    (resource, other) = resources_of(settled, SETTLED[1])
    settled.kubectl(
        *("delete", "repositories.ecr.aws.crossplane.io"),
        *("--timeout=180s", resource["metadata"]["name"]),
    )

    def back() -> bool:
        found = {r["metadata"]["name"]: r for r in resources_of(settled, SETTLED[1])}
        new = found.get(resource["metadata"]["name"])
        return bool(new) and new["metadata"]["uid"] != resource["metadata"]["uid"]

    healed(settled, "the managed resource is there again", back)
    healed(
        settled,
        "the repository is there again",
        lambda: names(SETTLED[1]) <= settled.repositories(),
    )
    healed(
        settled, "its claim is Ready again", lambda: direct_ready(settled, SETTLED[1])
    )
    after = {r["metadata"]["uid"] for r in resources_of(settled, SETTLED[1])}
    assert other["metadata"]["uid"] in after, "the other was left alone"


def test_an_edit_of_a_claim_is_answered(settled: System) -> None:
    name = SETTLED[2]
    edit = '{"spec": {"parameters": {"repoPrefix": "other"}}}'
    settled.kubectl("patch", "workloadecrrepos", name, "--type=merge", "-p", edit)

    def told() -> bool:
        said = direct_condition(settled, "RepositoriesReady", name)["message"]
        return "Kept, because a repository never moves" in said

    healed(settled, "the edit is answered", told)


@pytest.mark.parametrize("how", ["annotation", "input"])
def test_all_are_asked_for(settled: System, how: str) -> None:
    """By an annotation, as docs/operate.md has it, or by the Composition's input."""
    before = settled.calls()

    def asked() -> bool:
        return settled.calls() - before >= len(SETTLED)

    if how == "annotation":
        settled.kubectl(
            *("annotate", "xworkloadecrrepos", "--all", "--overwrite"),
            f"example.org/asked-at={time.time_ns()}",
        )
        healed(settled, "all are asked for", asked)
        return
    changed = yaml.safe_load(OUR_COMPOSITION.read_text())
    changed["spec"]["pipeline"][0]["input"] = {
        "apiVersion": "ecrrepos.fn.tap.vrabbi.cloud/v1beta1",
        "kind": "Input",
        "bundle": True,
    }
    settled.kubectl.apply(changed)
    try:
        healed(settled, "all are asked for", asked)
    finally:
        settled.kubectl("replace", "-f", OUR_COMPOSITION)
