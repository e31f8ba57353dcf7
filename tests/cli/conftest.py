"""Files for the commands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.api_server import ApiServer, serving
from tests.cli.invocations import composition


@pytest.fixture
def composition_file(tmp_path: Path) -> Callable[..., str]:
    """Write a Composition whose input has some fields; return the file's name."""

    def write(**step_input: object) -> str:
        file = tmp_path / "composition.yaml"
        file.write_text(composition(**step_input))
        return str(file)

    return write


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    """An API server, as `kubectl proxy` serves it."""
    server = ApiServer()
    with serving(server):
        yield server
