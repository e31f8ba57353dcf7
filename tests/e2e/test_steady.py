"""Steady claims: not reconciled every minute, but drift is still fixed immediately."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import claims
import pytest
from apis import CLASSIC
from system import System

SETTLED = [f"settled-{n}" for n in range(20)]
# A response with a ttl of a minute is requested again after 66 s at the latest.
WATCHED_S = 75
# Long before the ttl of an hour is over, so the fix does not come from a poll.
SEEN_S = 180


@pytest.fixture(scope="module")
def settled(system: System) -> Iterator[System]:
    """The system with claims that are no longer reconciled every minute."""
    claims.apply(system, *SETTLED)
    claims.wait_ready(system, *SETTLED, seconds=240)
    # Crossplane drops the events of most new XRs and reconciles them every minute
    # (docs/production.md). A restart of Crossplane ends that.
    system["crossplane"].stop()
    system["crossplane"].start()
    yield system
    claims.delete(system, *SETTLED, wait=False)


def rarely_called(system: System) -> Callable[[], bool]:
    """Return a probe: were there fewer calls than claims in the last 70 seconds?

    Claims of other tests may be reconciled meanwhile. With a ttl of a minute, each
    claim would cause at least one call in this time: the probe would never be true.
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


def test_steady_claims_are_not_reconciled_every_minute(settled: System) -> None:
    settled.wait("they are rarely reconciled", rarely_called(settled), 240)


def test_an_edit_of_a_managed_resource_is_undone(settled: System) -> None:
    (resource, _) = claims.resources_of(settled, SETTLED[0])
    metadata = resource["metadata"]
    kind, of = settled.api.repositories, (metadata["name"], *_in(metadata))

    def now() -> dict[str, Any]:
        found = settled.kubectl.get(kind, *of)
        assert found
        return found

    identity = "ecrrepos.fn.tap.vrabbi.cloud/repository"
    identified = metadata["labels"][identity]
    settled.kubectl("label", kind, *of, "--overwrite", f"{identity}=another")
    healed(
        settled,
        "the label is restored",
        lambda: now()["metadata"]["labels"][identity] == identified,
    )
    edit = '{"spec": {"managementPolicies": ["Observe"]}}'
    if settled.api is CLASSIC:
        edit = '{"spec": {"deletionPolicy": "Orphan"}}'
    settled.kubectl("patch", kind, *of, "--type=merge", "-p", edit)
    healed(settled, "the spec is restored", lambda: now()["spec"] == resource["spec"])
    assert now()["metadata"]["uid"] == metadata["uid"]


def _in(metadata: dict[str, Any]) -> tuple[str, ...]:
    """Return the kubectl arguments for the namespace of an object, if it has one."""
    namespace = metadata.get("namespace")
    return ("-n", namespace) if namespace else ()


def test_a_deleted_managed_resource_is_created_again(settled: System) -> None:
    """Its repository too: it is deleted with a resource that may delete it."""
    name = SETTLED[1]
    (resource, other) = claims.resources_of(settled, name)
    metadata = resource["metadata"]
    settled.kubectl(
        *("delete", settled.api.repositories, metadata["name"], *_in(metadata)),
        "--timeout=180s",
    )

    def back() -> bool:
        found = {claims.external_name(r): r for r in claims.resources_of(settled, name)}
        new = found.get(claims.external_name(resource))
        return new is not None and new["metadata"]["uid"] != metadata["uid"]

    healed(settled, "the managed resource exists again", back)
    healed(
        settled,
        "the repository exists again",
        lambda: claims.names(name) <= settled.repositories(),
    )
    healed(settled, "its claim is Ready again", lambda: claims.is_ready(settled, name))
    after = {r["metadata"]["uid"] for r in claims.resources_of(settled, name)}
    assert other["metadata"]["uid"] in after, "the other resource was not replaced"


def test_an_edit_of_a_claim_is_reconciled_immediately(settled: System) -> None:
    name = SETTLED[2]
    claims.edit(settled, name, repoPrefix="other")

    def reported() -> bool:
        said = claims.ready_condition(settled, name)["message"]
        return "Kept, because existing repositories are never moved" in said

    healed(settled, "the claim reports the edit", reported)


@pytest.mark.parametrize("how", ["annotation", "input"])
def test_all_claims_can_be_reconciled_at_once(settled: System, how: str) -> None:
    """By an annotation, as in docs/production.md, or by a new Composition input."""
    before = settled.calls()

    def asked() -> bool:
        return settled.calls() - before >= len(SETTLED)

    if how == "annotation":
        settled.kubectl(
            *("annotate", settled.api.composite, "--all", "--overwrite"),
            f"example.org/asked-at={time.time_ns()}",
        )
        healed(settled, "all are asked for", asked)
        return
    with settled.configured(bundle=True):
        healed(settled, "all are asked for", asked)
