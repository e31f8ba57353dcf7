"""Several that want one repository, and repositories that were there before."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import claims
import pytest
from apis import UPBOUND
from providers import PROVIDER
from system import FULL, Refusal, System

PAIRS = 50 if FULL else 10
AT_ONCE_S = 30
SPACES = ("c", "b-c")


@pytest.fixture(scope="module")
def colliding(system: System) -> Iterator[System]:
    """The system with namespaces whose workloads' repositories can have one name."""
    spaces = (*SPACES, "n", "n-bundle")
    for namespace in spaces:
        system.kubectl("create", "namespace", namespace)
    yield system
    claims.remove_namespaces(system, *spaces)


def test_of_two_claims_for_one_repository_one_gets_it(colliding: System) -> None:
    """Workload a-b in c, and a in b-c; x in n-bundle, and the bundle of x in n."""
    system = colliding
    system.kubectl.apply(
        claims.manifest("first", "a-b", "c"), claims.manifest("x", "x", "n-bundle")
    )
    claims.wait_ready(system, "first", namespace="c")
    claims.wait_ready(system, "x", namespace="n-bundle")
    wanted = claims.names("a-b", "c")
    crossing = claims.names("x", "n-bundle")
    claims.push(system, *wanted, *crossing)
    before = claims.contents(system, wanted | crossing)
    assert claims.images(before) == 4

    system.kubectl.apply(
        claims.manifest("second", "a", "b-c"), claims.manifest("x", "x", "n")
    )
    said = claims.told(system, "second", "NameTaken", "b-c")
    assert f"{claims.PREFIX}/a-b-c" in said
    assert "first" not in said
    claims.told(system, "x", "NameTaken", "n")
    assert f"{claims.PREFIX}/x-n" not in system.repositories(), "both or none"
    for name, namespace in (("second", "b-c"), ("x", "n")):
        assert not claims.is_ready(system, name, namespace), "it never was"
        claims.delete(system, name, namespace=namespace)
    assert claims.contents(system, wanted | crossing) == before

    system.kubectl.apply(claims.manifest("second", "a", "b-c"))
    claims.told(system, "second", "NameTaken", "b-c")
    claims.delete(system, "first", namespace="c")
    claims.delete(system, "x", namespace="n-bundle", wait=False)
    system.wait(
        "the winner's resources are gone",
        lambda: not claims.resources_of(system, "first", "c"),
        120,
    )
    # Crossplane v2.4 watches required resources. Without that, the answer that it has
    # just got stays good for a minute.
    system.wait(
        "the loser recovers at once",
        lambda: claims.said(system, "second", "b-c").get("reason") == "Available",
        AT_ONCE_S,
    )
    claims.wait_ready(system, "second", namespace="b-c")
    # New ones: the winner took its own along.
    assert not claims.images(claims.contents(system, wanted))
    claims.delete(system, "second", namespace="b-c")
    claims.wait_gone(system, *wanted, *crossing)


Outcome = dict[tuple[str, str], tuple[bool, str]]


def _outcome(system: System) -> Outcome:
    """Return of each claim whether it is Ready, and its reason."""
    return {
        (c["metadata"]["namespace"], c["metadata"]["name"]): (
            claims.condition(c, "Ready").get("status") == "True",
            claims.condition(c, "RepositoriesReady").get("reason", ""),
        )
        for namespace in SPACES
        for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
    }


def test_of_pairs_that_race_one_each_gets_the_repositories(colliding: System) -> None:
    """All are there before any repository is made, where that can be had."""
    system = colliding
    # Opposite orders, so that each side is first somewhere.
    sides = {
        "c": [claims.manifest(f"p{n}", f"p{n}-b", "c") for n in range(PAIRS)],
        "b-c": [claims.manifest(f"p{n}", f"p{n}", "b-c") for n in range(PAIRS)][::-1],
    }
    # Of Upbound's cluster-scoped API nothing can be written without its webhook.
    held = () if system.api is UPBOUND else (system[PROVIDER],)
    for provider in held:
        provider.stop()
    try:
        with ThreadPoolExecutor(len(sides)) as pool:
            for done in [pool.submit(system.kubectl.apply, *s) for s in sides.values()]:
                done.result()
        system.wait(
            "the function has answered for all",
            lambda: all(reason for _, reason in _outcome(system).values()),
            120,
        )
    finally:
        for provider in held:
            provider.start()

    def decided() -> Outcome:
        found = _outcome(system)
        pairs = ([found[side, f"p{n}"] for side in sides] for n in range(PAIRS))
        # Adopted: its provider tried twice, where ECR was slow to answer.
        winners = {(True, "Available"), (True, "Adopted")}
        told = (False, "NameTaken")
        return found if all(told in p and winners & {*p} for p in pairs) else {}

    # One look says who lost: see claims.told().
    found = system.wait("each pair has one winner, and one is told", decided, 400)
    losers = [who for who, (is_ready, _) in found.items() if not is_ready]
    print(f"of {PAIRS} pairs {sum(side == 'c' for side, _ in losers)} lost in c")
    wanted = {name for n in range(PAIRS) for name in claims.names(f"p{n}", "b-c")}
    # Where each had one of the two, the bundle goes with the loser, and the winner's
    # provider sees that at its next poll, and creates it.
    system.wait(
        "the winners have both", lambda: wanted <= system.repositories(), claims.HEALS_S
    )
    claims.push(system, *wanted)
    before = claims.contents(system, wanted)
    assert len(before) == len(wanted)
    for side in sides:
        gone = [name for namespace, name in losers if namespace == side]
        if gone:
            claims.delete(system, *gone, namespace=side)
    assert claims.contents(system, wanted) == before
    kept = claims.kept_by_their_claims(system) & wanted
    print(f"{len(kept)} of {len(wanted)} repositories count as found there")
    assert len(kept) < len(wanted) // 4
    for side in sides:
        won = [f"p{n}" for n in range(PAIRS) if (side, f"p{n}") not in losers]
        if won:
            claims.delete(system, *won, namespace=side, wait=False)
    claims.wait_gone(system, *wanted, but=frozenset(kept))
    for name in kept:
        system.ecr.delete_repository(repositoryName=name, force=True)


def test_what_was_there_before_is_used_and_kept(system: System) -> None:
    image = f"{claims.PREFIX}/heirloom-default"
    bundle = f"{image}-bundle"
    system.ecr.create_repository(
        repositoryName=image, tags=[{"Key": "of", "Value": "somebody"}]
    )
    claims.push(system, image)
    before = claims.contents(system, {image})
    claims.apply(system, "heirloom")
    said = claims.told(system, "heirloom", "Adopted")
    assert f"not created by this claim: {image}. Deleting the claim keeps" in said
    claims.wait_ready(system, "heirloom")
    assert claims.kept_by_their_claims(system) & {image, bundle} == {image}
    claims.delete(system, "heirloom")
    claims.wait_gone(system, image, bundle, but=frozenset({image}))
    assert claims.contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)


def test_what_somebody_else_made_after_a_failed_attempt_is_kept(system: System) -> None:
    image = f"{claims.PREFIX}/byhand-default"
    bundle = f"{image}-bundle"
    denied = Refusal(
        ("CreateRepository",),
        "AccessDeniedException",
        "not authorized to create",
        repository="/byhand-",
    )
    with system.refusing(denied):
        claims.apply(system, "byhand")
        system.wait(
            "the claim says what ECR says",
            lambda: denied.message in claims.said(system, "byhand").get("message", ""),
            claims.HEALS_S,
        )
        # It goes on later, and remembers that its attempt failed.
        pid = system[PROVIDER].pid
        os.kill(pid, signal.SIGSTOP)
    system.ecr.create_repository(repositoryName=image)
    claims.push(system, image)
    before = claims.contents(system, {image})
    os.kill(pid, signal.SIGCONT)
    # It created the other one itself, at its second attempt.
    said = claims.told(system, "byhand", "Adopted")
    assert f"not created by this claim: {image}. Deleting" in said
    claims.wait_ready(system, "byhand", seconds=claims.HEALS_S)
    claims.delete(system, "byhand")
    claims.wait_gone(system, image, bundle, but=frozenset({image}))
    assert claims.contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)
