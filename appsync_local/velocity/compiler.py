"""Compiles a template to a JavaScript function that writes its text.

One statement is written on one line, so that an error in JavaScript leads back to the place in the template.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, assert_never

import orjson

from appsync_local.velocity.syntax import (
    Binary,
    Block,
    Call,
    Expression,
    ForEach,
    If,
    Index,
    Interpolated,
    Leave,
    ListLiteral,
    Literal,
    Macro,
    MacroCall,
    MapLiteral,
    Node,
    Position,
    Property,
    Range,
    Reference,
    Return,
    Set,
    Show,
    TemplateInvalid,
    Text,
    Unary,
)

# Members of `$ctx`, by their name in templates. `data` is an old name of the result.
_CONTEXT: Final = {
    "arguments": "arguments", "args": "args", "source": "source", "stash": "stash", "prev": "prev", "result": "result",
    "data": "result", "error": "error", "identity": "identity", "request": "request", "info": "info", "env": "env",
}  # fmt: skip
_LIBRARIES: Final = {"util": "util", "utils": "util", "extensions": "extensions"}
# Utilities that write nothing, or JSON in which no key is repeated; so do those whose names end in Json.
_SAFE: Final = frozenset(
    {
        "appendError", "error", "qr", "quiet", "toDynamoDBConditionExpression", "toDynamoDBFilterExpression",
        "toElasticsearchQueryDSL", "unauthorized", "validate",
    }
)  # fmt: skip
_FIXED: Final = frozenset({"ctx", "context", "foreach", *_LIBRARIES})
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
_KEY: Final = re.compile(r'"([^"\\]*)"\s*:')
_END_OF_KEY: Final = re.compile(r'"\s*:')


class CompiledTemplate:
    """A template as JavaScript.

    Attributes:
        lines: The lines of a function of `ctx` that returns the text.
        positions: The position in the template of each line.
    """

    def __init__(self, block: Block) -> None:
        """Compile a template.

        Raises:
            TemplateInvalid: The template sets a reference that cannot be set.
        """
        self.lines: list[str] = []
        self.positions: list[Position] = []
        self._repeats_keys = False
        self._writes_values = False  # also others than JSON, which may contain a key
        self._keys: set[str] = set()
        self._position = Position(1, 1)
        self._names: set[str] = set()
        self._hidden: list[frozenset[str]] = []  # parameters of the macros around the current node
        self._loops = 0  # loops around the current node, in the same function
        self._count = 0
        self._emit("(ctx) => {")
        head = len(self.lines)
        self._emit('let out = "", foreach = null;')
        self._macros(block)
        self._emit("try {")
        self._write(block)
        self._emit("} catch (thrown) { if (thrown !== V_STOP) throw thrown; }")
        self._emit("return out; }")
        if self._names:
            self.lines[head] += f" let {', '.join(sorted(self._names))};"

    @property
    def may_repeat_keys(self) -> bool:
        """Whether the text may contain an object in which a key is repeated."""
        return self._repeats_keys or (self._writes_values and bool(self._keys))

    def _emit(self, line: str) -> None:
        self.lines.append(line)
        self.positions.append(self._position)

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _variable(self, name: str) -> str:
        variable = f"$_{name.replace('-', '$')}"
        if not any(variable in hidden for hidden in self._hidden):
            self._names.add(variable)
        return variable

    # Directives

    def _macros(self, block: Block) -> None:
        """Write the macros of a block first, because a call may come before its macro."""
        for placed in block:
            match placed.node:
                case Macro(body=body) as macro:
                    self._macros(body)
                    self._position = placed.position
                    self._macro(macro)
                case If(branches, otherwise):
                    for inner in (*(body for _, body in branches), otherwise):
                        self._macros(inner)
                case ForEach(body=body):
                    self._macros(body)
                case _:
                    pass

    def _macro(self, macro: Macro) -> None:
        parameters = [f"$_{name.replace('-', '$')}" for name in macro.parameters]
        # `var`: of two macros with the same name, the later one is used.
        self._emit(f"var {_macro_name(macro.name)} = ({', '.join(parameters)}) => {{")
        self._hidden.append(frozenset(parameters))
        with self._own_function():
            self._write(macro.body)
        self._hidden.pop()
        self._emit("};")

    @contextmanager
    def _own_function(self) -> Iterator[None]:
        """`#break` cannot leave a JavaScript function."""
        loops, self._loops = self._loops, 0
        yield
        self._loops = loops

    def _write(self, block: Block) -> None:
        for placed in block:
            self._position = placed.position
            self._node(placed.node)

    def _node(self, node: Node) -> None:
        match node:
            case Text(text):
                self._find_keys(text)
                self._emit(f"out += {_quoted(text)};")
            case Show(reference):
                self._writes_values = self._writes_values or not _is_json(reference)
                self._emit(f"out += {self._shown(node)};")
            case Set(target, value):
                self._emit(f"{self._assigned(target, self._value(value))};")
            case If(branches, otherwise):
                self._if(branches, otherwise)
            case ForEach():
                self._for_each(node)
            case MacroCall(name, arguments):
                self._emit(f"{_macro_name(name)}({self._list(arguments)});")
            case Return(value):
                self._emit(f"V_leave({'null' if value is None else self._value(value)});")
            case Leave(word):
                self._emit("break;" if word == "break" and self._loops else "throw V_STOP;")
            case Macro():
                pass  # `_macros` has written it
            case _:
                assert_never(node)

    def _find_keys(self, text: str) -> None:
        """Find the keys that the template writes itself: each one only once, in most templates."""
        keys = _KEY.findall(text)
        is_repeated = len({*keys}) < len(keys) or not self._keys.isdisjoint(keys)
        is_computed = len(_END_OF_KEY.findall(text)) > len(keys)
        is_in_loop = bool(keys) and (self._loops > 0 or bool(self._hidden))
        self._repeats_keys = self._repeats_keys or is_repeated or is_computed or is_in_loop
        self._keys.update(keys)

    def _if(self, branches: tuple[tuple[Expression, Block], ...], otherwise: Block) -> None:
        for number, (condition, body) in enumerate(branches):
            self._emit(f"{'} else ' if number else ''}if (V_isTrue({self._value(condition)})) {{")
            self._write(body)
        if otherwise:
            self._emit("} else {")
            self._write(otherwise)
        self._emit("}")

    def _for_each(self, loop: ForEach) -> None:
        item, items, at = self._variable(loop.name), self._fresh("items"), self._fresh("at")
        outer, old, size = self._fresh("outer"), self._fresh("old"), self._fresh("size")
        value = f"V_items({self._value(loop.items)}, {_place(loop.position)})"
        self._emit(f"const {items} = {value}, {outer} = foreach, {old} = {item}, {size} = {items}.length;")
        self._emit(f"for (let {at} = 0; {at} < {size}; {at} += 1) {{")
        self._emit(f"{item} = {items}[{at}]; foreach = V_turn({at}, {size}, {outer});")
        self._loops += 1
        self._write(loop.body)
        self._loops -= 1
        self._position = loop.position
        self._emit(f"}} foreach = {outer}; {item} = {old};")

    def _assigned(self, target: Reference, value: str) -> str:
        if target.name in _FIXED and not target.steps:
            raise TemplateInvalid(target.position, f"${target.name} cannot be set; choose another name")
        if not target.steps:
            return f"{self._variable(target.name)} = {value}"
        *steps, last = target.steps
        if target.name in ("ctx", "context") and not steps:
            return f"V_replace({self._read(target)}, {value}, {_place(target.position)})"
        owner = self._read(Reference(target.name, tuple(steps), "", is_quiet=False, position=target.position))
        match last:
            case Property(name):
                return f"V_put({owner}, {_quoted(name)}, {value})"
            case Index(key):
                return f"V_putAt({owner}, {self._value(key)}, {value}, {_place(target.position)})"
            case Call(name):
                raise TemplateInvalid(target.position, f"the result of {name}() cannot be set; use $util.qr to call it")
            case _:
                assert_never(last)

    # Expressions

    def _list(self, values: tuple[Expression, ...]) -> str:
        return ", ".join(map(self._value, values))

    def _value(self, value: Expression) -> str:
        match value:
            case Literal(plain):
                return _quoted(plain)
            case Interpolated(body):
                return self._interpolated(body)
            case ListLiteral(items):
                return f"[{self._list(items)}]"
            case MapLiteral(pairs):
                members = (f"[V_text({self._value(key)})]: {self._value(item)}" for key, item in pairs)
                return f"{{ {', '.join(members)} }}"
            case Range(first, last):
                return f"V_range({self._value(first)}, {self._value(last)})"
            case Reference():
                return self._read(value)
            case Unary("!", operand):
                return f"!V_isTrue({self._value(operand)})"
            case Unary(_, operand):
                return f"V_negate({self._value(operand)})"
            case Binary():
                return self._binary(value)
            case _:
                assert_never(value)

    def _binary(self, binary: Binary) -> str:
        left, right = self._value(binary.left), self._value(binary.right)
        match binary.operator:
            case "&&" | "||" as sign:
                return f"(V_isTrue({left}) {sign} V_isTrue({right}))"
            case "!=":
                return f"!V_equals({left}, {right})"
            case "+":
                literals = ", ".join(
                    _quoted(side.literal if isinstance(side, Reference) else "null")
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
                self._shown(placed.node) if isinstance(placed.node, Show) else _quoted(placed.node.text)
                for placed in body
                if isinstance(placed.node, Text | Show)
            )
            return f"({' + '.join(parts)})"
        # Directives in a string write to a text of their own.
        position, lines, positions = self._position, self.lines, self.positions
        self.lines, self.positions = [], []
        with self._own_function():
            self._write(body)
        inner = " ".join(self.lines)
        self._position, self.lines, self.positions = position, lines, positions
        kept = self._fresh("kept")
        return (
            f'(() => {{ const {kept} = out; try {{ out = ""; {inner} return out; }} finally {{ out = {kept}; }} }})()'
        )

    def _shown(self, node: Show) -> str:
        reference = node.reference
        value = self._read(reference)
        literal = _quoted("" if reference.is_quiet else reference.literal)
        if node.slashes:
            return f"V_escaped({value}, {_quoted(reference.literal)}, {node.slashes})"
        return f"V_show({value}, {literal})"

    def _read(self, reference: Reference) -> str:
        steps = list(reference.steps)
        if reference.name in _LIBRARIES:
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
            value = f"({self._variable(reference.name)} ?? null)"
        return self._followed(value, steps)

    def _used(self, reference: Reference) -> str:
        """A utility, by its full name; what follows its call is read from its result."""
        path = [_LIBRARIES[reference.name]]
        for number, step in enumerate(reference.steps):
            match step:
                case Property(name):
                    path.append(name)
                case Call(name, arguments, position):
                    given = "".join(f", {self._value(argument)}" for argument in arguments)
                    value = f"V_use({_quoted('.'.join((*path, name)))}, {_place(position)}{given})"
                    return self._followed(value, list(reference.steps[number + 1 :]))
                case _:
                    break
        return "null"

    def _followed(self, value: str, steps: list[Property | Index | Call]) -> str:
        for step in steps:
            match step:
                case Property(name):
                    value = f"V_get({value}, {_quoted(name)})"
                case Index(key):
                    value = f"V_at({value}, {self._value(key)})"
                case Call(name, arguments, position):
                    given = "".join(f", {self._value(argument)}" for argument in arguments)
                    value = f"V_call({value}, {_quoted(name)}, {_place(position)}{given})"
                case _:
                    assert_never(step)
        return value


def _is_json(reference: Reference) -> bool:
    """Whether a reference is the call of a utility that writes JSON, in which no key is repeated, or nothing."""
    last = reference.steps[-1] if reference.steps else None
    if reference.name not in _LIBRARIES or not isinstance(last, Call):
        return False
    return last.name.lower().endswith("json") or last.name in _SAFE


def _macro_name(name: str) -> str:
    return f"macro_{name.replace('-', '$')}"


def _place(position: Position) -> int:
    return position.line * 1000 + min(position.column, 999)


def _quoted(value: str | float | bool | None) -> str:
    return orjson.dumps(value).decode()
