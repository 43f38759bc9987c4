"""An unexpected error in one connection, event or subscription does not affect the others."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.operation.documents import Documents
from appsync_local.operation.plan import Plan
from appsync_local.realtime import publication
from appsync_local.realtime.filters import Filter
from appsync_local.realtime.keep_alive import DelayedCalls, SessionTimers
from appsync_local.realtime.outgoing import LOOP
from appsync_local.realtime.protocol import RealtimeConnection
from appsync_local.realtime.session import Session
from appsync_local.realtime.socket import RealtimeSocket
from appsync_local.realtime.subscription_registry import Subscription, SubscriptionRegistry
from tests.fidelity.clock import Advance, on_a_clock
from tests.support.engine_clients import Http, Realtime, connected, start_message, until

WRITTEN = "subscription { written { id } }"
ALIASED = "subscription { written { key: id } }"
WRITE = 'mutation { write(id: "n1") { id } }'
EVERY_EVENT: Filter = ((),)


class Fault(Exception):
    """Injected by a test."""


def fail(*_: object, **__: object) -> Any:
    raise Fault("secret detail")


class StandIn(Subscription):
    """A subscription to which nothing can be delivered."""

    def __init__(self, model: Subscription, end: Callable[[], None], invalidation: Filter = ()) -> None:
        super().__init__(model.field, model.plan, model.variables, invalidation)
        self._end = end

    def end(self) -> None:
        self._end()

    def deliver(self, end: bytes) -> None:
        raise Fault


def has_aliases(plan: Plan) -> bool:
    return any(field.key != field.name for step in plan.steps for field in step.possible_children())


def failures(health: Health, name: str) -> int:
    return health.loop(name).failures


def test_a_keep_alive_that_fails_does_not_end_those_of_other_connections() -> None:
    health = Health()
    sent: list[str] = []

    class Connection:
        def __init__(self, name: str) -> None:
            self.name = name

        def send_keep_alive(self) -> None:
            sent.append(self.name)
            if self.name == "broken":
                raise Fault

        def finish(self) -> None: ...

    async def scenario(advance: Advance) -> None:
        timers = SessionTimers(keep_alive=60, lifetime=1000, health=health)
        for name in ("first", "broken", "last"):
            connection = Connection(name)
            timers.start(connection)
            timers.acknowledged(connection)
        for _ in range(2):
            await advance(61)

    with on_a_clock() as run:
        run(scenario)

    assert sent == ["first", "broken", "last"] * 2
    assert failures(health, "keep-alive timer") == 2


def test_a_call_that_fails_is_not_the_last_of_its_timer() -> None:
    called: list[str] = []

    def due(name: str) -> None:
        called.append(name)
        raise Fault

    async def scenario(advance: Advance) -> None:
        delayed = DelayedCalls(10, due, Health().loop("timer"))
        delayed.wait("first")
        await advance(6)
        delayed.wait("second")
        await advance(20)

    with on_a_clock() as run:
        run(scenario)

    assert called == ["first", "second"]


async def test_a_subscriber_that_cannot_be_reached_does_not_stop_the_others(
    engine: Engine, http: Http, realtime: Realtime
) -> None:
    await realtime.start("before", WRITTEN)
    [before] = engine.registry.subscriptions()
    unreachable = StandIn(before, fail)
    engine.registry.add(unreachable, EVERY_EVENT)
    await realtime.start("after", WRITTEN)

    answer = await http.ask(WRITE)

    assert answer == {"data": {"write": {"id": "n1"}}}
    assert {(await realtime.receive())["id"] for _ in range(2)} == {"before", "after"}
    assert failures(engine.health, "publication") == 1


async def test_a_payload_that_cannot_be_made_is_missed_by_its_own_subscribers_only(
    engine: Engine, http: Http, realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = publication.EventCompletion.run

    def fail_on_aliases(self: publication.EventCompletion, value: Any) -> dict[str, object]:
        return fail() if has_aliases(self.plan) else run(self, value)

    monkeypatch.setattr(publication.EventCompletion, "run", fail_on_aliases)
    for id_, query in (("aliased", ALIASED), ("plain", WRITTEN), ("aliased too", ALIASED)):
        await realtime.start(id_, query)

    answer = await http.ask(WRITE)

    assert answer == {"data": {"write": {"id": "n1"}}}
    assert (await realtime.receive())["id"] == "plain"
    assert await realtime.silent()
    assert failures(engine.health, "publication") == 1  # the payload is shared


async def test_an_event_that_cannot_be_matched_leaves_the_mutation_as_it_is(
    engine: Engine, http: Http, realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await realtime.start("1", WRITTEN)
    monkeypatch.setattr(SubscriptionRegistry, "matching", fail)

    answer = await http.ask(WRITE)

    assert answer == {"data": {"write": {"id": "n1"}}}
    assert failures(engine.health, "publication") > 0


async def test_an_invalidation_ends_the_others_if_one_cannot_be_ended(engine: Engine, realtime: Realtime) -> None:
    await realtime.start("1", WRITTEN)
    [model] = engine.registry.subscriptions()
    ended: list[str] = []

    def subscription(end: Callable[[], None]) -> Subscription:
        return StandIn(model, end, EVERY_EVENT)

    for end in (lambda: ended.append("first"), fail, lambda: ended.append("last")):
        engine.registry.add(subscription(end), EVERY_EVENT)
    publisher = publication.Publisher(engine.served.api, engine.registry, engine.counters, Meter(), engine.health)

    publisher.invalidate({"subscriptionField": "written", "payload": {"id": "n1"}})

    assert ended == ["first", "last"]
    assert failures(engine.health, "publication") == 1


async def test_a_reload_plans_the_other_subscriptions_if_one_cannot_be_planned(
    engine: Engine, realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await realtime.start("1", ALIASED)
    await realtime.start("2", WRITTEN)
    before = {s: s.plan for s in engine.registry.subscriptions()}
    get = Documents.get

    def fail_on_aliases(self: Documents, text: str) -> Any:
        return fail() if "key:" in text else get(self, text)

    monkeypatch.setattr(Documents, "get", fail_on_aliases)

    engine.reload()

    replanned = [s for s in engine.registry.subscriptions() if s.plan is not before[s]]
    assert [has_aliases(s.plan) for s in replanned] == [False]
    assert failures(engine.health, "reload of subscriptions") == 1


async def test_a_message_that_the_protocol_fails_on_ends_its_own_connection_only(
    engine: Engine, session: aiohttp.ClientSession, realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = RealtimeConnection.receive

    def fail_on_faults(self: RealtimeConnection, text: str | bytes) -> Any:
        return fail() if "fault" in str(text) else receive(self, text)

    monkeypatch.setattr(RealtimeConnection, "receive", fail_on_faults)
    async with connected(engine, session) as other:
        await other.start("1", WRITTEN)
        await other.send(type="fault")

        assert await other.closed()

    assert (await realtime.start("1", WRITTEN))["type"] == "start_ack"
    assert failures(engine.health, LOOP) == 1
    await until(lambda: len(engine.registry) == 1)


async def test_a_start_that_fails_when_it_is_registered_is_answered_and_removed(
    engine: Engine, realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SubscriptionRegistry, "add", fail)

    refused = await realtime.start("1", WRITTEN)
    monkeypatch.undo()
    accepted = await realtime.start("1", WRITTEN)

    [entry] = refused["payload"]["errors"]
    assert refused["type"] == "error"
    assert entry["errorType"] == "InternalFailure"
    assert "secret" not in entry["message"]
    assert accepted["type"] == "start_ack"
    assert failures(engine.health, LOOP) == 1


class BrokenSocket:
    """A slow socket whose `send` raises an error that no socket should raise."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str | None] = asyncio.Queue()
        self.is_slow = False
        self.is_held = False

    def write(self, text: bytes, end: bytes = b"") -> bool:
        return not self.is_slow

    async def send(self, text: bytes) -> None:
        raise Fault

    async def receive(self) -> str | None:
        return await self.messages.get()

    async def close(self) -> None: ...

    def abort(self) -> None:
        self.messages.put_nowait(None)


def session_of(engine: Engine, socket: BrokenSocket, chaos: Chaos | None = None) -> Session:
    timers = SessionTimers(keep_alive=60, lifetime=60, health=engine.health)
    return Session(
        socket,
        engine.served.subscriptions,
        peer="127.0.0.1",
        timers=timers,
        chaos=chaos or Chaos(),
        is_own_host=str.isprintable,
    )


async def test_a_connection_whose_writer_fails_is_closed(engine: Engine) -> None:
    socket = BrokenSocket()
    running = asyncio.create_task(session_of(engine, socket).run())
    socket.is_slow = True

    socket.messages.put_nowait(json.dumps({"type": "connection_init"}))

    async with asyncio.timeout(20):
        await running
    assert failures(engine.health, LOOP) == 1


async def test_a_connection_that_ends_is_removed_whole_even_if_one_step_fails(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = BrokenSocket()
    session = session_of(engine, socket)
    headers = {"authorization": "custom-ada"}
    assert await session.connect(subprotocols=["graphql-ws"], raw_query="", headers=headers, request_id="r")
    running = asyncio.create_task(session.run())
    for id_ in ("1", "2", "3"):
        socket.messages.put_nowait(start_message(id_, WRITTEN))
    await until(lambda: len(engine.registry) == 3)
    remove = SubscriptionRegistry.remove
    broken = engine.registry.subscriptions()[1]

    def fail_once(self: SubscriptionRegistry, subscription: Subscription) -> None:
        remove(self, subscription)
        if subscription is broken:
            raise Fault

    monkeypatch.setattr(SubscriptionRegistry, "remove", fail_once)
    socket.messages.put_nowait(None)

    with pytest.raises(Fault):
        await running
    assert len(engine.registry) == 0


async def test_stopping_the_engine_ends_every_connection_even_if_one_cannot_be_closed(
    engine: Engine, session: aiohttp.ClientSession, realtime: Realtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail_later(*_: object, **__: object) -> None:
        raise Fault

    monkeypatch.setattr(RealtimeSocket, "close", fail_later)

    await engine.stop()
    monkeypatch.undo()

    with pytest.raises(aiohttp.ClientConnectionError):
        await session.post(engine.graphql_url)
    assert engine.connections == 0
