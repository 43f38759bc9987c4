"""Reads the credential of a realtime client that connects. The client can send it in one of three ways.

Source: AppSync Developer Guide, "Building a real-time WebSocket client"; the error texts are those observed from the
service.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

import orjson

from appsync_local.authorization.credentials import Headers
from appsync_local.devtools.operation_log import printable
from appsync_local.errors import EngineError

SUBPROTOCOL: Final = "graphql-ws"
# The path in IAM signatures is that of the API with this suffix, for any path at which the socket opens.
CONNECT_SUFFIX: Final = "/connect"
CONNECT_BODY: Final = b"{}"
# What a connection asks the Lambda authorizer for, spelt as the service sends it.
CONNECT: Final[Mapping[str, object]] = {"operationName": "Deepdish:Connect", "queryString": "", "variables": {}}
_HEADER_PREFIX: Final = "header-"


class HandshakeRefused(EngineError):
    """A connection or a `start` that is rejected; `entry` is the only entry of the answer's `errors`."""

    def __init__(self, message: str, code: int, error_type: str | None = None) -> None:
        self.entry: dict[str, object] = {"message": message, "errorCode": code}
        if error_type is not None:
            self.entry = {"errorType": error_type} | self.entry
        super().__init__(message)


def authorization_headers(subprotocols: Sequence[str], raw_query: str, headers: Headers) -> Headers:
    """The headers of the upgrade request, overridden by the authorization object, by lower-case name.

    Args:
        subprotocols: The subprotocols that the client offers, in order.
        raw_query: The query string, not decoded: a raw `+` is part of the base64 text.
        headers: The headers of the upgrade request, by lower-case name.

    Raises:
        HandshakeRefused: The subprotocol is missing, or there is no valid authorization object.
    """
    if not subprotocols:
        raise HandshakeRefused("NoProtocolError", 400)
    if SUBPROTOCOL not in subprotocols:
        raise HandshakeRefused("SubProtocolNotSupportedError", 400)
    for entry in subprotocols:
        if entry.startswith(_HEADER_PREFIX):
            return dict(headers) | _decoded(entry.removeprefix(_HEADER_PREFIX))
    for part in raw_query.split("&"):
        name, _, value = part.partition("=")
        if name == "header" and value:
            return dict(headers) | _decoded(unquote(value))
    if "authorization" in headers or "x-api-key" in headers:
        return headers
    raise HandshakeRefused("Required headers are missing.", 400)


def require_own_host(headers: Headers, is_own_host: Callable[[str], bool]) -> None:
    """Check the `host` in the authorization object of a connection or a `start`, which must be the API's own.

    Raises:
        HandshakeRefused: The host is another API's.
    """
    host = headers.get("host", "")
    if not isinstance(host, str) or not is_own_host(host):
        shown = printable(host) if isinstance(host, str) else "several"
        message = f"the host in the authorization object must be this API's, such as localhost:4000, and is {shown!r}"
        raise HandshakeRefused(message, 400, "BadRequestException")


def lower_case(headers: Mapping[object, object]) -> dict[str, str]:
    """An authorization object with lower-case keys, without members that are not text."""
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _decoded(text: str) -> dict[str, str]:
    """Decode either base64 alphabet, with or without padding."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        found = orjson.loads(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise HandshakeRefused("the header object is not base64 of a JSON object.", 400, "BadRequestException")
    return lower_case(found)
