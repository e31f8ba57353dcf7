"""Claims that compete for one repository, and repositories that already exist."""

import os
import re
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
    """The system with namespaces in which repository names of workloads collide."""
    spaces = (*SPACES, "n", "n-bundle")
    for namespace in spaces:
        system.kubectl("create", "namespace", namespace)
    yield system
    claims.remove_namespaces(system, *spaces)


def test_one_of_two_competing_claims_gets_the_repository(colliding: System) -> None:
    """Collisions: a-b in c with a in b-c; x in n-bundle with the bundle of x in n."""
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
    said = claims.wait_for_reason(system, "second", "NameTaken", "b-c")
    assert f"{claims.PREFIX}/a-b-c" in said
    assert "first" not in said
    command = said.partition("The platform team finds the owner with: ")[2]
    assert re.search("a-b-c|first", system.run(command)), "the command names the owner"
    claims.wait_for_reason(system, "x", "NameTaken", "n")
    assert f"{claims.PREFIX}/x-n" not in system.repositories(), (
        "a claim gets both or none"
    )
    for name, namespace in (("second", "b-c"), ("x", "n")):
        assert not claims.is_ready(system, name, namespace), "the loser was never Ready"
        claims.delete(system, name, namespace=namespace)
    assert claims.contents(system, wanted | crossing) == before

    system.kubectl.apply(claims.manifest("second", "a", "b-c"))
    claims.wait_for_reason(system, "second", "NameTaken", "b-c")
    claims.delete(system, "first", namespace="c")
    claims.delete(system, "x", namespace="n-bundle", wait=False)
    system.wait(
        "the winner's resources are gone",
        lambda: not claims.resources_of(system, "first", "c"),
    )
    # Crossplane v2.4 watches required resources. Without that, the ttl of a minute
    # would have to expire first.
    system.wait(
        "the loser recovers immediately",
        lambda: claims.ready_condition(system, "second", "b-c").get("reason")
        == "Available",
        AT_ONCE_S,
    )
    claims.wait_ready(system, "second", namespace="b-c")
    # These are new repositories: those of the winner were deleted with it.
    assert not claims.images(claims.contents(system, wanted))
    claims.delete(system, "second", namespace="b-c")
    claims.wait_gone(system, *wanted, *crossing)


Outcome = dict[tuple[str, str], tuple[bool, str]]


def _outcome(system: System) -> Outcome:
    """Return for each claim whether it is Ready, and the reason."""
    return {
        (c["metadata"]["namespace"], c["metadata"]["name"]): (
            claims.condition(c, "Ready").get("status") == "True",
            claims.condition(c, "RepositoriesReady").get("reason", ""),
        )
        for namespace in SPACES
        for c in system.kubectl.all("workloadecrrepos", "-n", namespace)
    }


def test_one_of_each_racing_pair_gets_the_repositories(colliding: System) -> None:
    """All claims exist before any repository is created, where that is possible."""
    system = colliding
    # Opposite orders, so that each side is first for some pairs.
    sides = {
        "c": [claims.manifest(f"p{n}", f"p{n}-b", "c") for n in range(PAIRS)],
        "b-c": [claims.manifest(f"p{n}", f"p{n}", "b-c") for n in range(PAIRS)][::-1],
    }
    # Upbound's cluster-scoped API needs the webhook of the running provider.
    held = () if system.api is UPBOUND else (system[PROVIDER],)
    for provider in held:
        provider.stop()
    try:
        with ThreadPoolExecutor(len(sides)) as pool:
            for done in [pool.submit(system.kubectl.apply, *s) for s in sides.values()]:
                done.result()
        system.wait(
            "the function has responded for all claims",
            lambda: all(reason for _, reason in _outcome(system).values()),
        )
    finally:
        for provider in held:
            provider.start()

    def decided() -> Outcome:
        found = _outcome(system)
        pairs = ([found[side, f"p{n}"] for side in sides] for n in range(PAIRS))
        # Adopted: its provider tried twice, because ECR was slow to respond.
        winners = {(True, "Available"), (True, "Adopted")}
        loser = (False, "NameTaken")
        return found if all(loser in p and winners & {*p} for p in pairs) else {}

    # Losers are read from one response: see claims.wait_for_reason().
    found = system.wait("each pair has one winner and one loser", decided, 400)
    losers = [who for who, (is_ready, _) in found.items() if not is_ready]
    print(f"of {PAIRS} pairs {sum(side == 'c' for side, _ in losers)} lost in c")
    wanted = {name for n in range(PAIRS) for name in claims.names(f"p{n}", "b-c")}
    # If each claim of a pair had one repository, the loser's bundle is deleted. The
    # winner's provider notices that at its next poll and creates the bundle again.
    system.wait("the winners have both", lambda: wanted <= system.repositories())
    claims.push(system, *wanted)
    before = claims.contents(system, wanted)
    assert len(before) == len(wanted)
    for side in sides:
        gone = [name for namespace, name in losers if namespace == side]
        if gone:
            claims.delete(system, *gone, namespace=side)
    assert claims.contents(system, wanted) == before
    kept = claims.not_deletable(system) & wanted
    print(f"{len(kept)} of {len(wanted)} repositories count as found there")
    assert len(kept) < len(wanted) // 4
    for side in sides:
        won = [f"p{n}" for n in range(PAIRS) if (side, f"p{n}") not in losers]
        if won:
            claims.delete(system, *won, namespace=side, wait=False)
    claims.wait_gone(system, *wanted, but=frozenset(kept))
    for name in kept:
        system.ecr.delete_repository(repositoryName=name, force=True)


def test_an_existing_repository_is_adopted_and_kept(system: System) -> None:
    image = f"{claims.PREFIX}/heirloom-default"
    bundle = f"{image}-bundle"
    system.ecr.create_repository(
        repositoryName=image, tags=[{"Key": "of", "Value": "somebody"}]
    )
    claims.push(system, image)
    before = claims.contents(system, {image})
    claims.apply(system, "heirloom")
    # Less than the minute after which the provider polls.
    said = claims.wait_for_reason(system, "heirloom", "Adopted", seconds=45)
    assert f"not created by this claim: {image}. Deleting the claim keeps" in said
    claims.wait_ready(system, "heirloom")
    assert claims.not_deletable(system) & {image, bundle} == {image}
    claims.delete(system, "heirloom")
    claims.wait_gone(system, image, bundle, but=frozenset({image}))
    assert claims.contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)


def test_a_repository_created_by_someone_else_after_a_failure_is_kept(
    system: System,
) -> None:
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
            "the claim reports the error of ECR",
            lambda: denied.message
            in claims.ready_condition(system, "byhand").get("message", ""),
        )
        # It retries later, and still knows that its first attempt failed.
        pid = system[PROVIDER].pid
        os.kill(pid, signal.SIGSTOP)
    system.ecr.create_repository(repositoryName=image)
    claims.push(system, image)
    before = claims.contents(system, {image})
    os.kill(pid, signal.SIGCONT)
    # The claim created the bundle repository itself in its second attempt.
    said = claims.wait_for_reason(system, "byhand", "Adopted")
    assert f"not created by this claim: {image}. Deleting" in said
    claims.wait_ready(system, "byhand")
    claims.delete(system, "byhand")
    claims.wait_gone(system, image, bundle, but=frozenset({image}))
    assert claims.contents(system, {image}) == before
    system.ecr.delete_repository(repositoryName=image, force=True)
