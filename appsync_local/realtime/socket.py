"""The socket of a realtime connection. A message is written to the transport without a task in between."""

import asyncio
import logging
from functools import lru_cache
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

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

    __slots__ = ("_is_closing", "_response", "_transport", "is_held")

    def __init__(self, response: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._response = response
        self._transport = transport
        self._is_closing = False
        self.is_held = False

    def write(self, text: bytes, end: bytes = b"") -> bool:
        # Reads this object and the transport only, since an event for a thousand readers waits for memory mostly.
        transport = self._transport
        if self._is_closing or transport is None or transport.is_closing():
            return True  # the client has disconnected, or will be: drop the message
        if self.is_held or transport.get_write_buffer_size() > WRITTEN_AHEAD:
            return False
        # In one piece: two writes would be two system calls, and two packets.
        transport.write(b"".join((frame_head(len(text) + len(end)), text, end)))
        return True

    async def send(self, text: bytes) -> None:
        await self._response.send_frame(text, WSMsgType.TEXT)

    async def receive(self) -> str | bytes | None:
        message = await self._response.receive()
        while message.type not in RECEIVED:
            message = await self._response.receive()
        return message.data if message.type in TEXTS else None

    async def close(self, code: int = WSCloseCode.OK) -> None:
        self._is_closing = True  # no message may follow
        await self._response.close(code=code)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _without_subprotocols(record: logging.LogRecord) -> bool:
    """Whether a log record has no subprotocols. aiohttp logs unknown subprotocols, which may contain a token."""
    return "protocols" not in str(record.msg)


logging.getLogger("aiohttp.websocket").addFilter(_without_subprotocols)
