"""Pages that are served next to the API, to a browser or a tool on the same machine. AppSync does not have them.

Requests from scripts of other sites are refused: the `Host` must be a loopback name and, if the browser sends the
origin of the request, that origin must be this server.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlsplit

import orjson

from appsync_local.authorization.credentials import Headers

_OWN_SITES: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page. Header names are in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, the first one of several; an empty string if the header is missing."""
        value = self.headers.get(name, "")
        return value if isinstance(value, str) else value[0]


@dataclass(frozen=True, slots=True)
class Page:
    """The response."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class PageProvider(Protocol):
    """Serves some paths."""

    async def answer(self, request: PageRequest) -> Page | None:
        """The page; None if this provider does not serve the path."""


def json_page(content: object, status: int = 200) -> Page:
    """A response with JSON."""
    return Page(orjson.dumps(content), status=status)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is a loopback one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_from_this_machine(request: PageRequest) -> bool:
    """Whether a request comes from this machine, and not from the script of a site in its browser.

    The name of a foreign site can be made to resolve to this machine, so the host is checked too.
    """
    host = request.header("host")
    if not is_loopback(urlsplit(f"//{host}").hostname or ""):
        return False
    origin, site = request.header("origin"), request.header("sec-fetch-site")
    if site:
        return site in _OWN_SITES
    return not origin or origin == f"http://{host}"
