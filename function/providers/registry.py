"""The providers there are."""

import importlib
import pkgutil

from function import providers
from function.providers.base import Provider
from function.providers.classic import PROVIDER as DEFAULT


def _found() -> dict[str, Provider]:
    modules = (
        importlib.import_module(f"{providers.__name__}.{info.name}")
        for info in pkgutil.iter_modules(providers.__path__)
        if info.name != "registry"
    )
    found: list[Provider] = [m.PROVIDER for m in modules if hasattr(m, "PROVIDER")]
    return {provider.api_version: provider for provider in found}


# By the api_version that the Input has.
PROVIDERS = _found()

__all__ = ["DEFAULT", "PROVIDERS"]
