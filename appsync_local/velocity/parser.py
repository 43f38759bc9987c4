"""Parses a template: text, references and directives.

Source: Apache Velocity 1.7, "VTL Reference"; AppSync Developer Guide, "AppSync directives", for `#return`.
"""

import re
from typing import Final

from appsync_local.velocity.expression_parser import NAME, ExpressionParser
from appsync_local.velocity.scanner import Scanner
from appsync_local.velocity.syntax import (
    Block,
    Expression,
    ForEach,
    If,
    Leave,
    Macro,
    MacroCall,
    Node,
    Placed,
    Position,
    Reference,
    Return,
    Set,
    Show,
    Text,
    VelocityInvalid,
)

_TEXT: Final = re.compile(r"[^$#\\]+")
_SLASHES: Final = re.compile(r"\\+")
_COMMENT: Final = re.compile(r"##[^\n]*(?:\n|\Z)|#\*.*?\*#", re.DOTALL)
_UNPARSED: Final = re.compile(r"#\[\[(.*?)\]\]#", re.DOTALL)
_DIRECTIVE: Final = re.compile(r"#(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_MACRO: Final = re.compile(r"#\{?macro\}?\s*\(\s*([A-Za-z_][\w-]*)")
_ENDS: Final = frozenset({"end", "else", "elseif"})
_WORDS: Final = frozenset({"set", "if", "foreach", "macro", "return", "break", "stop", *_ENDS})
_REFUSED: Final = {
    "parse": "templates cannot read files; put the text here",
    "include": "templates cannot read files; put the text here",
    "evaluate": "text cannot be evaluated as a template",
    "define": "use #set or #macro",
}


def parse(text: str) -> Block:
    """Parse the text of a template.

    Raises:
        VelocityInvalid: The text is not a valid template.
    """
    macros = frozenset(match[1] for match in _MACRO.finditer(text))
    return _Parser(Scanner(text), macros).whole()


class _Parser:
    def __init__(self, scanner: Scanner, macros: frozenset[str]) -> None:
        self._scanner = scanner
        self._macros = macros
        self._expressions = ExpressionParser(scanner, self._parse_string)

    def whole(self) -> Block:
        block, end = self._block()
        if end is not None:
            word, offset = end
            raise VelocityInvalid(
                self._scanner.position(offset), f"#{word} has no #if or #foreach before it; remove it"
            )
        return block

    def _block(self) -> tuple[Block, tuple[str, int] | None]:
        """The nodes up to `#end`, `#else`, `#elseif` or the end of the text; which of them it was, and where."""
        scanner = self._scanner
        scanner.descend()
        found: list[Placed] = []
        end: tuple[str, int] | None = None
        while not scanner.ended and end is None:
            start = scanner.at
            slashes = len(escape[0]) if (escape := scanner.match(_SLASHES)) is not None else 0
            begin = scanner.at
            node: Node | None
            if scanner.peek("$"):
                node = self._shown(slashes)
            elif scanner.peek("#"):
                node, end = self._directive(slashes, found)
            else:
                text = scanner.match(_TEXT)
                node = Text("\\" * slashes + (text[0] if text is not None else ""))
            if node is not None and end is None:
                found.append(Placed(node, scanner.position(start if isinstance(node, Text) else begin)))
        scanner.ascend()
        return tuple(found), end

    def _shown(self, slashes: int) -> Node:
        reference = self._expressions.reference()
        if reference is not None:
            return Show(reference, slashes)
        self._scanner.at += 1
        return Text("\\" * slashes + "$")

    def _directive(self, slashes: int, found: list[Placed]) -> tuple[Node | None, tuple[str, int] | None]:
        scanner = self._scanner
        start = scanner.at
        if not slashes:
            if scanner.match(_COMMENT) is not None:
                return None, None
            if scanner.peek("#*"):
                raise scanner.fail("*# at the end of this comment")
            unparsed = scanner.match(_UNPARSED)
            if unparsed is not None:
                return Text(unparsed[1]), None
        head = scanner.match(_DIRECTIVE)
        word = (head[1] or head[2]) if head is not None else ""
        if word in _REFUSED and scanner.is_followed_by("("):
            raise VelocityInvalid(scanner.position(start), f"#{word} is not part of AppSync's VTL: {_REFUSED[word]}")
        if slashes and (word in _WORDS or word in _REFUSED):
            return Text("\\" * (slashes // 2) + (head[0] if head is not None else "")), None
        if word in _ENDS:
            self._trim(start, found)
            return None, (word, start)
        if word in _WORDS:
            return self._known(word, start, found), None
        if word in self._macros and not slashes and scanner.take("("):
            return MacroCall(word, self._expressions.arguments()), None
        scanner.at = start + 1 if head is None else scanner.at
        return Text("\\" * slashes + scanner.text[start : scanner.at]), None

    def _known(self, word: str, start: int, found: list[Placed]) -> Node:
        scanner = self._scanner
        match word:
            case "set":
                node: Node = self._set()
            case "if":
                return self._if(start, found)
            case "foreach":
                return self._for_each(start, found)
            case "macro":
                return self._macro(start, found)
            case "return":
                node = Return(self._returned())
            case _:
                if scanner.peek("("):
                    raise scanner.fail(f"#{word} without parentheses", start)
                node = Leave(word)
        self._trim(start, found)
        return node

    def _trim(self, start: int, found: list[Placed]) -> None:
        """Remove the white space around a directive that is alone on its line, and the end of that line."""
        scanner = self._scanner
        if not scanner.is_first_on_line(start) or not scanner.take_rest_of_line():
            return
        if found and isinstance(found[-1].node, Text):
            text, position = found[-1].node.text.rstrip(" \t"), found[-1].position
            found[-1:] = [Placed(Text(text), position)] if text else []

    def _set(self) -> Node:
        scanner = self._scanner
        scanner.need("(")
        scanner.skip_space()
        target = self._expressions.reference()
        if target is None:
            raise scanner.fail("a reference such as $name to set")
        scanner.need("=")
        value = self._expressions.expression()
        scanner.need(")")
        return Set(target, value)

    def _returned(self) -> Expression | None:
        scanner = self._scanner
        if not scanner.is_followed_by("("):
            return None
        scanner.need("(")
        scanner.skip_space()
        if scanner.take(")"):
            return None
        value = self._expressions.expression()
        scanner.need(")")
        return value

    def _condition(self) -> Expression:
        self._scanner.need("(")
        condition = self._expressions.expression()
        self._scanner.need(")")
        return condition

    def _if(self, start: int, found: list[Placed]) -> Node:
        condition = self._condition()
        self._trim(start, found)
        branches: list[tuple[Expression, Block]] = []
        otherwise: Block = ()
        word = "if"
        while word != "end":
            body, end = self._block()
            if end is None:
                raise self._unended("if", start)
            if word == "else":
                otherwise = body
            else:
                branches.append((condition, body))
            if word == "else" and end[0] != "end":
                raise self._scanner.fail("#end after #else", end[1])
            word = end[0]
            if word == "elseif":
                condition = self._condition()
                self._scanner.take_rest_of_line()
        return If(tuple(branches), otherwise)

    def _for_each(self, start: int, found: list[Placed]) -> Node:
        scanner = self._scanner
        position = scanner.position(start)
        scanner.need("(")
        scanner.skip_space()
        item = self._expressions.reference()
        if not isinstance(item, Reference) or item.steps:
            raise scanner.fail("a reference such as $item")
        scanner.need("in")
        items = self._expressions.expression()
        scanner.need(")")
        self._trim(start, found)
        body, end = self._block()
        if end is None or end[0] != "end":
            raise self._unended("foreach", start)
        return ForEach(item.name, items, body, position)

    def _macro(self, start: int, found: list[Placed]) -> Node:
        scanner = self._scanner
        scanner.need("(")
        scanner.skip_space()
        name = scanner.match(NAME)
        if name is None:
            raise scanner.fail("the name of the macro")
        parameters: list[str] = []
        scanner.skip_space()
        while not scanner.take(")"):
            scanner.take(",")
            scanner.skip_space()
            parameter = self._expressions.reference()
            if parameter is None or parameter.steps:
                raise scanner.fail("a parameter such as $name, or ')'")
            parameters.append(parameter.name)
            scanner.skip_space()
        self._trim(start, found)
        body, end = self._block()
        if end is None or end[0] != "end":
            raise self._unended("macro", start)
        return Macro(name[0], tuple(parameters), body)

    def _unended(self, word: str, start: int) -> VelocityInvalid:
        return VelocityInvalid(self._scanner.position(start), f"#{word} has no #end; add it")

    def _parse_string(self, text: str, position: Position) -> Block:
        return _Parser(Scanner(text, position), self._macros).whole()
