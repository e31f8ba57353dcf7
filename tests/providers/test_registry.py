"""The providers there are."""

from function.providers.registry import PROVIDERS
from tests.builders import APIS


def test_every_provider_has_its_table() -> None:
    assert set(PROVIDERS) == set(APIS)
