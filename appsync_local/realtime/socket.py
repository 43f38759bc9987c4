"""The socket of a realtime connection. A message is written to the transport without a task in between."""

import asyncio
from collections import deque
from typing import Final

from websockets.frames import CloseCode

from appsync_local.realtime.frames import Frames, frame_head

RECEIVED_AHEAD: Final = 16  # messages that wait for the session, from which the client is not read
CLOSE_TIMEOUT: Final = 1.0  # seconds for a client to answer a close


class RealtimeSocket(asyncio.Protocol):
    """A WebSocket as the `Socket` of a session, from the end of its handshake.

    It takes the place of the HTTP connection, whose request and tasks take ten kilobytes.
    """

    __slots__ = (
        "_closed",
        "_frames",
        "_is_closing",
        "_is_slow",
        "_messages",
        "_reads",
        "_transport",
        "_waiter",
        "_writable",
        "is_held",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._frames = Frames()
        self.is_held = False
        self._is_closing = False  # no message may be sent
        self._is_slow = False  # the transport's buffer is full
        self._reads = True
        self._messages: deque[str | bytes] | None = None  # created for waiting messages: an empty deque takes 700 bytes
        self._waiter: asyncio.Future[None] | None = None  # of `receive`
        self._writable: asyncio.Future[None] | None = None  # of `send`
        self._closed: asyncio.Future[None] | None = None  # of `close`

    def write(self, text: bytes, end: bytes = b"") -> bool:
        # Reads this object and the transport only, since an event for a thousand readers waits for memory mostly.
        transport = self._transport
        if self._is_closing or transport.is_closing():
            return True  # the client has disconnected, or will be: drop the message
        if self.is_held or self._is_slow:
            return False
        # In one piece: two writes would be two system calls, and two packets.
        transport.write(b"".join((frame_head(len(text) + len(end)), text, end)))
        return True

    async def send(self, text: bytes) -> None:
        while self._is_slow and not self._transport.is_closing():
            self._writable = asyncio.get_running_loop().create_future()
            await self._writable
        if self._is_closing or self._transport.is_closing():
            raise ConnectionResetError("the client has disconnected")
        self._transport.write(frame_head(len(text)) + text)

    async def receive(self) -> str | bytes | None:
        while self._messages is None:
            if not self._frames.is_open or self._transport.is_closing():
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
            self._read()
        return message

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE) -> None:
        if self._transport.is_closing():
            return
        if not self._is_closing:
            self._is_closing = True
            self._frames.close(code)
            self._flush()
            _wake(self._waiter)
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._closed}, timeout=CLOSE_TIMEOUT)
        self._transport.abort()

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        messages = self._frames.receive(data)
        if messages:
            self._messages = self._messages or deque()
            self._messages.extend(messages)
        self._flush()
        # Who reads nothing could otherwise fill the transport's buffer with answers to pings.
        if self._is_slow or (self._messages is not None and len(self._messages) > RECEIVED_AHEAD):
            self._reads = False
            self._transport.pause_reading()
        _wake(self._waiter)

    def _flush(self) -> None:
        answer = self._frames.to_send()
        if answer:
            self._transport.write(answer)
        if not self._frames.is_open:
            self._is_closing = True
        if self._frames.is_over:
            self._transport.close()

    def _read(self) -> None:
        """Read from the client again, if nothing is against it."""
        if not self._reads and not self._is_slow and self._messages is None:
            self._reads = True
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self._is_slow = True

    def resume_writing(self) -> None:
        self._is_slow = False
        _wake(self._writable)
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's
        self._is_closing = True
        for future in (self._waiter, self._writable, self._closed):
            _wake(future)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
