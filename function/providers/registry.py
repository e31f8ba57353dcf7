"""Which providers there are: those of all modules beside this one."""

import importlib
import pkgutil

from function import providers
from function.providers.base import Provider


def _registered() -> dict[str, Provider]:
    found: list[Provider] = []
    for info in sorted(pkgutil.iter_modules(providers.__path__)):
        if info.name != "registry":
            module = importlib.import_module(f"{providers.__name__}.{info.name}")
            found.extend(getattr(module, "PROVIDERS", ()))
    return {provider.api_version: provider for provider in found}


# By api_version, as the Input names them. The classic provider is the default.
PROVIDERS = _registered()
DEFAULT = PROVIDERS["ecr.aws.crossplane.io/v1beta1"]
_BY_GROUP = {version.partition("/")[0]: p for version, p in PROVIDERS.items()}


def provider_of(api_version: str) -> Provider:
    """Return the provider of an observed resource's API, whatever its version."""
    return _BY_GROUP.get(api_version.partition("/")[0], DEFAULT)
