"""A value made to fit its type: how resolvers' answers, and published values, become what a client is shown.

No resolver runs here. A value that must not be null and is travels up as `Missing`, as the GraphQL specification says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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

from appsync_local.api.scalars import Unfit
from appsync_local.authorization.caller import Caller
from appsync_local.errors import FieldError, FieldUnauthorized
from appsync_local.operation.plan import Plan, Step

Path = tuple[Any, ...]


class Missing(Exception):  # travels to the nearest nullable field, as the GraphQL specification says
    """A value that must not be null is null; the error is recorded already."""


class Mismatch(Exception):
    """A value that does not fit its type; reported without `errorType`, as the service does."""


@dataclass(frozen=True, slots=True)
class _SchemaOnly:
    """As much of graphql-core's resolve info as its introspection fields read."""

    schema: GraphQLSchema


class OfType(dict[str, Any]):
    """A completed object of an abstract type, which knows its type also where `__typename` was not selected."""

    __slots__ = ("type_name",)

    def __init__(self, members: Iterable[tuple[str, Any]], type_name: str) -> None:
        super().__init__(members)
        self.type_name = type_name


class Run(Protocol):
    """What values are completed for: one request, or one published event."""

    @property
    def plan(self) -> Plan: ...

    @property
    def variables(self) -> VariableValues: ...

    @property
    def caller(self) -> Caller | None:
        """Whose access is checked field by field; None where it was checked for all fields before."""

    def count(self, values: int) -> None:
        """Take note of values in a list; AnswerTooLarge where they are too many."""

    def record(self, error: FieldError, step: Step, path: Path) -> None:
        """Add the entry of a field that failed."""

    def record_mismatch(self, message: str, path: Path) -> None:
        """Add the entry of a value that does not fit the schema."""


def complete_field(step: Step, value: Any, path: Path, run: Run) -> Any:
    """A field's value as the response shows it, where no resolver runs below."""
    return complete_value(step, step.type, value, path, run)


def complete_value(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    """A value as the response shows it.

    Raises:
        Missing: It must not be null, and is.
    """
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    try:
        if isinstance(value, FieldError):
            run.record(value, step, path)
            raise Missing
        if value is not None:
            done = _present(step, inner, value, path, run)
            if done is not None:
                return done
    except Missing:
        pass
    except Mismatch as problem:
        run.record_mismatch(str(problem), path)
    else:
        if inner is type_:
            return None
        run.record_mismatch(
            f"Cannot return null for non-nullable type: '{inner}' within parent '{step.parent.name}' ({_shown(path)})",
            path,
        )
    if inner is not type_:
        raise Missing
    return None


def _present(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
        try:
            return type_.coerce_output_value(value)
        except Exception as error:  # whatever a scalar's check raises
            reason = error.message if isinstance(error, GraphQLError) else str(error)
            raise Mismatch(f"Can't serialize value ({_shown(path)}) : {reason}") from None
    if isinstance(type_, GraphQLList):
        items = list_of(value, path)
        run.count(len(items) * step.width)
        return [complete_value(step, type_.of_type, item, (*path, index), run) for index, item in enumerate(items)]
    concrete = object_type(type_, value, path, run.plan)
    leaves = step.leaves(concrete)
    try:
        done = leaves.complete(value, run.caller) if leaves else _fields(step, concrete, value, path, run)
    except Unfit:
        done = _fields(step, concrete, value, path, run)
    return done if concrete is type_ else OfType(done.items(), concrete.name)


def _fields(step: Step, concrete: GraphQLObjectType, value: Any, path: Path, run: Run) -> dict[str, Any]:
    done: dict[str, Any] = {}
    caller = run.caller
    for child in step.children(concrete):
        below = (*path, child.key)
        if caller is None:
            own = own_value(child, value, run.variables, run.plan)
        elif child.refusal is not None:
            own = child.refusal
        elif not is_open(child, caller):
            own = FieldUnauthorized(concrete.name, child.name)
        else:
            own = own_value(child, value, run.variables, run.plan)
        done[child.key] = complete_field(child, own, below, run)
    return done


def list_of(value: Any, path: Path) -> list[Any] | tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return value
    raise _mismatch("LIST", value, path)


def object_type(type_: object, value: Any, path: Path, plan: Plan) -> GraphQLObjectType:
    if isinstance(type_, GraphQLObjectType):
        if isinstance(value, Mapping) or type_.name.startswith("__"):
            return type_
        raise _mismatch("OBJECT", value, path)
    if isinstance(value, Mapping) and isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        name = value.type_name if isinstance(value, OfType) else value.get("__typename")
        named = plan.api.schema.get_type(name) if isinstance(name, str) else None
        if isinstance(named, GraphQLObjectType) and plan.api.schema.is_sub_type(type_, named):
            return named
        raise Mismatch(f"Can't resolve value ({_shown(path)}) : type '{type_.name}' needs a __typename of its own.")
    raise _mismatch("OBJECT", value, path)


def _mismatch(expected: str, value: Any, path: Path) -> Mismatch:
    got = (
        "LIST"
        if isinstance(value, list | tuple)
        else "OBJECT"
        if isinstance(value, Mapping)
        else type(value).__name__.upper()
    )
    return Mismatch(f"Can't resolve value ({_shown(path)}) : type mismatch error, expected type {expected}, got {got}")


def _shown(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path)


def is_open(step: Step, caller: Caller) -> bool:
    return step.rule is None or (caller.fits(step.rule) and not caller.is_denied(step.coordinate))


def own_value(step: Step, source: Any, variables: VariableValues, plan: Plan) -> Any:
    """A field's value without a resolver: the parent's member of that name."""
    if step.name == "__typename":
        return step.parent.name
    if step.name == "__schema":
        return plan.api.schema
    if step.is_introspection:
        arguments = step.arguments(variables)
        if step.name == "__type":
            return plan.api.schema.get_type(arguments["name"])
        answer = step.definition.resolve(source, _SchemaOnly(plan.api.schema), **arguments)  # type: ignore[misc]
        return list(answer) if isinstance(answer, Iterable) and not isinstance(answer, str) else answer
    return source.get(step.name) if source is not None else None


def selected(step: Step, data: object) -> object:
    """The `data` of an error, cut down to what the field's selection asks for."""
    if isinstance(data, list):
        return [selected(step, item) for item in data]
    if not isinstance(data, Mapping) or not isinstance(get_named_type(step.type), GraphQLObjectType):
        return data
    return {c.key: selected(c, data[c.name]) for c in step.possible_children() if c.name in data}
