"""The AWS regions that exist, as botocore lists them. `make regions` updates them."""

import functools
from pathlib import Path

from function.api.validation import suggestion
from function.errors import quote

_FILE = Path(__file__).with_name("regions.txt")


@functools.cache
def regions() -> frozenset[str]:
    """Return the codes of all regions, of all partitions."""
    return frozenset(_FILE.read_text("utf-8").split())


def unknown_region(field: str, region: str) -> str:
    """Return the warning for a region that does not exist; empty if it exists.

    Args:
        field: The path of the field that has the region.
        region: A code that could be a region's.
    """
    if region in regions():
        return ""
    return (
        f"{field}: got {quote(region)}; no AWS region that this version knows has this "
        f"code{suggestion(region, sorted(regions()))}. Correct it, unless the region "
        "is newer than this version."
    )
