"""Gives a schema AppSync's scalars and directives, which every schema may use without declaring them.

Source: AppSync Developer Guide, "Scalar types in GraphQL", and "Configuring authorization and authentication".
"""

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
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
    GraphQLSchema,
    GraphQLString,
    Undefined,
    ValueNode,
    value_from_ast_untyped,
)

from appsync_local.api.aws_scalars import AWS_SCALARS, AwsScalar

# The declarations, as a file that tools without the engine read too.
BUILT_IN: Final = Path(__file__).with_name("appsync.graphql").read_text(encoding="utf-8")

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


def add_behaviour(schema: GraphQLSchema) -> None:
    """Add checks and conversions to the scalars of a schema that was built with `BUILT_IN`."""
    for name, scalar in AWS_SCALARS.items():
        _install(schema, name, scalar)


def _install(schema: GraphQLSchema, name: str, scalar: AwsScalar) -> None:
    declared: Any = schema.get_type(name)  # graphql-core allows an instance to replace its coercion methods
    assert isinstance(declared, GraphQLScalarType)  # noqa: S101  # `BUILT_IN` declares it

    def literal(node: ValueNode) -> object:
        return scalar.parse(value_from_ast_untyped(node))

    declared.coerce_output_value = scalar.serialize
    declared.coerce_input_value = scalar.parse
    declared.coerce_input_literal = literal
