"""Handlers in JavaScript, loaded once into a context of their own and called for every run of a resolver."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast, get_args

import orjson
import quickjs  # type: ignore[import-untyped]  # the wheel has no types

from appsync_local.errors import ScriptFailed

TIME_LIMIT: Final = 1.0  # seconds of processor time for one call
MEMORY_LIMIT: Final = 32 * 1024 * 1024  # bytes, for the context of one sandbox
STACK_LIMIT: Final = 256 * 1024  # bytes

# The script begins after this many lines, so that line numbers tell its stack frames from those of the runtime.
_FIRST_LINE: Final = 10_000
_BEFORE: Final = "\n" * (_FIRST_LINE - 1)
_FRAME: Final = re.compile(r"^\s*at (?:(?P<function>\S+) \()?<input>:(?P<line>\d+):(?P<column>\d+)", re.MULTILINE)
_HALF_CHARACTER: Final = re.compile(r"((?<!\\)(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_NEEDS: Final = frozenset(
    {"source", "zone"}
)  # outcomes of calls that need more data from the engine before they can run
EntryPoint = Literal["request", "response", "local"]


@dataclass(frozen=True, slots=True)
class Effects:
    """The side effects of a call.

    Args:
        appended: Errors added by `util.appendError`, as objects with message, type, data, info.
        logs: Lines written to the console, as pairs of `log` or `error` and the text.
        headers: Names and values from `util.http.addResponseHeader`, in order.
        filter: The last argument of `extensions.setSubscriptionFilter`; None if it was not called.
        invalidation_filter: The same for `extensions.setSubscriptionInvalidationFilter`.
        invalidations: The arguments of `extensions.invalidateSubscriptions`, one per call.
        evictions: The arguments of `extensions.evictFromApiCache`: objects with type, field and keys.
    """

    appended: list[dict[str, Any]] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    headers: list[tuple[str, object]] = field(default_factory=list)
    filter: object = None
    invalidation_filter: object = None
    invalidations: list[object] = field(default_factory=list)
    evictions: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_json(cls, found: Mapping[str, list[Any]]) -> "Effects":
        """Read the effects that the runtime reports."""
        return cls(
            appended=found.get("appended", []),
            logs=[(level, text) for level, text in found.get("logs", ())],
            headers=[(name, value) for name, value in found.get("headers", ())],
            filter=found.get("filter", [None])[-1],
            invalidation_filter=found.get("invalidationFilter", [None])[-1],
            invalidations=found.get("invalidations", []),
            evictions=found.get("evictions", []),
        )


NO_EFFECTS: Final = Effects()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one call.

    Args:
        kind: `value`, or the way in which the code ended early: `early`, `returned` (by a template's `#return`),
            `error`, `unauthorized`.
        body: The members of this kind: `value`, `message`, `type`, `data`, `info`, `skipTo`.
        stash: `ctx.stash` after the call.
        effects: The side effects.
    """

    kind: str
    body: dict[str, Any]
    stash: dict[str, Any]
    effects: Effects


class Place(NamedTuple):
    """A place in the files that a script was made from.

    Args:
        shown: The name of the file for callers, without its folder.
        path: The file.
        line: From 1.
        column: From 1.
    """

    shown: str
    path: Path
    line: int
    column: int


class LoadFailed(Exception):
    """A script that cannot be loaded."""

    def __init__(self, place: Place, message: str) -> None:
        self.place = place
        self.message = message
        super().__init__(message)


class Sandbox:
    """The `request` and `response` handlers of a resolver or pipeline function.

    Args:
        script: JavaScript whose last statement returns an object with the handlers.
        place: The place in the source for a line and a column of the script, both from 1; None for text that the
            source does not contain. Line 1 gives the place for errors without one.
        sources: The source texts of more parts of the runtime, by name.

    Raises:
        LoadFailed: The script cannot be parsed, or fails.
    """

    def __init__(
        self, script: str, place: Callable[[int, int], Place | None], sources: Mapping[str, str] | None = None
    ) -> None:
        self._source = f'{_BEFORE}__invoke.module(() => {{ "use strict";\n{script}\n}});'
        self._place = place
        self._sources = sources or {}
        self._load()

    def _load(self) -> None:
        context = quickjs.Context()
        context.set_memory_limit(MEMORY_LIMIT)
        context.set_max_stack_size(STACK_LIMIT)
        context.set_time_limit(TIME_LIMIT)
        context.eval(_prelude())
        seed = [int.from_bytes(os.urandom(4), "big") for _ in range(4)]
        load = context.eval(f"__invoke.seed({', '.join(map(str, seed))}); __invoke.load")
        self._context = context
        for name, text in self._sources.items():
            self._supply_source(name, text)
        try:
            context.eval(self._source)
            while (need := _decoded(load()))["kind"] in _NEEDS:
                self._supply(need)
        except quickjs.JSException as error:
            place, message, _ = self._located(error)
            raise LoadFailed(place, message) from None
        self._entries = {name: context.eval(f"__invoke.{name}") for name in get_args(EntryPoint)}

    def _supply_source(self, name: str, text: str) -> None:
        self._context.eval(f"__invoke.source({_quoted(name)}, {_quoted(text)})")

    def _supply(self, need: Mapping[str, Any]) -> None:
        """Supply what the code needs: the source of a utility, or the offsets of a time zone."""
        name = str(need["name"])
        match need["kind"]:
            case "source":
                self._supply_source(name, _utility(name))
            case "zone":
                from appsync_local.javascript.zones import (
                    offsets_of,
                )  # rarely used, and takes some milliseconds to import

                self._context.eval(f"__invoke.zone({_quoted(name)}, {_quoted(offsets_of(name))})")
            case other:
                raise AssertionError(other)  # `_NEEDS` has no other member

    def call(self, entry: EntryPoint, own: str, shared: str, auth_type: str | None) -> Outcome:
        """Run one handler, or with `local` both: the result is then the payload of the request.

        Args:
            entry: The handler, or `local`.
            own: `FieldContext.own`.
            shared: `FieldContext.shared`; parsed only if the code reads one of its members.
            auth_type: The value of `util.authType()`.

        Raises:
            ScriptFailed: The code threw an exception, or exceeded its limit of time, memory or stack.
        """
        answer = self._run(entry, own, shared, auth_type)
        while answer["kind"] in _NEEDS:  # a call has no effect outside its context, so it can be repeated
            self._supply(answer)
            answer = self._run(entry, own, shared, auth_type)
        effects = answer.get("effects")
        return Outcome(
            kind=answer["kind"],
            body=answer,
            stash=answer["stash"],
            effects=NO_EFFECTS if effects is None else Effects.from_json(effects),
        )

    def _run(self, entry: EntryPoint, own: str, shared: str, auth_type: str | None) -> dict[str, Any]:
        try:
            return _decoded(self._entries[entry](own, shared, auth_type))
        except quickjs.JSException as error:
            place, message, trace = self._located(error)
            if message.startswith("InternalError") or isinstance(error, quickjs.StackOverflow):
                self._load()  # a context that was interrupted may be inconsistent
            raise ScriptFailed(f"{place.shown}:{place.line}:{place.column}: {message}", trace) from None

    def _located(self, error: Exception) -> tuple[Place, str, tuple[str, ...]]:
        """The place of an error, its message without the stack, and the frames of the script's own source."""
        text = str(error)
        message = text.split("\n    at ", 1)[0].strip()
        if message == "InternalError: interrupted":
            message = f"InternalError: the call ran longer than {TIME_LIMIT:g} s; reduce the work of this handler"
        if message in ("null", "InternalError: out of memory"):  # null if not even the error could be allocated
            message = f"InternalError: out of memory; the limit for one file is {MEMORY_LIMIT // 1024} KiB"
        places: list[Place] = []
        frames: list[str] = []
        for match in _FRAME.finditer(text):
            line = int(match["line"]) - _FIRST_LINE
            place = self._place(line, int(match["column"])) if line > 0 else None
            if place is not None:
                places.append(place)
                frames.append(f"at {match['function'] or 'code'} ({place.path}:{place.line}:{place.column})")
        if not places:
            start = self._place(1, 1)
            assert start is not None  # noqa: S101  # line 1 always has a place
            return start._replace(line=1, column=1), message, ()
        return places[0], message, tuple(frames)


def _decoded(text: str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", orjson.loads(text))
    except orjson.JSONDecodeError:  # half of a surrogate pair: the code has split a character
        return cast("dict[str, Any]", orjson.loads(_HALF_CHARACTER.sub(r"\1\\ufffd", text)))


@cache
def _prelude() -> str:
    return _utility("prelude")


@cache
def _utility(name: str) -> str:
    return Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
