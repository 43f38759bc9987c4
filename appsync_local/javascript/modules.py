"""Converts an ES module to a plain script and keeps its line numbers.

The embedded engine evaluates code without a module loader, so `import` becomes a `const`, `export` is replaced by
spaces, and the exported names are returned. The operand of a `for` loop is wrapped to count its iterations, and a
comparison with null is made loose. The columns that this shifts are returned too.

Source: AppSync Developer Guide, "JavaScript runtime features for resolvers and functions", and "Bundling, TypeScript,
and source maps": the run-time modules are `@aws-appsync/utils` and its own, and bundles are a single ES module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from appsync_local.javascript.syntax import SourceInvalid, Syntax, field, place, text_of

# By module name: the expression for its exports in the runtime.
MODULES: Final[Mapping[str, str]] = {
    "@aws-appsync/utils": "__modules.utils",
    "@aws-appsync/utils/dynamodb": "__modules.dynamodb",
    "@aws-appsync/utils/rds": "__modules.rds",
    "@aws-appsync/utils/ai": "__modules.ai",
}
_LOOSE: Final = {"===": b"== ", "!==": b"!= "}  # as long as the original, so that no column moves
_EACH: Final = {"of": "__invoke.each(", "in": "__invoke.keys("}


@dataclass(frozen=True, slots=True)
class Insertion:
    """Inserted text that the file does not contain: its line and column in the script, from 1, and its length."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True)
class Module:
    """A script with the same lines as the module. `exports` maps exported names to local names."""

    script: str
    exports: Mapping[str, str]
    insertions: tuple[Insertion, ...]

    def column(self, line: int, column: int) -> int:
        """The column in the file that corresponds to a position in the script."""
        moved = sum(i.length for i in self.insertions if i.line == line and i.column < column)
        return max(1, column - moved)


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: bytes


def to_script(code: bytes, syntax: Syntax) -> Module:
    """Turn the text of an ES module into a function body.

    Raises:
        SourceInvalid: The code imports a module that AppSync does not have, or uses an unsupported form of export.
    """
    exports: dict[str, str] = {}
    edits: list[_Edit] = []
    for statement in syntax.root.children:
        if statement.type == "import_statement":
            edits.append(_padded(code, statement.start_byte, statement.end_byte, _import(statement)))
        elif statement.type == "export_statement":
            edits.append(_padded(code, statement.start_byte, _export(statement, exports), ""))
    for node in syntax.nodes:
        if node.type == "for_in_statement":
            edits += _counted(node)
        elif node.type == "binary_expression":
            edits += _compared_with_null(node)
    return _edited(code, sorted(edits, key=lambda edit: edit.start), exports)


def _edited(code: bytes, edits: list[_Edit], exports: Mapping[str, str]) -> Module:
    pieces: list[bytes] = []
    insertions: list[Insertion] = []
    copied = 0
    for edit in edits:
        pieces += [code[copied : edit.start], edit.text]
        copied = edit.end
        added = len(edit.text) - (edit.end - edit.start)
        if added:
            line, column = place(code, edit.start)
            shift = sum(i.length for i in insertions if i.line == line)
            insertions.append(Insertion(line, column + shift, added))
    pieces.append(code[copied:])
    return Module(b"".join(pieces).decode(), exports, tuple(insertions))


def _padded(code: bytes, start: int, end: int, replacement: str) -> _Edit:
    """The replacement, with as many lines as the original; on one line, padded to its width."""
    original = code[start:end]
    lines = original.count(b"\n")
    text = replacement.encode()
    return _Edit(start, end, text + b"\n" * lines if lines else text.ljust(len(original)))


def _counted(loop: Node) -> list[_Edit]:
    """Wrap the operand of `for (x of xs)` or `for (x in o)` in an iterator that counts."""
    operator, right = field(loop, "operator"), field(loop, "right")
    return [
        _Edit(operator.start_byte, operator.end_byte, b"of"),
        _Edit(right.start_byte, right.start_byte, _EACH[text_of(operator)].encode()),
        _Edit(right.end_byte, right.end_byte, b")"),
    ]


def _compared_with_null(comparison: Node) -> list[_Edit]:
    """Make `x === null` true for undefined, and the reverse: AppSync has one value for both.

    Source: aws/aws-appsync-community issue 305.
    """
    operator = field(comparison, "operator")
    sides = (field(comparison, "left").type, field(comparison, "right").type)
    loose = _LOOSE.get(text_of(operator))
    if loose is None or not {"null", "undefined"} & {*sides}:
        return []
    return [_Edit(operator.start_byte, operator.end_byte, loose)]


def _import(statement: Node) -> str:
    start = statement.start_byte
    name = text_of(field(statement, "source"))[1:-1]
    clause = next((child for child in statement.children if child.type == "import_clause"), None)
    if clause is None and name in MODULES:  # bundlers leave it: the modules have no side effects
        return ""
    source = MODULES.get(name)
    if source is None:
        raise SourceInvalid(
            (start, f"module {name!r} does not exist at run time; import from {', '.join(MODULES)}, or bundle it")
        )
    bound = clause.named_children[0] if clause is not None and len(clause.named_children) == 1 else None
    if bound is not None and bound.type == "namespace_import":
        return f"const {text_of(bound.named_children[-1])} = {source};"
    if bound is not None and bound.type == "named_imports":
        names = [_names(specifier) for specifier in bound.named_children if specifier.type == "import_specifier"]
        return f"const {{ {', '.join(f'{outer}: {local}' for outer, local in names)} }} = {source};"
    raise SourceInvalid((start, "import by name, such as `import { util } from ...`"))


def _export(statement: Node, exports: dict[str, str]) -> int:
    """The end of the text to replace by spaces. Adds the names to `exports`."""
    declaration = statement.child_by_field_name("declaration")
    if declaration is not None and not any(child.type == "default" for child in statement.children):
        exports.update({name: name for name in _declared(declaration)})
        return declaration.start_byte
    clause = next((child for child in statement.children if child.type == "export_clause"), None)
    if clause is None or statement.child_by_field_name("source") is not None:
        raise SourceInvalid((statement.start_byte, "write `export function name(ctx)`, or `export { name }`"))
    for specifier in clause.named_children:
        if specifier.type == "export_specifier":
            local, outer = _names(specifier)
            exports[outer] = local
    return statement.end_byte


def _declared(declaration: Node) -> list[str]:
    if declaration.type in ("lexical_declaration", "variable_declaration"):
        found = [child for child in declaration.named_children if child.type == "variable_declarator"]
    else:
        found = [declaration]
    return [text_of(field(node, "name")) for node in found]


def _names(specifier: Node) -> tuple[str, str]:
    """Returns ("a", "b") for `a as b`, and ("a", "a") for `a`."""
    name = text_of(field(specifier, "name"))
    return name, text_of(specifier.child_by_field_name("alias")) or name
