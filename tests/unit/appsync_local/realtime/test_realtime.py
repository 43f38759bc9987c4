import asyncio
import json
from collections.abc import Callable
from operator import itemgetter
from urllib.parse import quote

import aiohttp
import pytest
from botocore.credentials import Credentials
from gql import Client, gql
from gql.transport.appsync_auth import AppSyncIAMAuthentication, AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportQueryError
from yarl import URL

from appsync_local import Engine
from tests.support.engine_clients import (
    BACKEND,
    READER,
    TIMEOUT,
    TOKEN,
    Http,
    Realtime,
    base64_of,
    connected,
    header_object,
    masked_frame,
    signed,
    start_message,
    subprotocol_of,
    until,
    upgrade_request,
)
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker, allow

WRITTEN = "subscription Watch($id: ID) { written(id: $id) { id words } }"
WRITE = 'mutation { write(id: "n1", words: 7) { id words room revision } }'
START_ACK = {"id": "1", "type": "start_ack"}


def data(id_: str, **fields: object) -> dict[str, object]:
    return {"id": id_, "type": "data", "payload": {"data": {"written": fields}}}


async def test_a_subscriber_receives_the_event_that_its_filter_matches(realtime: Realtime, http: Http) -> None:
    assert await realtime.start("1", WRITTEN, {"id": "n1"}) == START_ACK

    await http.ask(WRITE)

    assert await realtime.receive() == data("1", id="n1", words=7)


async def test_a_subscriber_of_another_id_receives_nothing(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", WRITTEN, {"id": "n2"})

    await http.ask(WRITE)

    assert await realtime.silent()


@pytest.mark.parametrize("path", ["", "/realtime"])
@pytest.mark.parametrize("escape", [False, True])
async def test_the_authorization_object_may_be_in_the_query_string(
    engine: Engine, session: aiohttp.ClientSession, invoker: RecordingInvoker, path: str, escape: bool
) -> None:
    token = "custom->>>???~~~"
    header = base64_of(header_object(Authorization=token))
    assert "+" in header or "/" in header
    text = quote(header, safe="") if escape else header
    url = f"{engine.realtime_url}{path}?header={text}&payload=e30="

    async with session.ws_connect(URL(url, encoded=True), protocols=["graphql-ws"]) as socket:
        await socket.send_str('{"type":"connection_init","payload":{}}')

        assert (await Realtime(socket).receive())["type"] == "connection_ack"
    assert invoker.calls("authorizer")[0]["authorizationToken"] == token


@pytest.mark.parametrize("filler", ["", "x", "xx", "xxx"])
async def test_the_authorization_object_may_be_a_subprotocol_which_is_never_echoed(
    engine: Engine, session: aiohttp.ClientSession, filler: str
) -> None:
    entry = subprotocol_of(header_object(Authorization=f"custom-{filler}"))

    async with session.ws_connect(engine.realtime_url + "/realtime", protocols=["graphql-ws", entry]) as socket:
        await socket.send_str('{"type":"connection_init"}')

        assert socket.protocol == "graphql-ws"
        assert (await Realtime(socket).receive())["type"] == "connection_ack"


async def test_the_authorization_object_may_be_plain_headers(engine: Engine, session: aiohttp.ClientSession) -> None:
    headers = {"authorization": "custom-ada"}

    async with session.ws_connect(engine.realtime_url, protocols=["graphql-ws"], headers=headers) as socket:
        await socket.send_str('{"type":"connection_init"}')

        assert (await Realtime(socket).receive())["type"] == "connection_ack"


@pytest.mark.parametrize(
    ("protocols", "entry"),
    [
        ([], {"message": "NoProtocolError", "errorCode": 400}),
        (["mqtt"], {"message": "SubProtocolNotSupportedError", "errorCode": 400}),
        (["graphql-ws"], {"message": "Required headers are missing.", "errorCode": 400}),
        (
            ["graphql-ws", "header-bm9uc2Vuc2U"],
            {
                "errorType": "BadRequestException",
                "message": "the header object is not base64 of a JSON object.",
                "errorCode": 400,
            },
        ),
    ],
)
async def test_an_incomplete_handshake_ends_with_a_connection_error(
    engine: Engine, session: aiohttp.ClientSession, protocols: list[str], entry: dict[str, object]
) -> None:
    async with session.ws_connect(engine.realtime_url, protocols=protocols) as socket:
        client = Realtime(socket)

        assert await client.receive_any() == {"type": "connection_error", "payload": {"errors": [entry]}}
        assert await client.closed()


async def test_a_token_among_the_offered_subprotocols_never_reaches_a_log(
    engine: Engine, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    entry = subprotocol_of(header_object(Authorization="custom-secret"))

    async with session.ws_connect(engine.realtime_url, protocols=["mqtt", entry]) as socket:
        assert (await Realtime(socket).receive_any())["type"] == "connection_error"

    assert entry.removeprefix("header-") not in caplog.text
    assert "custom-secret" not in caplog.text


async def test_an_engine_that_stops_closes_its_connections(engine: Engine, realtime: Realtime) -> None:
    await realtime.start("1", WRITTEN)

    await asyncio.gather(engine.stop(), realtime.closed())

    assert realtime.socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
    assert len(engine.registry) == 0


async def test_a_connection_with_a_refused_token_ends_before_any_keep_alive(
    engine: Engine, session: aiohttp.ClientSession, invoker: RecordingInvoker
) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}

    async with session.ws_connect(
        engine.realtime_url, protocols=["graphql-ws", subprotocol_of(header_object())]
    ) as socket:
        client = Realtime(socket)
        frame = await client.receive_any()

        assert frame["type"] == "connection_error"
        assert frame["payload"]["errors"] == [
            {
                "errorType": "UnauthorizedException",
                "message": "You are not authorized to make this call.",
                "errorCode": 401,
            }
        ]
        assert await client.closed()


async def test_a_keep_alive_follows_the_acknowledgement_at_once(engine: Engine, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(
        engine.realtime_url, protocols=["graphql-ws", subprotocol_of(header_object())]
    ) as socket:
        client = Realtime(socket)
        await client.send(type="connection_init")

        assert await client.receive_any() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}}
        assert await client.receive_any() == {"type": "ka"}


async def test_keep_alives_continue_until_the_connection_ends(session: aiohttp.ClientSession) -> None:
    engine = Engine(
        api=API,
        schema=SCHEMA,
        code=NOTES,
        invoker=RecordingInvoker(authorizer=allow),
        handlers=HANDLERS,
        keep_alive=0.01,
    )
    await engine.start(port=0)
    async with connected(engine, session) as client:
        frames = [await client.receive_any() for _ in range(4)]
    await engine.stop()

    assert frames == [{"type": "ka"}] * 4


async def test_the_authorizer_is_invoked_for_the_connection_and_for_every_start(
    realtime: Realtime, invoker: RecordingInvoker
) -> None:
    await realtime.start("1", WRITTEN, {"id": "n1"})

    connect, start = (call["requestContext"] for call in invoker.calls("authorizer"))
    assert (connect["operationName"], connect["queryString"], connect["variables"]) == ("Deepdish:Connect", "", {})
    assert (start["queryString"], start["variables"]) == (WRITTEN, {"id": "n1"})


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "subscription { written { id words } }"},
        {"query": "subscription { written { id words } }", "variables": None},
        {"query": "subscription W { written { id words } }", "variables": {}, "operationName": "W"},
    ],
)
async def test_a_start_may_omit_optional_members(realtime: Realtime, http: Http, request_: dict[str, object]) -> None:
    await realtime.start_text("6f1c", json.dumps(request_))

    assert await realtime.receive() == {"id": "6f1c", "type": "start_ack"}
    await http.ask(WRITE)
    assert await realtime.receive() == data("6f1c", id="n1", words=7)


async def test_a_subscriber_receives_its_selection_and_null_for_fields_the_mutation_did_not_select(
    realtime: Realtime, http: Http
) -> None:
    await realtime.start("1", "subscription { written { key: id writtenAt } }")

    await http.ask('mutation { write(id: "n1") { id words } }')

    assert await realtime.receive() == data("1", key="n1", writtenAt=None)


async def test_a_missing_non_null_field_makes_the_event_null_for_that_subscriber_only(
    realtime: Realtime, http: Http
) -> None:
    await realtime.start("1", "subscription { written { id revision } }")
    await realtime.start("2", "subscription { written { id } }")

    await http.ask('mutation { write(id: "n1") { id } }')

    message = "Cannot return null for non-nullable type: 'Int' within parent 'Note' (/written/revision)"
    assert await realtime.receive() == {
        "id": "1",
        "type": "data",
        "payload": {"data": {"written": None}, "errors": [{"message": message, "path": ["written", "revision"]}]},
    }
    assert await realtime.receive() == data("2", id="n1")


async def test_events_have_the_names_that_the_mutation_gave_by_aliases(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", WRITTEN, {"id": "n1"})

    for aliased in ("a: id words", "id b: words", "id words: revision"):
        await http.ask(f'mutation {{ w: write(id: "n1", words: 7) {{ {aliased} }} }}')

    assert await realtime.receive() == data("1", id="n1", words=None)
    assert await realtime.receive() == data("1", id="n1", words=1)


async def test_each_subscription_of_each_connection_receives_the_event_once(
    engine: Engine, session: aiohttp.ClientSession, realtime: Realtime, http: Http
) -> None:
    async with connected(engine, session) as other:
        await realtime.start("1", WRITTEN)
        await realtime.start("2", WRITTEN, {"id": "n1"})
        await other.start("1", WRITTEN)

        await http.ask(WRITE)

        frames = [await realtime.receive(), await realtime.receive()]
        assert sorted(frames, key=itemgetter("id")) == [data("1", id="n1", words=7), data("2", id="n1", words=7)]
        assert await other.receive() == data("1", id="n1", words=7)
        assert await realtime.silent()


async def test_events_arrive_in_the_order_of_their_mutations(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", WRITTEN)

    writes = " ".join(f'w{i}: write(id: "n1", words: {i}) {{ id words }}' for i in range(50))
    await http.ask(f"mutation {{ {writes} }}")

    assert [(await realtime.receive())["payload"]["data"]["written"]["words"] for _ in range(50)] == list(range(50))


async def test_a_stopped_subscription_is_completed_and_the_others_continue(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", WRITTEN)
    await realtime.start("2", WRITTEN)

    await realtime.send(id="1", type="stop")
    assert await realtime.receive() == {"id": "1", "type": "complete"}
    await http.ask(WRITE)

    assert await realtime.receive() == data("2", id="n1", words=7)
    assert await realtime.silent()


async def test_the_subscriptions_of_a_closed_connection_are_removed(
    engine: Engine, session: aiohttp.ClientSession, http: Http
) -> None:
    async with connected(engine, session) as client:
        await client.start("1", WRITTEN)
        assert len(engine.registry) == 1

    await until(lambda: len(engine.registry) == 0)
    assert "errors" not in await http.ask(WRITE)


async def test_a_mutation_that_fails_publishes_nothing(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", WRITTEN)

    await http.ask('mutation { write(id: "boom") { id } }')

    assert await realtime.silent()


async def test_an_event_beyond_240_kilobytes_is_dropped_silently(
    realtime: Realtime, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    await realtime.start("1", "subscription { written { room } }")

    answer = await http.ask("mutation ($r: String) { write(id: 1, room: $r) { room } }", {"r": "x" * 245_761})

    assert "errors" not in answer
    assert await realtime.silent()
    assert any("was dropped" in record.getMessage() for record in caplog.records)


async def test_subscribers_receive_null_for_fields_that_the_publisher_may_not_see(
    realtime: Realtime, engine: Engine, http: Http, invoker: RecordingInvoker
) -> None:
    data_text = json.dumps({"query": "subscription { tallied(total: 3) { total } }"})
    await realtime.start_text("1", data_text, signed(engine.graphql_url, data_text))
    assert await realtime.receive() == START_ACK
    invoker.functions["notes"] = lambda _: {"id": "l1", "total": 3}

    answer = await http.ask("mutation { tally { total } }")

    assert answer["data"] == {"tally": {"total": None}}
    assert answer["errors"][0]["message"] == "Not Authorized to access total on type Ledger"
    assert await realtime.silent()


@pytest.mark.parametrize(
    ("query", "variables", "errors"),
    [
        (
            "subscription ($r: String!) { inRoom(room: $r) { id } }",
            {},
            [{"message": "Variable 'r' has coerced Null value for NonNull type 'String!'"}],
        ),
        (
            "subscription { written { nope } }",
            None,
            [
                {
                    "message": "Validation error of type FieldUndefined: "
                    "Field 'nope' in type 'Note' is undefined @ 'written/nope'"
                }
            ],
        ),
        (
            'mutation { write(id: "n1") { id } }',
            None,
            [
                {
                    "errorType": "UnsupportedOperation",
                    "message": "mutation not supported through the realtime channel",
                }
            ],
        ),
        (
            "subscription { backendOnly { id } }",
            None,
            [
                {
                    "errorType": "Unauthorized",
                    "message": "Not Authorized to access backendOnly on type Subscription",
                }
            ],
        ),
        (
            "subscription { written { id author { name } secret } }",
            None,
            [{"errorType": "Unauthorized", "message": "Not Authorized to access secret on type Note"}],
        ),
        (
            'subscription { inRoom(room: "closed") { id } }',
            None,
            [{"errorType": "Unauthorized", "message": "Not Authorized to access inRoom on type Subscription"}],
        ),
        (
            'subscription { inRoom(room: "full") { id } }',
            None,
            [{"errorType": "RoomFull", "message": "the room is full"}],
        ),
        (
            'subscription { inRoom(room: "many") { id } }',
            None,
            [{"message": "subscription exceeds maximum value limit 5 for operator `in`.", "errorCode": 400}],
        ),
    ],
)
async def test_a_rejected_start_is_answered_with_an_error_and_the_connection_continues(
    realtime: Realtime, invoker: RecordingInvoker, query: str, variables: object, errors: list[object]
) -> None:
    answer = await realtime.start("1", query, variables)

    assert answer == {"id": "1", "type": "error", "payload": {"errors": errors}}
    assert await realtime.start("1", WRITTEN) == START_ACK
    assert invoker.calls("notes") == []


async def test_a_start_with_a_refused_token_is_answered_with_an_error(
    realtime: Realtime, invoker: RecordingInvoker
) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}

    answer = await realtime.start("1", WRITTEN)

    message = "You are not authorized to make this call."
    assert answer["payload"]["errors"] == [{"errorType": "UnauthorizedException", "message": message}]


async def test_a_filter_set_by_the_resolver_replaces_the_arguments(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", 'subscription { inRoom(room: "hall") { words } }')

    for words in (9, 10, 11):
        await http.ask(f'mutation {{ write(id: "n1", words: {words}) {{ room words }} }}')
    await http.ask('mutation { write(id: "n1", words: 12, room: "attic") { room words } }')

    got = [(await realtime.receive())["payload"]["data"]["inRoom"]["words"] for _ in range(2)]
    assert got == [10, 11]
    assert await realtime.silent()


async def test_one_connection_may_use_another_mode_for_every_start(
    engine: Engine, session: aiohttp.ClientSession, http: Http, user: Callable[..., str]
) -> None:
    data_text = json.dumps({"query": "subscription { backendOnly { id } }"})
    connect = signed(engine.graphql_url + "/connect", "{}")

    async with connected(engine, session, connect) as client:
        assert await client.start("1", WRITTEN, auth={"Authorization": user()}) == START_ACK
        await client.start_text("2", data_text, signed(engine.graphql_url, data_text))
        assert await client.receive() == {"id": "2", "type": "start_ack"}
        await client.start_text("3", data_text + " ", signed(engine.graphql_url, data_text))
        error = (await client.receive())["payload"]["errors"][0]
        assert error["errorType"] == "BadRequestException"
        assert error["message"].startswith("The request signature we calculated does not match the signature")


@pytest.mark.parametrize("host", ["example.appsync-api.us-east-1.amazonaws.com", "other.example:4000", ""])
async def test_a_connection_with_the_host_of_another_api_is_refused(
    engine: Engine, session: aiohttp.ClientSession, host: str
) -> None:
    protocols = ["graphql-ws", subprotocol_of({"Authorization": TOKEN, "host": host})]
    async with session.ws_connect(engine.realtime_url, protocols=protocols) as socket:
        await socket.send_json({"type": "connection_init"})
        [error] = (await Realtime(socket).receive_any())["payload"]["errors"]

    assert (error["errorType"], error["errorCode"]) == ("BadRequestException", 400)
    assert error["message"] == (
        f"the host in the authorization object must be this API's, such as localhost:4000, and is {host!r}"
    )


@pytest.mark.parametrize("host", ["example.appsync-api.us-east-1.amazonaws.com", "other.example:4000", ""])
async def test_a_start_with_the_host_of_another_api_is_refused_and_no_other_one(
    engine: Engine, session: aiohttp.ClientSession, host: str
) -> None:
    async with connected(engine, session, {"Authorization": TOKEN}) as client:
        error = await client.start("1", WRITTEN, auth={"Authorization": TOKEN, "Host": host})
        assert error["id"] == "1"
        assert error["payload"]["errors"] == [
            {
                "errorType": "BadRequestException",
                "errorCode": 400,
                "message": "the host in the authorization object must be this API's, such as localhost:4000, "
                f"and is {host!r}",
            }
        ]
        own = engine.graphql_url.split("/")[2]
        assert (await client.start("1", WRITTEN, auth={"Authorization": TOKEN, "host": own}))["type"] == "start_ack"


async def test_a_connection_signed_for_another_path_is_refused(engine: Engine, session: aiohttp.ClientSession) -> None:
    for path in ("", "/realtime/connect"):
        protocols = ["graphql-ws", subprotocol_of(signed(engine.graphql_url + path, "{}"))]
        async with session.ws_connect(engine.realtime_url, protocols=protocols) as socket:
            assert (await Realtime(socket).receive_any())["type"] == "connection_error"


async def test_a_subscription_field_outside_the_permissions_of_a_role_is_refused(
    realtime: Realtime, engine: Engine
) -> None:
    data_text = json.dumps({"query": WRITTEN})

    await realtime.start_text("1", data_text, signed(engine.graphql_url, data_text, READER))

    entry = {"errorType": "UnauthorizedException", "message": "Permission denied"}
    assert (await realtime.receive())["payload"]["errors"] == [entry]


async def test_a_reader_that_stops_reading_is_disconnected_and_the_others_are_served(
    engine: Engine, realtime: Realtime, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    query = "subscription { written { room } }"
    write = "mutation ($r: String) { write(id: 1, room: $r) { room } }"
    _reader, writer = await asyncio.open_connection("127.0.0.1", URL(engine.realtime_url).port)
    writer.write(upgrade_request(subprotocol_of(header_object())) + masked_frame(start_message("1", query)))
    await until(lambda: len(engine.registry) == 1)
    await realtime.start("1", query)

    for _ in range(400):
        await http.ask(write, {"r": "x" * 200_000})
        assert (await realtime.receive())["type"] == "data"
        if len(engine.registry) == 1:
            break

    assert len(engine.registry) == 1
    assert any("were waiting for its reader" in record.getMessage() for record in caplog.records)
    writer.close()


async def test_gql_subscribes_through_its_own_appsync_transport(
    engine: Engine, http: Http, user: Callable[..., str]
) -> None:
    auth = AppSyncJWTAuthentication(host="localhost", jwt=user())
    transport = AppSyncWebsocketsTransport(url=engine.realtime_url, auth=auth)
    query = gql('subscription { written(id: "n1") { id words } }')

    async with Client(transport=transport) as client:
        events = client.subscribe(query)
        waiting = asyncio.ensure_future(anext(events))
        await until(lambda: len(engine.registry) == 1)
        await http.ask(WRITE)
        async with asyncio.timeout(TIMEOUT):
            assert await waiting == {"written": {"id": "n1", "words": 7}}
        await events.aclose()


async def test_gql_signs_connection_and_start_for_iam(
    engine: Engine, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    auth = AppSyncIAMAuthentication(
        host=engine.graphql_url.split("/")[2],
        credentials=Credentials(BACKEND.access_key_id, BACKEND.secret_access_key),
        region_name="us-east-1",
    )
    transport = AppSyncWebsocketsTransport(url=engine.realtime_url, auth=auth)

    async with Client(transport=transport) as client:
        events = client.subscribe(gql("subscription { backendOnly { id } }"))
        waiting = asyncio.ensure_future(anext(events))
        await until(lambda: len(engine.registry) == 1)
        await http.ask(WRITE)
        async with asyncio.timeout(TIMEOUT):
            assert await waiting == {"backendOnly": {"id": "n1"}}
        await events.aclose()


async def test_gql_reports_a_refused_start_to_the_subscriber_alone(engine: Engine, user: Callable[..., str]) -> None:
    auth = AppSyncJWTAuthentication(host="localhost", jwt=user())
    transport = AppSyncWebsocketsTransport(url=engine.realtime_url, auth=auth)

    async with Client(transport=transport) as client:
        with pytest.raises(TransportQueryError, match="Not Authorized to access backendOnly"):
            await anext(client.subscribe(gql("subscription { backendOnly { id } }")))
