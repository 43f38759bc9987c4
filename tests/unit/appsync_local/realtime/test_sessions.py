"""Sessions of clients that send nothing, stop what they started, or have disconnected."""

import asyncio

import orjson
import pytest

from appsync_local import Engine
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.session import Session
from tests.support.engine_clients import TOKEN, start_message, until
from tests.support.engine_doubles import RecordingInvoker


class Client:
    """A stand-in for a socket; the test decides which messages it receives."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        self.is_closed = False
        self.is_held = False
        self.is_gone = False
        self._said: asyncio.Queue[str | None] = asyncio.Queue()

    def say(self, text: str | None) -> None:
        self._said.put_nowait(text)

    def write(self, text: bytes, end: bytes = b"") -> bool:
        self.heard.append(orjson.loads(text + end))
        return True

    async def send(self, text: bytes) -> None:
        if self.is_gone:
            raise ConnectionResetError
        self.write(text)

    async def receive(self) -> str | bytes | None:
        return await self._said.get()

    async def close(self) -> None:
        self.is_closed = True
        self.say(None)

    def abort(self) -> None:
        self.say(None)


async def serve(client: Client, engine: Engine, *, first_message: float = 60, token: str = TOKEN) -> None:
    timers = SessionTimers(keep_alive=60, lifetime=60, first_message=first_message, health=engine.health)
    session = Session(
        client, engine.served.subscriptions, peer="127.0.0.1", timers=timers, chaos=Chaos(), is_own_host=str.isprintable
    )
    headers = {"authorization": token}
    if await session.connect(subprotocols=["graphql-ws"], raw_query="", headers=headers, request_id="r"):
        await session.run()


@pytest.fixture
def client() -> Client:
    return Client()


async def test_a_connection_that_sends_nothing_is_closed(client: Client, engine: Engine) -> None:
    async with asyncio.timeout(20):
        await serve(client, engine, first_message=0.01)

    assert client.is_closed


async def test_a_connection_may_be_silent_after_its_first_message(client: Client, engine: Engine) -> None:
    serving = asyncio.create_task(serve(client, engine, first_message=0.02))
    client.say('{"type":"connection_init"}')
    await until(lambda: bool(client.heard))

    done, _ = await asyncio.wait({serving}, timeout=0.1)

    assert not done
    client.say(None)
    await serving


async def test_a_stopped_start_leaves_no_task_running(
    client: Client, engine: Engine, invoker: RecordingInvoker
) -> None:
    never = asyncio.Event()
    at_work = 0

    async def think(function: str, payload: object) -> object:
        nonlocal at_work
        at_work += 1
        try:
            await never.wait()
        finally:
            at_work -= 1
        return {}

    serving = asyncio.create_task(serve(client, engine))
    await until(lambda: bool(invoker.invoked))  # it is connected
    invoker.invoke = think  # type: ignore[method-assign]  # the authorizer thinks from now on
    for _ in range(50):
        client.say(start_message("1", "subscription { written { id } }"))
        await until(lambda: at_work == 1)
        client.say('{"type":"stop","id":"1"}')
        await until(lambda: at_work == 0)

    assert [message["type"] for message in client.heard] == ["complete"] * 50
    client.say(None)
    await serving


async def test_a_rejected_client_that_has_disconnected_is_not_an_error(client: Client, engine: Engine) -> None:
    client.is_gone = True
    client.say('{"type":"connection_init"}')

    await serve(client, engine, token="")

    assert client.heard == []


async def test_an_internal_failure_of_a_connection_is_reported_to_the_client(
    client: Client, engine: Engine, invoker: RecordingInvoker
) -> None:
    invoker.functions["authorizer"] = lambda _: 1 / 0
    client.say('{"type":"connection_init"}')

    await serve(client, engine)

    [refusal] = client.heard
    assert refusal["type"] == "connection_error"
    assert "InternalFailure" in str(refusal)
