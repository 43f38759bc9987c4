"""The first fault of an operation's variables, in AppSync's words.

Source: answers of the service published by its users. A value that is missing inside an input is reported with the
variable's name and the inner type (aws/aws-appsync-community issue 406).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    SourceLocation,
    Undefined,
    VariableDefinitionNode,
    get_location,
    type_from_ast,
)

from appsync_local.api.java_text import java_text, java_type
from appsync_local.operation.validation import entry


class _Fault(Exception):
    """The first fault; `has_location` if the service names the location of the variable."""

    def __init__(self, message: str, *, has_location: bool = True) -> None:
        self.message = message
        self.has_location = has_location
        super().__init__(message)


def variable_entry(
    schema: GraphQLSchema, definitions: Iterable[VariableDefinitionNode], given: Mapping[str, Any]
) -> dict[str, object] | None:
    """The entry for the first variable that does not fit its type; None if all fit."""
    for definition in definitions:
        name = definition.variable.name.value
        try:
            if name in given or not definition.default_value:
                _check(name, name, type_from_ast(schema, definition.type), given.get(name))
        except _Fault as fault:
            return entry(fault.message, _location(definition) if fault.has_location else ())
    return None


def _location(definition: VariableDefinitionNode) -> list[SourceLocation]:
    return [get_location(definition.loc.source, definition.loc.start)] if definition.loc else []


def _check(variable: str, name: str, type_: Any, value: Any) -> None:
    """Raise the first fault of a value.

    Args:
        variable: The variable.
        name: The innermost input field that the value belongs to; the variable outside inputs. The service calls this
            the variable, unless the value is missing.
        type_: The type of the value.
        value: The value.
    """
    if isinstance(type_, GraphQLNonNull):
        if value is None:
            raise _null(variable, type_)
        _check(variable, name, type_.of_type, value)
        if isinstance(type_.of_type, GraphQLScalarType) and type_.of_type.coerce_input_value(value) is None:
            raise _null(variable, type_)  # such as the JSON text `null`
        return
    if value is None:
        return
    match type_:
        case GraphQLList():
            for item in value if isinstance(value, list) else [value]:
                _check(variable, name, type_.of_type, item)
        case GraphQLInputObjectType():
            _check_object(variable, name, type_, value)
        case GraphQLEnumType() if not isinstance(value, str) or value not in type_.values:
            shown = java_text(value)
            raise _invalid(name, f"Invalid input for Enum '{type_.name}'. No value found for name '{shown}'")
        case GraphQLScalarType():
            _check_scalar(name, type_, value)
        case _:
            pass


def _check_object(variable: str, name: str, type_: GraphQLInputObjectType, value: Any) -> None:
    if not isinstance(value, dict):
        expected = f"Expected type 'Map' but was '{java_type(value)}'."
        raise _invalid(name, f"{expected} Variables for input objects must be an instance of type 'Map'.")
    for given in value:
        if given not in type_.fields:
            message = f"The variables input contains a field name '{given}' that is not defined for input object type"
            raise _Fault(f"{message} '{type_.name}' ", has_location=False)  # the service sends the trailing blank
    for field_name, field in type_.fields.items():
        if field_name in value or field.default_value is Undefined:
            _check(variable, field_name, field.type, value.get(field_name))


def _check_scalar(name: str, type_: GraphQLScalarType, value: Any) -> None:
    try:
        type_.coerce_input_value(value)
    except GraphQLError:  # raised by the built-in scalars of GraphQL
        raise _invalid(name, f"Expected type '{type_.name}' but was '{java_type(value)}'.") from None
    except Exception as error:  # the check of an AWS scalar may raise any exception
        raise _invalid(name, str(error)) from None


def _null(variable: str, type_: Any) -> _Fault:
    return _Fault(f"Variable '{variable}' has coerced Null value for NonNull type '{type_}'")


def _invalid(name: str, reason: str) -> _Fault:
    return _Fault(f"Variable '{name}' has an invalid value. {reason}")
