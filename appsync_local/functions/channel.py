"""The engine's end of a socket to the fork server or to a worker. Works with event-loop callbacks, without tasks."""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from appsync_local.functions.frames import Kind, Splitter, pack

_CHUNK: Final = 262_144  # bytes read at a time


class Channel:
    """Callbacks come from the event loop: `on_frame` per frame, then `on_end` once, unless this side closed first."""

    def __init__(
        self, connection: socket.socket, *, on_frame: Callable[[Kind, bytes], None], on_end: Callable[[], None]
    ) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._on_frame = on_frame
        self._on_end = on_end
        self._splitter = Splitter()
        self._unsent: deque[tuple[memoryview, Sequence[int]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._readable)

    def send(self, kind: Kind, body: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send one frame, now if the socket takes it; `descriptors` go along and are closed on this side."""
        waiting = bool(self._unsent)
        self._unsent.append((memoryview(pack(kind, body)), descriptors))
        if not waiting:
            self._flush()
            if self._unsent:
                self._loop.add_writer(self._connection, self._writable)

    def close(self) -> None:
        if self._connection.fileno() < 0:
            return
        self._loop.remove_reader(self._connection)
        self._loop.remove_writer(self._connection)
        self._drop_unsent()
        self._connection.close()

    def finish(self) -> None:
        """Say that nothing more will come; what the other side still sends is received."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def _writable(self) -> None:
        self._flush()
        if not self._unsent:
            self._loop.remove_writer(self._connection)

    def _flush(self) -> None:
        while self._unsent:
            rest, descriptors = self._unsent[0]
            try:
                if descriptors:
                    sent = socket.send_fds(self._connection, [rest], list(descriptors))
                else:
                    sent = self._connection.send(rest)
            except BlockingIOError:
                return
            except OSError:  # the other side is gone: the reader says so
                self._drop_unsent()
                return
            _close_all(descriptors)
            if sent < len(rest):
                self._unsent[0] = (rest[sent:], ())
            else:
                self._unsent.popleft()

    def _drop_unsent(self) -> None:
        while self._unsent:
            _close_all(self._unsent.popleft()[1])

    def _readable(self) -> None:
        try:
            received = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self.close()
            self._on_end()
            return
        for kind, body in self._splitter.feed(received):
            try:
                self._on_frame(kind, body)
            except Exception as error:  # of this frame alone: later frames are about other workers
                self._loop.call_exception_handler({"message": f"a {kind.name} frame failed", "exception": error})


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
