"""Coerces what resolvers answer to GraphQL's own scalars and to enums, as the service does.

The service is more lenient than graphql-core: it reads numbers and booleans in texts, and prints any value as a
String. The AWS scalars have the same rule for results and for input, see `aws_scalars`.

Source: graphql-java, `GraphqlBooleanCoercing`, `GraphqlFloatCoercing`, `GraphqlIDCoercing`, `GraphqlIntegerCoercing`,
`GraphqlStringCoercing` and `GraphQLEnumType`; messages of the service published by its users.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from math import isfinite
from typing import Any, Final

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
)

from appsync_local.api.java_text import java_text, java_type

Coerce = Callable[[Any], Any]

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")  # of Java's BigDecimal


def result_coercion(type_: GraphQLScalarType | GraphQLEnumType) -> Coerce:
    """The coercion of a result that is not null to a type.

    Returns:
        A function that raises ValueError, or an error of the type's own, if the value does not fit. Its message is the
        service's.
    """
    if isinstance(type_, GraphQLEnumType) and not type_.name.startswith("__"):  # introspection has enums of its own
        return _enum(type_)
    return _SCALARS.get(type_, type_.coerce_output_value)


def _enum(type_: GraphQLEnumType) -> Coerce:
    names = frozenset(type_.values)

    def coerce(value: object) -> str:
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"Invalid input for Enum '{type_.name}'. Unknown value '{java_text(value)}'")

    return coerce


def _text(value: object) -> str:
    return value if isinstance(value, str) else java_text(value)


def _int(value: object) -> int:
    if type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
        return value
    number = _number(value)
    if number is None or not GRAPHQL_MIN_INT <= number <= GRAPHQL_MAX_INT or number != int(number):
        raise _unexpected("Int", value)
    return int(number)


def _float(value: object) -> float:
    if isinstance(value, float) and isfinite(value):
        return value
    number = _number(value)
    if number is None or not isfinite(done := _nearest_float(number)):
        raise _unexpected("Float", value)
    return done


def _nearest_float(number: Decimal) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.lower()
        if text in ("true", "false"):
            return text == "true"
    elif (number := _number(value)) is not None:
        return number != 0
    raise _unexpected("Boolean", value)


def _number(value: object) -> Decimal | None:
    """The number that a number or a text stands for; None if it stands for none."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = Decimal(value if isinstance(value, int) else str(value))
    except DecimalException:  # the exponent is beyond any number's
        return None
    return number if number.is_finite() else None


def _unexpected(name: str, value: object) -> ValueError:
    return ValueError(f"Expected type '{name}' but was '{java_type(value)}'.")


_SCALARS: Final[Mapping[object, Coerce]] = {
    GraphQLBoolean: _boolean,
    GraphQLFloat: _float,
    GraphQLID: _text,
    GraphQLInt: _int,
    GraphQLString: _text,
}
