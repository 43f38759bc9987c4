"""The WebSocket protocol of one connection, without a socket: bytes in; whole messages, and bytes to send, out."""

import logging
from functools import lru_cache
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from appsync_local.api.limits import BODY_LIMIT

# The library logs what a frame contains, such as a token, at the level DEBUG.
_log: Final = logging.getLogger("appsync_local.frames")
_log.setLevel(logging.WARNING)


@lru_cache(maxsize=64)  # the messages of one event have few sizes
def frame_head(size: int) -> bytes:
    """What precedes a text message of a server, by the message's size in bytes. Source: RFC 6455, section 5.2."""
    if size < 126:
        return b"\x81%c" % size
    if size < 65536:
        return b"\x81\x7e%b" % size.to_bytes(2, "big")
    return b"\x81\x7f%b" % size.to_bytes(8, "big")


class Frames:
    """The frames of one connection that is open."""

    __slots__ = ("_is_text", "_partial", "_protocol")

    def __init__(self) -> None:
        self._protocol = Protocol(SERVER, state=OPEN, max_size=BODY_LIMIT, logger=_log)
        self._partial: bytearray | None = None  # the fragments of a message that is not complete
        self._is_text = True

    @property
    def is_open(self) -> bool:
        """Whether neither side has begun to close."""
        return self._protocol.state is OPEN

    @property
    def is_over(self) -> bool:
        """Whether both sides have closed, or the client has sent invalid frames: the socket must be closed now."""
        return self._protocol.eof_sent

    def receive(self, data: bytes) -> list[str | bytes]:
        """The messages that are complete now. `to_send` may have answers of the protocol."""
        self._protocol.receive_data(data)
        messages: list[str | bytes] = []
        try:
            for event in self._protocol.events_received():
                assert isinstance(event, Frame)  # noqa: S101  # the handshake is over
                whole = self._whole(event)
                if whole is not None:
                    messages.append(whole.decode() if self._is_text else whole)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "the text is not UTF-8")
        return messages

    def close(self, code: int) -> None:
        """Begin to close."""
        self._protocol.send_close(code)

    def to_send(self) -> bytes:
        """What must be sent now."""
        return b"".join(self._protocol.data_to_send())

    def _whole(self, frame: Frame) -> bytes | None:
        """The message that this frame completes, if it completes one."""
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self._is_text = frame.opcode is Opcode.TEXT
                if frame.fin:
                    return bytes(frame.data)
                self._partial = bytearray(frame.data)
            case Opcode.CONT if self._partial is not None:
                self._partial += frame.data
                if frame.fin:
                    whole, self._partial = bytes(self._partial), None
                    return whole
        return None
