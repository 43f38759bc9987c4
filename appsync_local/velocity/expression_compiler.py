"""Compiles the expressions and references of a template to JavaScript."""

from collections.abc import Callable
from typing import Final, assert_never

import orjson

from appsync_local.velocity.syntax import (
    Binary,
    Block,
    Call,
    Expression,
    Index,
    Interpolated,
    ListLiteral,
    Literal,
    MapLiteral,
    Position,
    Property,
    Range,
    Reference,
    Show,
    Text,
    Unary,
    VelocityInvalid,
)

# Members of `$ctx`, by their name in templates. `data` is an old name of the result.
_CONTEXT: Final = {
    "arguments": "arguments", "args": "args", "source": "source", "stash": "stash", "prev": "prev", "result": "result",
    "data": "result", "error": "error", "identity": "identity", "request": "request", "info": "info", "env": "env",
}  # fmt: skip
LIBRARIES: Final = {"util": "util", "utils": "util", "extensions": "extensions"}
_FIXED: Final = frozenset({"ctx", "context", "foreach", *LIBRARIES})
_LOOP: Final = {"velocityCount": "count", "velocityHasNext": "hasNext"}
# What compiled templates use of `templates.js`, each as a constant: that is faster than members of an object.
RUNTIME: Final = (
    "STOP", "add", "at", "call", "divide", "divideExactly", "equals", "escaped", "get", "greater", "greaterOrEqual",
    "isTrue", "items", "leave", "less", "lessOrEqual", "multiply", "negate", "put", "putAt", "range", "remainder",
    "replace", "show", "subtract", "text", "turn", "use",
)  # fmt: skip
_OPERATORS: Final = {
    "==": "equals", "<": "less", "<=": "lessOrEqual", ">": "greater", ">=": "greaterOrEqual", "-": "subtract",
    "*": "multiply", "%": "remainder",
}  # fmt: skip


class ExpressionCompiler:
    """Compiles expressions, and knows the variables that they use.

    Args:
        write_string: Compiles a string in double quotes that contains directives.

    Attributes:
        variables: The names in JavaScript of the template's variables.
        hidden: The parameters of each macro around the current expression. They are not variables.
    """

    def __init__(self, write_string: Callable[[Block], str]) -> None:
        self._write_string = write_string
        self.variables: set[str] = set()
        self.hidden: list[frozenset[str]] = []

    def variable(self, name: str) -> str:
        """The name in JavaScript of a variable or parameter."""
        variable = parameter_name(name)
        if not any(variable in hidden for hidden in self.hidden):
            self.variables.add(variable)
        return variable

    def values(self, values: tuple[Expression, ...]) -> str:
        """The JavaScript of several expressions, separated by commas."""
        return ", ".join(map(self.value, values))

    def value(self, value: Expression) -> str:
        """The JavaScript of an expression."""
        match value:
            case Literal(plain):
                return quoted(plain)
            case Interpolated(body):
                return self._interpolated(body)
            case ListLiteral(items):
                return f"[{self.values(items)}]"
            case MapLiteral(pairs):
                members = (f"[V_text({self.value(key)})]: {self.value(item)}" for key, item in pairs)
                return f"{{ {', '.join(members)} }}"
            case Range(first, last):
                return f"V_range({self.value(first)}, {self.value(last)})"
            case Reference():
                return self._read(value)
            case Unary("!", operand):
                return f"!V_isTrue({self.value(operand)})"
            case Unary(_, operand):
                return f"V_negate({self.value(operand)})"
            case Binary():
                return self._binary(value)
            case _:
                assert_never(value)

    def _binary(self, binary: Binary) -> str:
        left, right = self.value(binary.left), self.value(binary.right)
        match binary.operator:
            case "&&" | "||" as sign:
                return f"(V_isTrue({left}) {sign} V_isTrue({right}))"
            case "!=":
                return f"!V_equals({left}, {right})"
            case "+":
                literals = ", ".join(
                    quoted(side.literal if isinstance(side, Reference) else "null")
                    for side in (binary.left, binary.right)
                )
                return f"V_add({left}, {right}, {literals})"
            case "/":
                is_exact = any(
                    isinstance(s, Literal) and isinstance(s.value, float) for s in (binary.left, binary.right)
                )
                return f"V_{'divideExactly' if is_exact else 'divide'}({left}, {right})"
            case sign:
                return f"V_{_OPERATORS[sign]}({left}, {right})"

    def _interpolated(self, body: Block) -> str:
        if all(isinstance(placed.node, Text | Show) for placed in body):
            parts = (
                self.shown(placed.node) if isinstance(placed.node, Show) else quoted(placed.node.text)
                for placed in body
                if isinstance(placed.node, Text | Show)
            )
            return f"({' + '.join(parts)})"
        return self._write_string(body)

    def shown(self, node: Show) -> str:
        """The text that a reference writes."""
        reference = node.reference
        value = self._read(reference)
        literal = quoted("" if reference.is_quiet else reference.literal)
        if node.slashes:
            return f"V_escaped({value}, {quoted(reference.literal)}, {node.slashes})"
        return f"V_show({value}, {literal})"

    def _read(self, reference: Reference) -> str:
        steps = list(reference.steps)
        if reference.name in LIBRARIES:
            return self._used(reference)
        if reference.name in ("ctx", "context"):
            first = steps[0] if steps else None
            known = _CONTEXT.get(first.name) if isinstance(first, Property) else None
            value = "ctx" if known is None else f"(ctx.{known} ?? null)"
            steps = steps if known is None else steps[1:]
        elif reference.name == "foreach":
            value = "foreach"
        elif reference.name in _LOOP:
            value = f"(foreach?.{_LOOP[reference.name]} ?? null)"
        else:
            value = f"({self.variable(reference.name)} ?? null)"
        return self._followed(value, steps)

    def _used(self, reference: Reference) -> str:
        """A utility, by its full name; what follows its call is read from its result."""
        path = [LIBRARIES[reference.name]]
        for number, step in enumerate(reference.steps):
            match step:
                case Property(name):
                    path.append(name)
                case Call(name, arguments, position):
                    given = "".join(f", {self.value(argument)}" for argument in arguments)
                    value = f"V_use({quoted('.'.join((*path, name)))}, {place_of(position)}{given})"
                    return self._followed(value, list(reference.steps[number + 1 :]))
                case _:
                    break
        return "null"

    def _followed(self, value: str, steps: list[Property | Index | Call]) -> str:
        for step in steps:
            match step:
                case Property(name):
                    value = f"V_get({value}, {quoted(name)})"
                case Index(key):
                    value = f"V_at({value}, {self.value(key)})"
                case Call(name, arguments, position):
                    given = "".join(f", {self.value(argument)}" for argument in arguments)
                    value = f"V_call({value}, {quoted(name)}, {place_of(position)}{given})"
                case _:
                    assert_never(step)
        return value

    def assigned(self, target: Reference, value: str) -> str:
        """An assignment of a value, which is JavaScript.

        Raises:
            VelocityInvalid: The reference cannot be set.
        """
        if target.name in _FIXED and not target.steps:
            raise VelocityInvalid(target.position, f"${target.name} cannot be set; choose another name")
        if not target.steps:
            return f"{self.variable(target.name)} = {value}"
        *steps, last = target.steps
        if target.name in ("ctx", "context") and not steps:
            return f"V_replace({self._read(target)}, {value}, {place_of(target.position)})"
        owner = self._read(Reference(target.name, tuple(steps), "", is_quiet=False, position=target.position))
        match last:
            case Property(name):
                return f"V_put({owner}, {quoted(name)}, {value})"
            case Index(key):
                return f"V_putAt({owner}, {self.value(key)}, {value}, {place_of(target.position)})"
            case Call(name):
                raise VelocityInvalid(target.position, f"the result of {name}() cannot be set; use $util.qr to call it")
            case _:
                assert_never(last)


def parameter_name(name: str) -> str:
    """The name in JavaScript of a name in a template."""
    return f"$_{name.replace('-', '$')}"


def place_of(position: Position) -> int:
    """A position as one number, for errors at run time: 1,000 times the line, and the column."""
    return position.line * 1000 + min(position.column, 999)


def quoted(value: str | float | bool | None) -> str:
    """A value as a literal of JavaScript."""
    return orjson.dumps(value).decode()
