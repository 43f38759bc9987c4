"""Coerces variables with functions that are compiled once from their types.

The functions cover valid values of common types. graphql-core coerces all other values, and words the errors.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    get_nullable_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value

from appsync_local.api.scalars import UNCHANGED_TYPES, FastPathMiss, fast_coercion

Coerce = Callable[[Any], Any]

_ABSENT: Final = object()


class _NotCompilable(Exception):
    """A type that is left to graphql-core, such as one that contains itself, for which depth must be limited."""


@dataclass(frozen=True, slots=True)
class _Variable:
    signature: GraphQLVariableSignature
    coerce: Coerce
    is_optional: bool


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, definitions: Iterable[VariableDefinitionNode]) -> None:
        self._variables: list[_Variable] | None = []
        for definition in definitions:
            signature = get_variable_signature(schema, definition)
            try:
                if not isinstance(signature, GraphQLVariableSignature):
                    raise _NotCompilable
                coerce = _coercion(signature.type, ())
            except _NotCompilable:
                self._variables = None
                return
            is_optional = signature.default is None and not isinstance(signature.type, GraphQLNonNull)
            self._variables.append(_Variable(signature, coerce, is_optional))

    def coerce(self, given: Mapping[str, Any]) -> VariableValues:
        """The coerced variables, as graphql-core's `get_variable_values` returns them.

        Raises:
            FastPathMiss: graphql-core must coerce these variables.
        """
        if self._variables is None:
            raise FastPathMiss
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._variables:
            signature = variable.signature
            value = given.get(signature.name, _ABSENT)
            if value is not _ABSENT:
                sources[signature.name] = VariableValueSource(signature, value)
                coerced[signature.name] = variable.coerce(value)
            elif variable.is_optional:
                sources[signature.name] = VariableValueSource(signature)
            else:
                raise FastPathMiss
        return VariableValues(sources, coerced)


def _coercion(type_: GraphQLInputType, within: tuple[GraphQLInputType, ...]) -> Coerce:
    if isinstance(type_, GraphQLNonNull):
        inner = type_.of_type
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            return fast_coercion(inner, inner.coerce_input_value)
        return _present(_coercion(inner, within))
    if isinstance(type_, GraphQLList):
        return _list(_coercion(type_.of_type, within))
    if isinstance(type_, GraphQLInputObjectType):
        if type_ in within or type_.is_one_of:
            raise _NotCompilable
        return _object(type_, (*within, type_))
    return _nullable(fast_coercion(type_, type_.coerce_input_value))


def _present(coerce: Coerce) -> Coerce:
    def present(value: Any) -> Any:
        if value is None:
            raise FastPathMiss
        return coerce(value)

    return present


def _list(coerce: Coerce) -> Coerce:
    def items(value: Any) -> Any:
        if value is None:
            return None
        return [coerce(item) for item in value] if type(value) is list else [coerce(value)]

    return items


def _nullable(coerce: Coerce) -> Coerce:
    return lambda value: None if value is None else coerce(value)


def _object(type_: GraphQLInputObjectType, within: tuple[GraphQLInputType, ...]) -> Coerce:
    fields = [
        (
            name,
            field.out_name or name,
            UNCHANGED_TYPES.get(get_nullable_type(field.type)),
            _coercion(field.type, within),
            is_required_input_field(field),
            field,
        )
        for name, field in type_.fields.items()
    ]

    def members(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            raise FastPathMiss
        unread = len(value)
        done: dict[str, Any] = {}
        for name, out_name, unchanged_type, coerce, is_required, field in fields:
            given = value.get(name, _ABSENT)
            if given is not _ABSENT:
                unread -= 1
                done[out_name] = given if type(given) is unchanged_type else coerce(given)
            elif is_required:
                raise FastPathMiss
            else:
                default = coerce_default_value(field)
                if default is not Undefined:
                    done[out_name] = default
        if unread:
            raise FastPathMiss
        return type_.out_type(done)

    return members
