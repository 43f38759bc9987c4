"""Pushes that are lost, delayed, repeated and reordered on real sockets. Other messages are unchanged."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.devtools.chaos import push_scheduler
from appsync_local.devtools.chaos.decisions import PushDecisions, PushDelivery
from appsync_local.devtools.chaos.spec import CALM, ChaosSpec, Fault, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos
from tests.support.engine_clients import TIMEOUT, Http, Realtime, connected

WRITTEN = "subscription { written { words } }"
EVERYTHING = "drop=0.3,duplicate=0.1,reorder=0.2,seed=7"


async def write(http: Http, *words: int) -> None:
    """Publish one event per number, in order, and check the normal answer."""
    fields = " ".join(f'w{number}: write(id: "n1", words: {number}) {{ words }}' for number in words)

    answer = await http.ask(f"mutation {{ {fields} }}")

    assert answer == {"data": {f"w{number}": {"words": number} for number in words}}


async def words_of(realtime: Realtime, events: int) -> list[int]:
    """The numbers of the next `events` messages, in order of arrival."""
    return [(await realtime.receive())["payload"]["data"]["written"]["words"] for _ in range(events)]


@pytest.fixture
async def watcher(realtime: Realtime) -> Realtime:
    """A connection with one subscription to all writes."""
    assert await realtime.start("1", WRITTEN) == {"id": "1", "type": "start_ack"}
    return realtime


def advance(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Advance the time of the engine's event loop."""
    loop = asyncio.get_running_loop()
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + seconds)


def arriving(spec: ChaosSpec, sent: int) -> int:
    """The number of messages that arrive for this number of pushes."""
    pushes = PushDecisions(spec, Counter())
    fates = [pushes.decide(is_early=False) for _ in range(sent)]
    return sum(fate.copies for fate in fates if isinstance(fate, PushDelivery))


async def test_a_dropped_push_never_arrives_and_the_publisher_does_not_notice(
    chaos: Chaos, watcher: Realtime, http: Http
) -> None:
    chaos.apply(parse_chaos("drop=1"))
    await write(http, 1, 2)
    chaos.apply(CALM)
    await write(http, 3)

    assert await words_of(watcher, 1) == [3]
    assert chaos.counts == {Fault.DROP: 2}


async def test_duplicated_push_arrives_twice(chaos: Chaos, watcher: Realtime, http: Http) -> None:
    chaos.apply(parse_chaos("duplicate=1"))
    await write(http, 1, 2)

    assert await words_of(watcher, 4) == [1, 1, 2, 2]
    assert await watcher.silent()


async def test_reordered_pushes_all_arrive_and_some_after_later_ones(
    chaos: Chaos, watcher: Realtime, http: Http
) -> None:
    chaos.apply(parse_chaos("reorder=0.4,seed=7"))
    await write(http, *range(30))

    arrived = await words_of(watcher, 30)
    assert sorted(arrived) == list(range(30))
    assert arrived != sorted(arrived)
    assert max(place - number for place, number in enumerate(arrived)) <= 2 * PushDecisions.OVERTAKING


async def test_delayed_pushes_arrive_in_order_after_the_publisher_has_its_answer(
    chaos: Chaos, watcher: Realtime, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    chaos.apply(parse_chaos("delay=60s,seed=3"))
    await write(http, 1, 2, 3)

    assert await watcher.silent()
    advance(monkeypatch, 60.0)
    assert await words_of(watcher, 3) == [1, 2, 3]


async def test_early_pushes_after_a_start_ack_are_lost_and_later_ones_arrive(
    chaos: Chaos, realtime: Realtime, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_scheduler, "EARLY", 60.0)
    chaos.apply(parse_chaos("after_start_ack=1"))
    await realtime.start("1", WRITTEN)
    await write(http, 1)
    assert await realtime.silent()

    advance(monkeypatch, 60.0)
    await write(http, 2)

    assert await words_of(realtime, 1) == [2]
    assert chaos.counts == {Fault.AFTER_START_ACK: 1}


async def test_disconnect_closes_the_socket_without_a_closing_handshake(
    chaos: Chaos, watcher: Realtime, http: Http, engine: Engine, session: aiohttp.ClientSession
) -> None:
    chaos.apply(parse_chaos("disconnect=1"))
    await write(http, 1)

    async with asyncio.timeout(TIMEOUT):
        message = await watcher.socket.receive()
    assert message.type is aiohttp.WSMsgType.CLOSED
    assert watcher.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    assert chaos.counts == {Fault.DISCONNECT: 1}
    chaos.apply(CALM)
    async with connected(engine, session) as again:
        await again.start("1", WRITTEN)
        await write(http, 2)
        assert await words_of(again, 1) == [2]


async def test_a_disconnect_does_not_affect_another_socket(
    chaos: Chaos, watcher: Realtime, http: Http, engine: Engine, session: aiohttp.ClientSession
) -> None:
    async with connected(engine, session) as other:
        await other.start("1", WRITTEN)
        seed = next(
            seed
            for seed in range(1000)
            if [isinstance(fate, PushDelivery) for fate in fates(parse_chaos(f"disconnect=0.5,seed={seed}"))]
            == [False, True]
        )
        chaos.apply(parse_chaos(f"disconnect=0.5,seed={seed}"))
        await write(http, 1)

        assert await words_of(other, 1) == [1]


def fates(spec: ChaosSpec) -> Iterator[object]:
    pushes = PushDecisions(spec, Counter())
    return iter([pushes.decide(is_early=False) for _ in range(2)])


async def test_only_pushes_have_faults(chaos: Chaos, realtime: Realtime) -> None:
    chaos.apply(parse_chaos("drop=1,duplicate=1,reorder=1,delay=60s,after_start_ack=1,disconnect=1"))

    assert await realtime.start("1", WRITTEN) == {"id": "1", "type": "start_ack"}
    assert (await realtime.start("1", WRITTEN))["type"] == "error"
    await realtime.send(id="1", type="stop")
    assert await realtime.receive() == {"id": "1", "type": "complete"}
    assert not chaos.counts


async def test_a_queued_push_does_not_arrive_after_complete(chaos: Chaos, watcher: Realtime, http: Http) -> None:
    chaos.apply(parse_chaos("reorder=1"))
    await write(http, 1)

    await watcher.send(id="1", type="stop")

    assert await watcher.receive() == {"id": "1", "type": "complete"}
    await watcher.start("2", WRITTEN)
    chaos.apply(parse_chaos("duplicate=1"))
    await write(http, 2, 3)  # which would have let the one held back go
    assert await words_of(watcher, 4) == [2, 2, 3, 3]
    assert await watcher.silent()


async def test_same_seed_and_same_pushes_arrive_the_same_way(chaos: Chaos, watcher: Realtime, http: Http) -> None:
    spec = parse_chaos(EVERYTHING)
    arrived: list[list[int]] = []
    counted: list[dict[Fault, int]] = []

    for _ in range(2):
        chaos.counts.clear()
        chaos.apply(spec)
        await write(http, *range(60))
        arrived.append(await words_of(watcher, arriving(spec, 60)))
        counted.append(dict(chaos.counts))

    assert arrived[0] == arrived[1]
    assert counted[0] == counted[1]
    assert set(counted[0]) == {Fault.DROP, Fault.DUPLICATE, Fault.REORDER}


async def test_the_next_push_arrives_after_chaos_is_switched_off(chaos: Chaos, watcher: Realtime, http: Http) -> None:
    chaos.apply(parse_chaos("drop=1"))
    await write(http, 1)

    chaos.apply(CALM)

    await write(http, 2)
    assert await words_of(watcher, 1) == [2]
