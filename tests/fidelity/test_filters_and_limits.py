"""Checklist C: filters, invalidation, limits and time-outs."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from yarl import URL

from appsync_local import Engine
from tests.fidelity.application import API, HANDLERS, KEY, LIBRARY, SCHEMA, book, catalogue
from tests.fidelity.callers import ApiClient
from tests.fidelity.clock import on_a_clock
from tests.support.engine_clients import masked_frame, start_text, subprotocol_of, until, upgrade_request
from tests.support.engine_doubles import RecordingInvoker

ADD = """mutation Add($isbn: ID!, $title: String, $shelf: Shelf, $pages: Int) {
  addBook(isbn: $isbn, title: $title, shelf: $shelf, pages: $pages) { isbn title shelf pages copies }
}"""
DAY = 24 * 3600


async def received_isbns(client: ApiClient, query: str, variables: Any, books: list[dict[str, Any]]) -> list[str]:
    """Publish the books and return the ISBNs that a subscriber receives."""
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", query, variables)
        for each in books:
            assert "errors" not in await client.ask(ADD, each)
        await client.ask(ADD, {"isbn": "last"} | {"shelf": "SCIENCE", "title": "Emma", "pages": 501})
        await reader.send(id="1", type="stop")
        found = []
        while (frame := await reader.receive())["type"] == "data":
            found.append(frame["payload"]["data"]["on"]["isbn"])
        return [isbn for isbn in found if isbn != "last"]


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("subscription { on: onBook { isbn } }", None, ["some", "none"]),
        ("subscription ($s: Shelf) { on: onBook(shelf: $s) { isbn } }", {}, ["some", "none"]),
        ("subscription { on: onBook(shelf: null) { isbn } }", None, ["none"]),
        ("subscription ($s: Shelf) { on: onBook(shelf: $s) { isbn } }", {"s": None}, ["none"]),
        ("subscription { on: onBook(shelf: FICTION) { isbn } }", None, ["some"]),
    ],
)
async def test_c80_an_omitted_argument_does_not_filter_and_null_matches_null(
    client: ApiClient, query: str, variables: Any, expected: list[str]
) -> None:
    books: list[dict[str, Any]] = [{"isbn": "some", "shelf": "FICTION"}, {"isbn": "none", "shelf": None}]

    assert await received_isbns(client, query, variables, books) == expected


async def test_c81_all_arguments_must_match(client: ApiClient) -> None:
    query = "subscription { on: onBook(shelf: HISTORY, pages: 10) { isbn } }"
    books: list[dict[str, Any]] = [
        {"isbn": "both", "shelf": "HISTORY", "pages": 10},
        {"isbn": "one", "shelf": "HISTORY", "pages": 11},
        {"isbn": "other", "shelf": "FICTION", "pages": 10},
    ]

    assert await received_isbns(client, query, None, books) == ["both"]


async def test_c82_an_enhanced_filter_replaces_the_arguments(client: ApiClient) -> None:
    query = 'subscription { on: onShelf(case: "in", reader: "ada") { isbn } }'
    books = [{"isbn": shelf, "shelf": shelf} for shelf in ("FICTION", "SCIENCE", "HISTORY")] + [{"isbn": "none"}]

    assert await received_isbns(client, query, None, books) == ["SCIENCE", "HISTORY"]


async def test_c83_one_group_must_match_with_all_of_its_filters(client: ApiClient) -> None:
    query = 'subscription { on: onShelf(case: "groups") { isbn } }'
    books: list[dict[str, Any]] = [
        {"isbn": "first group", "shelf": "SCIENCE"},
        {"isbn": "second group", "title": "Anna", "pages": 800},
        {"isbn": "half", "title": "Anna", "pages": 500},
        {"isbn": "other half", "title": "Emma", "pages": 800},
    ]

    assert await received_isbns(client, query, None, books) == ["first group", "second group"]


async def test_c83_comparison_is_case_sensitive(client: ApiClient) -> None:
    query = 'subscription { on: onShelf(case: "exact") { isbn } }'

    books = [{"isbn": "lower", "title": "emma"}, {"isbn": "upper", "title": "EMMA"}, {"isbn": "as is", "title": "Emma"}]
    assert await received_isbns(client, query, None, books) == ["as is"]


async def test_c84_six_values_for_in_are_refused_with_the_limit(client: ApiClient) -> None:
    async with client.connected() as reader:
        answer = await reader.subscribe("1", 'subscription { onShelf(case: "six") { isbn } }')

        entry = {"message": "subscription exceeds maximum value limit 5 for operator `in`.", "errorCode": 400}
        assert answer == {"id": "1", "type": "error", "payload": {"errors": [entry]}}
    assert len(client.engine.registry) == 0


async def test_c85_an_invalidated_subscription_is_complete_and_its_socket_is_closed(client: ApiClient) -> None:
    query = "subscription ($r: String) { onShelf(reader: $r) { isbn } }"
    async with client.connected() as ada, client.connected() as bob, client.connected() as plain:
        await ada.subscribe_successfully("other", query, {"r": "someone"})
        await ada.subscribe_successfully("1", query, {"r": "ada"})
        await bob.subscribe_successfully("1", query, {"r": "bob"})
        await plain.subscribe_successfully("1", query)

        answer = await client.ask('mutation { endMembership(reader: "ada") }')

        assert answer == {"data": {"endMembership": "ada"}}
        assert await ada.receive() == {"id": "1", "type": "complete", "payload": {"message": "Subscription complete."}}
        assert await ada.closing_code() == 1000
        assert await bob.silent()
        assert await plain.silent()
        await client.ask(ADD, {"isbn": "b1"})
        assert [await reader.event() for reader in (bob, plain)] == [{"isbn": "b1"}] * 2
        await until(lambda: len(client.engine.registry) == 2)


async def test_c85_the_last_events_before_an_invalidation_are_still_delivered(client: ApiClient) -> None:
    async with client.connected() as ada:
        await ada.subscribe_successfully("1", 'subscription { onShelf(reader: "ada") { isbn } }')

        await client.ask('mutation { addBook(isbn: "b1") { isbn copies } endMembership(reader: "ada") }')

        assert await ada.event() == {"isbn": "b1"}
        assert (await ada.receive())["type"] == "complete"


async def test_c85_a_sixth_invalidation_in_one_request_is_an_error(client: ApiClient) -> None:
    async with client.connected() as ada:
        await ada.subscribe_successfully("1", 'subscription { onShelf(reader: "ada") { isbn } }')

        answer = await client.ask('mutation { endMembership(reader: "ada", times: 6) }')

        assert answer["data"] == {"endMembership": None}
        assert "at most 5 times" in answer["errors"][0]["message"]
        assert await ada.silent()


async def test_c86_an_event_above_240_kilobytes_is_dropped_without_an_error_for_the_publisher(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    before = client.engine.counters.oversized_events
    invoker.functions["catalogue"] = lambda payload: book("b1", title="x" * (240 * 1024))
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { title } }")
        await reader.subscribe_successfully("2", "subscription { onBook { isbn } }")

        answer = await client.ask('mutation { addBook(isbn: "b1") { isbn title } }')

        assert "errors" not in answer
        frame = await reader.receive()
        assert (frame["id"], frame["payload"]["data"]) == ("2", {"onBook": {"isbn": "b1"}})
        assert await reader.silent()
    assert client.engine.counters.oversized_events == before + 1


async def test_c87_a_subscriptions_resolver_runs_once_for_a_start_and_its_value_is_not_sent(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", 'subscription { onGuarded(door: "open") { isbn } }')
        assert await reader.silent()
        assert [call["field"] for call in invoker.calls("catalogue")] == ["onGuarded"]

        invoker.functions["catalogue"] = lambda payload: book("b1") | {"door": "open"}
        await client.ask(ADD, {"isbn": "b1"})

        assert [call["field"] for call in invoker.calls("catalogue")] == ["onGuarded", "addBook"]


async def test_c94_a_start_without_a_connection_init_is_served(client: ApiClient) -> None:
    async with client.open() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { isbn } }")
        await client.ask(ADD, {"isbn": "b1"})

        assert await reader.event() == {"isbn": "b1"}


def test_c95_a_socket_is_closed_after_a_day() -> None:
    with on_a_clock() as run:

        async def scenario(advance: Any) -> int:
            engine = Engine(
                api=API, schema=SCHEMA, code=LIBRARY, handlers=HANDLERS, api_keys=(KEY,),
                invoker=RecordingInvoker(catalogue=catalogue),
            )  # fmt: skip
            await engine.start(port=0)
            async with aiohttp.ClientSession() as session:
                client = ApiClient(engine, session, lambda url, body: {"x-api-key": KEY.key})
                async with client.connected() as reader:
                    await advance(DAY - 1)
                    assert await reader.silent()
                    await advance(1)
                    code = await reader.closing_code()
            await engine.stop()
            return code

        assert run(scenario) == 1000


class Slow(RecordingInvoker):
    """Lambda functions that take a given number of seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def invoke(self, function: str, payload: object) -> object:
        self.invoked.append((function, payload))
        await asyncio.sleep(self.seconds)
        return "done"


def test_c90_a_function_that_runs_past_thirty_seconds_is_timed_out() -> None:
    with on_a_clock() as run:

        async def scenario(advance: Any) -> Any:
            invoker = Slow(31)
            engine = Engine(api=API, schema=SCHEMA, code=LIBRARY, handlers=HANDLERS, api_keys=(KEY,), invoker=invoker)
            await engine.start(port=0)
            async with aiohttp.ClientSession() as session:
                client = ApiClient(engine, session, lambda url, body: {"x-api-key": KEY.key})
                answer = asyncio.ensure_future(client.ask('{ book(isbn: "b1") { isbn } whoAmI }'))
                await until(lambda: len(invoker.invoked) == 1)
                await advance(29)
                assert not answer.done()
                await advance(1)
                done = await answer
            await engine.stop()
            return done

        answer = run(scenario)

    assert answer["data"]["book"] is None
    assert answer["data"]["whoAmI"] is not None
    [entry] = answer["errors"]
    assert (entry["errorType"], entry["message"]) == ("Lambda:ExecutionTimeoutException", "Execution timed out.")


def test_a_request_ends_after_thirty_seconds_for_any_number_of_functions() -> None:
    with on_a_clock() as run:

        async def scenario(advance: Any) -> Any:
            invoker = Slow(20)
            engine = Engine(api=API, schema=SCHEMA, code=LIBRARY, handlers=HANDLERS, api_keys=(KEY,), invoker=invoker)
            await engine.start(port=0)
            async with aiohttp.ClientSession() as session:
                client = ApiClient(engine, session, lambda url, body: {"x-api-key": KEY.key})
                answer = asyncio.ensure_future(client.ask("{ slow whoAmI }"))
                await until(lambda: len(invoker.invoked) == 1)
                await advance(20)
                await until(lambda: len(invoker.invoked) == 2)
                await advance(10)
                assert not answer.done()
                await advance(1)
                done = await answer
            await engine.stop()
            return done

        answer = run(scenario)

    assert answer["data"]["slow"] is None
    assert answer["data"]["whoAmI"] is not None
    [entry] = answer["errors"]
    assert (entry["errorType"], entry["message"], entry["path"]) == (
        "ExecutionTimeout",
        "Execution timed out.",
        ["slow"],
    )


async def test_the_lifetime_of_a_connection_can_be_shortened(session: aiohttp.ClientSession) -> None:
    engine = Engine(
        api=API, schema=SCHEMA, code=LIBRARY, handlers=HANDLERS, api_keys=(KEY,), lifetime=0.0,
        invoker=RecordingInvoker(),
    )  # fmt: skip
    await engine.start(port=0)
    async with ApiClient(engine, session, lambda url, body: {"x-api-key": KEY.key}).open() as reader:
        assert await reader.closed()
    await engine.stop()


async def test_a_client_that_never_reads_is_disconnected_and_does_not_affect_others(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    invoker.functions["catalogue"] = lambda payload: book("b1", title="x" * 200_000)
    query = "subscription { onBook { title } }"
    before = client.engine.counters.slow_readers
    _, writer = await asyncio.open_connection("127.0.0.1", URL(client.engine.realtime_url).port)
    start = start_text("1", json.dumps({"query": query}), {"Authorization": "custom-slow"})
    upgrade = upgrade_request(subprotocol_of({"host": client.host, "Authorization": "custom-slow"}))
    writer.write(upgrade + masked_frame(start))
    await until(lambda: len(client.engine.registry) == 1)

    async with client.connected() as reader:
        await reader.subscribe_successfully("1", query)
        for _ in range(400):
            await client.ask('mutation { addBook(isbn: "b1") { title } }')
            assert len((await reader.event())["title"]) == 200_000
            if len(client.engine.registry) == 1:
                break

        assert len(client.engine.registry) == 1
    assert client.engine.counters.slow_readers == before + 1
    writer.close()
