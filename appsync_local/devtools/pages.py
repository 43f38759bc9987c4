"""Pages that are served next to the API, to a browser or a tool on the same machine. AppSync does not have them.

The server refuses requests from other sites before it asks for a page.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from appsync_local.authorization.credentials import Headers


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page. Header names are in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """The response."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class PageProvider(Protocol):
    """Serves some paths."""

    @property
    def paths(self) -> Collection[str]:
        """The paths that it serves. They do not change.

        A path such as `/jobs/` stands for all paths below it too.
        """

    async def answer(self, request: PageRequest) -> Page:
        """The page at one of these paths."""


def json_page(content: object, status: int = 200) -> Page:
    """A response with JSON."""
    return Page(orjson.dumps(content), status=status)
