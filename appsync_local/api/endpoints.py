"""The addresses and paths at which an API is served, as clients sign and request them."""

from typing import Final

GRAPHQL_PATH: Final = "/graphql"
REALTIME_SUFFIX: Final = "/realtime"  # after the path of the API, for sockets


def authority(host: str, port: int) -> str:
    """Host and port as in a URL, where an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
