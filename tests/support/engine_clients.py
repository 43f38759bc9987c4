"""Clients for tests of the engine: HTTP requests, realtime connections frame by frame, and signatures of botocore."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from appsync_local import Engine, IamPrincipal

TOKEN = "custom-ada"
TIMEOUT = 20.0  # seconds to wait for a frame
BACKEND = IamPrincipal(
    access_key_id="AKIDBACKEND",
    secret_access_key="backend-secret",
    arn="arn:aws:sts::111122223333:assumed-role/backend/worker",
    account_id="111122223333",
    allowed=frozenset(
        {
            "Query.note",
            "Mutation.write",
            "Mutation.erase",
            "Subscription.written",
            "Subscription.backendOnly",
            "Subscription.tallied",
        }
    ),
)

READER = IamPrincipal("AKIDREADER", "reader-secret", BACKEND.arn, BACKEND.account_id, frozenset({"Query.note"}))
POWERLESS = IamPrincipal("AKIDPOWERLESS", "powerless-secret", BACKEND.arn, BACKEND.account_id, frozenset())


class Http:
    """Sends GraphQL requests to one engine."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession) -> None:
        self.url = engine.graphql_url
        self.session = session

    async def send(
        self, body: bytes | str | io.BytesIO, headers: dict[str, str] | None = None, **more: Any
    ) -> "Response":
        sent = {"authorization": TOKEN} if headers is None else headers
        async with self.session.post(self.url, data=body, headers=sent, **more) as response:
            return Response(response.status, await response.json(), response.headers)

    async def ask(self, query: str, variables: Any = None, *, headers: dict[str, str] | None = None) -> Any:
        """The response's JSON."""
        body = json.dumps({"query": query, "variables": variables})
        return (await self.send(body, headers)).json


class Response:
    def __init__(self, status: int, content: Any, headers: Any) -> None:
        self.status = status
        self.json = content
        self.headers = headers

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, error type and message of a refusal, which the header must repeat."""
        [entry] = self.json["errors"]
        assert self.headers["x-amzn-errortype"] == entry["errorType"]
        return self.status, entry["errorType"], entry["message"]


class Realtime:
    """One realtime connection, frame by frame."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def receive(self) -> Any:
        """Return the next frame except keep-alives."""
        while (frame := await self.receive_any()) == {"type": "ka"}:
            pass
        return frame

    async def receive_any(self) -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await self.socket.receive_json()

    async def closed(self) -> bool:
        async with asyncio.timeout(TIMEOUT):
            return (await self.socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    async def start(self, id_: str, query: str, variables: Any = None, *, auth: dict[str, str] | None = None) -> Any:
        """Send a `start` and return the answer."""
        request: dict[str, Any] = {"query": query}
        if variables is not None:
            request["variables"] = variables
        await self.start_text(id_, json.dumps(request), auth)
        return await self.receive()

    async def start_text(self, id_: str, data: str, auth: dict[str, str] | None = None) -> None:
        authorization = {"Authorization": TOKEN, "host": "localhost"} if auth is None else auth
        await self.socket.send_str(start_text(id_, data, authorization))

    async def silent(self) -> bool:
        """Return whether no frame is waiting: the next frame must answer a `stop` with an unknown id."""
        await self.send(id="probe", type="stop")
        return bool(await self.receive() == {"id": "probe", "type": "complete"})


def start_text(id_: str, data: str, authorization: dict[str, str]) -> str:
    payload = {"data": data, "extensions": {"authorization": authorization}}
    return json.dumps({"id": id_, "type": "start", "payload": payload})


def start_message(id_: str, query: str) -> str:
    return start_text(id_, json.dumps({"query": query}), {"Authorization": TOKEN})


def upgrade_request(subprotocol: str) -> bytes:
    """Return the bytes of a WebSocket upgrade, for a client that controls when it reads."""
    lines = (
        "GET /graphql HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Sec-WebSocket-Protocol: graphql-ws, {subprotocol}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def masked_frame(text: str) -> bytes:
    """A text frame of 126 to 65,535 bytes, masked with zeros. Source: RFC 6455, section 5.2."""
    payload = text.encode()
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


def header_object(**auth: str) -> dict[str, str]:
    return {"host": "localhost"} | (auth or {"Authorization": TOKEN})


def base64_of(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def subprotocol_of(value: object) -> str:
    return "header-" + base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition of the engine holds."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110  # the condition has no event of its own
            await asyncio.sleep(0.001)


@asynccontextmanager
async def connected(
    engine: Engine,
    session: aiohttp.ClientSession,
    auth: dict[str, str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Realtime]:
    """Open a connection and wait for `connection_ack`."""
    protocols = ("graphql-ws", subprotocol_of(header_object() if auth is None else auth))
    async with session.ws_connect(engine.realtime_url, protocols=protocols, headers=headers) as socket:
        client = Realtime(socket)
        await client.send(type="connection_init")
        assert await client.receive() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}}
        yield client


def signed(
    url: str, body: str, principal: IamPrincipal = BACKEND, *, region: str = "us-east-1", service: str = "appsync"
) -> dict[str, str]:
    """Return the headers of a POST request, signed by botocore."""
    request = AWSRequest(
        "POST",
        url,
        data=body,
        headers={
            "accept": "application/json, text/javascript",
            "content-encoding": "amz-1.0",
            "content-type": "application/json; charset=UTF-8",
        },
    )
    SigV4Auth(Credentials(principal.access_key_id, principal.secret_access_key), service, region).add_auth(request)
    host = url.split("/")[2]
    return {"host": host} | dict(request.headers.items())
