"""The mapping templates of a resolver or pipeline function, loaded into a sandbox as two handlers.

Source: AppSync Developer Guide, "Resolver mapping template overview", "Resolver mapping template changelog", and
"Direct Lambda resolvers"; AppSync quotas, "request or response mapping template size".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final, assert_never

from appsync_local.api.model import PipelineFunction, PipelineResolver, Resolver, Templates, UnitResolver
from appsync_local.errors import ApiInvalid
from appsync_local.javascript.sandbox import EntryPoint, LoadFailed, Outcome, Place, Sandbox
from appsync_local.velocity.compiler import CompiledTemplate
from appsync_local.velocity.expression_compiler import RUNTIME
from appsync_local.velocity.parser import parse
from appsync_local.velocity.syntax import Position, VelocityInvalid

TEMPLATE_LIMIT: Final = 64 * 1024  # bytes
_PARTS: Final = ("json", "values", "methods", "utilities", "templates")
_OLD: Final = "2017-02-28"


class Around(Enum):
    """What two templates are around.

    Args:
        maker: The function of `templates.js` that makes a handler of the request template.
        default: The JavaScript that replaces a missing request template.
    """

    UNIT = ("unit", 'V.direct("Invoke")')
    BATCHED_UNIT = ("unit", 'V.direct("BatchInvoke")')
    FUNCTION = ("step", 'V.direct("Invoke")')
    BATCHED_FUNCTION = ("step", 'V.direct("BatchInvoke")')
    PIPELINE = ("template", "V.empty")

    def __init__(self, maker: str, default: str) -> None:
        self.maker = maker
        self.default = default


@dataclass(frozen=True, slots=True)
class _Loaded:
    path: Path
    compiled: CompiledTemplate


class TemplatePair:
    """The request and response templates of one resolver or pipeline function, or of one pipeline."""

    error_type = "MappingTemplate"

    def __init__(self, request: Path | None, response: Path | None, around: Around, name: str) -> None:
        """Load the templates.

        Args:
            request: The request template; None: AppSync's own for a Lambda function, or nothing for a pipeline.
            response: The response template; None: the result is returned as it is.
            around: What the templates are around.
            name: What the log calls them.

        Raises:
            ApiInvalid: A template is not valid; has one sentence per template, with file, line and column.
        """
        self.name = name
        templates = _loaded(request, response)
        names = ", ".join(f"{name}: V_{name}" for name in RUNTIME)
        lines = [f"const V = __modules.velocity, {{ {names} }} = V;"]
        self._places: list[tuple[_Loaded | None, Position]] = [(None, Position(1, 1))]
        first = next((path for path in (request, response) if path is not None), None)
        self._first = Path(name) if first is None else first
        handlers = {"request": around.default, "response": "V.passed"}
        for entry, template in templates.items():
            make = around.maker if entry == "request" else "template"
            lines += [f"const {entry} = V.{make}(", *template.compiled.lines, f", {_boolean(template)});"]
            places = [(template, position) for position in template.compiled.positions]
            self._places += [(template, Position(1, 1)), *places, (template, Position(1, 1))]
            handlers[entry] = entry
        lines.append(
            f"return {{ isDone: V.isDone, request: {handlers['request']}, response: {handlers['response']} }};"
        )
        try:
            self._sandbox = Sandbox("\n".join(lines), self._place, _parts())
        except LoadFailed as problem:
            found = problem.place
            raise ApiInvalid([f"{found.path}:{found.line}:{found.column}: {problem.message}"]) from None

    def call(self, entry: EntryPoint, own: str, shared: str, auth_type: str | None) -> Outcome:
        """Run one template, or with `local` both; as `Sandbox.call`.

        Raises:
            ScriptFailed: A template exceeded its limit of time, memory or stack.
        """
        return self._sandbox.call(entry, own, shared, auth_type)

    def gives_errors(self, request: object) -> bool:
        """Whether an error of the data source only becomes `$ctx.error`, as in version 2018-05-29."""
        return not _is_of_first_version(request)

    def is_done(self, request: object, result: object) -> bool:
        """Whether the response template does not run: in version 2017-02-28, for a result that is null."""
        return result is None and _is_of_first_version(request)

    def _place(self, line: int, _: int) -> Place | None:
        template, position = self._places[line - 1] if line <= len(self._places) else (None, Position(1, 1))
        path = self._first if template is None else template.path
        return Place(path.name, path, *position)


def load_templates(unit: Resolver | PipelineFunction, code: Path) -> TemplatePair:
    """Load the templates of a resolver or pipeline function whose `code` is `Templates`.

    Args:
        unit: The resolver or pipeline function.
        code: The folder that the paths of templates are relative to.

    Raises:
        ApiInvalid: A template is not valid.
    """
    assert isinstance(unit.code, Templates)  # noqa: S101  # as promised above
    request, response = (None if path is None else code / path for path in (unit.code.request, unit.code.response))
    match unit:
        case PipelineResolver(field):
            return TemplatePair(request, response, Around.PIPELINE, field)
        case UnitResolver(field):
            return TemplatePair(request, response, Around.BATCHED_UNIT if unit.max_batch_size else Around.UNIT, field)
        case PipelineFunction(name):
            around = Around.BATCHED_FUNCTION if unit.max_batch_size else Around.FUNCTION
            return TemplatePair(request, response, around, name)
        case _:
            assert_never(unit)


def _is_of_first_version(request: object) -> bool:
    return isinstance(request, dict) and request.get("version") == _OLD


def _loaded(request: Path | None, response: Path | None) -> Mapping[str, _Loaded]:
    found: dict[str, _Loaded] = {}
    problems: list[str] = []
    for entry, path in (("request", request), ("response", response)):
        if path is None:
            continue
        try:
            found[entry] = _Loaded(path, compile_file(path))
        except ApiInvalid as invalid:
            problems.extend(invalid.problems)
    if problems:
        raise ApiInvalid(problems)
    return found


def compile_file(path: Path) -> CompiledTemplate:
    """Compile the template of a file.

    Raises:
        ApiInvalid: The template is not valid; the sentence has its file, line and column.
    """
    try:
        return CompiledTemplate(parse(_read(path)))
    except VelocityInvalid as invalid:
        line, column = invalid.position
        raise ApiInvalid([f"{path}:{line}:{column}: {invalid.message}"]) from None
    except RecursionError:  # operators one after another are nested too
        raise ApiInvalid([f"{path}:1:1: an expression has too many parts; split it with #set"]) from None


def _read(path: Path) -> str:
    content = path.read_bytes()
    if len(content) > TEMPLATE_LIMIT:
        raise VelocityInvalid(
            Position(1, 1), f"AppSync accepts at most {TEMPLATE_LIMIT} bytes in a template; this one has {len(content)}"
        )
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise VelocityInvalid(Position(line, 1), "the file is not UTF-8; save it as UTF-8") from None


@cache
def _parts() -> Mapping[str, str]:
    folder = Path(__file__).parent
    return {f"velocity/{name}": (folder / f"{name}.js").read_text("utf-8") for name in _PARTS}


def _boolean(template: _Loaded) -> str:
    return "true" if template.compiled.keys.may_repeat else "false"
