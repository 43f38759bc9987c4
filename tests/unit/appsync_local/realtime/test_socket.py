"""The socket of a realtime connection: frames of a client, byte by byte, and what is sent back."""

import asyncio
import gc

import aiohttp
import pytest
from aiohttp import web

from appsync_local import Engine
from appsync_local.api.limits import BODY_LIMIT
from appsync_local.realtime.socket import RECEIVED_AHEAD, RealtimeSocket
from tests.support.engine_clients import connected

CLOSE = 0x88
UNMASKED = bytes(4)  # a mask of zeros changes nothing


class Transport(asyncio.Transport):
    """Notes what the socket does."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_closed = False
        self._reads = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def reads(self) -> bool:
        return self._reads

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def socket(transport: Transport) -> RealtimeSocket:
    return RealtimeSocket(transport)


def frame(first: int, data: bytes = b"") -> bytes:
    """A masked frame of at most 125 bytes; `first` is its first byte."""
    return bytes((first, 0x80 | len(data))) + UNMASKED + data


def code(number: int) -> bytes:
    return number.to_bytes(2, "big")


async def test_a_message_in_fragments_is_received_whole_whatever_comes_between(
    socket: RealtimeSocket, transport: Transport
) -> None:
    for piece in (frame(0x01, b"one "), frame(0x89, b"ping"), frame(0x00, b"two "), frame(0x80, b"three")):
        for byte in piece:
            socket.data_received(bytes((byte,)))

    assert await socket.receive() == "one two three"
    assert transport.sent == b"\x8a\x04ping"


async def test_messages_of_one_packet_are_received_in_order(socket: RealtimeSocket) -> None:
    socket.data_received(frame(0x81, b"first") + frame(0x82, b"\xff") + frame(0x81, b"last"))

    assert [await socket.receive() for _ in range(3)] == ["first", b"\xff", "last"]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (frame(0x88, code(1000)), 1000),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x83), 1002),
        (b"\x81\x01x", 1002),
        (b"\x81\xff" + (BODY_LIMIT + 1).to_bytes(8, "big") + UNMASKED, 1009),
    ],
    ids=["a close", "no UTF-8", "a reserved opcode", "without a mask", "too large"],
)
async def test_a_close_or_an_invalid_frame_ends_the_connection(
    socket: RealtimeSocket, transport: Transport, sent: bytes, answer: int
) -> None:
    socket.data_received(frame(0x81, b"before") + sent)

    assert await socket.receive() == "before"
    assert await socket.receive() is None
    assert (transport.sent[0], transport.sent[2:4]) == (CLOSE, code(answer))
    assert transport.is_closed
    assert socket.write(b"late")
    assert b"late" not in transport.sent


async def test_nothing_follows_the_close_of_this_side(socket: RealtimeSocket, transport: Transport) -> None:
    closing = asyncio.create_task(socket.close(1001))
    await asyncio.sleep(0)

    assert socket.write(b"late")
    with pytest.raises(ConnectionError):
        await socket.send(b"late")

    assert await socket.receive() is None
    assert not transport.is_closed
    socket.data_received(frame(0x88, code(1001)))
    socket.connection_lost(None)
    await closing
    assert transport.sent == b"\x88\x02" + code(1001)


async def test_a_client_that_sends_faster_than_it_is_served_is_not_read(
    socket: RealtimeSocket, transport: Transport
) -> None:
    socket.data_received(frame(0x81, b"x") * (RECEIVED_AHEAD + 1))
    assert not transport.reads()

    for _ in range(RECEIVED_AHEAD + 1):
        await socket.receive()

    assert transport.reads()


async def test_a_client_that_reads_nothing_is_not_read_until_it_does(
    socket: RealtimeSocket, transport: Transport
) -> None:
    socket.pause_writing()
    socket.data_received(frame(0x89))
    assert not transport.reads()
    assert not socket.write(b"event")
    waiting = asyncio.create_task(socket.send(b"event"))
    await asyncio.sleep(0)
    assert b"event" not in transport.sent

    socket.resume_writing()
    await waiting

    assert transport.reads()
    assert transport.sent.endswith(b"\x81\x05event")


async def test_a_client_that_disconnects_ends_all_that_waits_for_it(
    socket: RealtimeSocket, transport: Transport
) -> None:
    receiving = asyncio.create_task(socket.receive())
    socket.pause_writing()
    sending = asyncio.create_task(socket.send(b"event"))
    await asyncio.sleep(0)

    transport.close()
    socket.connection_lost(None)

    assert await receiving is None
    with pytest.raises(ConnectionError):
        await sending


def requests_and_handlers() -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, web.BaseRequest | web.RequestHandler)]


async def test_a_realtime_connection_keeps_nothing_of_its_request(
    engine: Engine, session: aiohttp.ClientSession
) -> None:
    before = requests_and_handlers()  # what other tests of this process have left

    async with connected(engine, session):
        gc.collect()

        assert not [each for each in requests_and_handlers() if not any(each is other for other in before)]
        assert engine.connections == 1
