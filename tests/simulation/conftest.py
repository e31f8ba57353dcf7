"""A new simulated world for each test."""

from collections.abc import Iterator

import pytest
from crossplane.function import logging

from tests.simulation.simulated.world import World

logging.configure(logging.Level.DISABLED)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made
