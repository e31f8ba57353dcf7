"""The globs of the Input's `allow` lists."""

import functools
import re
from collections.abc import Iterable
from fnmatch import translate


def matching_glob(value: str, globs: Iterable[str]) -> str | None:
    """Return the first glob that matches a value; None if none does."""
    return next((glob for glob in globs if compile_glob(glob).match(value)), None)


# An Input can have a thousand globs of 256 characters each.
@functools.lru_cache(maxsize=2048)
def compile_glob(glob: str) -> re.Pattern[str]:
    """Compile a glob that matches whole values, case-sensitively."""
    return re.compile(translate(glob))
