"""The syntax tree of a Velocity template.

Source: Apache Velocity 1.7, "User Guide" and "VTL Reference", which AppSync's Developer Guide refers to.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """Line and column in the template, from 1."""

    line: int
    column: int


class VelocityInvalid(Exception):
    """A template that is not valid Velocity; the message says what was expected and found."""

    def __init__(self, position: Position, message: str) -> None:
        self.position = position
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string without references, a number, `true`, `false` or `null`."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A string in double quotes that contains references or directives."""

    body: "Block"


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b]`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """`{"a": 1}`."""

    pairs: tuple[tuple["Expression", "Expression"], ...]


@dataclass(frozen=True, slots=True)
class Range:
    """`[first..last]`, both included."""

    first: "Expression"
    last: "Expression"


@dataclass(frozen=True, slots=True)
class Property:
    """`.name` of a reference."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`[key]` of a reference."""

    key: "Expression"


@dataclass(frozen=True, slots=True)
class Call:
    """`.name(arguments)` of a reference."""

    name: str
    arguments: tuple["Expression", ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name` with the steps that follow.

    Args:
        name: The variable.
        steps: What is read from its value, in order.
        literal: The text of the reference, which is its output if it has no value.
        is_quiet: Whether its output is empty if it has no value: `$!name`.
        position: Where it begins.
    """

    name: str
    steps: tuple[Property | Index | Call, ...]
    literal: str
    is_quiet: bool
    position: Position


@dataclass(frozen=True, slots=True)
class Unary:
    """`!` or `-` before an operand."""

    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; the operator is a symbol, such as `==` for `eq` too."""

    operator: str
    left: "Expression"
    right: "Expression"


Expression = Literal | Interpolated | ListLiteral | MapLiteral | Range | Reference | Unary | Binary


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is written unchanged."""

    text: str


@dataclass(frozen=True, slots=True)
class Show:
    """A reference whose value is written; `slashes` is the number of backslashes before it."""

    reference: Reference
    slashes: int


@dataclass(frozen=True, slots=True)
class Set:
    """`#set($target = value)`."""

    target: Reference
    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """`#if`, each `#elseif`, and `#else`."""

    branches: tuple[tuple[Expression, "Block"], ...]
    otherwise: "Block"


@dataclass(frozen=True, slots=True)
class ForEach:
    """`#foreach($name in items)`."""

    name: str
    items: Expression
    body: "Block"
    position: Position


@dataclass(frozen=True, slots=True)
class Macro:
    """`#macro(name $a $b)`."""

    name: str
    parameters: tuple[str, ...]
    body: "Block"


@dataclass(frozen=True, slots=True)
class MacroCall:
    """`#name(arguments)`."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """`#return(value)`, or `#return` for null."""

    value: Expression | None


@dataclass(frozen=True, slots=True)
class Leave:
    """`#break` ends the loop around it; `#stop` ends the template and keeps its output."""

    word: str


Node = Text | Show | Set | If | ForEach | Macro | MacroCall | Return | Leave


@dataclass(frozen=True, slots=True)
class Placed:
    """A node and the position where it begins."""

    node: Node
    position: Position


Block = tuple[Placed, ...]
