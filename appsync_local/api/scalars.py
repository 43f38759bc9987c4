"""AppSync's scalars and directives, which every schema may use without declaring them.

Source: AppSync Developer Guide, "Scalar types in GraphQL", and "Configuring authorization and authentication".
"""

import ipaddress
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    ValueNode,
    value_from_ast_untyped,
)

BUILT_IN: Final = """
scalar AWSDate
scalar AWSTime
scalar AWSDateTime
scalar AWSTimestamp
scalar AWSEmail
scalar AWSJSON
scalar AWSPhone
scalar AWSURL
scalar AWSIPAddress

directive @aws_subscribe(mutations: [String]) on FIELD_DEFINITION
directive @aws_publish(subscriptions: [String]) on FIELD_DEFINITION
directive @aws_api_key on OBJECT | FIELD_DEFINITION
directive @aws_iam on OBJECT | FIELD_DEFINITION
directive @aws_oidc on OBJECT | FIELD_DEFINITION
directive @aws_lambda on OBJECT | FIELD_DEFINITION
directive @aws_cognito_user_pools(cognito_groups: [String]) on OBJECT | FIELD_DEFINITION
directive @aws_auth(cognito_groups: [String]) on OBJECT | FIELD_DEFINITION
"""

_OFFSET = r"(?:Z|[+-]\d{2}:\d{2}(?::\d{2})?)"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?"
_DAY = r"-?\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"

_PATTERNS: Final = {
    "AWSDate": re.compile(rf"{_DAY}{_OFFSET}?"),
    "AWSTime": re.compile(rf"{_CLOCK}{_OFFSET}?"),
    "AWSDateTime": re.compile(rf"{_DAY}T{_CLOCK}{_OFFSET}"),  # the offset is required
    "AWSEmail": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "AWSPhone": re.compile(r"\+?[0-9][0-9 \-]{2,20}"),
}

# The scalars that leave values of one Python type unchanged, in both directions.
UNCHANGED_TYPES: Final[Mapping[object, type]] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class FastPathMiss(Exception):
    """The fast check does not cover a value. graphql-core validates it, and words the error if it is invalid."""


def fast_coercion(type_: GraphQLScalarType | GraphQLEnumType, coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A faster `coerce`, which spares the most frequent values graphql-core's many calls.

    Args:
        type_: A scalar or an enum.
        coerce: The type's coercion of input or of output values.

    Returns:
        A function with the same result for every valid value except null. It raises FastPathMiss for all other values.
    """
    unchanged_type = UNCHANGED_TYPES.get(type_)

    def checked(value: Any) -> Any:
        if type(value) is unchanged_type:
            return value
        try:
            coerced = coerce(value)
        except Exception:  # the check of a scalar may raise any exception
            raise FastPathMiss from None
        if value is None or coerced is Undefined:  # a scalar without a check accepts null too
            raise FastPathMiss
        return coerced

    if type_ is GraphQLInt:
        return lambda v: v if type(v) is int and GRAPHQL_MIN_INT <= v <= GRAPHQL_MAX_INT else checked(v)
    if type_ is GraphQLFloat:
        return lambda v: v if type(v) is float and isfinite(v) else checked(v)
    if isinstance(type_, GraphQLEnumType):
        values = {name: value.value for name, value in type_.values.items()}  # in a schema file, these are the names
        return lambda v: values[v] if type(v) is str and v in values else checked(v)
    return checked


_CALENDAR: Final = frozenset({"AWSDate", "AWSDateTime"})


def add_behaviour(schema: GraphQLSchema) -> None:
    """Add checks and conversions to the scalars of a schema that was built with `BUILT_IN`."""
    for name in _PATTERNS:
        _install(schema, name, _checked_text(name))
    _install(schema, "AWSURL", _url)
    _install(schema, "AWSIPAddress", _ip_address)
    _install(schema, "AWSTimestamp", _timestamp)
    json_scalar = _scalar(schema, "AWSJSON")
    json_scalar.coerce_output_value = _json_text
    json_scalar.coerce_input_value = _parsed_json
    json_scalar.coerce_input_literal = lambda node: _parsed_json(value_from_ast_untyped(node))


def _scalar(schema: GraphQLSchema, name: str) -> Any:  # graphql-core allows an instance to replace its coercion methods
    scalar = schema.get_type(name)
    assert isinstance(scalar, GraphQLScalarType)  # noqa: S101  # `BUILT_IN` declares it
    return scalar


def _install(schema: GraphQLSchema, name: str, check: Callable[[object], object]) -> None:
    scalar = _scalar(schema, name)

    def literal(node: ValueNode) -> object:
        return check(value_from_ast_untyped(node))

    scalar.coerce_output_value = check
    scalar.coerce_input_value = check
    scalar.coerce_input_literal = literal


def _checked_text(name: str) -> Callable[[object], object]:
    pattern = _PATTERNS[name]

    def check(value: object) -> object:
        if isinstance(value, str) and pattern.fullmatch(value) and (name not in _CALENDAR or _is_day(value)):
            return value
        raise _invalid(value, name)

    return check


def _is_day(text: str) -> bool:
    """Whether the date at the start of the text exists in the calendar."""
    date = text.lstrip("-")[:10]
    if date[8:] <= "28":
        return True
    year, month, day = (int(part) for part in date.split("-"))
    return day <= monthrange(2000 + year % 400, month)[1]  # leap years repeat every 400 years


def _url(value: object) -> object:
    if isinstance(value, str):
        try:
            if urlsplit(value).scheme:
                return value
        except ValueError:
            pass
    raise _invalid(value, "AWSURL")


def _ip_address(value: object) -> object:
    if isinstance(value, str):
        try:
            ipaddress.ip_interface(value)
        except ValueError:
            pass
        else:
            return value
    raise _invalid(value, "AWSIPAddress")


def _timestamp(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():  # JavaScript has one kind of number
        return int(value)
    raise _invalid(value, "AWSTimestamp")


def _json_text(value: object) -> object:
    """JSON text. A string is returned unchanged if it is JSON, as resolvers that call JSON.stringify expect."""
    if isinstance(value, str):
        _parsed_json(value)
        return value
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def _parsed_json(value: object) -> object:
    if not isinstance(value, str):
        raise _invalid(value, "AWSJSON")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise _invalid(value, "AWSJSON") from None


def _invalid(value: object, name: str) -> ValueError:
    shown = value if isinstance(value, str) and len(value) <= 60 else type(value).__name__
    return ValueError(f"Unable to parse `{shown}` as a valid {name}.")
