"""What the parsers of the Input and of spec.parameters share: values and errors."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from google.protobuf import struct_pb2 as structpb
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

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


# The rule of each of pydantic's types of error that a model of ours can have.
ERROR_RULES = {
    "bool_type": "it must be true or false",
    "dict_type": "it must be an object",
    "enum": "it must be {expected}",
    "extra_forbidden": "there is no such field",
    "greater_than_equal": "it must be at least {ge}",
    "int_type": "it must be a whole number",
    "less_than_equal": "it must be at most {le}",
    "list_type": "it must be a list",
    "literal_error": "it must be {expected}",
    "missing": "it is required",
    "model_type": "it must be an object",
    "string_pattern_mismatch": "{rule}",
    "string_too_long": "it must have at most {max_length} characters",
    "string_too_short": "it must not be empty",
    "string_type": "it must be a string",
    "too_long": "it must have at most {max_length} items",
    "too_short": "it must not be empty",
    "value_error": "{error}",
}
# A longer word is no misspelling of a field.
_LONGEST_MISSPELLING = 64


def first_error(
    error: ValidationError, root: str, model: type[BaseModel]
) -> tuple[str, str, str]:
    """Return the field, the value and the rule of the first validation error.

    Args:
        error: The model's errors.
        root: The path of the validated object.
        model: The model that validated it.
    """
    return _described(error.errors(include_url=False)[0], root, model)


def every_error(
    first: InvalidRequestError, root: str, model: type[BaseModel], fix: str
) -> list[InvalidRequestError]:
    """Return an error and the other errors of the same object.

    Args:
        first: The error. A ValidationError is its cause, unless it is the only one.
        root: The path of the validated object.
        model: The model that validated it.
        fix: The fix of each.
    """
    if not isinstance(first.__cause__, ValidationError):
        return [first]
    return [
        type(first)(*_described(error, root, model), fix)
        for error in first.__cause__.errors(include_url=False)
    ]


def _described(
    error: ErrorDetails, root: str, model: type[BaseModel]
) -> tuple[str, str, str]:
    path = error["loc"]
    if error["type"] == "value_error" and path[-1:] == ("[key]",):
        path = path[:-1]  # how pydantic marks the wrong key of a map
    field = ".".join([root, *(printable(part) for part in path)])
    value = error["input"]
    if isinstance(value, Model):
        value = value.model_dump(by_alias=True, exclude_none=True)
    context = dict(error.get("ctx", {}))
    if error["type"] == "string_pattern_mismatch":
        context["rule"] = RULES[context["pattern"]]
    known = ERROR_RULES.get(error["type"])
    rule = known.format_map(context) if known else error["msg"]
    if error["type"] == "extra_forbidden":
        rule += suggestion(str(path[-1]), _field_names(model, path[:-1]))
    return (
        field,
        "nothing" if error["type"] == "missing" else quote(value),
        rule[0].lower() + rule[1:],
    )


def suggestion(word: str, names: Iterable[str]) -> str:
    """Return a question about the name nearest to a word; empty if none is near."""
    if len(word) > _LONGEST_MISSPELLING:
        return ""
    nearest = difflib.get_close_matches(word, list(names), 1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""


def _field_names(model: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    """Return the names of the fields of the object at a path in a model."""
    for part in path:
        for name, field in model.model_fields.items():
            if part == (field.alias or name):
                model = next(_models(field.annotation))
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # any type
    """Yield the models in an annotation, such as list[Model] | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


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
