"""Attacks on the realtime endpoint: handshakes, frames, messages, and clients that do not follow the protocol."""

import asyncio
from random import Random
from typing import Any, Final

from tests.hostile import credentials, values
from tests.hostile.application import SLOW
from tests.hostile.connection import Connection, Connections, frame, request, start, text, upgrade
from tests.hostile.documents import VALID, document
from tests.hostile.http_attacks import WrongAnswer, answered, asked

_PIN: Final = "mutation M($board: String!, $text: String) { pin(board: $board, text: $text) { id board text } }"


async def _connected(rng: Random, connections: Connections, **options: Any) -> Connection:
    connection = await connections.open(**options)
    connection.send(upgrade(rng))
    if b" 101 " not in await connection.head():
        raise WrongAnswer("an upgrade was not answered with 101")
    return connection


def _message(rng: Random) -> bytes:
    query = rng.choice(VALID[4:6]) if rng.random() < 0.7 else document(rng)
    message = start(
        rng.choice(("1", "2", "\0", "x" * 200, "x" * 100_000, 7, None, [], {"a": 1})),
        query,
        {"filter": values.value(rng)},
    )
    match rng.randrange(8):
        case 0:
            return text(message)
        case 1:
            return text({**message, rng.choice(("id", "type", "payload")): values.value(rng)})
        case 2:
            return text(
                {**message, "payload": {**message["payload"], rng.choice(("data", "extensions")): values.value(rng)}}
            )
        case 3:
            return text(
                {
                    "type": rng.choice(("stop", "connection_init", "complete", "ka", "ping", "start", "", None, 1)),
                    "id": values.value(rng),
                }
            )
        case 4:
            return text(values.value(rng))
        case 5:
            return frame(values.json_text(rng), opcode=rng.choice((1, 2)))
        case 6:
            authorization = {"host": "localhost", **credentials.headers(rng)}
            return text({**message, "payload": {**message["payload"], "extensions": {"authorization": authorization}}})
        case _:
            filters = [
                {
                    "fieldName": values.value(rng, 0),
                    "operator": rng.choice(("eq", "in", "between", "x", None)),
                    "value": values.value(rng),
                }
            ]
            return text(start("f", VALID[5], {"filter": {"filterGroup": [{"filters": filters}, values.value(rng)]}}))


async def messages(rng: Random, connections: Connections) -> None:
    connection = await _connected(rng, connections)
    connection.send(text({"type": "connection_init"}))
    for _ in range(rng.randint(1, 30)):
        connection.send(_message(rng))
    await connection.drain(rng.choice((0, 0.05)))
    rng.choice((connection.reset, connection.close))()


async def frames(rng: Random, connections: Connections) -> None:
    connection = await _connected(rng, connections)
    for _ in range(rng.randint(1, 10)):
        payload = rng.choice(
            (b"", b"\xff\xfe", b'{"type":"stop","id":"1"}', rng.randbytes(200), b"\x03\xe8ok", b"\0\0", b"x" * 70_000)
        )
        connection.send(
            frame(
                payload,
                opcode=rng.randrange(16),
                fin=rng.random() < 0.7,
                mask=rng.choice((None, b"\0\0\0\0", rng.randbytes(4))),
            )
        )
    if rng.random() < 0.3:
        connection.send(
            b"\x81\xff" + rng.choice((b"\0\0\0\0\0\x20\0\0", b"\x7f" + b"\xff" * 7, b"\xff" * 8)) + b"\0\0\0\0x"
        )
    if rng.random() < 0.3:
        connection.send(rng.randbytes(1000))
    await connection.drain(0.02)
    rng.choice((connection.reset, connection.close))()


async def handshakes(rng: Random, connections: Connections) -> None:
    authorization: Any = rng.choice((values.value(rng), {"host": "localhost", **credentials.headers(rng)}))
    sent = upgrade(rng, authorization)
    if rng.random() < 0.5:
        query = rng.choice(
            (
                b"header=%ff",
                b"header=e30=&payload=e30=",
                b"header=" + values.json_text(rng)[:2000].hex().encode(),
                b"header=" + b"=" * 50,
            )
        )
        sent = sent.replace(b"/graphql ", b"/graphql?" + query + b" ", 1)
        sent = sent.replace(b"graphql-ws, header-", rng.choice((b"graphql-ws, x-", b"graphql-ws;", b"")), 1)
    if rng.random() < 0.3:
        sent = values.corrupted(rng, sent)
    connection = await connections.open()
    connection.send(sent)
    if rng.random() < 0.7:
        connection.send(text({"type": "connection_init"}))
    found = await connection.drain(rng.choice((0, 0.05)))
    rng.choice((connection.reset, connection.close))()
    if found[9:12].startswith(b"5"):
        raise WrongAnswer(f"{found[:300]!r} answered {sent[:1000]!r}")


async def storms(rng: Random, connections: Connections) -> None:
    """Many starts and stops in a row, some while the authorizer is still running."""
    connection = await _connected(rng, connections)
    auth = rng.choice((None, {"host": "localhost", "authorization": f"{SLOW}{rng.random()}"}))
    begin, end = text(start("s", VALID[4], None, auth)), text({"type": "stop", "id": "s"})
    for _ in range(rng.choice((50, 400))):
        connection.send(begin + end)
    connection.send(begin)
    await connection.drain(0.02)
    rng.choice((connection.reset, connection.close))()


async def silent_readers(rng: Random, connections: Connections) -> None:
    """Subscribers that never read while events are published to them."""
    connection = await _connected(rng, connections, window=4096)
    board = f"silent-{rng.random()}"
    connection.send(text(start("r", f'subscription {{ pinned(board: "{board}") {{ id text }} }}')))
    await connection.reader.readuntil(b"start_ack")
    connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(rng.choice((3, 30))):
        await answered(connections, request(asked(_PIN, {"board": board, "text": "x" * 200_000})))
    rng.choice((connection.reset, connection.close))()


async def crowds(rng: Random, connections: Connections) -> None:
    """Many connections at once that end before or after the upgrade or the subscription."""

    async def one(kind: int) -> None:
        connection = await connections.open()
        if kind > 0:
            connection.send(upgrade(rng))
        if kind > 1:
            await connection.head()
            connection.send(text(start("c", VALID[4])))
        rng.choice((connection.reset, connection.close))()

    async with asyncio.TaskGroup() as group:
        for _ in range(rng.choice((20, 100))):
            group.create_task(one(rng.randrange(3)))
