"""Unit and pipeline resolvers: the order in which code and data sources run for one field.

Source: AppSync Developer Guide, "JavaScript resolvers overview", and "Runtime utilities" for `runtime.earlyReturn`.
"""

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, assert_never

from appsync_local.api.limits import CODE_TIME
from appsync_local.data_sources import DataSource, LambdaDataSource
from appsync_local.devtools.operation_log import OK, StepRecord, steps
from appsync_local.errors import FieldError, FieldUnauthorized, ScriptFailed, SourceFailed
from appsync_local.javascript.context import FieldContext
from appsync_local.javascript.script import NOTHING, Effects, Entry, Outcome, Script

log = logging.getLogger("appsync_local")


@dataclass(frozen=True, slots=True)
class Stage:
    """Code around one data source, which goes by `name`."""

    script: Script
    source: DataSource
    name: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """Code that asks nobody: the payload of its request is its result. `name` is that of a NONE data source."""

    script: Script
    name: str = ""


@dataclass(frozen=True, slots=True)
class Direct:
    """A Lambda function that is given the whole context, without code around it; it goes by `name`."""

    source: LambdaDataSource
    name: str = ""


AnyStage = Stage | Local | Direct


@dataclass(frozen=True, slots=True)
class Unit:
    """A field answered by one data source."""

    stage: AnyStage


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A field answered by functions, one after another; the resolver's own code runs before and after them."""

    script: Script
    functions: tuple[AnyStage, ...]


Resolver = Unit | Pipeline


def calls_data_source(resolver: Resolver) -> bool:
    """Whether the resolver calls a data source outside the engine."""
    stages = (resolver.stage,) if isinstance(resolver, Unit) else resolver.functions
    return any(not isinstance(stage, Local) for stage in stages)


@dataclass(slots=True)
class Resolution:
    """One run of a resolver.

    Args:
        context: Who calls which field, and with what.
        appended: Errors added with `util.appendError`.
        filter: What `extensions.setSubscriptionFilter` was given last.
        invalidation_filter: What `extensions.setSubscriptionInvalidationFilter` was given last.
        invalidations: What `extensions.invalidateSubscriptions` was given, in order.
        headers: What `util.http.addResponseHeader` was given, in order.
        evictions: What `extensions.evictFromApiCache` was given, in order.
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
        """The field's value, before the schema's types are applied.

        Raises:
            FieldError: The code ended the field, failed, or made a malformed request.
        """
        match resolver:
            case Unit(stage):
                return (self._local(stage) if isinstance(stage, Local) else await self._asking(stage)).value
            case Pipeline(script, functions):
                return await self._pipeline(script, functions)
            case _:
                assert_never(resolver)

    async def _pipeline(self, script: Script, functions: tuple[AnyStage, ...]) -> object:
        self.previous = {"result": None}
        outcome = self._call(script, "request")
        value = outcome.body["value"]
        if outcome.kind != "early":
            for function in functions:
                self.previous = {"result": value}
                left = self._local(function) if isinstance(function, Local) else await self._asking(function)
                value = left.value
                if left.skips_the_rest:
                    break
        self.previous = {"result": value}
        return self._call(script, "response", result=value).body["value"]

    def _local(self, stage: Local) -> "_StageLeft":
        with self._line(stage):
            return _left(self._call(stage.script, "local"))

    def _line(self, stage: AnyStage) -> AbstractContextManager[StepRecord | None]:
        """The stage's line in the log, where somebody reads it."""
        if not steps.isEnabledFor(logging.INFO):
            return nullcontext()
        code = "direct" if isinstance(stage, Direct) else stage.script.path.stem
        return StepRecord(self._coordinate, code, stage.name)

    async def _asking(self, stage: Stage | Direct) -> "_StageLeft":
        with self._line(stage) as line:
            match stage:
                case Stage(script, source):
                    left = await self._run_code(script, source)
                case Direct(source):
                    value = await source.execute_directly(self.context, self.stash, self.previous)
                    left = _StageLeft(value, skips_the_rest=False)
                case _:
                    assert_never(stage)
            if line is not None:
                line.outcome = left.failure or OK
            return left

    async def _run_code(self, script: Script, source: DataSource) -> "_StageLeft":
        asked = self._call(script, "request")
        if asked.kind == "early":
            return _left(asked)
        failed = None
        try:
            result = await source.execute(asked.body["value"], self.context)
        except SourceFailed as failure:
            # The field does not fail by this: the response handler decides.
            failed = failure.type
            error = {"message": failure.message, "type": failure.type}
            answered = self._call(script, "response", error=error, result=failure.result)
        else:
            answered = self._call(script, "response", result=result)
        return _left(answered, failed)

    def _call(self, script: Script, entry: Entry, **extra: object) -> Outcome:
        request = self.context.request
        if request.code_time > CODE_TIME:
            raise FieldError(f"the code of this request ran longer than {CODE_TIME:g} s in all", "ExecutionTimeout")
        own = self.context.own(stash=self.stash, previous=self.previous, **extra)
        started = time.perf_counter()
        try:
            outcome = script.call(entry, own, self.context.around, self.context.auth_type)
        except ScriptFailed as failure:
            log.warning("%s failed: %s", self._coordinate, "\n    ".join((failure.message, *failure.trace)))
            raise FieldError(failure.message, "Code") from None
        finally:
            request.code_time += time.perf_counter() - started
        self.stash = outcome.stash
        if outcome.effects is not NOTHING:
            self._take(outcome.effects)
        if outcome.kind == "error":
            body = outcome.body
            raise FieldError(body["message"], body["type"], body["data"], body["info"])
        if outcome.kind == "unauthorized":
            raise FieldUnauthorized(self.context.parent_type, self.context.field)
        return outcome

    def _take(self, effects: Effects) -> None:
        self.appended += [FieldError(e["message"], e["type"], e["data"], e["info"]) for e in effects.appended]
        if effects.filter is not None:
            self.filter = effects.filter
        if effects.invalidation_filter is not None:
            self.invalidation_filter = effects.invalidation_filter
        self.invalidations += effects.invalidations
        self.headers += effects.headers
        self.evictions += effects.evictions
        for level, text in effects.logs:
            log.log(logging.ERROR if level == "error" else logging.INFO, "%s: %s", self._coordinate, text)

    @property
    def _coordinate(self) -> str:
        return f"{self.context.parent_type}.{self.context.field}"


@dataclass(slots=True)
class _StageLeft:
    value: object
    skips_the_rest: bool
    failure: str | None = None  # of the data source, whatever the code made of it


def _left(outcome: Outcome, failure: str | None = None) -> _StageLeft:
    return _StageLeft(outcome.body["value"], outcome.body.get("skipTo") == "END", failure)
