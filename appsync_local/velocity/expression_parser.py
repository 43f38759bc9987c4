"""Parses Velocity's references and expressions.

Source: Apache Velocity 1.7, "VTL Reference": references, literals, operators and their precedence.
"""

import math
import re
from collections.abc import Callable
from typing import Final

from appsync_local.velocity.scanner import Scanner
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
    Unary,
)

# A hyphen belongs to a name if a letter follows, so that `$a-1` and `$a-$b` are not names, and to a property if a
# letter or digit follows, as in the name of a table or a header.
NAME: Final = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_]|-(?=[A-Za-z]))*")
_PROPERTY: Final = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_]|-(?=[A-Za-z0-9]))*")
_BEGIN: Final = re.compile(r"\$(!?)(\{?)(?=[A-Za-z_])")
_NUMBER: Final = re.compile(r"(?:\d+\.(?!\.)\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+(?:[eE][+-]?\d+)?")
_AHEAD_NUMBER: Final = re.compile(r"(?=-?\d)")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# From the operators that bind least to those that bind most.
_LEVELS: Final = (
    {"||": "||", "or": "||"},
    {"&&": "&&", "and": "&&"},
    {"==": "==", "eq": "==", "!=": "!=", "ne": "!="},
    {"<=": "<=", "le": "<=", ">=": ">=", "ge": ">=", "<": "<", "lt": "<", ">": ">", "gt": ">"},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/", "%": "%"},
)
_GREATEST: Final = 2**63 - 1  # of a whole number in Java
_OPERATOR: Final = re.compile(r"\|\||&&|==|!=|<=|>=|<|>|\+|-|\*|/|%|[a-z]+")

BlockParser = Callable[[str, Position], Block]


class ExpressionParser:
    """Parses expressions at a scanner's position.

    Args:
        scanner: The text.
        parse_block: Parses the text of a string in double quotes, which is a template itself.
    """

    def __init__(self, scanner: Scanner, parse_block: BlockParser) -> None:
        self._scanner = scanner
        self._parse_block = parse_block

    def reference(self) -> Reference | None:
        """Read a reference, if one begins here. Text that only looks like one stays unread."""
        scanner = self._scanner
        start, position = scanner.at, scanner.position()
        begin = scanner.match(_BEGIN)
        if begin is None:
            return None
        is_formal = bool(begin[2])
        name = scanner.match(NAME)
        assert name is not None  # noqa: S101  # `_BEGIN` looks ahead to a name
        steps: list[Property | Index | Call] = []
        while (step := self._step()) is not None:
            steps.append(step)
        if is_formal and not scanner.take("}"):
            scanner.at = start
            return None
        return Reference(name[0], tuple(steps), scanner.text[start : scanner.at], bool(begin[1]), position)

    def _step(self) -> Property | Index | Call | None:
        scanner = self._scanner
        position, before = scanner.position(), scanner.at
        if scanner.peek("["):
            return self._index()
        if not scanner.take("."):
            return None
        name = scanner.match(_PROPERTY)
        if name is None:
            scanner.at = before
            return None
        if scanner.take("("):
            return Call(name[0], self.arguments(), position)
        return Property(name[0])

    def _index(self) -> Index | None:
        scanner = self._scanner
        before = scanner.at
        scanner.at += 1
        scanner.skip_space()
        if not (scanner.peek("$") or scanner.peek('"') or scanner.peek("'") or scanner.match(_AHEAD_NUMBER)):
            scanner.at = before  # text in brackets after a reference, such as `$name[text]`
            return None
        key = self.expression()
        scanner.need("]")
        return Index(key)

    def arguments(self) -> tuple[Expression, ...]:
        """Read the arguments of a call up to its closing parenthesis. Macros may separate them by spaces only."""
        found: list[Expression] = []
        scanner = self._scanner
        scanner.skip_space()
        while not scanner.take(")"):
            found.append(self.expression())
            scanner.skip_space()
            if scanner.take(","):
                scanner.skip_space()
                if scanner.peek(")"):
                    raise scanner.fail("another argument")
            elif not scanner.peek(")") and scanner.ended:
                raise scanner.fail("',' or ')'")
        return tuple(found)

    def expression(self, level: int = 0) -> Expression:
        """Read an expression.

        Raises:
            VelocityInvalid: The text at this position is not an expression.
        """
        scanner = self._scanner
        if level == 0:
            scanner.descend()
        left = self._operand() if level == len(_LEVELS) else self.expression(level + 1)
        while level < len(_LEVELS):
            before = scanner.at
            scanner.skip_space()
            sign = scanner.match(_OPERATOR)
            if sign is None or sign[0] not in _LEVELS[level]:
                scanner.at = before
                break
            left = Binary(_LEVELS[level][sign[0]], left, self.expression(level + 1))
        if level == 0:
            scanner.ascend()
        return left

    def _operand(self) -> Expression:
        scanner = self._scanner
        scanner.skip_space()
        if scanner.peek("$"):
            reference = self.reference()
            if reference is None:
                raise scanner.fail("a reference such as $name")
            return reference
        if scanner.peek('"') or scanner.peek("'"):
            return self._string()
        number = scanner.match(_NUMBER)
        if number is not None:
            return Literal(self._number(number))
        scanner.descend()
        try:
            return self._nested()
        finally:
            scanner.ascend()

    def _number(self, found: re.Match[str]) -> int | float:
        text = found[0]
        value = float(text) if not text.isdigit() else int(text) if len(text) <= len(str(_GREATEST)) else math.inf
        if value == math.inf or (isinstance(value, int) and value > _GREATEST):
            raise self._scanner.fail(f"a number of at most {_GREATEST}; write a greater one as a string", found.start())
        return value

    def _nested(self) -> Expression:
        scanner = self._scanner
        if scanner.take("("):
            inner = self.expression()
            scanner.need(")")
            return inner
        if scanner.take("["):
            return self._list()
        if scanner.take("{"):
            return self._map()
        if scanner.take("!"):
            return Unary("!", self._operand())
        if scanner.take("-"):
            return Unary("-", self._operand())
        before = scanner.at
        word = scanner.match(_WORD)
        match word[0] if word is not None else "":
            case "true" | "false" as value:
                return Literal(value == "true")
            case "not":
                return Unary("!", self._operand())
            case "null":
                return Literal(None)
            case _:
                raise scanner.fail("a value: a reference, string, number, list, map, true, false or null", before)

    def _string(self) -> Expression:
        scanner = self._scanner
        quote, start = scanner.text[scanner.at], scanner.at
        position = scanner.position(start + 1)
        at = start + 1
        while True:
            end = scanner.text.find(quote, at)
            if end < 0:
                raise scanner.fail(f"a closing {quote} for this string", start)
            if quote == '"' and _is_escaped(scanner.text, start + 1, end):
                at = end + 1
            elif scanner.text.startswith(quote, end + 1):  # a doubled quote means one quote
                at = end + 2
            else:
                break
        scanner.at = end + 1
        content = scanner.text[start + 1 : end].replace(quote * 2, quote)
        if quote == "'":
            return Literal(content)
        content = content.replace('\\"', '"')
        if "$" not in content and "#" not in content:
            return Literal(content)
        return Interpolated(self._parse_block(content, position))

    def _list(self) -> Expression:
        scanner = self._scanner
        scanner.skip_space()
        if scanner.take("]"):
            return ListLiteral(())
        items = [self.expression()]
        scanner.skip_space()
        if scanner.take(".."):
            last = self.expression()
            scanner.need("]")
            return Range(items[0], last)
        while not scanner.take("]"):
            scanner.need(",", "',' or ']'")
            items.append(self.expression())
            scanner.skip_space()
        return ListLiteral(tuple(items))

    def _map(self) -> Expression:
        scanner = self._scanner
        scanner.skip_space()
        pairs: list[tuple[Expression, Expression]] = []
        while not scanner.take("}"):
            if pairs:
                scanner.need(",", "',' or '}'")
            key = self.expression()
            scanner.need(":")
            pairs.append((key, self.expression()))
            scanner.skip_space()
        return MapLiteral(tuple(pairs))


def _is_escaped(text: str, start: int, at: int) -> bool:
    """Whether an odd number of backslashes is before an offset."""
    slashes = 0
    while at - slashes > start and text[at - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1
