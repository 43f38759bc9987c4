"""The change of a connection from HTTP to WebSocket."""

import base64
import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web
from aiohttp.http import WS_KEY

from appsync_local.http.connections import HttpConnection
from appsync_local.realtime.handshake import SUBPROTOCOL

if TYPE_CHECKING:  # imported for the first client
    from appsync_local.realtime.socket import RealtimeSocket

_SWITCHING: Final = b"\r\n".join(
    (
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: upgrade",
        b"Sec-WebSocket-Accept: %b",
        b"%b",  # the chosen subprotocol
        b"",
    )
)
_CHOSEN: Final = b"Sec-WebSocket-Protocol: %b\r\n" % SUBPROTOCOL.encode()


class _Early:
    """Keeps what a client has sent before the handshake was answered."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None: ...


def is_upgrade(request: web.BaseRequest) -> bool:
    """Whether a request asks for a WebSocket."""
    return request.method == "GET" and request.headers.get("upgrade", "").lower() == "websocket"


def upgrade(request: web.BaseRequest, connection: HttpConnection) -> "RealtimeSocket | None":
    """Answer the handshake, and take the connection over from HTTP; the response to this request is not sent.

    Returns:
        The socket; None if the handshake is malformed, in which case nothing was sent.

    Raises:
        ConnectionError: The client has disconnected.
    """
    from appsync_local.realtime.socket import RealtimeSocket

    try:
        ready = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False).can_prepare(request)
    except ValueError:  # raised by aiohttp for a key that is not ASCII
        return None
    if not ready.ok:
        return None
    transport = connection.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has disconnected")
    key = request.headers["sec-websocket-key"].encode() + WS_KEY
    accepted = base64.b64encode(hashlib.sha1(key).digest())  # noqa: S324  # the algorithm of RFC 6455
    transport.write(_SWITCHING % (accepted, _CHOSEN if ready.protocol else b""))
    early = _Early()
    connection.set_parser(cast("Any", early))
    socket = RealtimeSocket(transport)
    transport.set_protocol(socket)
    connection.leave_transport()
    transport.resume_reading()
    if early.data:
        socket.data_received(early.data)
    return socket


def _without_subprotocols(record: logging.LogRecord) -> bool:
    """Whether a log record has no subprotocols. aiohttp logs unknown subprotocols, which may contain a token."""
    return "protocols" not in str(record.msg)


logging.getLogger("aiohttp.websocket").addFilter(_without_subprotocols)
