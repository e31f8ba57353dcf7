"""New and changed claims: Crossplane does not reconcile them more than needed."""

import claims
from changes import Breaker, breaker, scrape
from steady import quiet
from system import System

CLAIMS = [f"quiet-{n}" for n in range(5)]
EXISTING = f"{claims.PREFIX}/existing"
# The last events of a claim come after it is Ready. Each of them calls the function.
QUIET_S = 3


def test_new_claims_do_not_open_the_circuit_breaker(system: System) -> None:
    # The claims of earlier scenarios may still be deleted.
    system.wait("no other claim is reconciled", quiet(system, QUIET_S))
    for name in CLAIMS:
        before = _counted(system)
        claims.apply(system, name)
        claims.wait_ready(system, name)
        system.wait("the claim is not reconciled any more", quiet(system, QUIET_S))
        found = _counted(system).since(before)
        assert found.events, "it counts the events of this claim"
        assert not found.opens, f"{name}: {found.events} events"
    claims.delete(system, *CLAIMS)
    claims.wait_gone(system, *(each for name in CLAIMS for each in claims.names(name)))


def test_a_known_uri_is_not_published_again_when_the_claim_releases_it(
    system: System,
) -> None:
    """Crossplane never removes a key from a connection secret.

    If the URI were not desired any more, each reconcile would write the secret and its
    time in the XR. On a slow machine each such time causes the next reconcile.
    """
    system.ecr.create_repository(repositoryName=EXISTING)
    manifest = claims.manifest("quiet")
    with system.configured(allow={"existingNames": [EXISTING]}):
        manifest["spec"]["parameters"]["existingName"] = EXISTING
        system.kubectl.apply(manifest)
        claims.wait_for_reason(system, "quiet", "Adopted")
        system.wait("the claim is not reconciled any more", quiet(system, QUIET_S))
        published = _published(system, "quiet")
        assert published
        del manifest["spec"]["parameters"]["existingName"]
        system.kubectl.apply(manifest)
        claims.wait_for_reason(system, "quiet", "Available")
        system.wait("the claim is not reconciled any more", quiet(system, QUIET_S))
        assert _published(system, "quiet") == published
        claims.delete(system, "quiet")
        claims.wait_gone(system, *claims.names("quiet"))
    assert EXISTING in system.repositories()
    system.ecr.delete_repository(repositoryName=EXISTING)


def _published(system: System, name: str) -> str:
    """Return when Crossplane last wrote the connection secret of a claim's XR."""
    claim = claims.claim(system, name) or {}
    xr = system.kubectl.get(system.api.composite, claim["spec"]["resourceRef"]["name"])
    return str((xr or {})["status"]["connectionDetails"]["lastPublishedTime"])


def _counted(system: System) -> Breaker:
    controller = f"composite/{system.api.composite}.tap.vrabbi.cloud"
    return breaker(scrape(system.crossplane_metrics), controller)
