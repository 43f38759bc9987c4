"""Attacks over HTTP: bodies, headers, credentials, documents, and arguments that make resolvers fail."""

import asyncio
import gzip
import json
from random import Random
from typing import Any, Final

from tests.hostile import credentials, values
from tests.hostile.application import KEY
from tests.hostile.connection import Connections, request, upgrade
from tests.hostile.documents import VALID, document

# 0: the engine closed the connection; 403: a foreign host, or a signature with an unknown key.
ANSWERED: Final = frozenset({0, 200, 400, 401, 403, 404, 405, 408, 413})


class WrongAnswer(AssertionError):
    """The engine sent a response that it must never send."""


async def answered(connections: Connections, sent: bytes) -> tuple[int, Any]:
    connection = await connections.open()
    connection.send(sent)
    status, body = await connection.response()
    if status not in ANSWERED:
        raise WrongAnswer(f"{status} {body[:300]!r} answered {sent[:3000]!r}")
    try:
        return status, json.loads(body) if status in (200, 401) and body else body
    except ValueError:
        raise WrongAnswer(f"{body[:300]!r} answered {sent[:3000]!r}") from None


def asked(query: object, variables: object = None) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


async def documents(rng: Random, connections: Connections) -> None:
    for _ in range(2):
        given = {"filter": values.value(rng), "input": values.value(rng), "v": 1}
        await answered(connections, request(asked(document(rng), given)))


async def variables(rng: Random, connections: Connections) -> None:
    query = rng.choice(VALID[1:3])
    if rng.random() < 0.5:
        body = asked(query, {"input": values.value(rng), "words": values.value(rng), "detail": values.value(rng)})
    else:
        body = b'{"query": %b, "variables": {"input": %b}}' % (json.dumps(query).encode(), values.json_text(rng))
    await answered(connections, request(body))


async def bodies(rng: Random, connections: Connections) -> None:
    body = rng.choice(
        (
            values.json_text(rng),
            values.corrupted(rng, asked(rng.choice(VALID))),
            json.dumps(
                {"query": values.value(rng), "operationName": values.value(rng), "variables": values.value(rng)}
            ).encode(),
        )
    )
    await answered(connections, request(body))


async def large_bodies(rng: Random, connections: Connections) -> None:
    connection = await connections.open()
    kind = rng.randrange(3)
    if kind == 0:
        body = b"x" * rng.choice((1024 * 1024 - 1, 1024 * 1024 + 1, 3_000_000))
        connection.send(request(body))
    elif kind == 1:
        connection.send(request(gzip.compress(b"\0" * 30_000_000), ("x-api-key", KEY), ("content-encoding", "gzip")))
    else:
        connection.send(request(b"", ("x-api-key", KEY)).replace(b"content-length: 0", b"transfer-encoding: chunked"))
        for _ in range(40):
            connection.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
    status, _ = await connection.response()
    connection.reset()
    if status not in ANSWERED:
        raise WrongAnswer(f"{status} answered a large body of kind {kind}")


async def credentials_of_any_kind(rng: Random, connections: Connections) -> None:
    given = credentials.headers(rng)
    await answered(connections, request(asked("{ __typename }"), *given.items()))


_HEADERS: Final = (
    ("content-length", "-1"), ("content-length", "99999999999999999999"), ("content-length", "1, 2"),
    ("transfer-encoding", "chunked, identity"), ("transfer-encoding", "xchunked"), ("content-encoding", "gzip"),
    ("content-encoding", "br"), ("content-type", "\udcff"), ("host", ""), ("host", "[::1"), ("expect", "100-continue"),
    ("expect", "x"), ("upgrade", "websocket"), ("upgrade", "h2c"), ("connection", "upgrade"),
    ("sec-websocket-version", "8"), ("x-forwarded-for", "\udcff, ü"), ("x-forwarded-for", "," * 3000),
    ("cookie", "a=\udcfe"), ("x" * 7000, "y"), ("x", "y" * 8300), ("x-é", "1"), ("a b", "1"),
    ("access-control-request-headers", "\udcff"), ("access-control-request-headers", "a\x0bb"), ("origin", "null"),
    ("range", "bytes=0-"),
)  # fmt: skip
_TARGETS: Final = (
    "/graphql", "/graphql?a=\udcff", "/graphql/realtime", "/", "//", "*", "/%", "/%ff%00", "http://[",
    "http://x/graphql", "/graphql#x", "/chaos", "/explorer", "/../../etc/passwd", "/" + "a" * 9000,
)  # fmt: skip
_METHODS: Final = (
    "POST", "POST", "GET", "OPTIONS", "OPTIONS", "HEAD", "PUT", "CONNECT", "TRACE", "post", "P\udcffST", "X" * 300,
)  # fmt: skip


async def heads(rng: Random, connections: Connections) -> None:
    method = rng.choice(_METHODS)
    lines = [
        f"{method} {rng.choice(_TARGETS)} HTTP/{rng.choice(('1.1', '1.1', '1.0', '2.0', '9', 'x'))}",
        "host: localhost",
        "x-api-key: " + KEY,
    ]
    lines += [f"{name}: {value}" for name, value in rng.choices(_HEADERS, k=rng.choice((0, 1, 2, 300)))]
    body = asked("{ __typename }") if rng.random() < 0.5 else b""
    sent = "\r\n".join((*lines, f"content-length: {len(body)}", "", "")).encode("utf-8", "surrogateescape") + body
    if rng.random() < 0.3:
        sent = values.corrupted(rng, sent)
    connection = await connections.open()
    connection.send(sent)
    found = await connection.drain(0.05)
    rng.choice((connection.reset, connection.close))()
    if found[9:12].startswith(b"5"):
        raise WrongAnswer(f"{found[:300]!r} answered {sent[:1000]!r}")


async def half_requests(rng: Random, connections: Connections) -> None:
    whole = rng.choice((request(asked(VALID[0])), upgrade(rng)))
    opened = [await connections.open() for _ in range(rng.randint(1, 8))]
    for connection in opened:
        connection.send(whole[: rng.randrange(len(whole))])
    await asyncio.sleep(rng.choice((0, 0.05)))
    for connection in opened:
        rng.choice((connection.reset, connection.close))()


async def pipelined(rng: Random, connections: Connections) -> None:
    connection = await connections.open(window=4096)
    for _ in range(rng.choice((5, 200))):
        connection.send(request(asked(rng.choice(VALID))))
    await asyncio.sleep(0.02)
    connection.reset()


_KINDS: Final = (
    "member", "object", "nothing", "half", "circle", "list", "control", "infinite", "large", "huge", "function",
    "toJSON", "text", "proto", "typename", "other",
)  # fmt: skip
_CODE: Final = (
    "query Q($kind: String) { throws(kind: $kind) }",
    "query Q($kind: String) { answers(kind: $kind) { id text number kind detail thread { id } author { name } } }",
    "query Q($name: String!, $other: String!, $value: AWSJSON) { stores(key: $name, member: $other, value: $value) }",
    "query Q($name: String!, $other: String!) { heads(name: $name, value: $other) }",
    "query Q($name: String!, $other: String!) { matches(pattern: $name, text: $other) }",
    "query Q($name: String!) { hoards(value: $name) }",
    "{ recurses }",
    "{ nests }",
)
_ENDLESS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("{ spins }", {}),
    ("{ grows }", {}),
    ("{ a: spins b: spins c: spins d: spins }", {}),
    ("query Q($name: String!, $text: String!) { matches(pattern: $name, text: $text) }",
     {"name": "(a+)+$", "text": f"{'a' * 40}!"}),
)  # fmt: skip


async def code(rng: Random, connections: Connections) -> None:
    """Resolvers that throw or return unusual values."""
    given = {
        "kind": rng.choice(_KINDS),
        "name": rng.choice(("__proto__", "constructor", "list", "text", "x-a", "(a", "x" * 50_000)),
        "other": rng.choice(("toJSON", "kind", "length", "prototype", "a\r\nb: c", "ü\0")),
        "value": json.dumps(values.value(rng, 1)),
    }
    await answered(connections, request(asked(rng.choice(_CODE), given)))


async def endless_code(rng: Random, connections: Connections) -> None:
    """Resolvers that never end: the engine must stop each one when its time is over."""
    query, given = rng.choice(_ENDLESS)
    await answered(connections, request(asked(query, given)))
