"""Finds names that AWS refuses at deployment: undeclared names, members that a utility does not have, and constants
that are assigned again.

AWS type-checks the code. This check knows the types of AppSync's own utilities, of literals, and of values that are
declared as one of these; it accepts everything that it does not know.
"""

from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from appsync_local.javascript.library import (
    ABSENT_GLOBALS,
    DENIED_METHODS,
    GLOBAL_MEMBERS,
    GLOBALS,
    MODULE_MEMBERS,
    VTL_ONLY,
    Members,
)
from appsync_local.javascript.scopes import Binding, Kind, Scopes, names_of
from appsync_local.javascript.syntax import Syntax, text_of

_FIXED: Final = {
    Kind.CONSTANT: "is a constant and cannot be assigned again; declare it with `let`",
    Kind.IMPORT: "is imported and cannot be assigned",
    Kind.FUNCTION: "is a function and cannot be assigned",
}
_ARRAY_METHODS: Final = frozenset({"concat", "filter", "flat", "flatMap", "map", "reverse", "slice", "sort", "splice"})
_ARRAY_FUNCTIONS: Final = frozenset({"Object.keys", "Object.values", "Object.entries"})
_DEEPEST: Final = 20  # declarations that are followed from one to the next

Problem = tuple[int, str]


def name_problems(syntax: Syntax, scopes: Scopes) -> Iterator[Problem]:
    """Every name that AWS refuses, as an offset in bytes and a sentence."""
    for reference in scopes.references:
        name = text_of(reference)
        if scopes.binding(reference) is None and name not in GLOBALS:
            yield reference.start_byte, _undeclared(name)
    for node in syntax.nodes:
        match node.type:
            case "assignment_expression" | "augmented_assignment_expression":
                yield from _assigned(node.child_by_field_name("left"), scopes)
            case "for_in_statement" if node.child_by_field_name("kind") is None:
                yield from _assigned(node.child_by_field_name("left"), scopes)
            case "member_expression" | "subscript_expression":
                yield from _member(node, scopes)
            case "variable_declarator":
                yield from _taken_apart(node, scopes)
            case "import_statement":
                yield from _imported(node)
            case "call_expression":
                yield from _denied(node, scopes)
            case _:
                pass


def _undeclared(name: str) -> str:
    if name in ABSENT_GLOBALS:
        return f"{name} is not supported: {ABSENT_GLOBALS[name]}"
    return f"{name} is not declared; declare it, import it, or read it from the context"


def _assigned(target: Node | None, scopes: Scopes) -> Iterator[Problem]:
    for name, _ in names_of(target):
        binding = scopes.binding(name)
        if binding is not None and binding.kind in _FIXED:
            yield name.start_byte, f"{binding.name} {_FIXED[binding.kind]}"


def _member(node: Node, scopes: Scopes) -> Iterator[Problem]:
    owner, key = _members(node.child_by_field_name("object"), scopes), _key(node)
    if owner is not None and key is not None and text_of(key).strip("'\"`") not in owner:
        yield key.start_byte, _unknown(owner, text_of(key).strip("'\"`"))


def _taken_apart(node: Node, scopes: Scopes) -> Iterator[Problem]:
    """The members that a declaration such as `const { time } = util` takes."""
    pattern, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if pattern is None or pattern.type != "object_pattern":
        return
    owner = _members(value, scopes)
    if owner is None:
        return
    for part in pattern.named_children:
        inner = part.child_by_field_name("left") if part.type == "object_assignment_pattern" else part
        key = inner.child_by_field_name("key") if inner is not None and inner.type == "pair_pattern" else inner
        is_name = key is not None and key.type in ("shorthand_property_identifier_pattern", "property_identifier")
        if key is not None and is_name and text_of(key) not in owner:
            yield key.start_byte, _unknown(owner, text_of(key))


def _imported(node: Node) -> Iterator[Problem]:
    exports = MODULE_MEMBERS.get(_module(node))
    clause = next((child for child in node.children if child.type == "import_clause"), None)
    if exports is None or clause is None:
        return
    for part in clause.named_children:
        for specifier in part.named_children if part.type == "named_imports" else ():
            name = specifier.child_by_field_name("name")
            if name is not None and text_of(name) not in exports:
                yield name.start_byte, _unknown(exports, text_of(name))


def _denied(node: Node, scopes: Scopes) -> Iterator[Problem]:
    callee = node.child_by_field_name("function")
    if callee is None or callee.type != "member_expression":
        return
    method = callee.child_by_field_name("property")
    kind = _kind(callee.child_by_field_name("object"), scopes)
    if method is not None and kind is not None and text_of(method) in DENIED_METHODS.get(kind, ()):
        yield method.start_byte, f"{kind}.{text_of(method)} is not part of AppSync's JavaScript"


def _unknown(owner: Members, name: str) -> str:
    full = f"{owner.name}.{name}"
    if full in VTL_ONLY:
        return f"{full} exists in VTL only: {VTL_ONLY[full]}"
    return f"{full} does not exist; {owner.name} has {', '.join(sorted(owner))}"


def _members(node: Node | None, scopes: Scopes, depth: int = 0) -> Members | None:
    """The members of an expression; None if they are not known."""
    if node is None or depth > _DEEPEST:
        return None
    match node.type:
        case "identifier" | "shorthand_property_identifier":
            binding = scopes.binding(node)
            return _declared(binding, scopes, depth + 1) if binding else GLOBAL_MEMBERS.get(text_of(node))
        case "parenthesized_expression":
            return _members(node.named_children[0] if node.named_children else None, scopes, depth + 1)
        case "member_expression" | "subscript_expression":
            owner, key = _members(node.child_by_field_name("object"), scopes, depth + 1), _key(node)
            return owner.get(text_of(key).strip("'\"`")) if owner is not None and key is not None else None
        case _:
            return None


def _declared(binding: Binding, scopes: Scopes, depth: int) -> Members | None:
    if binding.kind is Kind.IMPORT and binding.value is not None:
        whole = MODULE_MEMBERS.get(_module(binding.value))
    elif binding.kind is Kind.CONSTANT:
        whole = _members(binding.value, scopes, depth)
    else:
        return None
    return whole.get(binding.key) if whole is not None and binding.key is not None else whole


def _kind(node: Node | None, scopes: Scopes, depth: int = 0) -> str | None:
    """The kind of a value, as `DENIED_METHODS` has it; None if it is not known."""
    if node is None or depth > _DEEPEST:
        return None
    match node.type:
        case "array":
            return "Array"
        case "string" | "template_string":
            return "String"
        case "parenthesized_expression":
            return _kind(node.named_children[0] if node.named_children else None, scopes, depth + 1)
        case "identifier":
            binding = scopes.binding(node)
            if binding is None:
                return text_of(node) if text_of(node) in DENIED_METHODS else None
            followed = binding.kind is Kind.CONSTANT and binding.key is None
            return _kind(binding.value, scopes, depth + 1) if followed else None
        case "call_expression":
            callee = node.child_by_field_name("function")
            if callee is None or callee.type != "member_expression":
                return None
            owner, method = callee.child_by_field_name("object"), text_of(callee.child_by_field_name("property"))
            if f"{text_of(owner)}.{method}" in _ARRAY_FUNCTIONS:
                return "Array"
            kind = _kind(owner, scopes, depth + 1)
            return (
                "Array"
                if (kind == "Array" and method in _ARRAY_METHODS) or (kind, method) == ("String", "split")
                else None
            )
        case _:
            return None


def _key(node: Node) -> Node | None:
    """The name of the member that an expression reads; None if it is computed."""
    if node.type == "member_expression":
        key = node.child_by_field_name("property")
        return key if key is not None and key.type == "property_identifier" else None
    index = node.child_by_field_name("index")
    return index if index is not None and index.type == "string" else None


def _module(statement: Node) -> str:
    return text_of(statement.child_by_field_name("source"))[1:-1]
