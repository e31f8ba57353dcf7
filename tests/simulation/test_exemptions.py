"""SECURITY.md lists the same exceptions to the guarantees as the simulation."""

from pathlib import Path

import pytest

from tests.simulation.simulated.invariants import Exemption

SECURITY = Path(__file__).parents[2] / "SECURITY.md"


@pytest.mark.parametrize("exemption", Exemption, ids=lambda each: each.name)
def test_security_states_every_exemption(exemption: Exemption) -> None:
    said = " ".join(SECURITY.read_text().split())
    assert exemption.value in said
