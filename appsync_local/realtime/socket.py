"""The socket of a realtime connection. A message is written to the transport without a task in between."""

import logging
from functools import lru_cache
from typing import Final

from aiohttp import WSMsgType, web

TEXTS: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY})
RECEIVED: Final = TEXTS | {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}
WRITTEN_AHEAD: Final = 64 * 1024  # bytes in the transport's buffer from which a reader counts as slow


@lru_cache(maxsize=64)  # the messages of one event have few sizes
def frame_head(size: int) -> bytes:
    """What precedes a text message of a server, by the message's size in bytes. Source: RFC 6455, section 5.2."""
    if size < 126:
        return b"\x81%c" % size
    if size < 65536:
        return b"\x81\x7e%b" % size.to_bytes(2, "big")
    return b"\x81\x7f%b" % size.to_bytes(8, "big")


class AiohttpSocket:
    """aiohttp's WebSocket as the `Socket` of a session."""

    __slots__ = ("_response", "_transport")

    def __init__(self, response: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._response = response
        self._transport = request.transport

    def write(self, text: bytes, end: bytes = b"") -> bool:
        transport = self._transport
        if transport is None or transport.is_closing() or self._response.closed:
            return True  # the client has disconnected: drop the message
        if transport.get_write_buffer_size() > WRITTEN_AHEAD:
            return False
        # In one piece: two writes would be two system calls, and two packets.
        transport.write(b"%b%b%b" % (frame_head(len(text) + len(end)), text, end))
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
