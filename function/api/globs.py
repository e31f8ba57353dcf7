"""The globs of `allow` lists."""

import functools
import re
from collections.abc import Iterable
from fnmatch import translate

NAMESPACE_PLACEHOLDER = "{namespace}"


def matching_glob(value: str, globs: Iterable[str], namespace: str) -> str | None:
    """Return the first glob that matches a value; None if none does.

    Args:
        value: The value.
        globs: The globs. `{namespace}` in them stands for the namespace.
        namespace: The claim's namespace.
    """
    text = f"{namespace}\n{value}"
    return next((glob for glob in globs if compile_glob(glob).match(text)), None)


# An Input can have a thousand globs of 256 characters each.
@functools.lru_cache(maxsize=2048)
def compile_glob(glob: str) -> re.Pattern[str]:
    """Compile a glob that matches whole values, case-sensitively.

    The pattern matches a namespace, a line feed and the value. So one pattern serves
    all namespaces: the placeholder refers back to the first line.
    """
    pattern = translate(glob).replace(
        re.escape(NAMESPACE_PLACEHOLDER), "(?P=namespace)"
    )
    return re.compile(rf"(?P<namespace>[^\n]*)\n{pattern}")
