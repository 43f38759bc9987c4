"""Signed requests with a lost answer or a server error, and the switch over HTTP."""

import json
from typing import Any

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.devtools.chaos.spec import Fault, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos
from tests.support.engine_clients import Http, signed
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker

WRITE = json.dumps({"query": 'mutation { write(id: "n1", words: 7) { words } }'})


async def test_a_lost_answer_closes_the_connection_after_the_request_was_executed(
    chaos: Chaos, http: Http, invoker: RecordingInvoker
) -> None:
    chaos.apply(parse_chaos("lost_answer=1"))

    with pytest.raises(aiohttp.ClientConnectionError):
        await http.send(WRITE, signed(http.url, WRITE))

    assert len(invoker.calls("notes")) == 1
    assert chaos.counts == {Fault.LOST_ANSWER: 1}


async def test_a_server_error_is_answered_with_503_and_nothing_is_executed(
    chaos: Chaos, http: Http, invoker: RecordingInvoker
) -> None:
    chaos.apply(parse_chaos("5xx=1"))

    response = await http.send(WRITE, signed(http.url, WRITE))

    assert response.error == (503, "ServiceUnavailable", "this request was not executed")
    assert invoker.calls("notes") == []
    assert chaos.counts == {Fault.SERVER_ERROR: 1}


async def test_connection_can_be_used_again_after_a_server_error(
    chaos: Chaos, http: Http, invoker: RecordingInvoker
) -> None:
    chaos.apply(parse_chaos("5xx=0.5,seed=7"))

    answered = [(await http.send(WRITE, signed(http.url, WRITE))).status for _ in range(20)]

    assert set(answered) == {200, 503}
    assert len(invoker.calls("notes")) == answered.count(200)


async def test_requests_of_users_have_no_faults(chaos: Chaos, http: Http) -> None:
    chaos.apply(parse_chaos("lost_answer=1,5xx=1"))

    assert (await http.send(WRITE)).status == 200
    assert not chaos.counts


async def ask(session: aiohttp.ClientSession, method: str, url: str, body: str | None = None) -> tuple[int, Any]:
    async with session.request(method, url, data=body) as response:
        return response.status, await response.json()


async def test_chaos_is_shown_and_set_over_http(
    engine: Engine, chaos: Chaos, http: Http, session: aiohttp.ClientSession
) -> None:
    assert await ask(session, "GET", engine.chaos_url) == (200, {"spec": "", "counts": {}})

    assert await ask(session, "PUT", engine.chaos_url, "5xx=1,seed=7") == (
        200,
        {"spec": "5xx=1.0,seed=7", "counts": {}},
    )
    assert (await http.send(WRITE, signed(http.url, WRITE))).status == 503
    assert await ask(session, "GET", engine.chaos_url) == (200, {"spec": "5xx=1.0,seed=7", "counts": {"5xx": 1}})

    assert await ask(session, "PUT", engine.chaos_url, "") == (200, {"spec": "", "counts": {"5xx": 1}})
    assert (await http.send(WRITE, signed(http.url, WRITE))).status == 200


async def test_an_invalid_specification_is_refused_over_http(engine: Engine, session: aiohttp.ClientSession) -> None:
    status, answered = await ask(session, "PUT", engine.chaos_url, "drop=2")

    assert status == 400
    assert answered == {"error": "drop must be a rate from 0 to 1, such as drop=0.1, but is '2'"}


async def test_a_web_page_cannot_set_chaos(engine: Engine, session: aiohttp.ClientSession) -> None:
    headers = {"origin": "https://example.com", "access-control-request-method": "PUT"}

    async with session.options(engine.chaos_url, headers=headers) as preflight:
        assert preflight.status == 403
        assert "access-control-allow-methods" not in preflight.headers


@pytest.mark.parametrize(("host", "chaos"), [("127.0.0.1", None), ("0.0.0.0", Chaos(parse_chaos("5xx=1")))])  # noqa: S104
async def test_the_switch_is_served_only_if_enabled_and_on_loopback(
    host: str, chaos: Chaos | None, invoker: RecordingInvoker, session: aiohttp.ClientSession
) -> None:
    engine = Engine(api=API, schema=SCHEMA, code=NOTES, invoker=invoker, handlers=HANDLERS, chaos=chaos)
    await engine.start(host=host, port=0)
    try:
        status, _ = await ask(session, "GET", engine.chaos_url.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104
    finally:
        await engine.stop()

    assert status == 404
