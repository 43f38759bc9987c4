import json

import aiohttp
import pytest
from gql import Client, gql
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport

from appsync_local.server import Engine
from tests.engine.clients import Http, Realtime, base64_of, connected, header_object, subprotocol_of

WRITTEN = "subscription Watch($id: ID) { written(id: $id) { id words } }"
WRITE = 'mutation { write(id: "n1", words: 7) { id words room revision } }'
START_ACK = {"id": "1", "type": "start_ack"}


def data(id_: str, **fields: object) -> dict[str, object]:
    return {"id": id_, "type": "data", "payload": {"data": {"written": fields}}}


async def test_a_subscriber_hears_the_event_it_filters_for(realtime: Realtime, http: Http) -> None:
    assert await realtime.start("1", WRITTEN, {"id": "n1"}) == START_ACK

    await http.ask(WRITE)

    assert await realtime.receive() == data("1", id="n1", words=7)


async def test_a_subscriber_of_another_id_hears_nothing(realtime: Realtime, http: Http) -> None:
    await realtime.start("1", WRITTEN, {"id": "n2"})

    await http.ask(WRITE)

    assert await realtime.silent()


@pytest.mark.parametrize("path", ["", "/realtime"])
@pytest.mark.parametrize("escape", [False, True])
async def test_the_authorization_object_may_travel_in_the_query_string(
    engine: Engine, session: aiohttp.ClientSession, path: str, escape: bool
) -> None:
    header = base64_of(header_object(Authorization="custom->>>???ÿÿ~~~"))
    assert "+" in header or "/" in header
    text = "".join(f"%{ord(c):02X}" if escape and not c.isalnum() else c for c in header)
    url = f"{engine.realtime_url}{path}?header={text}&payload=e30="

    async with session.ws_connect(aiohttp.client.URL(url, encoded=True), protocols=["graphql-ws"]) as socket:
        await socket.send_str('{"type":"connection_init","payload":{}}')

        assert socket.protocol == "graphql-ws"
        assert (await Realtime(socket).receive())["type"] == "connection_ack"
