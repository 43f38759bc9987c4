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

from appsync_local.javascript.names import Problem, name_problems
from appsync_local.javascript.scopes import Kind, Scopes
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
_CALLBACKS: Final = frozenset(
    {
        "map", "find", "filter", "findIndex", "findLast", "findLastIndex", "forEach", "reduce", "reduceRight", "every",
        "some", "flatMap",
    }
)  # fmt: skip
_CONSTRUCTORS: Final = frozenset({"Array", "Boolean", "Number", "Object", "String"})
_HANDLERS: Final = ("request", "response")


def problems_of(syntax: Syntax) -> list[Problem]:
    """Every unsupported use of the language, as an offset in bytes and a sentence, in the order of the text."""
    scopes = Scopes(syntax)
    found = {problem for node in syntax.nodes for problem in _at(node, scopes)}
    return sorted({*found, *_recursions(syntax, scopes), *_replacements(scopes), *name_problems(syntax, scopes)})


def _recursions(syntax: Syntax, scopes: Scopes) -> Iterator[Problem]:
    """Calls that lead back to the function that contains them."""
    names: dict[int, str] = {}
    functions: dict[int, Node] = {}
    for reference in syntax.nodes:
        function = scopes.function(reference) if reference.type == "identifier" else None
        if function is not None:
            functions[function.id] = function
            names[function.id] = text_of(reference)
    calls = {id_: list(_calls(function, scopes, functions)) for id_, function in functions.items()}
    reach = {id_: {callee for callee, _ in found} for id_, found in calls.items()}
    while grown := {
        i: more for i, to in reach.items() if (more := set[int]().union(to, *(reach[t] for t in to))) != to
    }:
        reach.update(grown)
    for id_, found in calls.items():
        for callee, offset in found:
            if callee == id_ or id_ in reach[callee]:
                text = f"{names[callee]} leads back to {names[id_]}, which calls it here"
                yield offset, f"recursion is not supported: {text}"


def _calls(function: Node, scopes: Scopes, known: Mapping[int, Node]) -> Iterator[tuple[int, int]]:
    """The calls of known functions in one function, without those in nested known functions."""
    pending = [function]
    while pending:
        node = pending.pop()
        if node.id in known and node.id != function.id:
            continue
        if node.type == "call_expression":
            callee = node.child_by_field_name("function")
            called = scopes.function(callee) if callee is not None and callee.type == "identifier" else None
            if called is not None and called.id in known:
                yield called.id, node.start_byte
        pending.extend(node.children)


def _at(node: Node, scopes: Scopes) -> Iterator[Problem]:
    kind = node.type
    if kind in _BANNED and node.is_named:
        yield node.start_byte, _BANNED[kind]
    elif kind in FUNCTIONS:
        yield from _function(node, scopes)
    elif kind in ("binary_expression", "unary_expression"):
        operator = node.child_by_field_name("operator")
        if text_of(operator) in _OPERATORS:
            yield (operator or node).start_byte, _OPERATORS[text_of(operator)]
    else:
        rule = _RULES.get(kind)
        if rule is not None:
            yield from rule(node, scopes)


def _function(node: Node, scopes: Scopes) -> Iterator[Problem]:
    if any(child.type == "async" for child in node.children):
        yield node.start_byte, "async functions are not supported: AppSync awaits the data source"
    body = node.child_by_field_name("body")
    if node.type == "arrow_function" and _is_function(scopes, body):
        yield node.start_byte, "a function cannot be returned"


def _replacements(scopes: Scopes) -> Iterator[Problem]:
    """Assignments to the context of a handler and to its direct members."""
    for name in _HANDLERS:
        binding = scopes.file.get(name)
        handler = binding.function if binding is not None else None
        if handler is None:
            continue
        parameters = handler.child_by_field_name("parameters")
        first = handler.child_by_field_name("parameter") or next(
            iter(parameters.named_children if parameters is not None else ()), None
        )
        if first is not None and first.type == "identifier":
            yield from _reassignments(handler, text_of(first), scopes)


def _reassignments(handler: Node, context: str, scopes: Scopes) -> Iterator[Problem]:
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
        if _is_context(target, context, scopes) and node.child_by_field_name("kind") is None:
            yield target.start_byte, f"{context} cannot be replaced; store values in {context}.stash"
        elif target.type in ("member_expression", "subscript_expression"):
            owner = target.child_by_field_name("object")
            if owner is not None and _is_context(owner, context, scopes):
                shown = text_of(target)
                yield (
                    target.start_byte,
                    f"{shown} cannot be replaced; change its members, or store values in {context}.stash",
                )


def _is_context(node: Node, context: str, scopes: Scopes) -> bool:
    binding = scopes.binding(node)
    return text_of(node) == context and binding is not None and binding.kind is Kind.PARAMETER


def _is_function(scopes: Scopes, node: Node | None) -> bool:
    return scopes.function(node) is not None


def _call(node: Node, scopes: Scopes) -> Iterator[Problem]:
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
            if _is_function(scopes, argument):
                allowed = "only methods such as map, filter and reduce accept one"
                yield argument.start_byte, f"a function cannot be passed as an argument: {allowed}"


def _returned(node: Node, scopes: Scopes) -> Iterator[Problem]:
    if _is_function(scopes, next(iter(node.named_children), None)):
        yield node.start_byte, "a function cannot be returned"


def _assigned(field: str) -> Callable[[Node, Scopes], Iterator[Problem]]:
    def rule(node: Node, scopes: Scopes) -> Iterator[Problem]:
        value = node.child_by_field_name(field)
        if value is not None and value.type == "identifier" and _is_function(scopes, value):
            yield node.start_byte, f"the function {text_of(value)} cannot be given another name"

    return rule


def _new(node: Node, scopes: Scopes) -> Iterator[Problem]:
    made = node.child_by_field_name("constructor")
    if made is None or text_of(made) not in _CONSTRUCTORS or scopes.binding(made) is not None:
        yield node.start_byte, "`new` is not supported: use plain objects, and util.time for dates"


def _break(node: Node, _scopes: Scopes) -> Iterator[Problem]:
    if node.child_by_field_name("label") is not None:
        yield node.start_byte, "labels are not supported"


def _for(node: Node, _scopes: Scopes) -> Iterator[Problem]:
    if any(child.type == "await" for child in node.children):
        yield node.start_byte, "`for await` is not supported: code is not asynchronous"


_RULES: Final[Mapping[str, Callable[[Node, Scopes], Iterator[Problem]]]] = {
    "call_expression": _call,
    "return_statement": _returned,
    "variable_declarator": _assigned("value"),
    "assignment_expression": _assigned("right"),
    "break_statement": _break,
    "new_expression": _new,
    "for_in_statement": _for,
}
