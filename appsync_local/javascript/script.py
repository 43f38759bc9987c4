"""One code file, loaded once into a JavaScript context of its own and called for every resolver run."""

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

TIME_LIMIT: Final = 1.0  # seconds of processor time, for one call
MEMORY_LIMIT: Final = 32 * 1024 * 1024  # bytes, for one file's context
STACK_LIMIT: Final = 256 * 1024  # bytes
CODE_LIMIT: Final = 32 * 1024  # bytes; Source: AppSync quotas, "code size per resolver or function"

# The file's text starts after this many lines, so that a line number says whether a stack frame is the file's own.
_FIRST_LINE: Final = 10_000
_BEFORE: Final = "\n" * (_FIRST_LINE - 1)
_FRAME: Final = re.compile(r"^\s*at (?:(?P<function>\S+) \()?<input>:(?P<line>\d+):(?P<column>\d+)", re.MULTILINE)
_HALF_CHARACTER: Final = re.compile(r"((?<!\\)(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_HANDLERS: Final = ("request", "response")
_MISSING: Final = "no {0} handler; add `export function {0}(ctx)`"
_ASKING: Final = frozenset({"source", "zone"})  # kinds of outcome that ask for something before the call can be made
Entry = Literal["request", "response", "local"]


@dataclass(frozen=True, slots=True)
class Effects:
    """What a call did besides answering.

    Args:
        appended: Errors added by `util.appendError`, as objects with message, type, data, info.
        logs: Lines written to the console, as pairs of `log` or `error` and the text.
        headers: Names and values given to `util.http.addResponseHeader`, in order.
        filter: What `extensions.setSubscriptionFilter` was given last; None where it was not called.
        invalidation_filter: Likewise for `extensions.setSubscriptionInvalidationFilter`.
        invalidations: What `extensions.invalidateSubscriptions` was given, call by call.
        evictions: What `extensions.evictFromApiCache` was given: objects with type, field and keys.
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
        """Read what the entry point reports."""
        return cls(
            appended=found.get("appended", []),
            logs=[(level, text) for level, text in found.get("logs", ())],
            headers=[(name, value) for name, value in found.get("headers", ())],
            filter=found.get("filter", [None])[-1],
            invalidation_filter=found.get("invalidationFilter", [None])[-1],
            invalidations=found.get("invalidations", []),
            evictions=found.get("evictions", []),
        )


NOTHING: Final = Effects()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call did.

    Args:
        kind: `value`, or how the code left early: `early`, `error`, `unauthorized`.
        body: The entry point's answer: `value`, `message`, `type`, `data`, `info`, `skipTo`, as the kind has them.
        stash: The stash as the call left it.
        effects: What it did besides.
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
            ApiInvalid: It cannot be parsed, uses what AppSync does not support, or lacks one of its two handlers; names
                file, line and the fix, for every problem.
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
            self._load()  # where the text is not JavaScript at all, this says so best
            if error is not None:
                unclear = (error.start_byte, "this cannot be understood; write it in plainer JavaScript")
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
            while (asked := _decoded(load()))["kind"] in _ASKING:
                self._give(asked)
        except quickjs.JSException as error:
            line, column, message, _ = self._located(error)
            raise ApiInvalid([f"{self.path}:{line}:{column}: {message}"]) from None
        self._entries = {name: context.eval(f"__invoke.{name}") for name in get_args(Entry)}

    def _give(self, asked: Mapping[str, Any]) -> None:
        """What the code asked for: the source of a utility, or a time zone's offsets."""
        name = str(asked["name"])
        match asked["kind"]:
            case "source":
                self._context.eval(f"__invoke.source({_quoted(name)}, {_quoted(_utility(name))})")
            case "zone":
                from appsync_local.javascript.zones import offsets_of  # seldom needed, and some milliseconds to import

                self._context.eval(f"__invoke.zone({_quoted(name)}, {_quoted(offsets_of(name))})")
            case other:
                raise AssertionError(other)  # `_ASKING` has no more

    def call(self, entry: Entry, own: str, around: str, auth_type: str | None) -> Outcome:
        """Run one handler, or with `local` both, where the result is the payload of the request.

        Args:
            entry: What to run.
            own: Members of `ctx` that are this handler's, as JSON.
            around: `identity`, `request`, `env` and `info`, as JSON; not even parsed unless the code looks at them.
            auth_type: What `util.authType()` answers.

        Raises:
            ScriptFailed: The code threw, or ran into its limit of time, memory or stack.
        """
        answer = self._run(entry, own, around, auth_type)
        while answer["kind"] in _ASKING:  # a call has no effect outside, so it is made again with what it needs
            self._give(answer)
            answer = self._run(entry, own, around, auth_type)
        effects = answer.get("effects")
        return Outcome(
            kind=answer["kind"],
            body=answer,
            stash=answer["stash"],
            effects=NOTHING if effects is None else Effects.from_json(effects),
        )

    def _run(self, entry: Entry, own: str, around: str, auth_type: str | None) -> dict[str, Any]:
        try:
            return _decoded(self._entries[entry](own, around, auth_type))
        except quickjs.JSException as error:
            line, column, message, trace = self._located(error)
            if message.startswith("InternalError") or isinstance(error, quickjs.StackOverflow):
                self._load()  # a context that was stopped midway is not used again
            raise ScriptFailed(f"code.js:{line}:{column}: {message}", trace) from None

    def _located(self, error: Exception) -> tuple[int, int, str, tuple[str, ...]]:
        """Line and column in the code file, 1 where unknown; the message without the stack; the file's own frames."""
        text = str(error)
        message = text.split("\n    at ", 1)[0].strip()
        if message == "InternalError: interrupted":
            message = f"InternalError: the call ran longer than {TIME_LIMIT:g} s; give it less to do"
        if message in ("null", "InternalError: out of memory"):  # null where not even the error could be allocated
            message = f"InternalError: out of memory; one file has {MEMORY_LIMIT // 1024} KiB"
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
    except orjson.JSONDecodeError:  # half of a surrogate pair: the code has cut a character in two
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
            [f"{path}: AppSync takes at most {CODE_LIMIT} bytes of code; move work into a Lambda function"]
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
