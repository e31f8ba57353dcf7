"""The list of providers."""

from function.providers.registry import PROVIDERS
from tests.builders import APIS


def test_every_provider_has_a_row() -> None:
    assert set(PROVIDERS) == set(APIS)
