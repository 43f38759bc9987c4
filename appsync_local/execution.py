"""One operation: run its plan, apply the schema's types to what resolvers answer, and collect errors as AppSync does.

Query fields run at the same time, top-level mutation fields one after another. A published event goes through the same
plan, but no resolver runs again for it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
    OperationType,
    get_named_type,
)
from graphql.execution.values import VariableValues

from appsync_local.authorization.caller import Caller
from appsync_local.context import FieldContext, RequestContext
from appsync_local.errors import FieldError, FieldUnauthorized
from appsync_local.plan import Plan, Step
from appsync_local.resolvers import Resolution

log = logging.getLogger("appsync_local")

Path = tuple[Any, ...]
Published = Callable[[Step, Any], None]
_ROOT: Final[Path] = ()


class _Missing(Exception):  # travels to the nearest nullable field, as the GraphQL specification says
    """A value that must not be null is null; the error is recorded already."""


class _Mismatch(Exception):
    """A value that does not fit its type; reported without `errorType`, as the service does."""


@dataclass(frozen=True, slots=True)
class _SchemaOnly:
    """As much of graphql-core's resolve info as its introspection fields read."""

    schema: GraphQLSchema


@dataclass(slots=True)
class Execution:
    """One run of a plan.

    Args:
        plan: What is asked for.
        variables: Coerced variables.
        context: The caller and the request.
        publish: Told of every mutation field that succeeded, with its value as the mutation selected it.
    """

    plan: Plan
    variables: VariableValues
    context: RequestContext
    publish: Published
    errors: list[dict[str, object]] = field(default_factory=list)

    async def run(self) -> dict[str, object]:
        """The response: `data`, and `errors` where there are some."""
        steps = self.plan.steps
        data: dict[str, Any] | None = {}
        try:
            if self.plan.operation.operation is OperationType.MUTATION:
                for step in steps:
                    data[step.key] = value = await self._root(step)  # type: ignore[index]
                    if value is not None:
                        self.publish(step, value)
            elif len(steps) == 1:
                data = {steps[0].key: await self._root(steps[0])}
            else:
                values = await _all([self._root(step) for step in steps])
                data = {step.key: value for step, value in zip(steps, values, strict=True)}
        except _Missing:
            data = None
        return {"data": data, "errors": self.errors} if self.errors else {"data": data}

    async def _root(self, step: Step) -> Any:
        if step.rule is not None and not self.context.caller.may_call(step.coordinate):
            return self._refuse(step, (step.key,))
        return await self._field(step, None, (step.key,))

    async def _field(self, step: Step, source: Any, path: Path) -> Any:
        if not _is_open(step, self.context.caller):
            return self._refuse(step, path)
        if step.resolver is None:
            value = _own_value(step, source, self.variables, self.plan)
            if not step.resolves_below:
                return complete_field(step, value, path, self)
        else:
            value = await self._resolved(step, source, path)
        return await self._complete(step, step.type, value, path)

    async def _resolved(self, step: Step, source: Any, path: Path) -> Any:
        """What the resolver answers, or the error that it ended in."""
        resolution: Resolution | None = None
        try:
            context = field_context(step, source, self.context, self.variables)
            resolution = Resolution(context)
            return await resolution.run(step.resolver)  # type: ignore[arg-type]
        except FieldError as error:
            return error
        except GraphQLError as error:
            return FieldError(error.message)
        except Exception:
            log.exception("%s failed inside the engine", step.coordinate)
            return FieldError("an internal failure occurred while resolving this field", "InternalFailure")
        finally:
            for appended in resolution.appended if resolution else ():
                self.record(appended, step, path)

    async def _complete(self, step: Step, type_: object, value: Any, path: Path) -> Any:
        """As `complete_value`, for a value below which resolvers may run."""
        if not step.resolves_below or value is None or isinstance(value, FieldError):
            return complete_value(step, type_, value, path, self)
        try:
            inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
            if isinstance(inner, GraphQLList):
                items = _list(value, path)
                return await _all([self._complete(step, inner.of_type, v, (*path, i)) for i, v in enumerate(items)])
            children = step.children(_object_type(inner, value, path, self.plan))
            values = await _all([self._field(child, value, (*path, child.key)) for child in children])
            return {child.key: v for child, v in zip(children, values, strict=True)}
        except (_Missing, _Mismatch) as problem:
            return self._absent(type_, problem, path)

    def _absent(self, type_: object, problem: Exception, path: Path) -> None:
        if isinstance(problem, _Mismatch):
            self.record_mismatch(str(problem), path)
        if isinstance(type_, GraphQLNonNull):
            raise _Missing

    def _refuse(self, step: Step, path: Path) -> Any:
        return complete_field(step, FieldUnauthorized(step.parent.name, step.name), path, self)

    def record(self, error: FieldError, step: Step, path: Path) -> None:
        """Add the entry of a field that failed."""
        self.errors.append(
            {
                "path": list(path),
                "data": _selected(step, error.data),
                "errorType": error.type,
                "errorInfo": error.info,
                "locations": step.locations,
                "message": error.message,
            }
        )

    def record_mismatch(self, message: str, path: Path) -> None:
        """Add the entry of a value that does not fit the schema."""
        self.errors.append({"path": list(path), "locations": None, "message": message})


@dataclass(slots=True)
class Delivery:
    """One published value, for all subscribers of one plan: types are applied, nobody is asked again."""

    plan: Plan
    variables: VariableValues
    errors: list[dict[str, object]] = field(default_factory=list)

    def run(self, value: Any) -> dict[str, object]:
        """The payload of a `data` message: `data`, and `errors` where fields that must not be null are."""
        [step] = self.plan.steps
        try:
            data: object = {step.key: complete_field(step, value, (step.key,), self)}
        except _Missing:
            data = None
        return {"data": data, "errors": self.errors} if self.errors else {"data": data}

    def record(self, error: FieldError, step: Step, path: Path) -> None:  # noqa: ARG002
        self.record_mismatch(error.message, path)

    def record_mismatch(self, message: str, path: Path) -> None:
        self.errors.append({"message": message, "path": list(path)})


Run = Execution | Delivery


def field_context(step: Step, source: Any, request: RequestContext, variables: VariableValues) -> FieldContext:
    """What the resolver of one field is told."""
    return FieldContext(
        request=request,
        parent_type=step.parent.name,
        field=step.name,
        arguments=step.arguments(variables),
        source=source,
        info=request.info(step.name, step.parent.name, step.selection, step.selection_text),
    )


def complete_field(step: Step, value: Any, path: Path, run: Run) -> Any:
    """A field's value as the response shows it, where no resolver runs below."""
    return complete_value(step, step.type, value, path, run)


def complete_value(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    """A value as the response shows it.

    Raises:
        _Missing: It must not be null, and is.
    """
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    try:
        if isinstance(value, FieldError):
            run.record(value, step, path)
            raise _Missing
        if value is not None:
            done = _present(step, inner, value, path, run)
            if done is not None:
                return done
    except _Missing:
        pass
    except _Mismatch as problem:
        run.record_mismatch(str(problem), path)
    else:
        if inner is type_:
            return None
        run.record_mismatch(
            f"Cannot return null for non-nullable type: '{inner}' within parent '{step.parent.name}' ({_shown(path)})",
            path,
        )
    if inner is not type_:
        raise _Missing
    return None


def _present(step: Step, type_: object, value: Any, path: Path, run: Run) -> Any:
    if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
        try:
            return type_.coerce_output_value(value)
        except Exception as error:  # whatever a scalar's check raises
            reason = error.message if isinstance(error, GraphQLError) else str(error)
            raise _Mismatch(f"Can't serialize value ({_shown(path)}) : {reason}") from None
    if isinstance(type_, GraphQLList):
        items = _list(value, path)
        return [complete_value(step, type_.of_type, item, (*path, index), run) for index, item in enumerate(items)]
    object_type = _object_type(type_, value, path, run.plan)
    done = {}
    caller = run.context.caller if isinstance(run, Execution) else None
    for child in step.children(object_type):
        below = (*path, child.key)
        if caller is not None and not _is_open(child, caller):
            own: Any = FieldUnauthorized(object_type.name, child.name)
        else:
            own = _own_value(child, value, run.variables, run.plan)
        done[child.key] = complete_field(child, own, below, run)
    return done


def _list(value: Any, path: Path) -> list[Any] | tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return value
    raise _mismatch("LIST", value, path)


def _object_type(type_: object, value: Any, path: Path, plan: Plan) -> GraphQLObjectType:
    if isinstance(type_, GraphQLObjectType):
        if isinstance(value, Mapping) or type_.name.startswith("__"):
            return type_
        raise _mismatch("OBJECT", value, path)
    if isinstance(value, Mapping) and isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        name = value.get("__typename")
        named = plan.api.schema.get_type(name) if isinstance(name, str) else None
        if isinstance(named, GraphQLObjectType) and plan.api.schema.is_sub_type(type_, named):
            return named
        raise _Mismatch(f"Can't resolve value ({_shown(path)}) : type '{type_.name}' needs a __typename of its own.")
    raise _mismatch("OBJECT", value, path)


def _mismatch(expected: str, value: Any, path: Path) -> _Mismatch:
    got = (
        "LIST"
        if isinstance(value, list | tuple)
        else "OBJECT"
        if isinstance(value, Mapping)
        else type(value).__name__.upper()
    )
    return _Mismatch(f"Can't resolve value ({_shown(path)}) : type mismatch error, expected type {expected}, got {got}")


def _shown(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path)


def _is_open(step: Step, caller: Caller) -> bool:
    return step.rule is None or (caller.fits(step.rule) and not caller.is_denied(step.coordinate))


def _own_value(step: Step, source: Any, variables: VariableValues, plan: Plan) -> Any:
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


def _selected(step: Step, data: object) -> object:
    """The `data` of an error, cut down to what the field's selection asks for."""
    if isinstance(data, list):
        return [_selected(step, item) for item in data]
    if not isinstance(data, Mapping) or not isinstance(get_named_type(step.type), GraphQLObjectType):
        return data
    return {c.key: _selected(c, data[c.name]) for c in step.possible_children() if c.name in data}


async def _all(coroutines: list[Any]) -> list[Any]:
    """All results, in order; where one is missing, the others still finish, so that their errors are reported."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
