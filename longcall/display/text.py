"""Text from the network, made harmless for a terminal and cut into rows. Pure.

All text from the network passes `plain` on its way to a terminal, so that a job's output can neither move the cursor
nor imitate a message of this program.
"""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

# C0 controls except newline and tab, DEL, C1 controls, characters that change the writing direction, and surrogates.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# Words, spaces, and single characters of scripts that are written without spaces.
_PIECES: Final = re.compile(
    "\\s+|[\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]|[^\\s\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]+"
)


def plain(text: str) -> str:
    """The text with each character that could control a terminal escaped, for example as `\\x1b`."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The same in one row, so that a message of several lines does not look like several messages."""
    return " ".join(plain(text).split())


def rows(text: str, width: int) -> list[str]:
    """The text in rows of at most `width` cells. Appending text can change only the last row."""
    return [row for paragraph in text.split("\n") for row in _wrapped(paragraph.expandtabs(4), width)]


def _wrapped(paragraph: str, width: int) -> Iterator[str]:
    row = ""
    for piece in _PIECES.findall(paragraph):
        if cell_len(row + piece) <= width:
            row += piece
            continue
        if row:
            yield row.rstrip()
        row = ""
        if piece.isspace():
            continue
        for character in piece:
            if cell_len(row + character) > width:
                yield row
                row = ""
            row += character
    yield row
