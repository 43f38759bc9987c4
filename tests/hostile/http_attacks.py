"""Attacks over HTTP: bodies, heads, credentials, documents, and resolvers that are asked for the worst."""

import asyncio
import gzip
import json
from random import Random
from typing import Any, Final

from tests.hostile import credentials, values
from tests.hostile.application import KEY
from tests.hostile.connection import Line, request, upgrade
from tests.hostile.documents import VALID, document

ANSWERED: Final = frozenset({0, 200, 400, 401, 404, 405, 408, 413})  # 0: the engine closed instead


class Misanswered(AssertionError):
    """The engine answered as it must not."""


async def answered(line: Line, sent: bytes) -> tuple[int, Any]:
    wire = await line.dial()
    wire.send(sent)
    status, body = await wire.response()
    if status not in ANSWERED:
        raise Misanswered(f"{status} {body[:300]!r} answered {sent[:3000]!r}")
    try:
        return status, json.loads(body) if status in (200, 401) and body else body
    except ValueError:
        raise Misanswered(f"{body[:300]!r} answered {sent[:3000]!r}") from None


def asked(query: object, variables: object = None) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


async def documents(rng: Random, line: Line) -> None:
    for _ in range(2):
        told = {"filter": values.value(rng), "input": values.value(rng), "v": 1}
        await answered(line, request(asked(document(rng), told)))


async def variables(rng: Random, line: Line) -> None:
    query = rng.choice(VALID[1:3])
    if rng.random() < 0.5:
        body = asked(query, {"input": values.value(rng), "words": values.value(rng), "detail": values.value(rng)})
    else:
        body = b'{"query": %b, "variables": {"input": %b}}' % (json.dumps(query).encode(), values.json_text(rng))
    await answered(line, request(body))


async def bodies(rng: Random, line: Line) -> None:
    body = rng.choice(
        (
            values.json_text(rng),
            values.spoilt(rng, asked(rng.choice(VALID))),
            json.dumps(
                {"query": values.value(rng), "operationName": values.value(rng), "variables": values.value(rng)}
            ).encode(),
        )
    )
    await answered(line, request(body))


async def large_bodies(rng: Random, line: Line) -> None:
    wire = await line.dial()
    kind = rng.randrange(3)
    if kind == 0:
        body = b"x" * rng.choice((1024 * 1024 - 1, 1024 * 1024 + 1, 3_000_000))
        wire.send(request(body))
    elif kind == 1:
        wire.send(request(gzip.compress(b"\0" * 30_000_000), ("x-api-key", KEY), ("content-encoding", "gzip")))
    else:
        wire.send(request(b"", ("x-api-key", KEY)).replace(b"content-length: 0", b"transfer-encoding: chunked"))
        for _ in range(40):
            wire.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
    status, _ = await wire.response()
    wire.reset()
    if status not in ANSWERED:
        raise Misanswered(f"{status} answered a large body of kind {kind}")


async def who(rng: Random, line: Line) -> None:
    told = credentials.headers(rng)
    await answered(line, request(asked("{ __typename }"), *told.items()))


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
    "http://x/graphql", "/graphql#x", "/chaos", "/graphiql", "/../../etc/passwd", "/" + "a" * 9000,
)  # fmt: skip
_METHODS: Final = (
    "POST", "POST", "GET", "OPTIONS", "OPTIONS", "HEAD", "PUT", "CONNECT", "TRACE", "post", "P\udcffST", "X" * 300,
)  # fmt: skip


async def heads(rng: Random, line: Line) -> None:
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
        sent = values.spoilt(rng, sent)
    wire = await line.dial()
    wire.send(sent)
    found = await wire.drain(0.05)
    rng.choice((wire.reset, wire.close))()
    if found[9:12].startswith(b"5"):
        raise Misanswered(f"{found[:300]!r} answered {sent[:1000]!r}")


async def half_requests(rng: Random, line: Line) -> None:
    whole = rng.choice((request(asked(VALID[0])), upgrade(rng)))
    wires = [await line.dial() for _ in range(rng.randint(1, 8))]
    for wire in wires:
        wire.send(whole[: rng.randrange(len(whole))])
    await asyncio.sleep(rng.choice((0, 0.05)))
    for wire in wires:
        rng.choice((wire.reset, wire.close))()


async def pipelined(rng: Random, line: Line) -> None:
    wire = await line.dial(window=4096)
    for _ in range(rng.choice((5, 200))):
        wire.send(request(asked(rng.choice(VALID))))
    await asyncio.sleep(0.02)
    wire.reset()


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


async def code(rng: Random, line: Line) -> None:
    """What resolvers throw and answer."""
    told = {
        "kind": rng.choice(_KINDS),
        "name": rng.choice(("__proto__", "constructor", "list", "text", "x-a", "(a", "x" * 50_000)),
        "other": rng.choice(("toJSON", "kind", "length", "prototype", "a\r\nb: c", "ü\0")),
        "value": json.dumps(values.value(rng, 1)),
    }
    await answered(line, request(asked(rng.choice(_CODE), told)))


async def endless_code(rng: Random, line: Line) -> None:
    """Code that does not come to an end by itself: each call takes all of its time."""
    query, told = rng.choice(_ENDLESS)
    await answered(line, request(asked(query, told)))
