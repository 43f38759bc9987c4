"""Checklist B4: errors on realtime connections."""

import json
from typing import Any

import pytest

from tests.fidelity.callers import ApiClient, Callers, bearer
from tests.support.engine_doubles import RecordingInvoker

ON_BOOK = "subscription ($isbn: ID) { onBook(isbn: $isbn) { isbn } }"
ADD = 'mutation { addBook(isbn: "b1") { isbn } }'
UNKNOWN = {"errorType": "UnsupportedOperation", "message": "unknown not supported through the realtime channel"}
KNOWN_TYPES = {"connection_ack", "ka", "start_ack", "data", "complete", "error", "connection_error"}


def error(id_: str, **entry: Any) -> dict[str, Any]:
    return {"id": id_, "type": "error", "payload": {"errors": [entry]}}


async def test_c72_a_start_with_a_missing_variable_is_an_error_that_names_it(client: ApiClient) -> None:
    async with client.connected() as reader:
        answer = await reader.subscribe("1", "subscription ($n: ID!) { onReceipt(number: $n) { number } }")

        assert answer == error("1", message="Variable 'n' has coerced Null value for NonNull type 'ID!'")


@pytest.mark.parametrize("kind", ["mutation", "query"])
async def test_c73_a_start_with_another_operation_is_unsupported_and_it_is_not_run(
    client: ApiClient, invoker: RecordingInvoker, kind: str
) -> None:
    query = ADD if kind == "mutation" else '{ book(isbn: "b1") { isbn } }'

    async with client.connected() as reader:
        answer = await reader.subscribe("1", query)

        message = f"{kind} not supported through the realtime channel"
        assert answer == error("1", errorType="UnsupportedOperation", message=message)
        assert await reader.silent()
    assert invoker.calls("catalogue") == []


@pytest.mark.parametrize(
    "frame", ['{"type":"pause"}', "not json", "[]", "7", '{"type":"start","payload":{}}', '{"type":7}', '{"id":"9"}']
)
async def test_c74_a_frame_of_an_unknown_type_is_unsupported_and_the_socket_stays_open(
    client: ApiClient, frame: str
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", ON_BOOK)

        await reader.socket.send_str(frame)

        answer = await reader.receive()
        [error] = answer["payload"]["errors"]
        assert (answer["type"], error["errorType"]) == ("error", UNKNOWN["errorType"])
        assert error["message"].startswith(UNKNOWN["message"])  # what is wrong may follow
        await client.ask(ADD)
        assert await reader.event() == {"isbn": "b1"}


async def test_c75_an_id_in_use_is_refused_and_the_first_keeps_receiving(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", ON_BOOK)

        answer = await reader.subscribe("1", ON_BOOK, {"isbn": "other"})

        assert (answer["id"], answer["type"]) == ("1", "error")
        assert [entry["errorType"] for entry in answer["payload"]["errors"]] == ["DuplicatedOperationError"]
        await client.ask(ADD)
        assert await reader.event() == {"isbn": "b1"}
        assert await reader.silent()


async def test_c76_the_subscription_after_the_two_hundredth_is_refused_and_the_first_keep_receiving(
    client: ApiClient,
) -> None:
    async with client.connected(credentials=bearer("custom-many")) as reader:
        for number in range(200):
            await reader.subscribe_successfully(str(number), ON_BOOK)

        answer = await reader.subscribe("200", ON_BOOK)

        message = "Max number of 200 subscriptions reached"
        assert answer == error("200", errorType="MaxSubscriptionsReachedError", message=message)
        await client.ask(ADD)
        frames = [await reader.receive() for _ in range(200)]
        assert {frame["id"] for frame in frames} == {str(number) for number in range(200)}
        await reader.send(id="7", type="stop")
        assert await reader.receive() == {"id": "7", "type": "complete"}
        await reader.subscribe_successfully("200", ON_BOOK)


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "subscription { onBook {"},
        {"query": "subscription { nope }"},
        {"query": "subscription { onWithdrawn { isbn } }"},
        {"query": ADD},
        {"query": "subscription A { onBook { isbn } } subscription B { onWork { isbn } }"},
        {"query": "subscription { onReceipt(number: null) { number } }"},
        {"query": "subscription ($n: ID!) { onReceipt(number: $n) { number } }"},
        {"query": 'subscription { onGuarded(door: "full") { isbn } }'},
        {"query": 'subscription { onShelf(case: "six") { isbn } }'},
        {"query": "subscription { onBook { isbn } }", "variables": []},
        {"query": "subscription ($yes: Boolean = false) { onBook @include(if: $yes) { isbn } }"},
        {},
        [],
    ],
)
async def test_c77_every_error_that_answers_a_start_has_its_id(client: ApiClient, request_: Any) -> None:
    async with client.connected() as reader:
        await reader.start_with("the-id", json.dumps(request_))

        answer = await reader.receive()

        assert (answer["id"], answer["type"]) == ("the-id", "error")
        assert all(isinstance(entry["message"], str) for entry in answer["payload"]["errors"])
        assert await reader.silent()


@pytest.mark.parametrize("authorization", [None, {}, {"Authorization": "nonsense"}, {"x-api-key": "guessed"}])
async def test_c77_a_start_with_a_refused_credential_has_its_id(client: ApiClient, authorization: Any) -> None:
    async with client.connected() as reader:
        payload: dict[str, Any] = {"data": json.dumps({"query": "subscription { onBook { isbn } }"})}
        if authorization is not None:
            payload["extensions"] = {"authorization": authorization}
        await reader.send(id="1", type="start", payload=payload)

        answer = await reader.receive()

        assert (answer["id"], answer["type"]) == ("1", "error")
        assert [entry["errorType"] for entry in answer["payload"]["errors"]] == ["UnauthorizedException"]


async def test_c78_only_known_frames_are_sent_whatever_a_client_does(client: ApiClient, callers: Callers) -> None:
    seen: set[str] = set()
    async with client.connected() as reader:
        await reader.send(type="connection_init")
        for frame in ("?", '{"type":"data"}', '{"type":"stop","id":"x"}', '{"type":"connection_init","payload":[]}'):
            await reader.socket.send_str(frame)
        for id_, query in (("1", ON_BOOK), ("1", ON_BOOK), ("2", "subscription { nope }"), ("3", ADD)):
            await reader.start_with(id_, json.dumps({"query": query}))
        while seen < {"connection_ack", "ka", "complete", "error", "start_ack"}:
            seen.add((await reader.receive_any())["type"])
        await client.ask(ADD)
        while "data" not in seen:
            seen.add((await reader.receive_any())["type"])
    async with client.open(credentials=bearer("nonsense")) as refused:
        await refused.send(type="connection_init")
        seen.add((await refused.receive_any())["type"])

    assert seen == KNOWN_TYPES


async def test_c79_the_payload_of_a_data_frame_always_has_a_data_object(client: ApiClient) -> None:
    queries = {
        "1": "subscription { onBook { isbn } }",
        "2": "subscription { onBook { copies } }",
        "3": "subscription { onBook { isbn copies } }",
        "4": "subscription { onStrict { isbn copies } }",
    }
    async with client.connected() as reader:
        for id_, query in queries.items():
            await reader.subscribe_successfully(id_, query)

        await client.ask(ADD)

        frames = [await reader.receive() for _ in queries]
        shown = {frame["id"]: frame["payload"]["data"] for frame in frames}
        nothing: dict[str, Any] = {"onBook": None}
        assert shown == {"1": {"onBook": {"isbn": "b1"}}, "2": nothing, "3": nothing, "4": {"onStrict": None}}
