"""Completes values: what resolvers answer, and what mutations publish, becomes what a client receives.

There is one completion for lists and one for objects. The scalars and enums of an object take a fast path. Below a
field with resolvers, a list or an object is `Pending`: its parts are completed at the same time, and awaited.

An error in a non-null position travels up as `NonNullViolation`, as the GraphQL specification says.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)
from graphql.execution.values import VariableValues

from appsync_local.api.java_text import java_text
from appsync_local.api.scalars import FastPathMiss
from appsync_local.authorization.caller import Caller
from appsync_local.errors import FieldError
from appsync_local.operation.leaf_fields import LeafFields
from appsync_local.operation.plan import Plan, Step

Path = tuple[Any, ...]


class NonNullViolation(Exception):
    """A value in a non-null position is null. The error is recorded; the nearest nullable field becomes null."""


class TypeMismatch(Exception):
    """A value does not fit its type. Reported without `errorType`, as AppSync does."""


@dataclass(frozen=True, slots=True)
class _ResolveInfo:
    """The part of graphql-core's resolve info that its introspection fields read."""

    schema: GraphQLSchema


class TypedObject(dict[str, Any]):
    """A completed object of an interface or union, which keeps its type even if `__typename` was not selected."""

    __slots__ = ("type_name",)

    def __init__(self, members: Iterable[tuple[str, Any]], type_name: str) -> None:
        super().__init__(members)
        self.type_name = type_name


@dataclass(slots=True)
class Pending:
    """A list or an object whose parts wait for resolvers.

    Args:
        parts: One coroutine for each item or field, in order.
        assemble: Makes the list or the object of the parts' values.
        is_nullable: Whether it becomes null if a part violates a non-null type.
    """

    parts: list[Coroutine[Any, Any, Any]]
    assemble: Callable[[list[Any]], Any]
    is_nullable: bool = False

    async def value(self) -> Any:
        """The completed list or object. All parts finish, even after a violation, so that all errors are reported.

        Raises:
            NonNullViolation: A part violates a non-null type, and this value must not be null either.
        """
        violation: NonNullViolation | None = None
        results = await asyncio.gather(*self.parts, return_exceptions=True)
        for result in results:
            if isinstance(result, NonNullViolation):
                violation = result
            elif isinstance(result, BaseException):
                raise result
        if violation is None:
            return self.assemble(results)
        if self.is_nullable:
            return None
        raise violation


class Run(Protocol):
    """What values are completed for: one request, or one published event."""

    @property
    def plan(self) -> Plan: ...

    @property
    def variables(self) -> VariableValues: ...

    @property
    def caller(self) -> Caller | None:
        """The caller whose access is checked for every field; None if it was checked for all fields before."""

    @property
    def resolve_field(self) -> Callable[[Step, Any, Path], Coroutine[Any, Any, Any]] | None:
        """Runs a field's resolver and completes its value; None if no resolver runs, as for a published event."""

    def count(self, values: int) -> None:
        """Count values in a list; raises ResponseTooLarge if there are too many."""

    def record(self, error: FieldError, step: Step, path: Path) -> None:
        """Add the entry of a field that failed."""

    def record_mismatch(self, message: str, path: Path) -> None:
        """Add the entry of a value that does not fit the schema."""


def complete_field(step: Step, value: Any, path: Path, run: Run) -> Any:
    """As `complete_value`, for a field's whole value."""
    return complete_value(step, step.type, value, path, run)


def complete_value(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    """A value as the response shows it, or `Pending` if fields with resolvers are selected below it.

    Raises:
        NonNullViolation: The value is null or failed, and its type is non-null.
    """
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    try:
        if isinstance(value, FieldError):
            run.record(value, step, path)
            raise NonNullViolation
        if value is not None:
            done = _present(step, inner, value, path, run)
            if done is not None:
                if type(done) is Pending:
                    done.is_nullable = inner is type_
                return done
    except NonNullViolation:
        pass
    except TypeMismatch as problem:
        run.record_mismatch(str(problem), path)
    else:
        if inner is type_:
            return None
        run.record_mismatch(
            f"Cannot return null for non-nullable type: '{inner}' within parent '{step.parent.name}' ({_shown(path)})",
            path,
        )
    if inner is not type_:
        raise NonNullViolation
    return None


def _present(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    """The completed value of a type without its non-null wrapper, for a value that is not null."""
    if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
        try:
            return step.coerce(value)
        except Exception as error:  # the check of a scalar may raise any exception
            reason = error.message if isinstance(error, GraphQLError) else str(error)
            raise TypeMismatch(f"Can't serialize value ({_shown(path)}) : {reason}") from None
    if isinstance(type_, GraphQLList):
        return _list(step, type_.of_type, value, path, run)
    return _object(step, type_, value, path, run)


def _list(step: Step, item_type: object, value: Any, path: Path, run: Run) -> list[Any] | Pending:
    if not isinstance(value, list | tuple):
        raise _mismatch("LIST", path)
    run.count(len(value) * step.width)
    if run.resolve_field is not None and step.resolves_below:
        parts = [_completed(step, item_type, item, (*path, index), run) for index, item in enumerate(value)]
        return Pending(parts, list)
    return [complete_value(step, item_type, item, (*path, index), run) for index, item in enumerate(value)]


async def _completed(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    done = complete_value(step, type_, value, path, run)
    return await done.value() if type(done) is Pending else done


def _object(step: Step, type_: object, value: Any, path: Path, run: Run) -> dict[str, Any] | Pending:
    concrete = _object_type(step, type_, value, path)
    type_name = None if concrete is type_ else concrete.name
    if run.resolve_field is not None and step.resolves_below:
        children = step.children(concrete)
        parts = [run.resolve_field(child, value, (*path, child.key)) for child in children]
        return Pending(parts, partial(_assembled, [child.key for child in children], type_name))
    done = _members(step.leaf_fields(concrete), value, path, run)
    if done is None:
        done = {}
        for child in step.children(concrete):
            done[child.key] = complete_field(child, field_value(child, value, run), (*path, child.key), run)
    return done if type_name is None else TypedObject(done.items(), type_name)


def _assembled(keys: list[str], type_name: str | None, values: list[Any]) -> dict[str, Any]:
    members = zip(keys, values, strict=True)
    return dict(members) if type_name is None else TypedObject(members, type_name)


def _members(leaf_fields: LeafFields[Step], value: object, path: Path, run: Run) -> dict[str, Any] | None:
    """The fast path: the fields of an object whose fields are all visible to the caller; None otherwise.

    Raises:
        NonNullViolation: A field that must not be null is null or failed.
    """
    if type(value) is not dict:
        return None
    caller, modes = run.caller, leaf_fields.modes
    if caller is not None and (caller.denied or (modes is not None and caller.mode not in modes)):
        return None
    done: dict[str, Any] = {}
    for key, name, coerce, unchanged_type, may_be_null, child in leaf_fields.fields:
        member = value.get(name)
        if type(member) is unchanged_type:
            done[key] = member
        elif member is None and may_be_null:
            done[key] = None
        else:
            try:
                coerced = coerce(member)
            except FastPathMiss:
                coerced = None
            if coerced is None:
                coerced = complete_field(child, field_value(child, value, run), (*path, key), run)
            done[key] = coerced
    return done


def field_value(step: Step, source: Any, run: Run) -> Any:
    """A field's value without a resolver: the error that refuses it to the caller, or the parent's member."""
    refusal = step.refusal_for(run.caller)
    if refusal is not None:
        return refusal
    if not step.is_meta:
        return source.get(step.name) if source is not None else None
    schema = run.plan.api.schema
    if step.name == "__typename":
        return step.parent.name
    if step.name == "__schema":
        return schema
    arguments = step.arguments(run.variables)
    if step.name == "__type":
        return schema.get_type(arguments["name"])
    answer = step.definition.resolve(source, _ResolveInfo(schema), **arguments)  # type: ignore[misc]
    return list(answer) if isinstance(answer, Iterable) and not isinstance(answer, str) else answer


def _object_type(step: Step, type_: object, value: Any, path: Path) -> GraphQLObjectType:
    """The object type of a value.

    Raises:
        TypeMismatch: The value is not an object, or does not name a type of this interface or union.
    """
    if isinstance(type_, GraphQLObjectType):
        if isinstance(value, Mapping) or type_.name.startswith("__"):
            return type_
        raise _mismatch("OBJECT", path)
    if isinstance(value, Mapping) and isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        name = value.type_name if isinstance(value, TypedObject) else value.get("__typename")
        schema = step.plan.api.schema
        named = schema.get_type(name) if isinstance(name, str) else None
        if isinstance(named, GraphQLObjectType) and schema.is_sub_type(type_, named):
            return named
        raise TypeMismatch(_no_object_type(step, type_, name, path))
    raise _mismatch("OBJECT", path)


def _no_object_type(step: Step, type_: GraphQLInterfaceType | GraphQLUnionType, name: object, path: Path) -> str:
    reason = "Missing __typename key on value." if name is None else f"No such type: {java_text(name)}."
    return (
        f"Can't resolve '{_shown(path)}'. Abstract type '{type_.name}' must resolve to an Object type at runtime for "
        f"field '{step.coordinate}'. Could not determine the exact type of {type_.name}. {reason}"
    )


def _mismatch(expected: str, path: Path) -> TypeMismatch:
    return TypeMismatch(f"Can't resolve value ({_shown(path)}) : type mismatch error, expected type {expected}")


def _shown(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path)


def selected(step: Step, data: object) -> object:
    """The `data` of an error, reduced to the field's selection."""
    if isinstance(data, list):
        return [selected(step, item) for item in data]
    declared = get_named_type(step.type)
    if not isinstance(data, Mapping) or isinstance(declared, GraphQLScalarType | GraphQLEnumType):
        return data
    try:
        children: Iterable[Step] = step.children(_object_type(step, declared, data, ()))
    except TypeMismatch:  # it does not say which of the possible types it is
        children = step.possible_children()
    return {child.key: selected(child, data[child.name]) for child in children if child.name in data}
