"""The platform settings on live claims: edited, missing, broken, and as a boundary.

test_uninstall.py and test_versions.py show that they survive an upgrade of the
Configuration package, and test_versions.py has what differs on older Crossplanes.
"""

import copy
from collections.abc import Iterator
from typing import Any

import claims
import platform_settings as settings
import pytest
import tenants
import yaml
from steady import quiet
from system import SETTINGS, System

REVISIONS = "compositionrevisions.apiextensions.crossplane.io"
# The names of two Compositions that are not packaged.
REVISED, OWN = "revised", "own"
LIVE, ADOPTING, PINNED = "everyday", "heirloom", "keepsake"
TENANT, OTHER = "tenant-a", "tenant-b"
SHIPPED_ALLOW = yaml.safe_load(SETTINGS.read_text())["data"]["allow"]
# A watch takes seconds, Crossplane's shortest poll a minute.
AT_ONCE_S = 20


def composition(system: System, name: str, **options: Any) -> dict[str, Any]:
    """Return the packaged Composition under another name, with more input fields."""
    made = system.composed_with(**options)
    made["metadata"]["name"] = name
    return made


def pinned(
    system: System, name: str, revision: str, **parameters: str
) -> dict[str, Any]:
    """Return a claim that is pinned to a revision of a Composition of ours."""
    return choosing(
        system,
        name,
        compositionRef={"name": REVISED},
        compositionUpdatePolicy="Manual",
        compositionRevisionRef={"name": revision},
        **parameters,
    )


def choosing(system: System, name: str, **fields: Any) -> dict[str, Any]:
    """Return a claim with fields that choose its Composition, and parameters."""
    made = claims.manifest(name)
    parameters = made["spec"]["parameters"]
    parameters |= {key: fields.pop(key) for key in parameters.keys() & fields.keys()}
    made["spec"] |= {"crossplane": fields} if system.api.namespaced else fields
    return made


@pytest.fixture(scope="module")
def older(system: System) -> str:
    """The name of an older revision of a Composition, which has no `allow`."""
    system.kubectl.apply(composition(system, REVISED, deletion="Always"))

    def revisions() -> list[dict[str, Any]]:
        return system.kubectl.all(
            REVISIONS, "-l", f"crossplane.io/composition-name={REVISED}"
        )

    (first,) = system.wait("its first revision", revisions)
    newer = composition(system, REVISED, allow={"repoPrefixes": ["tap/*"]})
    system.kubectl.replace(newer)
    system.wait("its second revision", lambda: len(revisions()) == 2)
    return str(first["metadata"]["name"])


@pytest.fixture(scope="module")
def live(system: System, older: str) -> Iterator[System]:
    """The system with three Ready claims.

    One created its repositories, two adopted their image repositories. One of these is
    pinned to the older revision, whose input lets it delete both.
    """
    for name in (ADOPTING, PINNED):
        system.ecr.create_repository(repositoryName=image(name))
    claims.apply(system, LIVE, ADOPTING)
    system.kubectl.apply(pinned(system, PINNED, older))
    claims.wait_ready(system, LIVE, ADOPTING, PINNED)
    # Crossplane drops the events of most new XRs (docs/production.md). A restart ends
    # that.
    system["crossplane"].stop()
    system["crossplane"].start()
    before = system.calls()
    system.wait("all are reconciled", lambda: system.calls() >= before + 3)
    system.wait("no claim is reconciled", quiet(system, settings.QUIET_S))
    yield system
    claims.delete(system, LIVE, ADOPTING, PINNED)
    claims.wait_gone(system, *every(), but=frozenset({image(ADOPTING)}))
    system.ecr.delete_repository(repositoryName=image(ADOPTING), force=True)
    system.kubectl("delete", "composition", REVISED)


def image(name: str) -> str:
    return f"{claims.PREFIX}/{name}-default"


def every() -> set[str]:
    """Return the names of the live claims' repositories."""
    return {each for name in (LIVE, ADOPTING, PINNED) for each in claims.names(name)}


def undeletable(system: System) -> set[str]:
    """Return those of the live claims' repositories that may not be deleted."""
    return claims.not_deletable(system) & every()


def test_an_edit_narrows_rights_at_once_and_gives_earned_ones_back(
    live: System,
) -> None:
    """Whatever the input of a pinned revision says; no claim is touched."""
    assert undeletable(live) == {image(ADOPTING)}
    with live.with_settings(deletion="Never"):
        narrowed = settings.timed(
            "an edit of the settings reaches all claims",
            live,
            lambda: undeletable(live) == every(),
        )
    restored = settings.timed(
        "the next edit reaches all claims",
        live,
        lambda: undeletable(live) == {image(ADOPTING)},
    )
    assert max(narrowed, restored) < AT_ONCE_S


def test_a_reconcile_of_a_ready_claim_is_one_call(live: System) -> None:
    """The provider may poll a repository of the claim meanwhile, but not each time."""
    assert min(settings.calls_of_a_reconcile(live, LIVE)) == 1


@pytest.mark.parametrize("fault", settings.FAULTS)
def test_missing_or_broken_settings_change_nothing(live: System, fault: str) -> None:
    settings.check_a_fault_changes_nothing(live, fault, LIVE, watched=True)


def test_a_composition_without_required_settings_works_without_them(
    live: System,
) -> None:
    """With the Input alone, and with two steps that call the function."""
    own = composition(live, OWN, provider=live.api.api_version, deletion="Never")
    (step,) = own["spec"]["pipeline"]
    del step["input"]["settings"]
    step.pop("requirements", None)
    again = copy.deepcopy(step)
    again["step"] = "again"
    own["spec"]["pipeline"].append(again)
    live.kubectl.apply(own)
    name, names = "by-input", claims.names("by-input")
    with settings.faulty(live, "missing"):
        live.kubectl.apply(choosing(live, name, compositionRef={"name": OWN}))
        claims.wait_ready(live, name)
        assert names <= live.repositories()
        assert names <= claims.not_deletable(live), "as its input says"
        before = settings.specs(live, name)
        assert before.keys() == names
    with live.with_settings(deletion="OnlyCreated"):
        live.wait(
            "the settings take precedence over its input",
            lambda: not names & claims.not_deletable(live),
            settings.SEEN_S,
        )
    live.wait("it is as before", lambda: names <= claims.not_deletable(live))
    assert settings.available(live, name)
    claims.delete(live, name)
    claims.wait_gone(live, *names, but=frozenset(names))
    for each in names:
        live.ecr.delete_repository(repositoryName=each, force=True)
    live.kubectl("delete", "composition", OWN)


def test_no_pinned_revision_gets_around_allow(live: System, older: str) -> None:
    with live.with_settings(allow=SHIPPED_ALLOW):
        live.kubectl.apply(pinned(live, "smuggler", older, repoPrefix="elsewhere"))
        said = claims.wait_for_reason(live, "smuggler", "NotAllowed")
        assert said.startswith('spec.parameters.repoPrefix: got "elsewhere"; ')
        assert not claims.resources_of(live, "smuggler")
        assert "elsewhere/smuggler-default" not in live.repositories()
    # The revision itself allows it, and nothing else forbids it.
    claims.wait_ready(live, "smuggler")
    assert "elsewhere/smuggler-default" in live.repositories()
    claims.delete(live, "smuggler")


def test_each_tenant_has_its_own_path(live: System) -> None:
    live.kubectl("create", "namespace", TENANT)
    live.kubectl.apply(
        tenants.cluster_role("edit-claims", tenants.CROSSPLANE_RIGHTS),
        tenants.account("developer", TENANT),
        tenants.binding("edit-claims", "developer", TENANT, kind="RoleBinding"),
    )
    tenant = tenants.as_account(live.kubectl, "developer", TENANT)

    def claim(name: str, prefix: str) -> dict[str, Any]:
        made = claims.manifest(name, namespace=TENANT)
        made["spec"]["parameters"]["repoPrefix"] = prefix
        return made

    with live.with_settings(allow=SHIPPED_ALLOW):
        tenant.apply(
            claim("mine", f"tap/{TENANT}"),
            claim("deeper", f"tap/{TENANT}/apps"),
            claim("foreign", f"tap/{OTHER}"),
            claim("longer", f"tap/{TENANT}-2"),
        )
        claims.wait_ready(live, "mine", "deeper", namespace=TENANT)
        for name, prefix in (("foreign", OTHER), ("longer", f"{TENANT}-2")):
            said = claims.wait_for_reason(live, name, "NotAllowed", TENANT)
            assert f'spec.parameters.repoPrefix: got "tap/{prefix}"; ' in said
            assert not claims.resources_of(live, name, TENANT)
        made = {f"tap/{TENANT}/mine-{TENANT}", f"tap/{TENANT}/apps/deeper-{TENANT}"}
        assert made <= live.repositories()
        assert not [
            name
            for name in live.repositories()
            if name.startswith((f"tap/{OTHER}/", f"tap/{TENANT}-2/"))
        ]
        claims.remove_namespaces(live, TENANT)
