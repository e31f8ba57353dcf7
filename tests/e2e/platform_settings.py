"""Edit the platform settings, and see what claims do.

The steps here are for every version of Crossplane. Before v2.4, Crossplane does not
watch the object, so a claim must be touched first.
"""

import functools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import claims
import yaml
from steady import quiet
from system import ROOT, System, say

KIND = "environmentconfigs.apiextensions.crossplane.io"
NAME = "ecr-repos"
CONFIGURATIONS = "configurations.pkg.crossplane.io"
REVISIONS = "configurationrevisions.pkg.crossplane.io"
PAGE = Path("docs/platform-settings.md")
# A Ready claim has a ttl of an hour. What happens within this time was not waited for.
SEEN_S = 150
# Crossplane does not reconcile what has this annotation.
PAUSED = "crossplane.io/paused"
# No other reconcile follows after this long.
QUIET_S = 3
ROUNDS = 5
# What is wrong with the settings, and what a claim then says.
FAULTS = {
    "missing": ("SettingsMissing", "EnvironmentConfig ecr-repos: got nothing; "),
    "broken": ("InvalidParameters", 'data.deletion: got "Nevr"; '),
}


def timed(what: str, system: System, probe: Callable[[], Any]) -> float:
    """Wait for a probe; print and return how long it took, in seconds.

    `make e2e` shows what is printed, and docs/platform-settings.md has the figures.
    """
    started = time.monotonic()
    system.wait(what, probe, SEEN_S)
    took = time.monotonic() - started
    say(f"{what}: {took:.1f} s")
    return took


def stored(system: System) -> tuple[str, str, Any] | None:
    """Return the object's uid, resource version and data; None if it is missing."""
    found = system.kubectl.get(KIND, NAME)
    if found is None:
        return None
    metadata = found["metadata"]
    return metadata["uid"], metadata["resourceVersion"], found["data"]


def touch_all(system: System) -> None:
    """Run the documented command that reconciles all claims."""
    system.install(ROOT / PAGE, "When an edit reaches claims")


def specs(system: System, *names: str) -> dict[str, Any]:
    """Return uid, generation and spec of each managed resource of claims."""
    return {
        claims.external_name(r): (
            r["metadata"]["uid"],
            r["metadata"]["generation"],
            r["spec"],
        )
        for name in names
        for r in claims.resources_of(system, name)
    }


def all_say(system: System, reason: str, start: str, *names: str) -> bool:
    """Whether all these claims say a reason, with a message that starts with this."""
    return all(
        found.get("reason") == reason and found["message"].startswith(start)
        for found in (claims.ready_condition(system, name) for name in names)
    )


def available(system: System, *names: str) -> bool:
    """Whether all these claims are Available again."""
    return claims.all_ready(system, *names) and all(
        claims.ready_condition(system, name).get("reason") == "Available"
        for name in names
    )


def recovers(system: System, name: str, reason: str) -> bool:
    """Whether a claim says something else than that the settings are wrong."""
    found = claims.ready_condition(system, name)
    return found.get("reason") not in (reason, "FatalError", None)


def has_event(system: System, name: str, text: str) -> bool:
    """Whether a claim has a Warning event with this text."""
    return any(
        (event["involvedObject"]["kind"], event["involvedObject"]["name"])
        == ("WorkloadECRRepo", name)
        and event["type"] == "Warning"
        and text in event["message"]
        for event in system.kubectl.all("events", "-n", "default")
    )


@contextmanager
def faulty(system: System, fault: str) -> Iterator[None]:
    """Delete or break the settings inside a `with` block."""
    if fault == "missing":
        system.kubectl("delete", KIND, NAME)
        repair = system.kubectl.create
    else:
        system.kubectl.replace(system.platform_settings(deletion="Nevr"))
        repair = system.kubectl.replace
    try:
        yield
    finally:
        repair(system.platform_settings())


def check_a_fault_changes_nothing(
    system: System,
    fault: str,
    live: str,
    meanwhile: Callable[[], object] = lambda: None,
    *,
    watched: bool,
) -> None:
    """Check what a Ready claim and a new one do without valid settings, and after.

    Args:
        system: The running system.
        fault: One of FAULTS.
        live: A Ready claim.
        meanwhile: Called while the settings are wrong.
        watched: Whether Crossplane watches the object.
    """
    reason, start = FAULTS[fault]
    new = f"new-{fault}"
    claims.push(system, *claims.names(live))
    before = specs(system, live), claims.contents(system, claims.names(live))
    assert len(before[0]) == len(before[1]) == len(claims.names(live))
    with faulty(system, fault):
        if not watched:
            touch_all(system)
        timed(
            f"settings {fault}: a Ready claim says {reason}",
            system,
            lambda: all_say(system, reason, start, live),
        )
        claims.apply(system, new)
        system.wait(
            f"a new claim says {reason}", lambda: all_say(system, reason, start, new)
        )
        for name in (live, new):
            system.wait(
                f"an event of {name} says {start}",
                functools.partial(has_event, system, name, start),
            )
        meanwhile()
        assert not claims.resources_of(system, new)
        assert not claims.names(new) & system.repositories()
        now = specs(system, live), claims.contents(system, claims.names(live))
        assert now == before
    for name in (live, new):
        timed(
            f"settings {fault}: after the repair, {name}, which is untouched, recovers",
            system,
            functools.partial(recovers, system, name, reason),
        )
    system.wait("both are Available", lambda: available(system, live, new))
    assert specs(system, live) == before[0]
    claims.delete(system, new, wait=False)


@contextmanager
def only_reconciled(system: System, xr: str) -> Iterator[None]:
    """Pause all XRs but one inside a `with` block.

    With Upbound's provider each poll of a repository changes a condition's time, so it
    reconciles the XR. The claims of earlier tests have so many repositories that this
    happens every few seconds.
    """
    others = ("-A", f"--field-selector=metadata.name!={xr}", "--overwrite")
    system.kubectl("annotate", system.api.composite, *others, f"{PAUSED}=true")
    try:
        yield
    finally:
        system.kubectl("annotate", system.api.composite, *others, f"{PAUSED}-")


def calls_of_a_reconcile(system: System, name: str) -> list[int]:
    """Reconcile the XR of a Ready claim some times; return the calls of each time."""
    found = claims.claim(system, name)
    assert found
    xr = name if system.api.namespaced else found["spec"]["resourceRef"]["name"]
    where = ("-n", "default") if system.api.namespaced else ()

    def calls(number: int) -> int:
        before = system.calls()
        system.kubectl(
            *("annotate", system.api.composite, xr, *where, "--overwrite"),
            f"example.org/round={number}",
        )
        system.wait("the function is called", lambda: system.calls() > before)
        system.wait("it is not called again", quiet(system, QUIET_S))
        return system.calls() - before

    with only_reconciled(system, xr):
        counted = [calls(number) for number in range(ROUNDS)]
    say(f"calls of a reconcile: {counted}")
    return counted


def check_they_survive(system: System, package: Path) -> None:
    """Resync, upgrade and restart: settings stay and apply, an edited input does not.

    Args:
        system: The system, with the Configuration package installed.
        package: The directory of the installed Configuration package.
    """
    system.kubectl.apply(system.platform_settings(deletion="Never"))
    before = stored(system)
    assert before
    kept: set[str] = set()

    def check(name: str) -> None:
        """Check that a new claim gets no right to delete."""
        assert stored(system) == before
        claims.apply(system, name)
        names = claims.names(name)
        system.wait(
            f"{name} may not delete its repositories",
            lambda: names <= claims.not_deletable(system),
        )
        kept.update(names)

    system.kubectl(
        *("patch", "composition", "workloadecrrepo", "--type=json", "-p"),
        json.dumps([{"op": "add", "path": _input_path("bundle"), "value": False}]),
    )
    assert step_input(system)["bundle"] is False
    (revision,) = system.kubectl.all(REVISIONS)
    system.kubectl(
        *("annotate", REVISIONS, revision["metadata"]["name"]),
        "example.org/resync=1",
    )
    timed(
        "after a resync of the package, an edit of the Composition is gone",
        system,
        lambda: "bundle" not in step_input(system),
    )
    check("resynced")

    (package / "composition.yaml").write_text(
        yaml.safe_dump(_labelled(package / "composition.yaml"))
    )
    upgraded = system.push_package(
        system.api.configuration.name, package, version="v0.2.0"
    )
    system.kubectl(
        *("patch", CONFIGURATIONS, "ecr-repos", "--type=merge", "-p"),
        json.dumps({"spec": {"package": upgraded}}),
    )

    def is_new() -> bool:
        found = system.kubectl.get("composition", "workloadecrrepo") or {}
        return "example.org/release" in found["metadata"]["labels"]

    system.wait("the Composition is that of the second version", is_new)
    check("upgraded")

    system["crossplane"].stop()
    system["crossplane"].start()
    check("restarted")

    made = ("resynced", "upgraded", "restarted")
    claims.wait_ready(system, *made)
    assert stored(system) == before
    claims.push(system, *kept)
    claims.delete(system, *made)
    claims.wait_gone(system, *kept, but=frozenset(kept))
    assert claims.images(claims.contents(system, kept)) == len(kept)
    for name in kept:
        system.ecr.delete_repository(repositoryName=name, force=True)
    system.kubectl.replace(system.platform_settings())
    # Before v2.4, older claims would keep their repositories until they are reconciled.
    touch_all(system)


def step_input(system: System) -> dict[str, Any]:
    """Return the input in the installed Composition."""
    found = system.kubectl.get("composition", "workloadecrrepo")
    assert found
    (step,) = found["spec"]["pipeline"]
    return dict(step["input"])


def _input_path(field: str) -> str:
    return f"/spec/pipeline/0/input/{field}"


def _labelled(file: Path) -> dict[str, Any]:
    """Return a Composition with the label of a second release."""
    composition: dict[str, Any] = yaml.safe_load(file.read_text())
    composition["metadata"]["labels"]["example.org/release"] = "second"
    return composition
