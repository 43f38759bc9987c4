"""Unit and pipeline resolvers: the order in which code and data sources run for one field.

Source: AppSync Developer Guide, "JavaScript resolvers overview", and "Runtime utilities" for `runtime.earlyReturn`.
"""

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

import orjson

from appsync_local.api.limits import CODE_TIME, RESULT_LIMIT
from appsync_local.data_sources import DataSource, LambdaDataSource
from appsync_local.devtools.operation_log import OK, StepRecord, steps
from appsync_local.errors import FieldError, FieldUnauthorized, ScriptFailed, SourceFailed
from appsync_local.javascript.context import FieldContext
from appsync_local.javascript.sandbox import NO_EFFECTS, Effects, EntryPoint, Outcome

log = logging.getLogger("appsync_local")


class Handlers(Protocol):
    """The request and response handlers of code in JavaScript, or of templates."""

    @property
    def name(self) -> str:
        """What the log calls them."""

    @property
    def error_type(self) -> str:
        """The type of the error of a field whose handler failed."""

    def call(self, entry: EntryPoint, own: str, shared: str, auth_type: str | None) -> Outcome:
        """Run one handler, or with `local` both; as `Sandbox.call`."""

    def gives_errors(self, request: object) -> bool:
        """Whether an error of the data source only becomes `ctx.error`. Otherwise it fails the field."""

    def is_done(self, request: object, result: object) -> bool:
        """Whether the result of the data source is the function's result, so that the response handler does not run."""


@dataclass(frozen=True, slots=True)
class SourceFunction:
    """Code around one data source; `name` is the data source's name."""

    handlers: Handlers
    source: DataSource
    name: str = ""


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """Code with a NONE data source of this name: the payload of its request is its result."""

    handlers: Handlers
    name: str = ""


@dataclass(frozen=True, slots=True)
class DirectFunction:
    """A Lambda function that receives the whole context, without code; `name` is the data source's name."""

    source: LambdaDataSource
    name: str = ""


ResolverFunction = SourceFunction | LocalFunction | DirectFunction


@dataclass(frozen=True, slots=True)
class Unit:
    """A field that one data source answers."""

    function: ResolverFunction


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A field that pipeline functions answer, one after another; `handlers` run before and after them."""

    handlers: Handlers
    functions: tuple[ResolverFunction, ...]


Resolver = Unit | Pipeline


def calls_data_source(resolver: Resolver) -> bool:
    """Whether the resolver calls a data source outside the engine."""
    functions = (resolver.function,) if isinstance(resolver, Unit) else resolver.functions
    return any(not isinstance(function, LocalFunction) for function in functions)


@dataclass(slots=True)
class Resolution:
    """One run of a resolver.

    Args:
        context: The caller, the field and its arguments.
        appended: The errors of `util.appendError`.
        filter: The last argument of `extensions.setSubscriptionFilter`.
        invalidation_filter: The last argument of `extensions.setSubscriptionInvalidationFilter`.
        invalidations: The arguments of `extensions.invalidateSubscriptions`, in order.
        headers: The arguments of `util.http.addResponseHeader`, in order.
        evictions: The arguments of `extensions.evictFromApiCache`, in order.
    """

    context: FieldContext
    appended: list[FieldError] = field(default_factory=list)
    filter: object = None
    invalidation_filter: object = None
    invalidations: list[object] = field(default_factory=list)
    headers: list[tuple[str, object]] = field(default_factory=list)
    evictions: list[dict[str, Any]] = field(default_factory=list)
    stash: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, object] | None = None

    async def run(self, resolver: Resolver) -> object:
        """The field's value, before it is completed.

        Raises:
            FieldError: The code raised an error, failed, or returned a malformed request.
        """
        match resolver:
            case Unit(function):
                return (
                    self._local(function) if isinstance(function, LocalFunction) else await self._remote(function)
                ).value
            case Pipeline(handlers, functions):
                return await self._pipeline(handlers, functions)
            case _:
                assert_never(resolver)

    async def _pipeline(self, handlers: Handlers, functions: tuple[ResolverFunction, ...]) -> object:
        self.previous = {"result": None}
        outcome = self._call(handlers, "request")
        value = outcome.body["value"]
        if outcome.kind == "returned":
            return _of_allowed_size(value)
        if outcome.kind != "early":
            for function in functions:
                self.previous = {"result": value}
                result = self._local(function) if isinstance(function, LocalFunction) else await self._remote(function)
                value = result.value
                if result.ends_pipeline:
                    break
        self.previous = {"result": value}
        return _of_allowed_size(self._call(handlers, "response", result=value).body["value"])

    def _local(self, function: LocalFunction) -> "_FunctionResult":
        with self._line(function):
            return _result(self._call(function.handlers, "local"))

    def _line(self, function: ResolverFunction) -> AbstractContextManager[StepRecord | None]:
        """The log line of one function; does nothing if the log is off."""
        if not steps.isEnabledFor(logging.INFO):
            return nullcontext()
        code = "direct" if isinstance(function, DirectFunction) else function.handlers.name
        return StepRecord(self._coordinate, code, function.name)

    async def _remote(self, function: SourceFunction | DirectFunction) -> "_FunctionResult":
        with self._line(function) as line:
            match function:
                case SourceFunction(handlers, source):
                    result = await self._run_code(handlers, source)
                case DirectFunction(source):
                    value = await source.execute_directly(self.context, self.stash, self.previous)
                    result = _FunctionResult(_of_allowed_size(value), ends_pipeline=False)
                case _:
                    assert_never(function)
            if line is not None:
                line.outcome = result.failure or OK
            return result

    async def _run_code(self, handlers: Handlers, source: DataSource) -> "_FunctionResult":
        requested = self._call(handlers, "request")
        if requested.kind != "value":
            return _result(requested)
        request = requested.body["value"]
        failed = None
        try:
            value = await source.execute(request, self.context)
        except SourceFailed as failure:
            # The field does not fail yet: the response handler decides.
            failed = failure.type
            error = {"message": failure.message, "type": failure.type}
            responded = self._call(handlers, "response", error=error, result=failure.result)
            if not handlers.gives_errors(request):
                raise FieldError(failure.message, failure.type, responded.body["value"]) from None
        else:
            if handlers.is_done(request, value):
                return _FunctionResult(value, ends_pipeline=False)
            responded = self._call(handlers, "response", result=value)
        return _result(responded, failed)

    def _call(self, handlers: Handlers, entry: EntryPoint, **extra: object) -> Outcome:
        request = self.context.request
        if request.code_time > CODE_TIME:
            raise FieldError(f"the code of this request ran longer than {CODE_TIME:g} s in total", "ExecutionTimeout")
        own = self.context.own(stash=self.stash, previous=self.previous, **extra)
        started = time.perf_counter()
        try:
            outcome = handlers.call(entry, own, self.context.shared, self.context.auth_type)
        except ScriptFailed as failure:
            log.warning("%s failed: %s", self._coordinate, "\n    ".join((failure.message, *failure.trace)))
            raise FieldError(failure.message, handlers.error_type) from None
        finally:
            request.code_time += time.perf_counter() - started
        self.stash = outcome.stash
        if outcome.effects is not NO_EFFECTS:
            self._collect(outcome.effects)
        if outcome.kind == "error":
            body = outcome.body
            raise FieldError(body["message"], body["type"], body["data"], body["info"])
        if outcome.kind == "unauthorized":
            raise FieldUnauthorized(self.context.parent_type, self.context.field)
        return outcome

    def _collect(self, effects: Effects) -> None:
        self.appended += [FieldError(e["message"], e["type"], e["data"], e["info"]) for e in effects.appended]
        if effects.filter is not None:
            self.filter = effects.filter
        if effects.invalidation_filter is not None:
            self.invalidation_filter = effects.invalidation_filter
        self.invalidations += effects.invalidations
        self.headers += effects.headers
        self.evictions += effects.evictions
        for level, text in effects.logs:
            number = logging.ERROR if level == "error" else logging.INFO
            log.log(number, "%s: %s", self._coordinate, text, extra={"event": "console"})

    @property
    def _coordinate(self) -> str:
        return f"{self.context.parent_type}.{self.context.field}"


@dataclass(slots=True)
class _FunctionResult:
    value: object
    ends_pipeline: bool
    failure: str | None = None  # the error type of the data source, even if the code handled the error


def _result(outcome: Outcome, failure: str | None = None) -> _FunctionResult:
    return _FunctionResult(_of_allowed_size(outcome.body["value"]), outcome.body.get("skipTo") == "END", failure)


def _of_allowed_size(value: object) -> object:
    """A value that a resolver or a pipeline function may return.

    Raises:
        FieldError: The value is larger than `RESULT_LIMIT`.

    Source:
        AppSync quotas, and answers of the service published by its users (awslabs/aws-mobile-appsync-sdk-js issue 124).
    """
    try:
        size = len(orjson.dumps(value))
    except orjson.JSONEncodeError:  # nested too deeply: completion reports it if the field is selected
        return value
    if size > RESULT_LIMIT:
        raise FieldError("Transformation too large", "MappingTemplate")
    return value
