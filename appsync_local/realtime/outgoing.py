"""The messages of one realtime connection that cannot be written yet: they wait for a slow reader, in order."""

import asyncio
import logging
from collections import deque
from typing import Final, Protocol

from appsync_local.devtools.counters import Counters
from appsync_local.devtools.health import Health
from appsync_local.devtools.internal_failures import report_internal_failure

OUTGOING_LIMIT: Final = 16 * 1024 * 1024  # bytes that may wait for one slow reader
CLOSE_MARK: Final = b""  # in the queue: close the connection here; no message is empty
LOOP: Final = "realtime connections"  # the name under which errors of all sessions are counted
WHAT: Final = "a realtime connection"  # what fails, in log lines

log = logging.getLogger("appsync_local")


class Socket(Protocol):
    """The part of a WebSocket that a session uses.

    Attributes:
        is_held: Whether messages wait to be sent before any other one; `write` sends nothing until they are.
    """

    is_held: bool

    def write(self, text: bytes, end: bytes = b"") -> bool:
        """Send one text message, in one or two parts, now.

        Returns:
            False if nothing was sent, because the reader is slow or the socket is held. A message to a client that has
            disconnected is dropped, and counts as sent.
        """

    async def send(self, text: bytes) -> None:
        """Send one text message, and wait while the reader is slow. Raises ConnectionError if the client is gone."""

    async def receive(self) -> str | bytes | None:
        """The client's next message; None if the client is gone."""

    async def close(self) -> None:
        """Close with the closing handshake."""

    def abort(self) -> None:
        """Close now, and drop unsent messages."""


class OutgoingQueue:
    """The waiting messages of one socket, and the task that sends them. The socket is held while messages wait.

    Args:
        socket: The socket.
        counters: Counts the readers that are too slow.
        health: Counts errors.
    """

    __slots__ = ("_counters", "_health", "_size", "_socket", "_waiting", "_writer")

    def __init__(self, socket: Socket, counters: Counters, health: Health) -> None:
        self._socket = socket
        self._counters = counters
        self._health = health
        self._waiting: deque[bytes] | None = None  # created for a slow reader: an empty deque takes 700 bytes
        self._size = 0
        self._writer: asyncio.Task[None] | None = None  # runs while messages wait

    def add(self, text: bytes) -> None:
        """Send a message after those that wait already, as soon as the reader accepts it."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(text)
        self._size += len(text)
        if self._size > OUTGOING_LIMIT:
            self._cut_slow_reader()
        elif self._writer is None:
            self._socket.is_held = True
            self._writer = asyncio.create_task(self._write())

    def close(self) -> None:
        """Close the socket after all waiting messages are sent."""
        self.add(CLOSE_MARK)

    def abort(self) -> None:
        """Close the socket now, and drop the waiting messages."""
        self._waiting = None
        self._size = 0
        self._socket.abort()

    def stop(self) -> list[asyncio.Task[None]]:
        """Cancel the task that sends the waiting messages, if it runs. Returns what the caller must wait for."""
        if self._writer is None:
            return []
        self._writer.cancel()
        return [self._writer]

    def _cut_slow_reader(self) -> None:
        self._counters.slow_readers += 1
        log.warning("a realtime connection was closed: %d bytes were waiting for its reader", self._size)
        self.abort()

    async def _write(self) -> None:
        """Send the waiting messages as fast as the reader accepts them."""
        try:
            while self._waiting:
                text = self._waiting.popleft()
                if text == CLOSE_MARK:
                    await self._socket.close()
                    return
                await self._socket.send(text)
                self._size -= len(text)
            self._writer = None
            self._socket.is_held = False
        except ConnectionError:
            return  # the client is gone: the session ends too
        except Exception as error:  # nothing would be sent from now on: the connection ends
            self._health.loop(LOOP).failed(error)
            report_internal_failure(WHAT, error)
            self.abort()
