"""Finds the placeholders of a statement, such as `:P0`. Text in quotes and in comments has none.

Source: the lexical rules of PostgreSQL ("Lexical Structure") and of MySQL ("Language Structure").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PLACEHOLDER: Final = r":(?P<name>[A-Za-z_]\w*)"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a dialect has besides placeholders.

    Args:
        tokens: Matches a placeholder as `name`, the start of a comment as `comment`, and any other text to skip.
        nests_comments: Whether a comment may contain comments.
    """

    tokens: re.Pattern[str]
    nests_comments: bool


def _syntax(*skipped: str, nests_comments: bool) -> Dialect:
    comment = r"(?P<comment>/\*)"
    return Dialect(re.compile("|".join((*skipped, comment, _PLACEHOLDER)), re.DOTALL), nests_comments)


POSTGRESQL: Final = _syntax(
    r"--[^\n]*",
    r"(?<!\w)[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)",
    r"'[^']*(?:'|\Z)",
    r'"[^"]*(?:"|\Z)',
    r"(?<!\w)(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=tag)|\Z)",
    r"::",  # a cast
    nests_comments=True,
)
MYSQL: Final = _syntax(
    r"--(?=\s|\Z)[^\n]*",
    r"#[^\n]*",
    r"'(?:[^'\\]|\\.|'')*(?:'|\Z)",
    r'"(?:[^"\\]|\\.|"")*(?:"|\Z)',
    r"`[^`]*(?:`|\Z)",
    nests_comments=False,
)
_COMMENT_MARK: Final = re.compile(r"/\*|\*/")


def split(sql: str, syntax: Dialect) -> tuple[list[str], list[str]]:
    """The texts around the placeholders, and the names of the placeholders: one more text than names."""
    texts: list[str] = []
    names: list[str] = []
    begin = 0
    for name, start, end in _found(sql, syntax):
        texts.append(sql[begin:start])
        names.append(name)
        begin = end
    texts.append(sql[begin:])
    return texts, names


def _found(sql: str, syntax: Dialect) -> Iterator[tuple[str, int, int]]:
    at = 0
    while (token := syntax.tokens.search(sql, at)) is not None:
        at = token.end()
        if token["comment"] is not None:
            at = _end_of_comment(sql, at, syntax)
        elif token["name"] is not None:
            yield token["name"], token.start(), token.end()


def _end_of_comment(sql: str, at: int, syntax: Dialect) -> int:
    depth = 1
    while depth:
        mark = _COMMENT_MARK.search(sql, at)
        if mark is None:
            return len(sql)
        at = mark.end()
        if mark[0] == "*/":
            depth -= 1
        elif syntax.nests_comments:
            depth += 1
    return at
