"""The errors of a request, and how their messages are written.

InvalidRequestError
├── InvalidParameterError  a parameter of the claim (or its default) is missing or wrong
├── InvalidInputError      the Composition's input or the platform settings are wrong
├── NotAllowedError        the platform's `allow` lists exclude the value
├── ForeignResourceError   an observed resource belonged to another claim
└── SettingsMissingError   the Composition requires platform settings that do not exist
"""

import json
from typing import ClassVar, Literal

_LONGEST_QUOTE = 120


def quote(value: object, longest: int = _LONGEST_QUOTE) -> str:
    """Quote a value for one line of a message, a log or a terminal.

    A tenant's text can be hostile until it is parsed. So everything outside printable
    ASCII is escaped, and at most `longest` characters are repeated.
    """
    text = value[: longest + 1] if isinstance(value, str) else value
    quoted = json.dumps(text, default=str)
    if len(quoted) <= longest:
        return quoted.replace("\x7f", "\\u007f")
    return quoted[:longest].replace("\x7f", "\\u007f") + "…"


def printable(text: str, longest: int = 256) -> str:
    """Return short, printable ASCII text unchanged, and quote any other text.

    For values that the function parsed earlier and that others may have changed since.
    """
    plain = text.isascii() and text.isprintable() and len(text) <= longest
    return text if plain else quote(text, longest)


class InvalidRequestError(Exception):
    """A request that the function refuses."""

    reason: ClassVar[Literal["InvalidParameters", "NotAllowed", "SettingsMissing"]] = (
        "InvalidParameters"
    )

    def __init__(self, field: str, value: str, rule: str, fix: str) -> None:
        """Write the message: FIELD: got VALUE; RULE. FIX.

        Args:
            field: The path of the field, e.g. spec.parameters.region.
            value: Its value, already safe to print (see quote), or a word such as
                "nothing".
            rule: The rule that the value breaks.
            fix: What its author should do, a sentence without its full stop.
        """
        self.field = field
        super().__init__(f"{field}: got {value}; {rule}. {fix}.")


class InvalidParameterError(InvalidRequestError):
    """A parameter of the claim (or its default) is missing or wrong."""


class InvalidInputError(InvalidRequestError):
    """The Composition's input or the platform settings are wrong."""


class ForeignResourceError(InvalidRequestError):
    """An observed resource belonged to another claim, which was deleted."""


class NotAllowedError(InvalidRequestError):
    """A parameter is valid, but the platform does not allow its value."""

    reason = "NotAllowed"


class SettingsMissingError(InvalidRequestError):
    """The Composition requires the platform settings, and they do not exist."""

    reason = "SettingsMissing"
