"""One code file, loaded once into a JavaScript context of its own and called for every resolver run."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast

import orjson
import quickjs  # type: ignore[import-untyped]  # the wheel has no types

from appsync_local.errors import ApiInvalid, ScriptFailed
from appsync_local.javascript.modules import ModuleInvalid, to_script

TIME_LIMIT: Final = 1.0  # seconds of processor time, for one call
MEMORY_LIMIT: Final = 32 * 1024 * 1024  # bytes, for one file's context
STACK_LIMIT: Final = 256 * 1024  # bytes
CODE_LIMIT: Final = 32 * 1024  # bytes; Source: AppSync quotas, "code size per resolver or function"

# The file's text starts after this many lines, so that a line number says whether a stack frame is the file's own.
_FIRST_LINE: Final = 10_000
_FRAME: Final = re.compile(r"<input>:(\d+):(\d+)")
_HALF_CHARACTER: Final = re.compile(r"((?<!\\)(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_HANDLERS: Final = ("request", "response")

Handler = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call did.

    Args:
        kind: `value`, or how the code left early: `early`, `error`, `unauthorized`.
        body: The entry point's answer: `value`, `message`, `type`, `data`, `info`, `skipTo`, as the kind has them.
        stash: The stash as the call left it.
        appended: Errors added by `util.appendError`, as objects with message, type, data, info.
        filter: What `extensions.setSubscriptionFilter` was given, or None.
        invalidation_filter: What `extensions.setSubscriptionInvalidationFilter` was given, or None.
        invalidations: What `extensions.invalidateSubscriptions` was given, call by call.
        logs: Lines written to the console.
    """

    kind: str
    body: dict[str, Any]
    stash: dict[str, Any]
    appended: list[dict[str, Any]]
    filter: object
    invalidation_filter: object
    invalidations: list[object]
    logs: list[str]


class Script:
    """The `request` and `response` handlers of one code file."""

    def __init__(self, path: Path) -> None:
        """Load the file.

        Raises:
            ApiInvalid: It cannot be parsed, or lacks one of its two handlers; names file, line and the fix.
        """
        self.path = path
        self._source = _wrapped(path)
        self._load()

    def _load(self) -> None:
        context = quickjs.Context()
        context.set_memory_limit(MEMORY_LIMIT)
        context.set_max_stack_size(STACK_LIMIT)
        context.set_time_limit(TIME_LIMIT)
        context.eval(_prelude())
        seed = [int.from_bytes(os.urandom(4), "big") for _ in range(4)]
        context.eval(f"__invoke.seed({', '.join(map(str, seed))})")
        try:
            context.eval(self._source)
        except quickjs.JSException as error:
            line, column, message = _located(error)
            raise ApiInvalid([f"{self.path}:{line}:{column}: {message}"]) from None
        self._handlers = {name: context.get(f"__{name}") for name in _HANDLERS}

    def call(self, handler: Handler, context: bytes, auth_type: str | None) -> Outcome:
        """Run one handler.

        Args:
            handler: Which one.
            context: `ctx` as JSON.
            auth_type: What `util.authType()` answers.

        Raises:
            ScriptFailed: The code threw, or ran into its limit of time, memory or stack.
        """
        try:
            text = self._handlers[handler](context.decode(), auth_type)
        except quickjs.JSException as error:
            line, column, message = _located(error)
            if message.startswith("InternalError") or isinstance(error, quickjs.StackOverflow):
                self._load()  # a context that was stopped midway is not used again
            raise ScriptFailed(f"code.js:{line}:{column}: {message}") from None
        answer = _decoded(text)
        return Outcome(
            kind=answer["kind"],
            body=answer,
            stash=answer["stash"],
            appended=answer.get("appended", []),
            filter=answer.get("filter"),
            invalidation_filter=answer.get("invalidationFilter"),
            invalidations=answer.get("invalidations", []),
            logs=answer.get("logs", []),
        )


def _decoded(text: str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", orjson.loads(text))
    except orjson.JSONDecodeError:  # half of a surrogate pair: the code has cut a character in two
        return cast("dict[str, Any]", orjson.loads(_HALF_CHARACTER.sub(r"\1\\ufffd", text)))


@cache
def _prelude() -> str:
    return Path(__file__).with_name("prelude.js").read_text(encoding="utf-8")


def _wrapped(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if len(text.encode()) > CODE_LIMIT:
        raise ApiInvalid(
            [f"{path}: AppSync takes at most {CODE_LIMIT} bytes of code; move work into a Lambda function"]
        )
    try:
        module = to_script(text)
    except ModuleInvalid as error:
        line = text.count("\n", 0, error.offset) + 1
        column = error.offset - text.rfind("\n", 0, error.offset)
        raise ApiInvalid([f"{path}:{line}:{column}: {error.message}"]) from None
    missing = [name for name in _HANDLERS if name not in module.exports]
    if missing:
        raise ApiInvalid([f"{path}:1:1: no {name} handler; add `export function {name}(ctx)`" for name in missing])
    entries = " ".join(f"globalThis.__{name} = __invoke.entry({module.exports[name]});" for name in _HANDLERS)
    return "\n" * (_FIRST_LINE - 1) + '(() => { "use strict";\n' + module.script + f"\n{entries} }})();"


def _located(error: Exception) -> tuple[int, int, str]:
    """Line and column in the code file, 1 where unknown, and the message without the stack."""
    text = str(error)
    message = text.split("\n    at ", 1)[0].strip()
    if message == "InternalError: interrupted":
        message = f"InternalError: the call ran longer than {TIME_LIMIT:g} s; give it less to do"
    if message in ("null", "InternalError: out of memory"):  # null where not even the error could be allocated
        message = f"InternalError: out of memory; one file has {MEMORY_LIMIT // 1024} KiB"
    for match in _FRAME.finditer(text):
        line = int(match[1]) - _FIRST_LINE
        if line > 0:
            return line, int(match[2]), message
    return 1, 1, message
