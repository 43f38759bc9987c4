"""Compiles a template to a JavaScript function that writes its text.

One statement is written on one line, so that an error in JavaScript leads back to the place in the template.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from appsync_local.velocity.expression_compiler import ExpressionCompiler, parameter_name, place_of, quoted
from appsync_local.velocity.syntax import (
    Block,
    Expression,
    ForEach,
    If,
    Leave,
    Macro,
    MacroCall,
    Node,
    Position,
    Return,
    Set,
    Show,
    Text,
    VelocityInvalid,
)
from appsync_local.velocity.written_keys import WrittenKeys


class CompiledTemplate:
    """A template as JavaScript.

    Attributes:
        lines: The lines of a function of `ctx` that returns the text.
        positions: The position in the template of each line.
        keys: The keys of JSON objects that the template writes.
    """

    def __init__(self, block: Block) -> None:
        """Compile a template.

        Raises:
            VelocityInvalid: The template sets a reference that cannot be set, or calls a macro that it does not have.
        """
        self.lines: list[str] = []
        self.positions: list[Position] = []
        self.keys = WrittenKeys()
        self._expressions = ExpressionCompiler(self._string)
        self._position = Position(1, 1)
        self._loops = 0  # loops around the current node, in the same function
        self._count = 0
        self._defined: set[str] = set()  # names of macros
        self._called: dict[str, Position] = {}  # where each one is called first
        self._emit("(ctx) => {")
        head = len(self.lines)
        self._emit('let out = "", foreach = null;')
        self._macros(block)
        self._emit("try {")
        self._write(block)
        self._emit("} catch (thrown) { if (thrown !== V_STOP) throw thrown; }")
        self._emit("return out; }")
        for name, position in self._called.items():
            if name not in self._defined:
                raise VelocityInvalid(position, f"#{name} is called, and its #macro is only in a comment or string")
        if variables := sorted(self._expressions.variables):
            self.lines[head] += f" let {', '.join(variables)};"

    def _emit(self, line: str) -> None:
        self.lines.append(line)
        self.positions.append(self._position)

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

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
        self._defined.add(macro.name)
        parameters = [parameter_name(name) for name in macro.parameters]
        # `var`: of two macros with the same name, the later one is used.
        self._emit(f"var {_macro_name(macro.name)} = ({', '.join(parameters)}) => {{")
        self._expressions.hidden.append(frozenset(parameters))
        with self._own_function():
            self._write(macro.body)
        self._expressions.hidden.pop()
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
                self.keys.add_text(text, is_in_loop=self._loops > 0 or bool(self._expressions.hidden))
                self._emit(f"out += {quoted(text)};")
            case Show(reference):
                self.keys.add_value(reference)
                self._emit(f"out += {self._expressions.shown(node)};")
            case Set(target, value):
                self._emit(f"{self._expressions.assigned(target, self._expressions.value(value))};")
            case If(branches, otherwise):
                self._if(branches, otherwise)
            case ForEach():
                self._for_each(node)
            case MacroCall(name, arguments):
                self._called.setdefault(name, self._position)
                self._emit(f"{_macro_name(name)}({self._expressions.values(arguments)});")
            case Return(value):
                self._emit(f"V_leave({'null' if value is None else self._expressions.value(value)});")
            case Leave(word):
                self._emit("break;" if word == "break" and self._loops else "throw V_STOP;")
            case Macro():
                pass  # `_macros` has written it
            case _:
                assert_never(node)

    def _if(self, branches: tuple[tuple[Expression, Block], ...], otherwise: Block) -> None:
        for number, (condition, body) in enumerate(branches):
            self._emit(f"{'} else ' if number else ''}if (V_isTrue({self._expressions.value(condition)})) {{")
            self._write(body)
        if otherwise:
            self._emit("} else {")
            self._write(otherwise)
        self._emit("}")

    def _for_each(self, loop: ForEach) -> None:
        item, items, at = self._expressions.variable(loop.name), self._fresh("items"), self._fresh("at")
        outer, old, size = self._fresh("outer"), self._fresh("old"), self._fresh("size")
        value = f"V_items({self._expressions.value(loop.items)}, {place_of(loop.position)})"
        self._emit(f"const {items} = {value}, {outer} = foreach, {old} = {item}, {size} = {items}.length;")
        self._emit(f"for (let {at} = 0; {at} < {size}; {at} += 1) {{")
        self._emit(f"{item} = {items}[{at}]; foreach = V_turn({at}, {size}, {outer});")
        self._loops += 1
        self._write(loop.body)
        self._loops -= 1
        self._position = loop.position
        self._emit(f"}} foreach = {outer}; {item} = {old};")

    def _string(self, body: Block) -> str:
        """A string with directives, which write to a text of their own."""
        position, lines, positions = self._position, self.lines, self.positions
        self.lines, self.positions = [], []
        with self._own_function():
            self._write(body)
        inner = " ".join(self.lines)
        self._position, self.lines, self.positions = position, lines, positions
        kept = self._fresh("kept")
        return (
            f'(() => {{ const {kept} = out; out = ""; try {{ {inner} return out; }} finally {{ out = {kept}; }} }})()'
        )


def _macro_name(name: str) -> str:
    return f"macro_{name.replace('-', '$')}"
