"""The URLs of an API: checked, and derived from each other. Pure."""

from typing import Final
from urllib.parse import urlsplit

from longcall.errors import ConfigurationError

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_graphql_url(url: str) -> str:
    """Return the URL of the GraphQL endpoint unchanged.

    Raises:
        ConfigurationError: The URL is not an http:// or https:// URL with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"the GraphQL URL must look like https://host/graphql, and {url!r} does not")
    return url


def check_realtime_url(url: str) -> str:
    """Return the URL of the realtime endpoint unchanged.

    Raises:
        ConfigurationError: The URL is not a ws:// or wss:// URL with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ConfigurationError(f"the realtime URL must look like wss://host/graphql, and {url!r} does not")
    return url


def realtime_url_of(graphql_url: str) -> str:
    """The realtime endpoint of the API with this GraphQL URL.

    An http:// address serves both at the same path, because only local stacks use http://.

    Source: AppSync Developer Guide, "Building a real-time WebSocket client" (default domain) and "Custom domain names".
    """
    parts = urlsplit(graphql_url)
    if parts.scheme == "http":
        return parts._replace(scheme="ws").geturl()
    if ".appsync-api." in parts.netloc:
        host = parts.netloc.replace(".appsync-api.", ".appsync-realtime-api.")
        return parts._replace(scheme="wss", netloc=host).geturl()
    return parts._replace(scheme="wss", path=f"{parts.path.rstrip('/')}/realtime").geturl()


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine. Such requests never go through a proxy."""
    return urlsplit(url).hostname in LOOPBACK
