"""Policy documents: strict JSON is parsed, and always written in the same spelling.

Providers compare texts. A second spelling of one policy would look like drift.
"""

import json
from collections import Counter
from typing import Any

from function.errors import quote


class PolicyError(ValueError):
    """A text is not a policy, or AWS would refuse the policy."""


def parse(text: str) -> dict[str, Any]:
    """Parse a policy document.

    Raises:
        PolicyError: It is not JSON, not an object, or has a key twice.
    """
    try:
        document = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except RecursionError:
        raise PolicyError("it is nested too deeply") from None
    except json.JSONDecodeError as e:
        raise PolicyError(f"it is not valid JSON: {e}") from None
    except PolicyError:
        raise
    except ValueError:  # Python limits the digits of a number
        raise PolicyError("it has a number with too many digits") from None
    if not isinstance(document, dict):
        raise PolicyError("it is not a JSON object")
    return document


def write(document: dict[str, Any], longest: int, *, ordered: bool = False) -> str:
    """Return a policy document's text.

    Args:
        document: The policy.
        longest: The number of characters that ECR accepts.
        ordered: Whether its keys are in order already; otherwise they are sorted.

    Raises:
        PolicyError: It is longer than that, or has half of a surrogate pair.
    """
    text = json.dumps(
        document, separators=(",", ":"), sort_keys=not ordered, ensure_ascii=False
    )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PolicyError("it has an invalid character (half a surrogate)") from None
    if len(text) > longest:
        raise PolicyError(
            f"it has {len(text)} characters; ECR allows at most {longest}"
        )
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, n in times.items() if n > 1)
        raise PolicyError(f"it has the key {quote(twice)} twice")
    return found


def _no_constant(name: str) -> None:
    raise PolicyError(f"the value {name} is not valid JSON")
