"""Connections and requests that stay incomplete, over real sockets."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from appsync_local import Engine
from appsync_local.errors import RequestRefused
from appsync_local.http.connections import HttpConnection, HttpServer, read_body
from tests.support.engine_clients import TIMEOUT, Http, upgrade_request

REQUEST = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(TIMEOUT):
        return await reader.read()


@asynccontextmanager
async def serving(*, idle_limit: float) -> AsyncIterator[int]:
    """The port of a server with this idle limit in seconds, and almost no time for bodies."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request.protocol, HttpConnection)
        request.protocol.request_arrived()
        try:
            await read_body(request, within=0.01)
            return web.Response()
        except RequestRefused as refused:
            return web.Response(text=f"{refused.status}: {refused.message}")
        finally:
            request.protocol.request_answered()

    runner = web.ServerRunner(HttpServer(answer, idle_limit=idle_limit, access_log=None, lingering_time=0.05))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("said", [b"", REQUEST[:30]])
async def test_a_connection_without_a_request_is_closed(said: bytes) -> None:
    async with serving(idle_limit=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)

        assert await read_all(reader) == b""
        writer.close()


async def test_a_connection_that_stops_during_its_second_request_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    real = loop.time
    async with serving(idle_limit=3600.0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST + REQUEST[:30])
        async with asyncio.timeout(TIMEOUT):
            await reader.readuntil(b"HTTP/1.1 200 OK")

        monkeypatch.setattr(loop, "time", lambda: real() + 3600.0)

        assert b"HTTP/1.1" not in await read_all(reader)
        writer.close()


async def exchange(engine: Engine, sent: bytes) -> tuple[bytes, Any]:
    """Head and JSON of the response to a request after which the engine closes the connection."""
    host, port = engine.graphql_url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    head, _, body = (await read_all(reader)).partition(b"\r\n\r\n")
    writer.close()
    return head, json.loads(body)


async def test_input_that_is_not_http_is_rejected_and_neither_logged_nor_sent_back(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        head, body = await exchange(engine, b"POST /graphql HTTP/1.1\r\nauthorization: secret\x01token\r\n\r\n")

    assert b" 400 Bad Request" in head
    assert body["errors"][0]["errorType"] == "BadRequestException"
    assert "secret" not in caplog.text + str(body)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_handshake_with_a_key_that_is_not_ascii_is_rejected(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    broken = upgrade_request("header-e30").replace(b"Sec-WebSocket-Key: dGhl", b"Sec-WebSocket-Key: \xef\xbb\xbfdGhl")

    head, body = await exchange(engine, broken.replace(b"Upgrade\r\n", b"Upgrade, close\r\n"))

    assert b" 400 Bad Request" in head
    assert body["errors"][0]["message"] == "the WebSocket handshake is malformed"
    assert not caplog.records


async def test_a_body_that_cannot_be_decompressed_is_rejected(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    packed = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnone"

    head, body = await exchange(engine, packed)

    assert head.startswith(b"HTTP/1.1 400")
    assert body["errors"][0]["message"] == "the request body is incomplete or malformed"
    assert not caplog.records


async def test_a_body_that_does_not_arrive_is_a_time_out() -> None:
    async with serving(idle_limit=3600.0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST.replace(b"content-length: 0", b"content-length: 9"))

        async with asyncio.timeout(TIMEOUT):
            assert await reader.readuntil(b"408: the request body did not arrive within 0.01 s")
        writer.close()


async def test_a_preflight_repeats_only_valid_header_names(engine: Engine) -> None:
    head = b"OPTIONS /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    asked = head + b"access-control-request-headers: a\xff\r\n\r\n"
    host, port = engine.graphql_url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(asked)

    answer = await read_all(reader)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Access-Control-Allow-Headers: authorization,content-type,x-api-key" in answer.replace(
        b"access-control-allow-headers", b"Access-Control-Allow-Headers"
    )


async def test_connections_are_counted_until_they_are_closed(engine: Engine, http: Http) -> None:
    await http.ask("{ __typename }")
    while_open = engine.connections
    await http.session.close()

    async with asyncio.timeout(TIMEOUT):
        while engine.connections:  # noqa: ASYNC110  # a socket's end has no event here
            await asyncio.sleep(0.001)
    assert while_open == 1
