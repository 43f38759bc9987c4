"""PageProvider that the engine's embedder serves beside the API, to a browser or a tool on the same machine.

They are no part of AppSync. Other sites' scripts, which a browser on this machine may well run, are kept out: a page is
for who asks under a loopback name and, where a browser says where a request comes from, from this very origin.
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
    """A request for a page; header names in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        value = self.headers.get(name, "")
        return value if isinstance(value, str) else value[0]


@dataclass(frozen=True, slots=True)
class Page:
    """What is served."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class PageProvider(Protocol):
    """Some pages of the embedder's."""

    async def answer(self, request: PageRequest) -> Page | None:
        """The page; None where this path is somebody else's."""


def json_page(content: object, status: int = 200) -> Page:
    """Something for a tool to read."""
    return Page(orjson.dumps(content), status=status)


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_from_this_machine(request: PageRequest) -> bool:
    """Whether a request is from this machine's user, and not from a site that a browser happens to show.

    A foreign site's name may be made to resolve to this machine, so the host is looked at too.
    """
    host = request.header("host")
    if not is_loopback(urlsplit(f"//{host}").hostname or ""):
        return False
    origin, site = request.header("origin"), request.header("sec-fetch-site")
    if site:
        return site in _OWN_SITES
    return not origin or origin == f"http://{host}"
