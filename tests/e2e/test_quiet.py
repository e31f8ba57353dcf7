"""New claims, one after another: each is Ready without an open circuit breaker."""

import claims
from changes import Breaker, breaker, scrape
from steady import quiet
from system import System

CLAIMS = [f"quiet-{n}" for n in range(5)]
# The last events of a claim come after it is Ready. Each of them calls the function.
QUIET_S = 3


def test_new_claims_do_not_open_the_circuit_breaker(system: System) -> None:
    def counted() -> Breaker:
        controller = f"composite/{system.api.composite}.tap.vrabbi.cloud"
        return breaker(scrape(system.crossplane_metrics), controller)

    # The claims of earlier scenarios may still be deleted.
    system.wait("no other claim is reconciled", quiet(system, QUIET_S))
    for name in CLAIMS:
        before = counted()
        claims.apply(system, name)
        claims.wait_ready(system, name)
        system.wait("the claim is not reconciled any more", quiet(system, QUIET_S))
        found = counted().since(before)
        assert found.events, "it counts the events of this claim"
        assert not found.opens, f"{name}: {found.events} events"
    claims.delete(system, *CLAIMS)
    claims.wait_gone(system, *(each for name in CLAIMS for each in claims.names(name)))
