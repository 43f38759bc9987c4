"""The sites whose pages may use a server on this machine, and the names that the server has."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from appsync_local.errors import EngineError

DEFAULT_PORTS: Final = {"http": 80, "https": 443}  # browsers leave them out. Source: URL Standard, "special scheme"
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST: Final = re.compile(r"[a-z0-9._-]+")


class OriginInvalid(EngineError):
    """A text that is not an origin; the message says why."""


@dataclass(frozen=True, slots=True)
class AllowedSites:
    """What may be used besides loopback addresses, and what a refusal advises.

    Attributes:
        origins: Origins whose pages may call the API, such as `https://app.example`.
            Pages from loopback origins always may.
        hosts: Names under which requests may arrive. Loopback names, and the address that the server
            listens on, always may.
        origin_advice: How to allow an origin; `{origin}` is replaced.
        host_advice: What to do about another host name; `{host}` is replaced.
    """

    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    origin_advice: str = "add {origin} to the engine's AllowedSites.origins"
    host_advice: str = "add {host} to the engine's AllowedSites.hosts"


LOOPBACK_ONLY: Final = AllowedSites()


def parse_origin(text: str) -> str:
    """An origin in the form in which browsers send it: lower case, without a default port.

    Args:
        text: Scheme, host and, unless it is the default one, port. A final `/` is ignored.

    Raises:
        OriginInvalid: The text is something else.
    """
    parts, port = _split(text)
    scheme, host = parts.scheme, parts.hostname or ""
    if text == "null":
        raise _invalid(text, "every site can send it, so it cannot be allowed; serve the page over http://localhost")
    if "*" in text:
        raise _invalid(text, "a wildcard cannot be allowed; name each origin")
    if not _SCHEME.fullmatch(scheme) or not host:
        raise _invalid(text, "it has no scheme and host")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise _invalid(text, "it has more than scheme, host and port")
    if not _HOST.fullmatch(host) and (":" not in host or "%" in host):  # an address may have a zone after %
        raise _invalid(text, "its host has other characters than ASCII letters, digits, '-', '_' and '.'")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS.get(scheme)) else f":{port}")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is a loopback one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_loopback_origin(origin: str) -> bool:
    """Whether an `Origin` header names a page that a server on this machine has served over HTTP."""
    try:
        parts, _ = _split(parse_origin(origin))
    except OriginInvalid:
        return False
    return parts.scheme in DEFAULT_PORTS and is_loopback(parts.hostname or "")


def host_of(header: str) -> str:
    """The name in a `Host` header, in lower case, without the port; empty if the header is malformed."""
    try:
        parts, _ = _split(f"//{header}")
    except OriginInvalid:
        return ""
    return "" if parts.netloc != header or "@" in header else parts.hostname or ""


def origin_of(url: str) -> str:
    """The origin of a page's address, such as a `Referer`; empty if it has none."""
    try:
        parts, _ = _split(url)
        return parse_origin(f"{parts.scheme}://{parts.netloc}")
    except OriginInvalid:
        return ""


def _split(text: str) -> tuple[SplitResult, int | None]:
    if not text.isascii() or not text.isprintable() or " " in text:  # `urlsplit` removes some of these
        raise _invalid(text, "it has other characters than printable ASCII")
    try:
        parts = urlsplit(text)
        return parts, parts.port
    except ValueError as error:
        raise _invalid(text, str(error)) from None


def _invalid(text: str, reason: str) -> OriginInvalid:
    return OriginInvalid(f"expected an origin, such as http://app.example:3000, but found {text!r}: {reason}")
