"""The addresses and paths at which an API is served, as clients sign and request them."""

from typing import Final

GRAPHQL_PATH: Final = "/graphql"
REALTIME_PATH: Final = "/graphql/realtime"


def authority(host: str, port: int) -> str:
    """Host and port as in a URL, where an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
