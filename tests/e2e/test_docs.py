"""Run the code blocks of the documentation that need a cluster."""

import claims
import pytest
from blocks import Block, blocks, run
from system import System

BLOCKS = [b for b in blocks() if b.mark == "run: cluster"]


def test_the_docs_have_blocks_for_a_cluster() -> None:
    assert BLOCKS


@pytest.fixture(scope="module", autouse=True)
def shop(system: System) -> None:
    """The claim that most pages use as their example."""
    system.kubectl.apply(claims.workload("shop"))
    claims.wait_ready(system, "shop-ecr-repos")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_does_what_it_shows(system: System, block: Block) -> None:
    """Blocks run in the order of their pages: later ones depend on earlier ones."""
    run(block, **system.environment())
