"""One request: run its plan, complete what resolvers answer, and collect errors as AppSync does.

Query fields run at the same time, top-level mutation fields one after another.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, GraphQLList, GraphQLNonNull, OperationType
from graphql.execution.values import VariableValues

from appsync_local.authorization.caller import Caller
from appsync_local.completion import (
    Mismatch,
    Missing,
    Path,
    complete_field,
    complete_value,
    is_open,
    list_of,
    object_type,
    own_value,
    selected,
)
from appsync_local.context import FieldContext, RequestContext
from appsync_local.errors import FieldError, FieldUnauthorized
from appsync_local.plan import Plan, Step
from appsync_local.resolvers import Resolution

log = logging.getLogger("appsync_local")

Published = Callable[[Step, Any], None]


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

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return self.context.caller

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
        except Missing:
            data = None
        return {"data": data, "errors": self.errors} if self.errors else {"data": data}

    async def _root(self, step: Step) -> Any:
        if step.rule is not None and not self.caller.may_call(step.coordinate):
            return self._refuse(step, (step.key,))
        return await self._field(step, None, (step.key,))

    async def _field(self, step: Step, source: Any, path: Path) -> Any:
        if not is_open(step, self.caller):
            return self._refuse(step, path)
        if step.resolver is None:
            value = own_value(step, source, self.variables, self.plan)
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
                items = list_of(value, path)
                return await _all([self._complete(step, inner.of_type, v, (*path, i)) for i, v in enumerate(items)])
            children = step.children(object_type(inner, value, path, self.plan))
            values = await _all([self._field(child, value, (*path, child.key)) for child in children])
            return {child.key: v for child, v in zip(children, values, strict=True)}
        except (Missing, Mismatch) as problem:
            return self._absent(type_, problem, path)

    def _absent(self, type_: object, problem: Exception, path: Path) -> None:
        if isinstance(problem, Mismatch):
            self.record_mismatch(str(problem), path)
        if isinstance(type_, GraphQLNonNull):
            raise Missing

    def _refuse(self, step: Step, path: Path) -> Any:
        return complete_field(step, FieldUnauthorized(step.parent.name, step.name), path, self)

    def record(self, error: FieldError, step: Step, path: Path) -> None:
        """Add the entry of a field that failed."""
        self.errors.append(
            {
                "path": list(path),
                "data": selected(step, error.data),
                "errorType": error.type,
                "errorInfo": error.info,
                "locations": step.locations,
                "message": error.message,
            }
        )

    def record_mismatch(self, message: str, path: Path) -> None:
        """Add the entry of a value that does not fit the schema."""
        self.errors.append({"path": list(path), "locations": None, "message": message})


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


async def _all(coroutines: list[Any]) -> list[Any]:
    """All results, in order; where one is missing, the others still finish, so that their errors are reported."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
