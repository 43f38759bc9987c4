"""Checklist A: connections, subscriptions, events and requests that every client needs."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from gql import Client, gql
from gql.transport.appsync_auth import AppSyncApiKeyAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportServerError
from yarl import URL

from appsync_local import Engine
from appsync_local.realtime.protocol import KEEP_ALIVE_INTERVAL
from tests.fidelity.application import API, DESK, EXPIRED_KEY, HANDLERS, KEY, LIBRARY, SCHEMA, book
from tests.fidelity.callers import ApiClient, Callers, base64_of, bearer, signer
from tests.fidelity.clock import on_a_clock
from tests.support.engine_clients import TIMEOUT, subprotocol_of, until
from tests.support.engine_doubles import RecordingInvoker

ON_BOOK = "subscription ($isbn: ID) { onBook(isbn: $isbn) { isbn title } }"
ADD = 'mutation { addBook(isbn: "b1", title: "Emma", shelf: FICTION, pages: 474) { isbn title shelf pages copies } }'
EMMA = {"isbn": "b1", "title": "Emma"}
ACK = {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}}


def data(id_: str, **members: Any) -> dict[str, Any]:
    return {"id": id_, "type": "data", "payload": {"data": {"onBook": members}}}


async def test_c01_an_upgrade_with_the_header_in_the_query_string_is_answered_with_graphql_ws(
    client: ApiClient,
) -> None:
    url = f"{client.engine.realtime_url}?header={quote(base64_of(client.connecting()), safe='')}&payload=e30="

    async with client.open(protocols=("graphql-ws",), url=url) as reader:
        assert reader.socket.protocol == "graphql-ws"
        await reader.send(type="connection_init")
        assert await reader.receive_any() == ACK  # the first frame of all


async def test_c02_an_upgrade_with_the_header_as_subprotocol_never_has_it_echoed(client: ApiClient) -> None:
    offered = ("graphql-ws", subprotocol_of(client.connecting()))

    async with client.session.ws_connect(f"{client.engine.realtime_url}/realtime", protocols=offered) as socket:
        assert socket.protocol == "graphql-ws"
        assert socket._response.headers.getall("Sec-WebSocket-Protocol") == ["graphql-ws"]
        await socket.send_str('{"type":"connection_init"}')
        assert await socket.receive_json() == ACK


@pytest.mark.parametrize("escape", [False, True])
async def test_c03_a_header_with_plus_slash_and_equals_sign_means_the_same_raw_and_escaped(
    client: ApiClient, invoker: RecordingInvoker, escape: bool
) -> None:
    token = "custom->>>???~~~~"
    header = base64_of({"host": client.host, "Authorization": token})
    assert {"+", "/", "="} <= set(header)
    url = URL(f"{client.engine.realtime_url}?header={quote(header, safe='') if escape else header}", encoded=True)

    async with client.session.ws_connect(url, protocols=("graphql-ws",)) as socket:
        await socket.send_str('{"type":"connection_init"}')
        assert await socket.receive_json() == ACK

    assert [call["authorizationToken"] for call in invoker.calls("doorkeeper")] == [token]


@pytest.mark.parametrize("filler", ["~", "~~", "~~~", "~~~~"])
async def test_c04_unpadded_base64url_of_any_length_is_decoded(
    client: ApiClient, invoker: RecordingInvoker, filler: str
) -> None:
    token = f"custom-{filler}"

    async with client.connected(credentials=bearer(token)):
        pass

    assert [call["authorizationToken"] for call in invoker.calls("doorkeeper")] == [token]


@pytest.mark.parametrize("init", ['{"type":"connection_init"}', '{"type":"connection_init","payload":{}}'])
async def test_c05_a_connection_init_is_acknowledged_with_the_timeout(client: ApiClient, init: str) -> None:
    async with client.open() as reader:
        await reader.socket.send_str(init)

        assert await reader.receive_any() == ACK


def test_c06_keep_alives_come_at_once_and_every_sixty_seconds() -> None:
    """Driven by a clock of the test's: the engine's own interval, not a shorter one."""
    assert KEEP_ALIVE_INTERVAL == 60.0
    with on_a_clock() as run:

        async def scenario(advance: Any) -> list[int]:
            engine = Engine(
                api=API, schema=SCHEMA, code=LIBRARY, invoker=RecordingInvoker(), handlers=HANDLERS, api_keys=(KEY,)
            )
            await engine.start(port=0)
            counts = []
            async with aiohttp.ClientSession() as session:
                client = ApiClient(engine, session, lambda url, body: {"x-api-key": KEY.key})
                async with client.open() as reader:
                    await reader.send(type="connection_init")
                    assert await reader.receive_any() == ACK
                    assert await reader.receive_any() == {"type": "ka"}
                    for seconds in (59, 1, 59, 1, 60):
                        await advance(seconds)
                        counts.append(await keep_alives(reader))
            await engine.stop()
            return counts

        assert run(scenario) == [0, 1, 0, 1, 1]


async def keep_alives(reader: Any) -> int:
    """Count the keep-alives received so far: the answer to a `stop` with an unknown id follows them."""
    await reader.send(id="probe", type="stop")
    count = 0
    while (frame := await reader.receive_any()) == {"type": "ka"}:
        count += 1
    assert frame == {"id": "probe", "type": "complete"}
    return count


@pytest.mark.parametrize("id_", ["1", "5dc9a8d2-6a9c-4c2b-9f0e-7f6a1c2d3e4f"])
async def test_c07_a_start_is_acknowledged_with_its_own_id(client: ApiClient, id_: str) -> None:
    async with client.connected() as reader:
        assert await reader.subscribe(id_, ON_BOOK) == {"id": id_, "type": "start_ack"}


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "subscription { onBook { isbn } }"},
        {"query": "subscription { onBook { isbn } }", "variables": None},
        {"query": "subscription Watch { onBook { isbn } }", "variables": {}, "operationName": "Watch"},
        {"query": "subscription A { onBook { isbn } } query B { membersOnly }", "operationName": "A"},
    ],
)
async def test_c08_a_start_may_lack_variables_and_name_its_operation(
    client: ApiClient, request_: dict[str, object]
) -> None:
    async with client.connected() as reader:
        await reader.start_with("1", json.dumps(request_))

        assert await reader.receive() == {"id": "1", "type": "start_ack"}


async def test_c09_an_event_sent_right_after_start_ack_is_delivered(client: ApiClient) -> None:
    for turn in range(20):
        async with client.connected() as reader:
            await reader.subscribe_successfully("1", ON_BOOK, {"isbn": "b1"})
            await client.ask(ADD)

            assert await reader.receive() == data("1", **EMMA), turn


async def test_c10_a_subscriber_with_the_value_receives_exactly_one_data_frame(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", ON_BOOK, {"isbn": "b1"})

        await client.ask(ADD)

        assert await reader.receive() == data("1", **EMMA)
        assert await reader.silent()


async def test_c11_a_subscriber_with_another_value_receives_nothing(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", ON_BOOK, {"isbn": "b2"})

        await client.ask(ADD)

        assert await reader.silent()


async def test_c12_an_event_without_the_argument_reaches_no_subscriber_that_gave_a_value(
    client: ApiClient,
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", ON_BOOK, {"isbn": "b1"})

        answer = await client.ask('mutation { addBook(isbn: "b1", title: "Emma") { title } }')

        assert answer == {"data": {"addBook": {"title": "Emma"}}}
        assert await reader.silent()


async def test_c13_a_nullable_field_that_the_mutation_did_not_select_is_null(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { isbn addedAt } }")

        await client.ask(ADD)

        assert await reader.receive() == data("1", isbn="b1", addedAt=None)


async def test_c14_a_required_field_that_the_mutation_did_not_select_makes_the_event_null_with_an_error(
    client: ApiClient,
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { isbn copies } }")

        await client.ask('mutation { addBook(isbn: "b1") { isbn } }')

        message = "Cannot return null for non-nullable type: 'Int' within parent 'Book' (/onBook/copies)"
        payload = {"data": {"onBook": None}, "errors": [{"message": message, "path": ["onBook", "copies"]}]}
        assert await reader.receive() == {"id": "1", "type": "data", "payload": payload}


async def test_c15_only_what_the_subscriber_selected_arrives(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { key: isbn } }")

        await client.ask(ADD)

        assert await reader.receive() == data("1", key="b1")


async def test_c16_every_subscription_of_every_socket_gets_its_own_frame(client: ApiClient) -> None:
    async with client.connected() as one, client.connected() as other:
        await one.subscribe_successfully("1", ON_BOOK)
        await one.subscribe_successfully("2", ON_BOOK, {"isbn": "b1"})
        await other.subscribe_successfully("1", ON_BOOK)

        await client.ask(ADD)

        assert sorted([await one.receive() for _ in range(2)], key=lambda frame: frame["id"]) == [
            data("1", **EMMA),
            data("2", **EMMA),
        ]
        assert await other.receive() == data("1", **EMMA)
        assert await one.silent()
        assert await other.silent()


async def test_c17_a_stop_is_completed_and_the_other_ids_continue(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", ON_BOOK)
        await reader.subscribe_successfully("2", ON_BOOK)

        await reader.send(id="1", type="stop")
        assert await reader.receive() == {"id": "1", "type": "complete"}
        await client.ask(ADD)

        assert await reader.receive() == data("2", **EMMA)
        assert await reader.silent()


async def test_c18_the_subscriptions_of_a_closed_socket_are_gone(client: ApiClient) -> None:
    async with client.connected() as reader:
        for number in range(3):
            await reader.subscribe_successfully(str(number), ON_BOOK)
        assert len(client.engine.registry) == 3

    await until(lambda: len(client.engine.registry) == 0)
    assert "errors" not in await client.ask(ADD)


async def test_c19_a_pipeline_with_an_event_invocation_answers_without_its_outcome(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    invoker.functions["courier"] = lambda _: pytest.fail("an event is queued, and not run by the request")

    response = await client.request('mutation { orderBook(isbn: "b7") { isbn title } }')

    assert response.status == 200
    assert response.json == {"data": {"orderBook": {"isbn": "b7", "title": "Title of b7"}}}
    assert len(invoker.enqueued) == 1


async def test_c20_the_response_handler_of_an_event_function_sees_only_the_previous_result(
    client: ApiClient,
) -> None:
    answer = await client.ask('mutation { orderBook(isbn: "b7") { isbn detail } }')

    order = answer["data"]["orderBook"]
    assert order["isbn"] == "b7"
    assert json.loads(order["detail"]) == {"result": True, "error": True}


async def test_c21_the_event_of_a_function_is_the_payload_without_a_wrapper(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    await client.ask('mutation { orderBook(isbn: "b7") { isbn } }')

    assert invoker.calls("catalogue") == [{"field": "store", "arguments": {"isbn": "b7"}}]
    assert invoker.enqueued == [("courier", {"fetch": "b7", "title": "Title of b7"})]


async def test_c22_a_function_reads_the_result_of_the_previous_one(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    invoker.functions["catalogue"] = lambda _: book("b7", title="What was stored")

    await client.ask('mutation { orderBook(isbn: "b7") { isbn } }')

    assert invoker.enqueued == [("courier", {"fetch": "b7", "title": "What was stored"})]


async def test_c23_every_response_is_json_with_a_request_id_of_its_own(client: ApiClient) -> None:
    responses = [
        await client.request("{ membersOnly }"),
        await client.request("{ nothing }"),
        await client.post("meow"),
        await client.post("{}", {"authorization": "nonsense"}),
    ]

    assert {response.headers["content-type"] for response in responses} == {"application/json;charset=UTF-8"}
    assert len({response.headers["x-amzn-requestid"] for response in responses}) == len(responses)
    assert all(int(response.headers["x-amzn-appsync-tokensconsumed"]) >= 1 for response in responses)


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=UTF-8", "application/graphql"])
async def test_c24_the_media_type_of_the_request_makes_no_difference(
    client: ApiClient, callers: Callers, media_type: str
) -> None:
    headers = {"authorization": callers.user(), "content-type": media_type}

    response = await client.post('{"query": "{ membersOnly }"}', headers)

    assert response.json == {"data": {"membersOnly": "membersOnly"}}


async def test_c25_unknown_members_of_the_body_are_ignored(client: ApiClient) -> None:
    response = await client.request("{ membersOnly }", extensions={"persistedQuery": {"version": 1}}, more=[1])

    assert response.json == {"data": {"membersOnly": "membersOnly"}}


async def test_c26_a_browser_may_call_from_an_allowed_origin(client: ApiClient) -> None:
    asked = "authorization,content-type,x-api-key,x-amz-user-agent"
    headers = {
        "origin": "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": asked,
    }

    async with client.session.options(client.engine.graphql_url, headers=headers) as preflight:
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"  # AppSync: `*`
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert set(preflight.headers["access-control-allow-headers"].split(",")) >= set(asked.split(","))
    asked_by_page = {"origin": headers["origin"]}
    for response in (
        await client.post('{"query": "{ membersOnly }"}', asked_by_page),
        await client.post("", asked_by_page),
    ):
        assert response.headers["access-control-allow-origin"] == headers["origin"]
        assert "x-amzn-ErrorType" in response.headers["access-control-expose-headers"]


async def test_events_reach_a_socket_in_the_order_in_which_they_were_published(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { pages } }")

        writes = " ".join(f'w{n}: addBook(isbn: "b1", pages: {n}) {{ pages }}' for n in range(100))
        await client.ask(f"mutation {{ {writes} }}")

        assert [(await reader.event())["pages"] for _ in range(100)] == list(range(100))


async def test_an_event_published_by_the_desk_reaches_readers_of_every_mode(
    client: ApiClient, callers: Callers
) -> None:
    shows = [callers.cognito, callers.opaque, callers.openid, signer(DESK)]
    async with client.connected() as reader:
        for number, credentials in enumerate(shows):
            await reader.subscribe_successfully(str(number), ON_BOOK, credentials=credentials)

        await client.ask(ADD, credentials=signer(DESK))

        frames = [await reader.receive() for _ in shows]
        assert sorted(frame["id"] for frame in frames) == ["0", "1", "2", "3"]
        assert all(frame["payload"]["data"]["onBook"] == EMMA for frame in frames)


async def test_an_event_of_an_abstract_type_keeps_its_type_when_the_mutation_did_not_ask_for_it(
    client: ApiClient,
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully(
            "1", "subscription { onWork { __typename isbn ... on Recording { title } } }"
        )

        await client.ask('mutation { recordWork(isbn: "r9", title: "Tosca") { isbn ... on Recording { title } } }')

        assert await reader.event() == {"__typename": "Recording", "isbn": "r9", "title": "Tosca"}


async def test_mutations_of_many_clients_at_once_reach_every_subscriber(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { isbn } }")

        await asyncio.gather(*(client.ask(f'mutation {{ addBook(isbn: "p{n}") {{ isbn }} }}') for n in range(25)))

        assert {(await reader.event())["isbn"] for _ in range(25)} == {f"p{n}" for n in range(25)}


async def test_an_event_that_is_a_scalar_reaches_subscribers_without_arguments(client: ApiClient) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onEnded }")
        await reader.subscribe_successfully("2", 'subscription { onEnded(reader: "ada") }')

        await client.ask('mutation { endMembership(reader: "ada") }')

        frame = await reader.receive()
        assert (frame["id"], frame["payload"]) == ("1", {"data": {"onEnded": "ada"}})
        assert await reader.silent()


async def test_gql_subscribes_with_an_api_key(client: ApiClient) -> None:
    auth = AppSyncApiKeyAuthentication(host=client.host, api_key=KEY.key)
    transport = AppSyncWebsocketsTransport(url=client.engine.realtime_url, auth=auth)

    async with Client(transport=transport) as gql_client:
        events = gql_client.subscribe(gql("subscription { onEnded }"))
        waiting = asyncio.ensure_future(anext(events))
        await until(lambda: len(client.engine.registry) == 1)
        await client.ask('mutation { endMembership(reader: "ada") }')
        async with asyncio.timeout(TIMEOUT):
            assert await waiting == {"onEnded": "ada"}
        await events.aclose()


async def test_gql_reports_that_its_api_key_has_expired(client: ApiClient) -> None:
    auth = AppSyncApiKeyAuthentication(host=client.host, api_key=EXPIRED_KEY.key)
    transport = AppSyncWebsocketsTransport(url=client.engine.realtime_url, auth=auth)

    with pytest.raises(TransportServerError, match="You are not authorized to make this call"):
        async with Client(transport=transport):
            pass
