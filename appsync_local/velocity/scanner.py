"""Reads the text of a template piece by piece, and knows the line and column of each piece."""

import re
from bisect import bisect_right
from typing import Final

from appsync_local.velocity.syntax import Position, VelocityInvalid

_SPACE: Final = re.compile(r"\s*")
_BLANKS: Final = re.compile(r"[ \t]*")
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:\r?\n|\Z)")
DEEPEST: Final = 60  # levels of directives, parentheses and literals inside one another


class Scanner:
    """A position in a text. `at` is an offset, from 0."""

    def __init__(self, text: str, start: Position = Position(1, 1)) -> None:  # noqa: B008  # an immutable value
        self.text = text
        self.at = 0
        self._start = start
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._depth = 0

    @property
    def ended(self) -> bool:
        """Whether all text has been read."""
        return self.at >= len(self.text)

    def position(self, offset: int | None = None) -> Position:
        """Line and column of an offset, or of the next character."""
        at = self.at if offset is None else offset
        line = bisect_right(self._lines, at) - 1
        column = at - self._lines[line] + 1
        return Position(self._start.line + line, column + (self._start.column - 1 if line == 0 else 0))

    def fail(self, expected: str, offset: int | None = None) -> VelocityInvalid:
        """The error for text that is not what the language expects."""
        at = self.at if offset is None else offset
        found = repr(self.text[at : at + 12].split("\n")[0]) if self.text[at:].strip() else "the end of the template"
        return VelocityInvalid(self.position(at), f"expected {expected}, found {found}")

    def peek(self, text: str) -> bool:
        """Whether the next characters are this text."""
        return self.text.startswith(text, self.at)

    def take(self, text: str) -> bool:
        """Read this text, if it comes next."""
        if not self.peek(text):
            return False
        self.at += len(text)
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what a pattern matches here, if it does."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def need(self, text: str, what: str = "") -> None:
        """Read this text, after white space.

        Raises:
            VelocityInvalid: Something else comes next.
        """
        self.skip_space()
        if not self.take(text):
            raise self.fail(what or f"'{text}'")

    def skip_space(self) -> None:
        """Read white space, and line ends."""
        self.match(_SPACE)

    def is_followed_by(self, text: str) -> bool:
        """Whether this text comes after spaces and tabs."""
        found = _BLANKS.match(self.text, self.at)
        return self.text.startswith(text, self.at if found is None else found.end())

    def is_first_on_line(self, offset: int) -> bool:
        """Whether only spaces and tabs are before an offset in its line."""
        begin = self.text.rfind("\n", 0, offset) + 1
        return not self.text[begin:offset].strip(" \t")

    def take_rest_of_line(self) -> bool:
        """Read the rest of a line that has only spaces and tabs, with its end."""
        return self.match(_REST_OF_LINE) is not None

    def descend(self) -> None:
        """Enter one level of nesting; `ascend` leaves it.

        Raises:
            VelocityInvalid: There are too many levels.
        """
        self._depth += 1
        if self._depth > DEEPEST:
            raise VelocityInvalid(self.position(), f"more than {DEEPEST} levels of nesting; split the template")

    def ascend(self) -> None:
        """Leave one level of nesting."""
        self._depth -= 1
