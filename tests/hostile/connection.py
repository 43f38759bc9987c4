"""Raw TCP connections that send bytes exactly as an attacker chose them."""

import asyncio
import base64
import json
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.hostile.application import KEY

READ_LIMIT: Final = 30.0  # seconds until the engine must have answered, on a busy machine
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close at once with a TCP reset
HOST: Final = "127.0.0.1"


@dataclass(slots=True)
class Connection:
    """One TCP connection to the engine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int, *, window: int | None = None) -> "Connection":
        """Connect; `window` is the size of the receive buffer in bytes."""
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if window is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plain.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(plain, (HOST, port))
            reader, writer = await asyncio.open_connection(sock=plain, limit=window or 2**16)
        except BaseException:
            plain.close()
            raise
        return cls(reader, writer)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        """Read the head of a response; empty if the engine closed the connection."""
        try:
            async with asyncio.timeout(READ_LIMIT):
                return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    async def response(self) -> tuple[int, bytes]:
        """Read status and body of a response; the status is 0 if the engine closed the connection."""
        head = await self.head()
        if not head:
            return 0, b""
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        async with asyncio.timeout(READ_LIMIT):
            return int(head[9:12]), await self.reader.readexactly(length)

    async def drain(self, seconds: float) -> bytes:
        """Read what arrives within some seconds, or until the engine closes the connection."""
        found = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while part := await self.reader.read(2**16):
                    found += part
        except TimeoutError:
            pass
        return bytes(found)

    def reset(self) -> None:
        """Close with a TCP reset, as the system does for a crashed client."""
        plain = self.writer.get_extra_info("socket")
        with suppress(OSError):  # closed already
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


class Connections:
    """Opens connections for an attack, and closes them all after it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._opened: list[Connection] = []

    async def open(self, *, window: int | None = None) -> Connection:
        """Open a connection; `window` as in `Connection.open`."""
        connection = await Connection.open(self._port, window=window)
        self._opened.append(connection)
        return connection

    def close_all(self) -> None:
        for connection in self._opened:
            connection.close()


def request(body: bytes, *headers: tuple[str, str]) -> bytes:
    """Return a POST request that is valid HTTP."""
    lines = [f"{name}: {value}" for name, value in (headers or (("x-api-key", KEY),))]
    head = ["POST /graphql HTTP/1.1", "host: localhost", f"content-length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + body


def upgrade(rng: Random, auth: Any = None) -> bytes:
    """Return a WebSocket upgrade request."""
    authorization = {"host": "localhost", "x-api-key": KEY} if auth is None else auth
    encoded = base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")
    lines = [
        "GET /graphql HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(rng.randbytes(16)).decode()}",
        f"Sec-WebSocket-Protocol: graphql-ws, header-{encoded}", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True, mask: bytes | None = b"\x00\x00\x00\x00") -> bytes:
    """Return a client's WebSocket frame. Source: RFC 6455, section 5.2."""
    size = len(payload)
    masked = 0x80 if mask is not None else 0
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([masked | size])
    elif size < 65536:
        head += bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([masked | 127]) + size.to_bytes(8, "big")
    return head + (mask or b"") + payload  # a mask of zeros leaves the payload as it is


def text(message: object) -> bytes:
    """Return a text frame with a JSON message."""
    return frame(json.dumps(message).encode())


def start(id_: object, query: str, variables: object = None, auth: object = None) -> dict[str, Any]:
    """Return a `start` message."""
    authorization = {"host": "localhost", "x-api-key": KEY} if auth is None else auth
    data = json.dumps({"query": query, "variables": variables})
    return {"id": id_, "type": "start", "payload": {"data": data, "extensions": {"authorization": authorization}}}
