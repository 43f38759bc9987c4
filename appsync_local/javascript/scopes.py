"""Which declaration every name of a code file refers to.

JavaScript's rules: `const`, `let` and functions belong to the block that declares them, `var` and parameters to the
function, imports to the file. An inner declaration hides an outer one of the same name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tree_sitter import Node

from appsync_local.javascript.syntax import FUNCTIONS, Syntax, text_of


class Kind(Enum):
    """How a name is declared."""

    CONSTANT = "constant"
    VARIABLE = "variable"
    FUNCTION = "function"
    PARAMETER = "parameter"
    IMPORT = "import"


@dataclass(frozen=True, eq=False, slots=True)
class Binding:
    """A declared name.

    Args:
        name: The name.
        kind: How it is declared.
        value: The declared function, the initial value, or the import statement; None if there is none.
        key: The member of the value that the name stands for: the exported name, or the one of a pattern; None if the
            name stands for the whole value.
    """

    name: str
    kind: Kind
    value: Node | None = None
    key: str | None = None

    @property
    def function(self) -> Node | None:
        """The function that the name refers to. None if it is not a function, or the function is not known."""
        return self.value if self.value is not None and self.key is None and self.value.type in FUNCTIONS else None


@dataclass(slots=True)
class _Scope:
    outer: "_Scope | None"
    is_function: bool
    names: dict[str, Binding] = field(default_factory=dict)

    def find(self, name: str) -> Binding | None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None


_BLOCKS: Final = frozenset(
    {"statement_block", "for_in_statement", "for_statement", "switch_body", "catch_clause", "class_body"}
)
_NAMES: Final = frozenset({"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"})
_DECLARATIONS: Final = {"const": Kind.CONSTANT, "let": Kind.VARIABLE, "var": Kind.VARIABLE}


class Scopes:
    """The names of one file.

    Attributes:
        references: The nodes that refer to a name, in the order of the text.
        file: The names of the file itself.
    """

    def __init__(self, syntax: Syntax) -> None:
        self._scopes: dict[int, _Scope] = {}
        self._declared: set[int] = set()
        self._bindings: dict[int, Binding | None] = {}
        self.references: list[Node] = []
        self._file = _Scope(None, is_function=True)
        self._declare_all(syntax.root)
        self._refer_all(syntax.root)
        self.file = self._file.names

    def binding(self, node: Node) -> Binding | None:
        """The declaration that a node refers to. None if it is not a reference, or the name is not declared."""
        return self._bindings.get(node.id)

    def function(self, node: Node | None) -> Node | None:
        """The function that an expression defines or names. None if it is not a function, or is not known."""
        if node is None:
            return None
        if node.type in FUNCTIONS:
            return node
        binding = self.binding(node)
        return binding.function if binding is not None else None

    def _declare_all(self, root: Node) -> None:
        pending = [(root, self._file)]
        while pending:
            node, scope = pending.pop()
            inner = self._scopes[node.id] = self._declare(node, scope)
            pending.extend((child, inner) for child in node.children)

    def _refer_all(self, root: Node) -> None:
        pending = [(root, self._file)]
        while pending:
            node, scope = pending.pop()
            if node.type in _NAMES and node.id not in self._declared and not _is_alias(node):
                self.references.append(node)
                self._bindings[node.id] = scope.find(text_of(node))
            inner = self._scopes[node.id]
            pending.extend((child, inner) for child in reversed(node.children))

    def _declare(self, node: Node, scope: _Scope) -> _Scope:
        """Declare the names of a node, and return the scope of its children."""
        inner = scope
        if node.type in FUNCTIONS:
            inner = _Scope(scope, is_function=True)
            self._declare_function(node, scope, inner)
        elif node.type in _BLOCKS and not (node.parent is not None and node.parent.type in FUNCTIONS):
            inner = _Scope(scope, is_function=False)
        match node.type:
            case "variable_declarator":
                self._declare_variable(node, scope)
            case "for_in_statement" if (kind := node.child_by_field_name("kind")) is not None:
                owner = _function_scope(inner) if text_of(kind) == "var" else inner
                self._bind_pattern(node.child_by_field_name("left"), owner, _DECLARATIONS[text_of(kind)], None)
            case "class_declaration":
                self._bind(node.child_by_field_name("name"), scope, Binding(_name(node), Kind.CONSTANT))
            case "catch_clause":
                self._bind_pattern(node.child_by_field_name("parameter"), inner, Kind.VARIABLE, None)
            case "import_statement":
                self._declare_import(node)
            case _:
                pass
        return inner

    def _declare_function(self, node: Node, outer: _Scope, inner: _Scope) -> None:
        name = node.child_by_field_name("name")
        if name is not None and name.type == "identifier":
            owner = outer if node.type.endswith("declaration") else inner
            self._bind(name, owner, Binding(text_of(name), Kind.FUNCTION, node))
        self._bind_pattern(node.child_by_field_name("parameter"), inner, Kind.PARAMETER, None)
        parameters = node.child_by_field_name("parameters")
        for parameter in parameters.named_children if parameters is not None else ():
            self._bind_pattern(parameter, inner, Kind.PARAMETER, None)

    def _declare_variable(self, node: Node, scope: _Scope) -> None:
        keyword = text_of(node.parent.children[0]) if node.parent is not None else "let"
        owner = _function_scope(scope) if keyword == "var" else scope
        self._bind_pattern(
            node.child_by_field_name("name"), owner, _DECLARATIONS.get(keyword, Kind.VARIABLE),
            node.child_by_field_name("value"),
        )  # fmt: skip

    def _declare_import(self, node: Node) -> None:
        clause = next((child for child in node.children if child.type == "import_clause"), None)
        for part in clause.named_children if clause is not None else ():
            match part.type:
                case "identifier":
                    self._bind(part, self._file, Binding(text_of(part), Kind.IMPORT, node, "default"))
                case "namespace_import":
                    local = part.named_children[-1]
                    self._bind(local, self._file, Binding(text_of(local), Kind.IMPORT, node))
                case "named_imports":
                    for specifier in part.named_children:
                        self._declare_specifier(specifier, node)
                case _:
                    pass

    def _declare_specifier(self, specifier: Node, statement: Node) -> None:
        name = specifier.child_by_field_name("name")
        local = specifier.child_by_field_name("alias") or name
        if name is not None and local is not None:
            self._declared.add(name.id)
            self._bind(local, self._file, Binding(text_of(local), Kind.IMPORT, statement, text_of(name)))

    def _bind_pattern(self, pattern: Node | None, scope: _Scope, kind: Kind, value: Node | None) -> None:
        """Declare the names of a pattern; `value` is the whole value that the pattern takes apart."""
        for name, key in names_of(pattern):
            of_whole = pattern is not None and name.id == pattern.id
            binding = Binding(text_of(name), kind, value if of_whole or key is not None else None, key)
            self._bind(name, scope, binding)

    def _bind(self, node: Node | None, scope: _Scope, binding: Binding) -> None:
        if node is not None:
            self._declared.add(node.id)
            scope.names[binding.name] = binding


def names_of(pattern: Node | None) -> Iterator[tuple[Node, str | None]]:
    """The names that a pattern declares or assigns, each with the key of the value's member, if it has one of its own.

    A name deeper in the pattern, of an array, or of the rest has no key.
    """
    if pattern is None:
        return
    match pattern.type:
        case "identifier" | "shorthand_property_identifier_pattern":
            yield pattern, text_of(pattern) if pattern.type != "identifier" else None
        case "assignment_pattern" | "object_assignment_pattern":
            yield from names_of(pattern.child_by_field_name("left"))
        case "pair_pattern":
            key = pattern.child_by_field_name("key")
            value = pattern.child_by_field_name("value")
            if value is not None and value.type == "assignment_pattern":
                value = value.child_by_field_name("left")
            for name, _ in names_of(value):
                is_own = value == name and key is not None and key.type == "property_identifier"
                yield name, text_of(key) if is_own else None
        case "object_pattern":
            for part in pattern.named_children:
                yield from names_of(part)
        case "array_pattern" | "rest_pattern":
            for part in pattern.named_children:
                for name, _ in names_of(part):
                    yield name, None
        case _:
            pass


def _function_scope(scope: _Scope) -> _Scope:
    while not scope.is_function and scope.outer is not None:
        scope = scope.outer
    return scope


def _name(node: Node) -> str:
    return text_of(node.child_by_field_name("name"))


def _is_alias(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "export_specifier" and parent.child_by_field_name("alias") == node
