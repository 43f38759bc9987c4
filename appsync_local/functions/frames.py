"""The messages between the engine, the fork server and the workers: length-prefixed frames on Unix sockets.

The standard library only, since every worker carries this module.
"""

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final

_HEADER: Final = struct.Struct(">BI")  # kind, length of the body in bytes
_MOST_DESCRIPTORS: Final = 4
_MOST_AT_ONCE: Final = 65_536  # bytes


class Kind(IntEnum):
    """The kinds of frame; who sends it, and what its body is."""

    FUNCTIONS = 1  # engine to fork server, once: JSON, see `WorkerSettings`
    SPAWN = 2  # engine to fork server: JSON [number, function]; carries the worker's socket and its output pipe
    KILL = 3  # engine to fork server: JSON number
    READY = 4  # fork server to engine, once: empty; everything named in `preload` is imported
    REFUSED = 5  # fork server to engine, then it ends: one sentence
    EXITED = 6  # fork server to engine: JSON [number, wait status]; the worker and what it started are gone
    EVENT = 7  # engine to worker: JSON {"request_id", "deadline", "event"}; the deadline is on the monotonic clock
    STARTED = 8  # worker to engine, once: empty; the handler is imported
    RESULT = 9  # worker to engine: the handler's result as JSON
    ERROR = 10  # worker to engine: JSON in the shape of `ErrorPayload`; after a failed import the worker then ends
    LAST_ERROR = 11  # worker to engine: as ERROR, and then the worker ends


Frame = tuple[Kind, bytes]


def pack(kind: Kind, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body


class Splitter:
    """Cuts received bytes into frames, however they were chopped up on the way."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, received: bytes) -> Iterator[Frame]:
        self._rest += received
        while len(self._rest) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._rest)
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            body = bytes(self._rest[_HEADER.size : end])
            del self._rest[:end]
            yield Kind(kind), body


def send(connection: socket.socket, kind: Kind, body: bytes = b"") -> None:
    """Send one frame over a blocking socket."""
    connection.sendall(pack(kind, body))


def receive(connection: socket.socket) -> Frame | None:
    """The next frame from a blocking socket, or None when the other side is gone."""
    header = _exactly(connection, _HEADER.size)
    return None if header is None else _with_body(connection, header)


def incoming(connection: socket.socket) -> Iterator[Frame]:
    """The frames from a blocking socket until the other side is gone. A short frame takes one call to the system."""
    splitter = Splitter()
    while received := _received(connection, _MOST_AT_ONCE):
        yield from splitter.feed(received)


def receive_with_descriptors(connection: socket.socket) -> tuple[Frame, Sequence[int]] | None:
    """As `receive`, with the file descriptors that came along with the frame; the caller owns them."""
    try:
        # Descriptors arrive with the first byte of what was sent with them, which is a frame's header.
        header, descriptors, _, _ = socket.recv_fds(connection, _HEADER.size, _MOST_DESCRIPTORS)
    except ConnectionError:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if not header:
        return None
    if len(header) < _HEADER.size:
        rest = _exactly(connection, _HEADER.size - len(header))
        if rest is None:
            return None
        header += rest
    frame = _with_body(connection, header)
    return None if frame is None else (frame, descriptors)


def _with_body(connection: socket.socket, header: bytes) -> Frame | None:
    kind, length = _HEADER.unpack(header)
    body = _exactly(connection, length) if length else b""
    return None if body is None else (Kind(kind), body)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size and (received := _received(connection, size - len(parts))):
        parts += received
    return bytes(parts) if len(parts) == size else None


def _received(connection: socket.socket, most: int) -> bytes:
    """Some bytes, or none when the other side is gone."""
    try:
        return connection.recv(most)
    except ConnectionError:
        return b""
