"""Finds code that AppSync's JavaScript does not support, before the file runs.

AWS refuses such code at deployment; this check reports it earlier. The rules are those of the developer guide and of
AWS's lint plugin. The runtime in `prelude.js` refuses what can only be detected while code runs, such as unsupported
methods and loops with too many iterations.

Source: AppSync Developer Guide, "Supported runtime features"; @aws-appsync/eslint-plugin 2.0, its configuration
`recommended`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tree_sitter import Node

from appsync_local.javascript.syntax import FUNCTIONS, Syntax, text_of, walk

_FOR_OF: Final = "write `for (const item of items)`, or map, filter and reduce"
_BANNED: Final[Mapping[str, str]] = {
    "await_expression": "`await` is not supported: return a request, and AppSync waits for the data source",
    "generator_function": "generators are not supported; build an array",
    "generator_function_declaration": "generators are not supported; build an array",
    "yield_expression": "generators are not supported; build an array",
    "while_statement": f"`while` is not supported; {_FOR_OF}",
    "do_statement": f"`do` is not supported; {_FOR_OF}",
    "for_statement": f"`for (;;)` is not supported; {_FOR_OF}",
    "continue_statement": "`continue` is not supported; use an `if`, or filter the items first",
    "labeled_statement": "labels are not supported",
    "try_statement": "`try` is not supported: errors cannot be caught",
    "throw_statement": "`throw` is not supported; call util.error",
    "class_declaration": "classes are not supported; use functions and plain objects",
    "class": "classes are not supported; use functions and plain objects",
    "this": "`this` is not supported; pass the value as an argument",
    "super": "classes are not supported; use functions and plain objects",
    "new_expression": "`new` is not supported: there are no classes; use plain objects, and util.time for dates",
    "meta_property": "`import.meta` and `new.target` are not supported",
    "regex": "regular expression literals are not supported; give util.matches the pattern as a string",
    "update_expression": "`++` and `--` are not supported; write `n = n + 1`",
    "with_statement": "`with` is not supported",
    "debugger_statement": "`debugger` is not supported",
}  # fmt: skip
_OPERATORS: Final[Mapping[str, str]] = {
    "in": "the operator `in` is not supported; use Object.hasOwn",
    "instanceof": "the operator `instanceof` is not supported",
    "~": "the operator `~` is not supported",
}
_ABSENT: Final[Mapping[str, str]] = {
    "Date": "there is no Date; use util.time",
    "Promise": "there is no Promise: code is not asynchronous",
    "RegExp": "there is no RegExp; use util.matches",
    "Function": "functions cannot be made from text",
    "eval": "text cannot be evaluated",
    "require": "there is no require; use import",
    "fetch": "there is no network; use an HTTP data source",
    **dict.fromkeys(("setTimeout", "setInterval", "setImmediate", "queueMicrotask"), "there are no timers"),
    **dict.fromkeys(
        ("Symbol", "Proxy", "Reflect", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "process", "globalThis"),
        "it is not part of AppSync's JavaScript",
    ),
}  # fmt: skip
_CALLBACKS: Final = frozenset(
    {
        "map", "find", "filter", "findIndex", "findLast", "findLastIndex", "forEach", "reduce", "reduceRight", "every",
        "some", "flatMap",
    }
)  # fmt: skip
_NAMING: Final = frozenset({"identifier", "shorthand_property_identifier_pattern"})
_HANDLERS: Final = frozenset({"request", "response"})

Problem = tuple[int, str]


def problems_of(syntax: Syntax) -> list[Problem]:
    """Every unsupported use of the language, as an offset in bytes and a sentence, in the order of the text."""
    names = _Names(syntax)
    found = [problem for node in syntax.nodes for problem in _at(node, names)]
    return sorted({*found, *names.recursions()})


class _Names:
    """The names that the file declares, and those of its functions."""

    def __init__(self, syntax: Syntax) -> None:
        self.functions: dict[str, Node] = {}
        self.declared: set[str] = set()
        for node in syntax.nodes:
            if node.type == "function_declaration":
                self.functions[text_of(node.child_by_field_name("name"))] = node
            elif node.type == "variable_declarator":
                value = node.child_by_field_name("value")
                if value is not None and value.type in FUNCTIONS:
                    self.functions[text_of(node.child_by_field_name("name"))] = value
            if node.type in _NAMING and _declares(node):
                self.declared.add(text_of(node))

    def is_function(self, node: Node | None) -> bool:
        """Whether an expression is a function expression or the name of a function."""
        if node is None:
            return False
        return node.type in FUNCTIONS or (node.type == "identifier" and text_of(node) in self.functions)

    def recursions(self) -> Iterator[Problem]:
        """Calls that lead back to the function that contains them."""
        calls = {name: list(_calls(node, self.functions)) for name, node in self.functions.items()}
        reach: dict[str, set[str]] = {name: {callee for callee, _ in found} for name, found in calls.items()}
        while grown := {
            n: more for n, to in reach.items() if (more := set[str]().union(to, *(reach[t] for t in to))) != to
        }:
            reach.update(grown)
        for name, found in calls.items():
            for callee, offset in found:
                if callee == name or name in reach[callee]:
                    yield offset, f"recursion is not supported: {callee} leads back to {name}, which calls it here"


def _calls(function: Node, known: Mapping[str, Node]) -> Iterator[tuple[str, int]]:
    """The calls of known functions in one function, without those in nested known functions."""
    inner = {node.id for node in known.values()} - {function.id}
    pending = [function]
    while pending:
        node = pending.pop()
        if node.id in inner:
            continue
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        if callee is not None and callee.type == "identifier" and text_of(callee) in known:
            yield text_of(callee), node.start_byte
        pending.extend(node.children)


def _declares(node: Node) -> bool:
    if node.type == "shorthand_property_identifier_pattern":
        return True
    if text_of(node) not in _ABSENT or node.parent is None:  # other names are not checked
        return False
    parent = node.parent
    if parent.type in ("variable_declarator", "function_declaration", "function_expression"):
        return parent.child_by_field_name("name") == node
    return parent.type in (
        "formal_parameters", "rest_pattern", "array_pattern", "object_pattern", "pair_pattern", "assignment_pattern",
        "import_specifier", "import_clause", "namespace_import",
    ) or (parent.type == "arrow_function" and parent.child_by_field_name("parameter") == node)  # fmt: skip


def _at(node: Node, names: _Names) -> Iterator[Problem]:
    kind = node.type
    if kind in _BANNED and node.is_named:
        yield node.start_byte, _BANNED[kind]
    elif kind in FUNCTIONS:
        yield from _function(node, names)
    elif kind in ("binary_expression", "unary_expression"):
        operator = node.child_by_field_name("operator")
        if text_of(operator) in _OPERATORS:
            yield (operator or node).start_byte, _OPERATORS[text_of(operator)]
    elif kind == "identifier" and text_of(node) in _ABSENT and text_of(node) not in names.declared:
        yield node.start_byte, f"{text_of(node)} is not supported: {_ABSENT[text_of(node)]}"
    else:
        rule = _RULES.get(kind)
        if rule is not None:
            yield from rule(node, names)


def _function(node: Node, names: _Names) -> Iterator[Problem]:
    if any(child.type == "async" for child in node.children):
        yield node.start_byte, "async functions are not supported: AppSync awaits the data source"
    body = node.child_by_field_name("body")
    if node.type == "arrow_function" and names.is_function(body):
        yield node.start_byte, "a function cannot be returned"
    if text_of(node.child_by_field_name("name")) in _HANDLERS:
        parameters = node.child_by_field_name("parameters")
        first = parameters.named_children[0] if parameters is not None and parameters.named_children else None
        if first is not None and first.type == "identifier":
            yield from _reassignments(node, text_of(first))


def _reassignments(handler: Node, context: str) -> Iterator[Problem]:
    """Assignments to `ctx` and to its direct members. Nested values may be changed."""
    for node in walk(handler):
        if node.type in ("assignment_expression", "augmented_assignment_expression", "for_in_statement"):
            target = node.child_by_field_name("left")
        elif node.type == "unary_expression" and text_of(node.child_by_field_name("operator")) == "delete":
            target = node.child_by_field_name("argument")
        else:
            continue
        if target is None:
            continue
        if target.type == "identifier" and text_of(target) == context and node.child_by_field_name("kind") is None:
            yield target.start_byte, f"{context} cannot be replaced; store values in {context}.stash"
        elif target.type in ("member_expression", "subscript_expression"):
            owner = target.child_by_field_name("object")
            if owner is not None and owner.type == "identifier" and text_of(owner) == context:
                shown = text_of(target)
                yield (
                    target.start_byte,
                    f"{shown} cannot be replaced; change its members, or store values in {context}.stash",
                )


def _call(node: Node, names: _Names) -> Iterator[Problem]:
    callee = node.child_by_field_name("function")
    arguments = node.child_by_field_name("arguments")
    if callee is None or arguments is None:
        return
    if callee.type == "import":
        yield node.start_byte, "import() is not supported; import at the top of the file"
    method = text_of(callee.child_by_field_name("property")) if callee.type == "member_expression" else ""
    if method in ("apply", "bind", "call"):
        yield callee.start_byte, f"Function.{method} is not supported; call the function itself"
    if method not in _CALLBACKS:
        for argument in arguments.named_children:
            if names.is_function(argument):
                allowed = "only methods such as map, filter and reduce accept one"
                yield argument.start_byte, f"a function cannot be passed as an argument: {allowed}"


def _returned(node: Node, names: _Names) -> Iterator[Problem]:
    if names.is_function(next(iter(node.named_children), None)):
        yield node.start_byte, "a function cannot be returned"


def _assigned(field: str) -> Callable[[Node, _Names], Iterator[Problem]]:
    def rule(node: Node, names: _Names) -> Iterator[Problem]:
        value = node.child_by_field_name(field)
        if value is not None and value.type == "identifier" and names.is_function(value):
            yield node.start_byte, f"the function {text_of(value)} cannot be given another name"

    return rule


def _break(node: Node, _names: _Names) -> Iterator[Problem]:
    if node.child_by_field_name("label") is not None:
        yield node.start_byte, "labels are not supported"


def _for(node: Node, _names: _Names) -> Iterator[Problem]:
    if any(child.type == "await" for child in node.children):
        yield node.start_byte, "`for await` is not supported: code is not asynchronous"


_RULES: Final[Mapping[str, Callable[[Node, _Names], Iterator[Problem]]]] = {
    "call_expression": _call,
    "return_statement": _returned,
    "variable_declarator": _assigned("value"),
    "assignment_expression": _assigned("right"),
    "break_statement": _break,
    "for_in_statement": _for,
}
