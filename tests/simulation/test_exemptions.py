"""SECURITY.md says where the guarantees end as the simulation does."""

from pathlib import Path

import pytest

from tests.simulation.simulated.invariants import Exemption

SECURITY = Path(__file__).parents[2] / "SECURITY.md"


@pytest.mark.parametrize("exemption", Exemption, ids=lambda each: each.name)
def test_security_states_every_exemption(exemption: Exemption) -> None:
    said = " ".join(SECURITY.read_text().split())
    assert exemption.value in said
