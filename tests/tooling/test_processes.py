"""How the programs of a run are started."""

from processes import free_port

# From here on, Linux takes the ports of outgoing connections by default.
FIRST_OUTGOING = 32_768


def test_no_outgoing_connection_takes_the_port_of_a_stopped_program() -> None:
    assert all(free_port() < FIRST_OUTGOING for _ in range(100))


def test_no_port_is_given_twice() -> None:
    assert len({free_port() for _ in range(100)}) == 100
