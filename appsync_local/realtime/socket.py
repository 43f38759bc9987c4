"""The socket of a realtime connection. A message is written to the transport without a task in between."""

import logging
from typing import Final

from aiohttp import WSMsgType, web

TEXTS: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY})
RECEIVED: Final = TEXTS | {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}
WRITTEN_AHEAD: Final = 64 * 1024  # bytes in the transport's buffer from which a reader counts as slow


def text_frame(text: bytes) -> bytes:
    """The frame of a text message from a server. Source: RFC 6455, section 5.2."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), text)


class AiohttpSocket:
    """aiohttp's WebSocket as the `Socket` of a session."""

    __slots__ = ("_response", "_transport")

    def __init__(self, response: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._response = response
        self._transport = request.transport

    def write(self, text: bytes) -> bool:
        transport = self._transport
        if transport is None or transport.is_closing() or self._response.closed:
            return True  # the client has disconnected: drop the message
        if transport.get_write_buffer_size() > WRITTEN_AHEAD:
            return False
        transport.write(text_frame(text))
        return True

    async def send(self, text: bytes) -> None:
        await self._response.send_frame(text, WSMsgType.TEXT)

    async def receive(self) -> str | bytes | None:
        message = await self._response.receive()
        while message.type not in RECEIVED:
            message = await self._response.receive()
        return message.data if message.type in TEXTS else None

    async def close(self) -> None:
        await self._response.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _without_subprotocols(record: logging.LogRecord) -> bool:
    """Whether a log record has no subprotocols. aiohttp logs unknown subprotocols, which may contain a token."""
    return "protocols" not in str(record.msg)


logging.getLogger("aiohttp.websocket").addFilter(_without_subprotocols)
