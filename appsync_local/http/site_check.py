"""Refuses requests that pages of other sites send to a server on this machine.

Any page in the developer's browser can send requests to loopback addresses, and its site can let its own name resolve
to one (DNS rebinding). So a request must name this server as its `Host`, and the page that sends it must be from an
allowed origin. Programs that are not browsers send no `Origin`; they pass if the `Host` is right.

Source: Fetch Standard, "`Origin` header"; Fetch Metadata Request Headers.
"""

import logging
from collections import Counter
from typing import Final

from aiohttp import web

from appsync_local.devtools.operation_log import printable
from appsync_local.http.sites import (
    LOOPBACK_ONLY,
    AllowedSites,
    OriginInvalid,
    host_of,
    is_loopback,
    is_loopback_origin,
    origin_of,
    parse_origin,
)

OWN_SITES: Final = frozenset({"same-origin", "none"})  # of `Sec-Fetch-Site`; `none`: the user typed the address
ANOTHER_SITE: Final = "another site"  # that the browser does not name
MOST_COUNTED: Final = 100  # different origins and hosts; pages could invent more
OTHERS: Final = "others"
_WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  # compared, not listened on
_MOST_REMEMBERED: Final = 64

_log: Final = logging.getLogger("appsync_local")


class SiteCheck:
    """Checks the `Host` and the origin of requests to one server.

    Args:
        allowed: What is allowed besides loopback addresses.

    Raises:
        OriginInvalid: An allowed origin is not an origin.

    Attributes:
        refused: Refused requests by origin or host. After `MOST_COUNTED` different ones, further ones are `OTHERS`.
    """

    def __init__(self, allowed: AllowedSites = LOOPBACK_ONLY) -> None:
        self._allowed = allowed
        self._origins = frozenset(map(parse_origin, allowed.origins))
        self._hosts = frozenset(map(str.lower, allowed.hosts))
        self._own = ""
        self._good_hosts: set[str] = set()  # `Host` headers that were found to be right
        self.refused: Counter[str] = Counter()

    def serve_at(self, address: str) -> None:
        """Accept the address that the server listens on as a `Host`."""
        self._own = "" if address in _WILDCARDS else address.lower()
        self._good_hosts.clear()

    def api_refusal(self, request: web.BaseRequest) -> str | None:
        """Why a request may not use the API, as a sentence; None if it may."""
        headers = request.headers
        host = headers.get("host", "")
        if host not in self._good_hosts and (wrong := self._wrong_host(host)):
            return wrong
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") in OWN_SITES or _is_navigation(request):
                return None
            origin = origin_of(headers.get("referer", "")) or ANOTHER_SITE
        if self._is_allowed(origin, host):
            return None
        return self._wrong_origin(origin, "this server's own pages or a page of this machine", self._advice(origin))

    def page_refusal(self, request: web.BaseRequest) -> str | None:
        """Why a request may not use a page that only this server's own pages use, as a sentence; None if it may."""
        headers = request.headers
        host = headers.get("host", "")
        if host not in self._good_hosts and (wrong := self._wrong_host(host)):
            return wrong
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if (origin is None or self._is_allowed(origin, host)) and site in OWN_SITES:
            return None
        if site is None and (origin is None or _is_own(origin, host)):
            return None
        if origin is None and _is_navigation(request):
            return None
        found = origin or origin_of(headers.get("referer", "")) or ANOTHER_SITE
        return self._wrong_origin(found, "this server's own pages", "open this server's address in the browser")

    def cors_headers(self, request: web.BaseRequest) -> dict[str, str]:
        """The CORS headers of the response to a request that was not refused."""
        origin = request.headers.get("origin")
        return {"vary": "Origin"} if origin is None else {"vary": "Origin", "access-control-allow-origin": origin}

    def _is_allowed(self, origin: str, host: str) -> bool:
        return is_loopback_origin(origin) or origin in self._origins or _is_own(origin, host)

    def is_own_host(self, host: str) -> bool:
        """Whether a `Host`, with or without a port, names this server."""
        if host in self._good_hosts:
            return True
        name = host_of(host)
        return is_loopback(name) or (bool(name) and name == self._own) or name in self._hosts

    def _wrong_host(self, host: str) -> str | None:
        name = host_of(host)
        if self.is_own_host(host):
            if len(self._good_hosts) < _MOST_REMEMBERED:
                self._good_hosts.add(host)
            return None
        named = [*([] if not self._own or is_loopback(self._own) else [self._own]), *sorted(self._hosts)]
        expected = ", ".join(("localhost", "127.0.0.1", "[::1]", *named))
        found = repr(printable(host))
        advice = self._allowed.host_advice.format(host=printable(name) or "a name")
        return self._refuse(found, f"expected one of the hosts {expected}, found {found}; {advice}")

    def _wrong_origin(self, origin: str, expected: str, advice: str) -> str:
        found = printable(origin)
        return self._refuse(found, f"expected a request from {expected}, found one from {found}; {advice}")

    def _advice(self, origin: str) -> str:
        try:
            return f"to allow it, {self._allowed.origin_advice.format(origin=parse_origin(origin))}"
        except OriginInvalid:
            return "such a page cannot be allowed; serve it over http://localhost"

    def _refuse(self, found: str, message: str) -> str:
        counted = found if found in self.refused or len(self.refused) < MOST_COUNTED else OTHERS
        self.refused[counted] += 1
        if self.refused[counted] == 1:
            shown = "requests from further origins and hosts are refused" if counted == OTHERS else message
            _log.warning("refused a request: %s", shown, extra={"event": "site_refused", "found": counted})
        return message


def _is_own(origin: str, host: str) -> bool:
    return bool(host) and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def _is_navigation(request: web.BaseRequest) -> bool:
    """Whether the user follows a link in a tab or window. The other site cannot read what is shown there."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
