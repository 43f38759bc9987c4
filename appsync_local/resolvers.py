"""Unit and pipeline resolvers: the order in which code and data sources run for one field.

Source: AppSync Developer Guide, "JavaScript resolvers overview", and "Runtime utilities" for `runtime.earlyReturn`.
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any, assert_never

from appsync_local.context import FieldContext
from appsync_local.data_sources import DataSource
from appsync_local.errors import FieldError, FieldUnauthorized, FunctionFailed, ScriptFailed
from appsync_local.javascript.script import Handler, Outcome, Script
from appsync_local.journal import OK, steps, write_step

log = logging.getLogger("appsync_local")


@dataclass(frozen=True, slots=True)
class Stage:
    """Code around one data source, which goes by `name`."""

    script: Script
    source: DataSource
    name: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A field answered by one data source."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A field answered by functions, one after another; the resolver's own code runs before and after them."""

    script: Script
    functions: tuple[Stage, ...]


Resolver = Unit | Pipeline


@dataclass(slots=True)
class Resolution:
    """One run of a resolver.

    Args:
        context: Who calls which field, and with what.
        appended: Errors added with `util.appendError`.
        filter: What `extensions.setSubscriptionFilter` was given last.
        invalidation_filter: What `extensions.setSubscriptionInvalidationFilter` was given last.
        invalidations: What `extensions.invalidateSubscriptions` was given, in order.
    """

    context: FieldContext
    appended: list[FieldError] = field(default_factory=list)
    filter: object = None
    invalidation_filter: object = None
    invalidations: list[object] = field(default_factory=list)
    stash: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, object] | None = None

    async def run(self, resolver: Resolver) -> object:
        """The field's value, before the schema's types are applied.

        Raises:
            FieldError: The code ended the field, failed, or made a malformed request.
        """
        match resolver:
            case Unit(stage):
                return (await self._stage(stage)).value
            case Pipeline(script, functions):
                return await self._pipeline(script, functions)
            case _:
                assert_never(resolver)

    async def _pipeline(self, script: Script, functions: tuple[Stage, ...]) -> object:
        self.previous = {"result": None}
        outcome = self._call(script, "request")
        value = outcome.body["value"]
        if outcome.kind != "early":
            for function in functions:
                self.previous = {"result": value}
                left = await self._stage(function)
                value = left.value
                if left.skips_the_rest:
                    break
        self.previous = {"result": value}
        return self._call(script, "response", result=value).body["value"]

    async def _stage(self, stage: Stage) -> "_StageLeft":
        if not steps.isEnabledFor(logging.INFO):
            return await self._run_stage(stage)
        started, outcome = time.perf_counter(), OK
        try:
            left = await self._run_stage(stage)
            outcome = left.failure or OK
            return left
        except FieldError as error:
            outcome = error.type or "error"
            raise
        finally:
            field = f"{self.context.parent_type}.{self.context.field}"
            write_step(field, stage.script.path.stem, stage.name, time.perf_counter() - started, outcome)

    async def _run_stage(self, stage: Stage) -> "_StageLeft":
        asked = self._call(stage.script, "request")
        if asked.kind == "early":
            return _StageLeft(asked.body["value"], asked.body["skipTo"] == "END")
        failed = None
        try:
            result = await stage.source.execute(asked.body["value"])
        except FunctionFailed as failure:
            # The field does not fail by this: the response handler decides.
            failed = failure.type
            answered = self._call(stage.script, "response", error={"message": failure.message, "type": failure.type})
        else:
            answered = self._call(stage.script, "response", result=result)
        return _StageLeft(answered.body["value"], answered.body.get("skipTo") == "END", failed)

    def _call(self, script: Script, handler: Handler, **extra: object) -> Outcome:
        text = self.context.to_json(stash=self.stash, previous=self.previous, **extra)
        try:
            outcome = script.call(handler, text, self.context.auth_type)
        except ScriptFailed as failure:
            raise FieldError(failure.message, "Code") from None
        self.stash = outcome.stash
        self.appended += [FieldError(e["message"], e["type"], e["data"], e["info"]) for e in outcome.appended]
        if outcome.filter is not None:
            self.filter = outcome.filter
        if outcome.invalidation_filter is not None:
            self.invalidation_filter = outcome.invalidation_filter
        self.invalidations += outcome.invalidations
        for line in outcome.logs:
            log.info("%s: %s", script.path.name, line)
        match outcome.kind:
            case "error":
                body = outcome.body
                raise FieldError(str(body["message"]), body["type"], body["data"], body["info"])
            case "unauthorized":
                raise FieldUnauthorized(self.context.parent_type, self.context.field)
            case _:
                return outcome


@dataclass(frozen=True, slots=True)
class _StageLeft:
    value: object
    skips_the_rest: bool
    failure: str | None = None  # of the data source, whatever the code made of it
