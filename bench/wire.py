"""HTTP and WebSocket as bytes on a plain socket, so that the client costs less than any server it measures."""

import base64
import os
import re
import socket
import struct
from typing import Final

HOST: Final = "127.0.0.1"
TIMEOUT: Final = 60.0  # seconds for the answer to any request
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_TEXT: Final = 0x81
_PING: Final = 0x89
_TO_SERVER: Final = 0x80  # the bit of a masked frame; the mask is zero, so the text is unchanged


class Broken(Exception):
    """A server sent an unexpected response."""


def connect(port: int) -> socket.socket:
    """A blocking connection."""
    connection = socket.create_connection((HOST, port), timeout=TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of a request."""
    lines = {"host": HOST, "content-type": "application/json", "content-length": str(len(body)), **headers}
    return f"POST {path} HTTP/1.1\r\n".encode() + _header_lines(lines) + b"\r\n" + body


def _header_lines(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()


def response_body(received: bytes) -> bytes | None:
    """The body of a response; None while it is incomplete.

    Raises:
        Broken: It is not a success.
    """
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    if not head.startswith(b"HTTP/1.1 200"):
        raise Broken(f"expected 200 OK, found {received[:300]!r}")
    length = _LENGTH.search(head)
    if length is not None:
        return body if len(body) >= int(length[1]) else None
    return _unchunked(body) if (b"\r\n" + body).endswith(_LAST_CHUNK) else None


def _unchunked(body: bytes) -> bytes:
    pieces: list[bytes] = []
    while True:
        size, _, rest = body.partition(b"\r\n")
        if not int(size, 16):
            return b"".join(pieces)
        pieces.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]


class Requests:
    """One keep-alive connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = connect(port)

    def ask(self, request: bytes) -> bytes:
        """Send a request and wait for its body."""
        self.socket.sendall(request)
        return self.answer()

    def answer(self) -> bytes:
        """Wait for the response to a request that was sent."""
        received = b""
        while (body := response_body(received)) is None:
            received += self.socket.recv(65536) or _gone()
        return body

    def close(self) -> None:
        self.socket.close()


class WebSocket:
    """One socket, blocking."""

    def __init__(self, port: int, path: str, subprotocol: str) -> None:
        self.socket = connect(port)
        self._received = bytearray()
        headers = {
            "host": HOST,
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
            "sec-websocket-version": "13",
            "sec-websocket-protocol": subprotocol,
        }
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n".encode() + _header_lines(headers) + b"\r\n")
        while b"\r\n\r\n" not in self._received:
            self._received += self.socket.recv(65536) or _gone()
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise Broken(f"expected an upgrade, found {head[:300]!r}")
        self._received = bytearray(rest)

    def send(self, text: bytes) -> None:
        """Send a text message of at most 64 KiB."""
        size = len(text)
        if size < 126:
            head = struct.pack("!BB", _TEXT, _TO_SERVER | size)
        else:
            head = struct.pack("!BBH", _TEXT, _TO_SERVER | 126, size)
        self.socket.sendall(head + b"\0\0\0\0" + text)

    def receive(self) -> bytes:
        """The next text message."""
        while True:
            frame = self._frame()
            if frame is None:
                self._received += self.socket.recv(65536) or _gone()
            elif frame[0] == _TEXT:
                return frame[1]
            elif frame[0] != _PING:
                raise Broken(f"expected a text message, found a frame with opcode {frame[0] & 15}")

    def waiting(self) -> list[bytes]:
        """The text messages that have arrived already."""
        self.socket.setblocking(False)
        try:
            while True:
                self._received += self.socket.recv(65536) or _gone()
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(TIMEOUT)
        frames: list[bytes] = []
        while (frame := self._frame()) is not None:
            if frame[0] == _TEXT:
                frames.append(frame[1])
        return frames

    def _frame(self) -> tuple[int, bytes] | None:
        received = self._received
        if len(received) < 2:
            return None
        size, start = received[1], 2
        if size == 126:
            size, start = int.from_bytes(received[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(received[2:10], "big"), 10
        if len(received) < start or len(received) < start + size:
            return None
        opcode, text = received[0], bytes(received[start : start + size])
        del received[: start + size]
        return opcode, text

    def close(self) -> None:
        self.socket.close()


def frame_size(text: bytes) -> int:
    """The length in bytes of a server's message on the wire."""
    return len(text) + (2 if len(text) < 126 else 4 if len(text) < 65536 else 10)


def _gone() -> bytes:
    raise ConnectionResetError("the server closed the connection")
