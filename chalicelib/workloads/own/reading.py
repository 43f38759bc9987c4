"""Finds a project's own workloads by reading their files, without running them.

The relay must know names and options at once, and must not import what only the worker needs. A file that cannot be
read costs its own models and no others.
"""

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from chalicelib.jobs.limits import MAX_PROCESS_TIME, ONE_INVOCATION
from chalicelib.workloads.options import Option

FOLDER: Final = "workloads"
DECORATOR: Final = "workload"
CONTRACT: Final = "longcall.workloads"
NAME: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*)+")
LONGEST_NAME: Final = 100
_ARGUMENTS: Final = ("options", "max_process_time")


class OwnWorkload(Struct, frozen=True):
    """One decorated function.

    Attributes:
        model: The model's name.
        module: The module's name, such as `workloads.shout`.
        function: The function's name.
        options: What a request for the model may have.
        max_process_time: The largest `processTime` in seconds.
        description: One sentence about the workload: the first line of the function's docstring.
        position: File and line of the decorator, for messages.
    """

    model: str
    module: str
    function: str
    options: frozenset[Option]
    max_process_time: float
    description: str
    position: str


class Findings(Struct, frozen=True):
    """The workloads that can be used, and one sentence with file and line for each mistake."""

    workloads: tuple[OwnWorkload, ...] = ()
    problems: tuple[str, ...] = ()


class _Mistake(Exception):
    """What is wrong at a line of the file."""

    def __init__(self, node: ast.AST, sentence: str) -> None:
        self.line = getattr(node, "lineno", 1)
        super().__init__(sentence)


def read_folder(folder: Path, *, reserved: AbstractSet[str]) -> Findings:
    """Read all Python files of a folder.

    Args:
        folder: The folder `workloads/`; it need not exist.
        reserved: Families of names, the part before the first dot, that an own workload may not have.
    """
    found: dict[str, OwnWorkload] = {}
    problems: list[str] = []
    for file in sorted(folder.rglob("*.py")):
        for item in _read_file(file, folder.parent, reserved):
            if isinstance(item, str):
                problems.append(item)
            elif item.model in found:
                problems.append(
                    f"{item.position}: the name {item.model!r} is taken by {found[item.model].position}; choose another"
                )
            else:
                found[item.model] = item
    return Findings(tuple(found.values()), tuple(problems))


def _read_file(file: Path, root: Path, reserved: AbstractSet[str]) -> Iterator[OwnWorkload | str]:
    name = file.relative_to(root).as_posix()
    module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    try:
        tree = ast.parse(file.read_bytes(), filename=name)
    except SyntaxError as error:
        yield f"{name}:{error.lineno or 1}:{error.offset or 1}: {type(error).__name__}: {error.msg}"
        return
    except (OSError, ValueError) as error:
        yield f"{name}:1: the file cannot be read: {error}"
        return
    names = _names_of_decorator(tree)
    decorators: set[ast.AST] = set()
    for function, decorator in _decorated(tree, names):
        decorators |= {decorator, decorator.func if isinstance(decorator, ast.Call) else decorator}
        try:
            yield _own_workload(function, decorator, name, module, reserved)
        except _Mistake as mistake:
            yield f"{name}:{mistake.line}: {mistake}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_decorator(node, names) and node not in decorators:
            yield (
                f"{name}:{node.lineno}: workload(…) must decorate a function at the top level of the file, as "
                f'@workload("example.shout") above def shout(request, context)'
            )


def _names_of_decorator(tree: ast.Module) -> frozenset[str]:
    """The names under which a file has imported the decorator, such as `workload` or `workloads.workload`."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names) if module == CONTRACT:
                found |= {it.asname or it.name for it in names if it.name == DECORATOR}
            case ast.ImportFrom(module="longcall", names=names):
                found |= {f"{it.asname or it.name}.{DECORATOR}" for it in names if it.name == "workloads"}
            case ast.Import(names=names):
                found |= {f"{it.asname or it.name}.{DECORATOR}" for it in names if it.name == CONTRACT}
    return frozenset(found)


def _is_decorator(node: ast.expr, names: frozenset[str]) -> bool:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node) in names


def _decorated(tree: ast.Module, names: frozenset[str]) -> Iterator[tuple[ast.stmt, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                if _is_decorator(decorator, names):
                    yield node, decorator


def _own_workload(
    node: ast.stmt, decorator: ast.expr, file: str, module: str, reserved: AbstractSet[str]
) -> OwnWorkload:
    if not isinstance(decorator, ast.Call):
        raise _Mistake(decorator, '@workload needs the name of a model, as @workload("example.shout")')
    if not isinstance(node, ast.FunctionDef):
        raise _Mistake(node, "a workload must be a generator function: def, not class and not async def")
    _check_signature(node)
    arguments = _arguments(decorator)
    model = _model(decorator, arguments.pop("model"), reserved)
    return OwnWorkload(
        model=model,
        module=module,
        function=node.name,
        options=_options(decorator, arguments.get("options", ())),
        max_process_time=_seconds(decorator, arguments.get("max_process_time")),
        description=(ast.get_docstring(node) or f"The project's own workload {module}.{node.name}.").splitlines()[0],
        position=f"{file}:{decorator.lineno}",
    )


def _check_signature(node: ast.FunctionDef) -> None:
    taken = node.args
    positional = [*taken.posonlyargs, *taken.args]
    required = len(positional) - len(taken.defaults)
    fits = required <= 2 and (len(positional) >= 2 or taken.vararg is not None)
    if not fits or taken.kwonlyargs:
        raise _Mistake(
            node, f"{node.name} must take (request, context), but takes ({ast.unparse(taken)}); correct its parameters"
        )
    if not any(isinstance(it, ast.Yield | ast.YieldFrom) for it in _own_nodes(node)):
        raise _Mistake(
            node, f"{node.name} never yields; a workload yields pieces, as Chunk(text), and returns an Outcome"
        )


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own_nodes(child)


def _arguments(decorator: ast.Call) -> dict[str, Any]:
    given: dict[str | None, ast.expr] = {it.arg: it.value for it in decorator.keywords}
    if decorator.args:
        given["model"] = decorator.args[0]
    unknown = [str(name) for name in given if name not in ("model", *_ARGUMENTS)]
    if len(decorator.args) > 1 or unknown or "model" not in given:
        raise _Mistake(decorator, "workload(…) takes the model's name, and by name options and max_process_time")
    values = {}
    for name, value in given.items():
        try:
            values[str(name)] = ast.literal_eval(value)
        except ValueError:
            raise _Mistake(
                value, f"{name} must be written out, because the file is not run to read it; found {ast.unparse(value)}"
            ) from None
    return values


def _model(node: ast.AST, model: object, reserved: AbstractSet[str]) -> str:
    if not isinstance(model, str) or not NAME.fullmatch(model) or len(model) > LONGEST_NAME:
        raise _Mistake(
            node,
            f"a model's name must be lower-case words with dots between them, as example.shout, but is {model!r}"
        )  # fmt: skip
    family = model.partition(".")[0]
    if family in reserved:
        raise _Mistake(node, f"names that begin with {family}. belong to other models, so {model!r} cannot be used")
    return model


def _options(node: ast.AST, names: object) -> frozenset[Option]:
    known = {option.name.lower(): option for option in Option}
    if not isinstance(names, list | tuple | set) or not all(isinstance(name, str) for name in names):
        raise _Mistake(node, f'options must be a list of texts, as options=["max_tokens"], but is {names!r}')
    for name in names:
        if name not in known:
            raise _Mistake(node, f"there is no option {name!r}{_nearest(name, list(known))}; use {', '.join(known)}")
    return frozenset(known[name] for name in names)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _seconds(node: ast.AST, value: object) -> float:
    if value is None:
        return ONE_INVOCATION
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_PROCESS_TIME:
        raise _Mistake(node, f"max_process_time must be 1 to {MAX_PROCESS_TIME:g} seconds, but is {value!r}")
    return float(value)
