"""Executes one request: runs its plan, completes the results of resolvers, and collects errors as AppSync does.

The root fields of a query run at the same time, those of a mutation one after another.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import GraphQLError, OperationType
from graphql.execution.values import VariableValues

from appsync_local.api.limits import MOST_INVALIDATIONS, REQUEST_LIMIT, VALUE_LIMIT
from appsync_local.authorization.caller import Caller
from appsync_local.devtools.internal_failures import INTERNAL_FAILURE, report_internal_failure
from appsync_local.errors import FieldError, ResponseTooLarge
from appsync_local.execution.completion import (
    NonNullViolation,
    Path,
    Pending,
    complete_field,
    field_value,
    selected,
)
from appsync_local.javascript.context import FieldContext, RequestContext
from appsync_local.operation.plan import Plan, Step
from appsync_local.resolvers.resolution import Resolution, Resolver
from appsync_local.resolvers.response_headers import ResponseHeaders


class MutationPublisher(Protocol):
    """Receives the results of mutations."""

    def publish(self, step: Step, value: Any) -> None:
        """Publish the value of a mutation field that succeeded, as the mutation selected it. Never raises."""

    def invalidate(self, invalidation: object) -> None:
        """End the subscriptions that an argument of `extensions.invalidateSubscriptions` names. Never raises."""


@dataclass(slots=True)
class Execution:
    """One run of a plan.

    Args:
        plan: The compiled operation.
        variables: Coerced variables.
        context: The caller and the request.
        publisher: Receives the results of mutations.
        headers: Response headers that resolvers add.
    """

    plan: Plan
    variables: VariableValues
    context: RequestContext
    publisher: MutationPublisher
    errors: list[dict[str, object]] = field(default_factory=list)
    headers: ResponseHeaders = field(default_factory=ResponseHeaders)
    _evictions: int = 0
    _deadline: float | None = None  # time of the event loop; set when the first data source is called
    _resolved_fields: int = 0
    _values: int = 0
    _invalidations: list[object] = field(default_factory=list)
    _invalidated: int = 0

    @property
    def caller(self) -> Caller:
        """The caller of the request."""
        return self.context.caller

    async def run(self) -> dict[str, object]:
        """The response: `data`, and `errors` if there are any.

        Raises:
            ResponseTooLarge: The lists of the response have too many values.
        """
        steps = self.plan.steps
        data: dict[str, Any] | None = {}
        try:
            if self.plan.operation.operation is OperationType.MUTATION:
                for step in steps:
                    data[step.key] = value = await self._root(step)  # type: ignore[index]
                    if value is not None:
                        self.publisher.publish(step, value)
                    self._invalidate()
            elif len(steps) == 1:
                data = {steps[0].key: await self._root(steps[0])}
            else:
                values = await Pending([self._root(step) for step in steps], list).value()
                data = {step.key: value for step, value in zip(steps, values, strict=True)}
        except NonNullViolation:
            data = None
        response: dict[str, object] = {"data": data}
        if self.errors:
            response["errors"] = self.errors
        if self._evictions:
            response["extensions"] = {"apiCacheEntriesDeleted": 0}  # the engine has no cache
        return response

    async def _root(self, step: Step) -> Any:
        path = (step.key,)
        if not step.may_wait:
            return await self.resolve_field(step, None, path)
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + REQUEST_LIMIT
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self.resolve_field(step, None, path)
        except TimeoutError:
            return complete_field(step, FieldError("Execution timed out.", "ExecutionTimeout"), path, self)

    async def resolve_field(self, step: Step, source: Any, path: Path) -> Any:
        """A field's completed value, from its resolver if it has one and the caller may use the field.

        Raises:
            NonNullViolation: The field violates its non-null type.
        """
        if step.resolver is None:
            value = field_value(step, source, self)
        else:
            value = step.refusal_for(self.caller)
            if value is None:
                value = await self._resolved(step, step.resolver, source, path)
        done = complete_field(step, value, path, self)
        return await done.value() if type(done) is Pending else done

    async def _resolved(self, step: Step, resolver: Resolver, source: Any, path: Path) -> Any:
        """The resolver's result, or the error that ended it."""
        resolution: Resolution | None = None
        self._resolved_fields += 1
        if self._resolved_fields > self.plan.api.limits.resolvers:
            return FieldError("Resolver execution limit is reached.", "ResolverExecutionLimitReached")
        try:
            context = field_context(step, source, self.context, self.variables)
            resolution = Resolution(context)
            value = await resolution.run(resolver)
            return self._too_many_invalidations(resolution) or value
        except FieldError as error:
            return error
        except GraphQLError as error:
            return FieldError(error.message)
        except Exception as failure:
            entry = report_internal_failure(step.coordinate, failure)
            return FieldError(str(entry["message"]), INTERNAL_FAILURE)
        finally:
            if resolution is not None:
                self._collect(resolution, step, path)

    def _collect(self, resolution: Resolution, step: Step, path: Path) -> None:
        """Collect the other effects of a resolver, even if it failed: headers, evictions, appended errors."""
        for name, value in resolution.headers:
            refusal = self.headers.add(name, value)
            if refusal is not None:
                resolution.appended.append(refusal)
        if resolution.evictions and self.plan.operation.operation is OperationType.MUTATION:
            self._evictions += len(resolution.evictions)
        for appended in resolution.appended:
            self.record(appended, step, path)

    def _too_many_invalidations(self, resolution: Resolution) -> FieldError | None:
        if not resolution.invalidations:
            return None
        self._invalidated += len(resolution.invalidations)
        if self._invalidated > MOST_INVALIDATIONS:
            return FieldError(
                f"a request may invalidate subscriptions at most {MOST_INVALIDATIONS} times", "BadRequestException"
            )
        self._invalidations += resolution.invalidations
        return None

    def _invalidate(self) -> None:
        """Runs after the mutation's event, so that a subscription receives the event that ends it."""
        for invalidation in self._invalidations:
            self.publisher.invalidate(invalidation)
        self._invalidations.clear()

    def count(self, values: int) -> None:
        """Count values in a list.

        Raises:
            ResponseTooLarge: The response has too many values.
        """
        self._values += values
        if self._values > VALUE_LIMIT:
            raise ResponseTooLarge(VALUE_LIMIT)

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
    """The context of one field's resolver."""
    return FieldContext(
        request=request,
        parent_type=step.parent.name,
        field=step.name,
        arguments=step.arguments(variables),
        source=source,
        info=request.info(step.name, step.parent.name, step.selection, step.selection_text),
        environment=step.plan.api.environment,
    )
