"""What can be wrong with a request, and what its author is told.

InvalidRequestError
├── InvalidParameterError  what a tenant (or a default) asked for cannot be
├── InvalidInputError      the Composition's input is broken
├── NotAllowedError        the platform's `allow` lists say no
└── BrokenRequestError     what came is no request of Crossplane's
"""

import json
from typing import ClassVar, Literal

_LONGEST_QUOTE = 120


def quote(value: object, longest: int = _LONGEST_QUOTE) -> str:
    """Quote what was given, for one line of a message, a log or a terminal.

    Tenants' text is hostile until parsed: everything outside printable ASCII comes
    out escaped, and no more than `longest` characters of it are repeated.
    """
    text = value[: longest + 1] if isinstance(value, str) else value
    quoted = json.dumps(text, default=str)
    if len(quoted) <= longest:
        return quoted.replace("\x7f", "\\u007f")
    return quoted[:longest].replace("\x7f", "\\u007f") + "…"


def shown(text: str, longest: int = 256) -> str:
    """Return text as it is where it is short and plain, else quoted.

    For what others may have written over what we once parsed.
    """
    plain = text.isascii() and text.isprintable() and len(text) <= longest
    return text if plain else quote(text, longest)


class InvalidRequestError(Exception):
    """A request that cannot be met as it stands."""

    reason: ClassVar[Literal["InvalidParameters", "NotAllowed"]] = "InvalidParameters"

    def __init__(self, field: str, given: str, rule: str, mend: str) -> None:
        """Say what is wrong.

        Args:
            field: The path of the field, e.g. spec.parameters.region.
            given: What stood there, already safe to print (see quote), or a word
                such as "nothing".
            rule: The rule it breaks.
            mend: What to do about it.
        """
        self.field = field
        super().__init__(f"{field}: got {given}; {rule}. {mend}.")


class InvalidParameterError(InvalidRequestError):
    """A parameter of the XR (or its default) is missing or cannot be."""


class InvalidInputError(InvalidRequestError):
    """The Composition's input is broken: the platform's mistake, not the tenant's."""


class BrokenRequestError(InvalidRequestError):
    """A part of the request is not what Crossplane's protocol says."""


class NotAllowedError(InvalidRequestError):
    """A parameter is valid, but the platform does not allow it."""

    reason = "NotAllowed"
