"""A code file as a syntax tree.

tree-sitter, because its grammar of JavaScript is the one that editors use, it comes as wheels for every platform, and a
file of this size is parsed in a tenth of a millisecond; the parser is made once, when the first file is loaded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

FUNCTIONS = frozenset(
    {
        "function_declaration", "function_expression", "arrow_function", "method_definition",
        "generator_function", "generator_function_declaration",
    }
)  # fmt: skip


class SourceInvalid(Exception):
    """Code that the engine cannot load; `problems` are pairs of an offset in bytes and a sentence."""

    def __init__(self, *problems: tuple[int, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(message for _, message in problems))


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_javascript.language()))


@dataclass(frozen=True, slots=True)
class Syntax:
    """A file's tree; `nodes` are all of it, in the order of the text."""

    root: Node
    nodes: tuple[Node, ...]

    def first_error(self) -> Node | None:
        """The first place that the grammar could not make sense of."""
        if not self.root.has_error:
            return None
        return next((node for node in self.nodes if node.is_error or node.is_missing), None)


def parse(code: bytes) -> Syntax:
    """The file's tree, which also stands for code that has errors."""
    root = _parser().parse(code).root_node
    return Syntax(root, tuple(walk(root)))


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in the order of the text."""
    pending = [node]
    while pending:
        found = pending.pop()
        yield found
        pending.extend(reversed(found.children))


def text_of(node: Node | None) -> str:
    """The code of one node; empty for none."""
    return node.text.decode() if node is not None and node.text is not None else ""


def field(node: Node, name: str) -> Node:
    """A child that the grammar says is there."""
    child = node.child_by_field_name(name)
    if child is None:
        raise SourceInvalid((node.start_byte, "this cannot be understood"))
    return child


def place(code: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset in bytes."""
    line_start = code.rfind(b"\n", 0, offset) + 1
    return code.count(b"\n", 0, offset) + 1, len(code[line_start:offset].decode(errors="replace")) + 1
