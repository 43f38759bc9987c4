"""One code file in JavaScript: checked, and loaded into a sandbox."""

from pathlib import Path
from typing import Final

from appsync_local.errors import ApiInvalid
from appsync_local.javascript.language import problems_of
from appsync_local.javascript.modules import Module, to_script
from appsync_local.javascript.sandbox import EntryPoint, LoadFailed, Outcome, Place, Sandbox
from appsync_local.javascript.syntax import SourceInvalid, Syntax, parse, place

CODE_LIMIT: Final = 32 * 1024  # bytes; Source: AppSync quotas, "code size per resolver or function"

_HANDLERS: Final = ("request", "response")
_MISSING: Final = "no {0} handler; add `export function {0}(ctx)`"


class Script:
    """The `request` and `response` handlers of one code file."""

    error_type = "Code"

    def __init__(self, path: Path) -> None:
        """Load the file.

        Raises:
            ApiInvalid: The file cannot be parsed, uses unsupported language features, or lacks one of its two handlers;
                has one sentence per problem, with file, line and fix.
        """
        self.path = path
        self.name = path.stem
        code = path.read_bytes()
        syntax = parse(code)
        try:
            self._module = _module(path, code, syntax)
            error = syntax.first_error()
            missing = [(0, _MISSING.format(name)) for name in _HANDLERS if name not in self._module.exports]
            if error is None:
                _refuse([*missing, *problems_of(syntax)])
            # For text that is not JavaScript at all, the JavaScript engine has the best error.
            self._sandbox = Sandbox(_with_handlers(self._module), self._place)
            if error is not None:
                unclear = (error.start_byte, "this syntax is not supported; use simpler JavaScript")
                _refuse([*missing, *problems_of(syntax)] or [unclear])
        except SourceInvalid as invalid:
            raise ApiInvalid(_placed(path, code, *problem) for problem in invalid.problems) from None
        except LoadFailed as problem:
            found = problem.place
            raise ApiInvalid([f"{found.path}:{found.line}:{found.column}: {problem.message}"]) from None

    def call(self, entry: EntryPoint, own: str, shared: str, auth_type: str | None) -> Outcome:
        """Run one handler, or with `local` both; as `Sandbox.call`.

        Raises:
            ScriptFailed: The code threw an exception, or exceeded its limit of time, memory or stack.
        """
        return self._sandbox.call(entry, own, shared, auth_type)

    def gives_errors(self, _request: object) -> bool:
        """Always: the response handler decides what becomes of an error."""
        return True

    def is_done(self, _request: object, _result: object) -> bool:
        """Never: the response handler always runs."""
        return False

    def _place(self, line: int, column: int) -> Place:
        return Place("code.js", self.path, line, self._module.column(line, column))


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


def _with_handlers(module: Module) -> str:
    handlers = ", ".join(f"{name}: {module.exports.get(name, 'undefined')}" for name in _HANDLERS)
    return f"{module.script}\nreturn {{ {handlers} }};"


def _refuse(problems: list[tuple[int, str]]) -> None:
    if problems:
        raise SourceInvalid(*problems)


def _placed(path: Path, code: bytes, offset: int, message: str) -> str:
    line, column = place(code, offset)
    return f"{path}:{line}:{column}: {message}"
