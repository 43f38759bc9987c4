"""Several APIs at one port: each has a path, subscriptions and signatures of its own."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from appsync_local import AuthMode, Engine
from tests.support.engine_clients import BACKEND, Realtime, header_object, signed, subprotocol_of
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker, answer_notes

QUERY = json.dumps({"query": '{ note(id: "a") { id } }'})
WRITE = json.dumps({"query": 'mutation { write(id: "a", room: "hall") { id } }'})


def engine_at(path: str) -> Engine:
    return Engine(
        api=replace(API, modes=(AuthMode.IAM,), authorizer=None), schema=SCHEMA, code=NOTES, path=path,
        invoker=RecordingInvoker(notes=answer_notes), handlers=HANDLERS, principals=(BACKEND,),
    )  # fmt: skip


@pytest.fixture
async def base() -> AsyncIterator[str]:
    """The address of two APIs, at /first/graphql and /second/graphql."""
    first = engine_at("/first/graphql")
    first.serve_also(engine_at("/second/graphql"))
    await first.start(port=0)
    yield first.graphql_url.removesuffix("/first/graphql")
    await first.stop()


async def posted(url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        return response.status, await response.text()


async def test_a_signature_is_valid_for_the_api_that_it_names(base: str) -> None:
    first, second = f"{base}/first/graphql", f"{base}/second/graphql"

    assert [(await posted(url, QUERY, signed(url, QUERY)))[0] for url in (first, second)] == [200, 200]
    assert (await posted(second, QUERY, signed(first, QUERY)))[0] == 403
    status, text = await posted(f"{base}/graphql", QUERY, signed(first, QUERY))
    assert status == 404
    assert "send a POST request to /first/graphql or /second/graphql" in text


async def test_a_subscription_hears_the_mutations_of_its_own_api(base: str) -> None:
    second = f"{base}/second/graphql"
    auth = header_object(**signed(f"{second}/connect", "{}"))
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{second}/realtime", protocols=("graphql-ws", subprotocol_of(auth))) as socket,
    ):
        client = Realtime(socket)
        await client.send(type="connection_init")
        acknowledged = await client.receive()
        data = json.dumps({"query": "subscription { written { id } }"})
        await client.start_text("one", data, signed(second, data))
        started = await client.receive()
        for url in (f"{base}/first/graphql", second):
            await posted(url, WRITE, signed(url, WRITE))
        event = await client.receive()
        is_silent = await client.silent()

    assert (acknowledged["type"], started["type"], event["type"]) == ("connection_ack", "start_ack", "data")
    assert is_silent
