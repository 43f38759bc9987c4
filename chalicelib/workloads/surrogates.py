"""Joins UTF-16 surrogates. JSON writes a character beyond U+FFFF as two escapes, and a server may put a chunk's end
between them. Pure."""

from typing import Final

FIRST_HALF: Final = ("\ud800", "\udbff")  # from, to


class Joiner:
    """Text that arrives in pieces: a first half at the end of a piece waits for the next piece."""

    def __init__(self) -> None:
        self._held = ""

    def add(self, text: str) -> str:
        """The text that is complete with this piece. A half that is alone becomes U+FFFD."""
        text = self._held + text
        self._held = text[-1] if text and FIRST_HALF[0] <= text[-1] <= FIRST_HALF[1] else ""
        return joined(text[: len(text) - len(self._held)])

    def end(self) -> str:
        """What waits when no piece follows: U+FFFD, or nothing."""
        held, self._held = self._held, ""
        return joined(held)


def joined(text: str) -> str:
    """The text with its surrogate pairs joined; a half that is alone becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
