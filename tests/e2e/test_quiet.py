"""New claims, one after another: each is Ready without an open circuit breaker."""

import time

import claims
from changes import Breaker, breaker, scrape
from system import System

CLAIMS = [f"quiet-{n}" for n in range(5)]
# The last events of a new claim come after it is Ready: the provider's, about rights.
LAST_EVENTS_S = 5


def test_new_claims_do_not_open_the_circuit_breaker(system: System) -> None:
    def counted() -> Breaker:
        controller = f"composite/{system.api.composite}.tap.vrabbi.cloud"
        return breaker(scrape(system.crossplane_metrics), controller)

    for name in CLAIMS:
        before = counted()
        claims.apply(system, name)
        claims.wait_ready(system, name)
        time.sleep(LAST_EVENTS_S)
        found = counted().since(before)
        assert found.events, "it counts the events of this claim"
        assert not found.opens, f"{name}: {found.events} events"
    claims.delete(system, *CLAIMS, wait=False)
