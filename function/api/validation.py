"""What the parsers of the Input and of spec.parameters share: values and errors."""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf import struct_pb2 as structpb
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from function.ecr.model import Model
from function.ecr.options import RULES, RepositoryOptions
from function.errors import InvalidRequestError, quote
from function.limits import MOST_VALUES
from function.providers.registry import PROVIDERS


def to_values(
    struct: structpb.Struct,
    field: str,
    error_class: type[InvalidRequestError],
    fix: str,
) -> dict[str, Any]:
    """Return a Struct as plain values. Reading stops at the limit of values.

    Args:
        struct: The Struct.
        field: Its path, for errors.
        error_class: The error to raise. It depends on who wrote the Struct.
        fix: The fix for a wrong number.

    Raises:
        InvalidRequestError: The Struct has too many values, or a number that JSON
            cannot express.
    """
    try:
        return _Reader().object(struct)
    except _TooManyError:
        raise error_class(
            field,
            f"more than {MOST_VALUES} values",
            f"it must have at most {MOST_VALUES} values, nested ones included",
            "Remove values that you do not need",
        ) from None
    except (OverflowError, ValueError):  # int() of infinity and of NaN
        raise error_class(
            field, "an infinite or undefined number", "numbers must be finite", fix
        ) from None


class _TooManyError(Exception):
    pass


class _Reader:
    """Reads a Struct's values, and counts them."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def object(self, struct: structpb.Struct) -> dict[str, Any]:
        self._count(len(struct.fields))
        return {key: self._value(value) for key, value in struct.fields.items()}

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise _TooManyError

    def _value(self, value: structpb.Value) -> Any:
        kind = value.WhichOneof("kind")
        if kind == "struct_value":
            return self.object(value.struct_value)
        if kind == "list_value":
            self._count(len(value.list_value.values))
            return [self._value(item) for item in value.list_value.values]
        if kind == "number_value":
            # All numbers of a Struct are floats.
            whole = int(value.number_value)
            return whole if whole == value.number_value else value.number_value
        if kind == "bool_value":
            return value.bool_value
        return value.string_value if kind == "string_value" else None


# Rules in words of our own, by pydantic's type of error.
_RULES_BY_TYPE = {
    "dict_type": "it must be an object",
    "extra_forbidden": "there is no such field",
    "missing": "it is required",
    "model_type": "it must be an object",
    "string_type": "it must be a string",
}


def first_error(error: ValidationError, root: str) -> tuple[str, str, str]:
    """Return the field, the value and the rule of the first validation error.

    Args:
        error: The model's errors.
        root: The path of the validated object.
    """
    first = error.errors(include_url=False)[0]
    path = first["loc"]
    if first["type"] == "value_error" and path[-1:] == ("[key]",):
        path = path[:-1]  # how pydantic marks the wrong key of a map
    field = ".".join([root, *(printable(part) for part in path)])
    missing = first["type"] == "missing"
    value = first["input"]
    if isinstance(value, Model):
        value = value.model_dump(by_alias=True, exclude_none=True)
    rule = first["msg"].removeprefix("Value error, ")
    rule = re.sub("^(Input|String|List) should ", "it must ", rule)
    rule = _RULES_BY_TYPE.get(first["type"], rule)
    if first["type"] == "string_pattern_mismatch":
        rule = RULES[first["ctx"]["pattern"]]
    return (
        field,
        "nothing" if missing else quote(value),
        rule[0].lower() + rule[1:],
    )


def printable(part: int | str) -> str:
    """Return one part of the path of a field, safe to print."""
    return str(part) if isinstance(part, int) else quote(part).strip('"')


def check_options_supported(
    options: RepositoryOptions,
    provider: str,
    field: str,
    error_class: type[InvalidRequestError],
) -> None:
    """Refuse the first option that the provider's API does not support.

    Args:
        options: The options.
        provider: The Input's `provider`.
        field: The path of the options.
        error_class: The error to raise. It depends on who wrote the options.

    Raises:
        InvalidRequestError: There is such an option.
    """
    unsupported = PROVIDERS[provider].unsupported_options
    if not unsupported:
        return
    for name, value in options.set_options().items():
        option = to_camel(name)
        if option in unsupported:
            raise unsupported_error(
                f"{field}.{option}",
                quote(value.model_dump(by_alias=True))
                if isinstance(value, Model)
                else quote(value),
                provider,
                (
                    v
                    for v, p in PROVIDERS.items()
                    if option not in p.unsupported_options
                ),
                error_class,
            )


def unsupported_error(
    field: str,
    value: str,
    provider: str,
    supporting: Iterable[str],
    error_class: type[InvalidRequestError],
) -> InvalidRequestError:
    """Return the error for a field that the provider's API does not support.

    Args:
        field: The path of the field.
        value: Its value, safe to print.
        provider: The Input's `provider`.
        supporting: The providers that support the field.
        error_class: The error to return. It depends on who wrote the field.
    """
    return error_class(
        field,
        value,
        f"provider {provider} does not support it",
        f"Remove it, or use a provider that supports it: {', '.join(supporting)}",
    )
