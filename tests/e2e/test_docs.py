"""The documentation's blocks that need a cluster."""

import claims
import pytest
from blocks import Block, blocks, run
from system import System

BLOCKS = [b for b in blocks() if b.mark == "run: cluster"]


def test_there_are_such_blocks() -> None:
    assert BLOCKS


@pytest.fixture(scope="module", autouse=True)
def shop(system: System) -> None:
    """The claim that most pages speak of."""
    system.kubectl.apply(claims.workload("shop"))
    claims.wait_ready(system, "shop-ecr-repos")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_does_what_it_shows(system: System, block: Block) -> None:
    """In the order of their pages: a later one goes on from an earlier one."""
    run(block, **system.environment())
