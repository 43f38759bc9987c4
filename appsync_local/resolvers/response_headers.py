"""Headers that resolvers add to the HTTP response, within AppSync's limits.

Source: AppSync Developer Guide, "HTTP helpers in util.http". For a header that the service does not accept, only the
name ResponseHeaderError is documented; here it is an error entry of the field, which keeps its data.
"""

import re
from typing import Final

import orjson

from appsync_local.errors import FieldError

SIZE_LIMIT: Final = 4 * 1024  # bytes of all names and values together
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # Source: RFC 9110, section 5.6.2
_PREFIXES: Final = ("x-amzn-", "x-amz-", "access-control-")
_RESTRICTED: Final = frozenset(
    {
        "connection", "content-encoding", "content-length", "content-type", "date", "server", "transfer-encoding",
        "upgrade", "via", "x-cache",
    }
)  # fmt: skip


class ResponseHeaders:
    """The headers of one response. A later value replaces an earlier one of the same name."""

    def __init__(self) -> None:
        self.added: dict[str, str] = {}
        self._size = 0

    def add(self, name: str, value: object) -> FieldError | None:
        """Add a header; a value that is not text is sent as JSON.

        Returns:
            The error if the header was not added; None if it was.
        """
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        lower = name.lower()
        if not _NAME.fullmatch(name) or lower in _RESTRICTED or lower.startswith(_PREFIXES):
            return _refused(f"the response header {name!r:.100} is restricted; choose another name")
        if not text.isprintable():
            return _refused(f"the value of the response header {name} has characters that are not allowed in a header")
        self._size += len(name) + len(text.encode())
        if self._size > SIZE_LIMIT:
            return _refused(f"the response headers have {self._size} bytes of {SIZE_LIMIT}")
        self.added[lower] = text
        return None


def _refused(message: str) -> FieldError:
    return FieldError(message, "ResponseHeaderError")
