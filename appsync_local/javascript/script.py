"""One code file: loaded once into its own JavaScript context, and called for every run of its resolver."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import orjson
import quickjs  # type: ignore[import-untyped]  # the wheel has no types

from appsync_local.errors import ApiInvalid, ScriptFailed
from appsync_local.javascript.language import problems_of
from appsync_local.javascript.modules import Module, to_script
from appsync_local.javascript.syntax import SourceInvalid, Syntax, parse, place

TIME_LIMIT: Final = 1.0  # seconds of processor time for one call
MEMORY_LIMIT: Final = 32 * 1024 * 1024  # bytes, for one file's context
STACK_LIMIT: Final = 256 * 1024  # bytes
CODE_LIMIT: Final = 32 * 1024  # bytes; Source: AppSync quotas, "code size per resolver or function"

# The file's code begins after this many lines, so that line numbers tell its stack frames from those of the runtime.
_FIRST_LINE: Final = 10_000
_BEFORE: Final = "\n" * (_FIRST_LINE - 1)
_FRAME: Final = re.compile(r"^\s*at (?:(?P<function>\S+) \()?<input>:(?P<line>\d+):(?P<column>\d+)", re.MULTILINE)
_HALF_CHARACTER: Final = re.compile(r"((?<!\\)(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_HANDLERS: Final = ("request", "response")
_MISSING: Final = "no {0} handler; add `export function {0}(ctx)`"
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
        kind: `value`, or the way in which the code ended early: `early`, `error`, `unauthorized`.
        body: The members of this kind: `value`, `message`, `type`, `data`, `info`, `skipTo`.
        stash: `ctx.stash` after the call.
        effects: The side effects.
    """

    kind: str
    body: dict[str, Any]
    stash: dict[str, Any]
    effects: Effects


class Script:
    """The `request` and `response` handlers of one code file."""

    def __init__(self, path: Path) -> None:
        """Load the file.

        Raises:
            ApiInvalid: The file cannot be parsed, uses unsupported language features, or lacks one of its two handlers;
                has one sentence per problem, with file, line and fix.
        """
        self.path = path
        code = path.read_bytes()
        syntax = parse(code)
        try:
            self._module = _module(path, code, syntax)
            self._source = _wrapped(self._module)
            error = syntax.first_error()
            missing = [(0, _MISSING.format(name)) for name in _HANDLERS if name not in self._module.exports]
            if error is None:
                _refuse([*missing, *problems_of(syntax)])
            self._load()  # for text that is not JavaScript at all, the JavaScript engine has the best error
            if error is not None:
                unclear = (error.start_byte, "this syntax is not supported; use simpler JavaScript")
                _refuse([*missing, *problems_of(syntax)] or [unclear])
        except SourceInvalid as invalid:
            raise ApiInvalid(_placed(path, code, *problem) for problem in invalid.problems) from None

    def _load(self) -> None:
        context = quickjs.Context()
        context.set_memory_limit(MEMORY_LIMIT)
        context.set_max_stack_size(STACK_LIMIT)
        context.set_time_limit(TIME_LIMIT)
        context.eval(_prelude())
        seed = [int.from_bytes(os.urandom(4), "big") for _ in range(4)]
        load = context.eval(f"__invoke.seed({', '.join(map(str, seed))}); __invoke.load")
        self._context = context
        try:
            context.eval(self._source)
            while (need := _decoded(load()))["kind"] in _NEEDS:
                self._supply(need)
        except quickjs.JSException as error:
            line, column, message, _ = self._located(error)
            raise ApiInvalid([f"{self.path}:{line}:{column}: {message}"]) from None
        self._entries = {name: context.eval(f"__invoke.{name}") for name in get_args(EntryPoint)}

    def _supply(self, need: Mapping[str, Any]) -> None:
        """Supply what the code needs: the source of a utility, or the offsets of a time zone."""
        name = str(need["name"])
        match need["kind"]:
            case "source":
                self._context.eval(f"__invoke.source({_quoted(name)}, {_quoted(_utility(name))})")
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
            line, column, message, trace = self._located(error)
            if message.startswith("InternalError") or isinstance(error, quickjs.StackOverflow):
                self._load()  # a context that was interrupted may be inconsistent
            raise ScriptFailed(f"code.js:{line}:{column}: {message}", trace) from None

    def _located(self, error: Exception) -> tuple[int, int, str, tuple[str, ...]]:
        """Line and column in the code file (1 if unknown), the message without the stack, and the file's own frames."""
        text = str(error)
        message = text.split("\n    at ", 1)[0].strip()
        if message == "InternalError: interrupted":
            message = f"InternalError: the call ran longer than {TIME_LIMIT:g} s; reduce the work of this handler"
        if message in ("null", "InternalError: out of memory"):  # null if not even the error could be allocated
            message = f"InternalError: out of memory; the limit for one file is {MEMORY_LIMIT // 1024} KiB"
        frames: list[tuple[int, int, str]] = []
        for match in _FRAME.finditer(text):
            line = int(match["line"]) - _FIRST_LINE
            if line > 0:
                column = self._module.column(line, int(match["column"]))
                frames.append((line, column, f"at {match['function'] or 'code'} ({self.path}:{line}:{column})"))
        if not frames:
            return 1, 1, message, ()
        return frames[0][0], frames[0][1], message, tuple(frame for _, _, frame in frames)


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


def _module(path: Path, code: bytes, syntax: Syntax) -> Module:
    if len(code) > CODE_LIMIT:
        raise ApiInvalid(
            [f"{path}: AppSync accepts at most {CODE_LIMIT} bytes of code; move work into a Lambda function"]
        )
    try:
        code.decode()
    except UnicodeDecodeError as error:
        raise SourceInvalid((error.start, "the file is not UTF-8; save it as UTF-8")) from None
    return to_script(code, syntax)


def _wrapped(module: Module) -> str:
    handlers = ", ".join(f"{name}: {module.exports.get(name, 'undefined')}" for name in _HANDLERS)
    return f'{_BEFORE}__invoke.module(() => {{ "use strict";\n{module.script}\nreturn {{ {handlers} }}; }});'


def _refuse(problems: list[tuple[int, str]]) -> None:
    if problems:
        raise SourceInvalid(*problems)


def _placed(path: Path, code: bytes, offset: int, message: str) -> str:
    line, column = place(code, offset)
    return f"{path}:{line}:{column}: {message}"
