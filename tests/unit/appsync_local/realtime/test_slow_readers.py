"""Messages to a slow reader, with a socket whose speed the test controls."""

import asyncio
from collections.abc import AsyncIterator, Callable

import orjson
import pytest

from appsync_local import Engine
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.realtime.frames import frame_head
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.outgoing import OUTGOING_LIMIT
from appsync_local.realtime.session import Session

ACKNOWLEDGED = 2  # messages that answer `connection_init`


class Reader:
    """A stand-in for a socket. While it `is_slow`, it accepts one message each time the test allows it."""

    def __init__(self) -> None:
        self.is_slow = False
        self.is_held = False
        self.is_aborted = False
        self.taken: list[str] = []
        self._turns = asyncio.Semaphore(0)
        self._asked: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._asked.put_nowait(b'{"type":"connection_init"}')

    def ask(self, *ids: str) -> None:
        """As the client, stop subscriptions that do not exist; each is answered with a message of its id."""
        for id_ in ids:
            self._asked.put_nowait(orjson.dumps({"type": "stop", "id": id_}))

    @property
    def is_heard(self) -> bool:
        """Whether the engine has read all that was asked."""
        return self._asked.empty()

    def leave(self) -> None:
        self._asked.put_nowait(None)

    def take(self) -> None:
        """Take one message."""
        self._turns.release()

    def write(self, text: bytes, end: bytes = b"") -> bool:
        is_ready = not self.is_slow and not self.is_held
        if is_ready:
            self._note(text + end)
        return is_ready

    async def send(self, text: bytes) -> None:
        await self._turns.acquire()
        self._note(text)

    def _note(self, text: bytes) -> None:
        message = orjson.loads(text)
        self.taken.append(message.get("id", message["type"]))

    async def receive(self) -> str | bytes | None:
        return await self._asked.get()

    async def close(self) -> None:
        self.leave()

    def abort(self) -> None:
        self.is_aborted = True
        self.leave()


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
async def served(reader: Reader, engine: Engine) -> AsyncIterator[asyncio.Task[None]]:
    """The acknowledged session of that reader."""
    timers = SessionTimers(keep_alive=60, lifetime=60, health=engine.health)
    session = Session(
        reader, engine.served.subscriptions, peer="127.0.0.1", timers=timers, chaos=Chaos(), is_own_host=str.isprintable
    )
    headers = {"authorization": "token"}
    assert await session.connect(subprotocols=["graphql-ws"], raw_query="", headers=headers, request_id="r")
    running = asyncio.create_task(session.run())
    await until(lambda: len(reader.taken) == ACKNOWLEDGED)
    reader.taken.clear()
    yield running
    reader.leave()
    await running


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0)


async def test_messages_wait_in_order_behind_a_slow_reader(reader: Reader, served: asyncio.Task[None]) -> None:
    reader.is_slow = True
    reader.ask("first", "second")
    await until(lambda: reader.is_heard)
    reader.is_slow = False
    reader.ask("third")
    await until(lambda: reader.is_heard)
    for _ in range(3):
        reader.take()

    await until(lambda: len(reader.taken) == 3)

    assert reader.taken == ["first", "second", "third"]


async def test_a_reader_that_has_caught_up_receives_directly(reader: Reader, served: asyncio.Task[None]) -> None:
    reader.is_slow = True
    reader.ask("late")
    reader.take()
    await until(lambda: reader.taken == ["late"])
    reader.is_slow = False

    reader.ask("soon")

    await until(lambda: reader.taken == ["late", "soon"])


async def test_a_reader_that_reads_nothing_is_disconnected(reader: Reader, served: asyncio.Task[None]) -> None:
    reader.is_slow = True
    large = "x" * (OUTGOING_LIMIT // 8)

    reader.ask(*[large] * 9)

    await until(lambda: reader.is_aborted)
    assert reader.taken == []


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_has_its_length_in_the_shortest_form(size: int, head: bytes) -> None:
    assert frame_head(size) == head
