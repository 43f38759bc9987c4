"""Credentials of every mode, and a client that uses them over HTTP and realtime connections."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from appsync_local import Engine, IamPrincipal
from tests.fidelity.application import KEY, OIDC_CLIENT, OIDC_ISSUER
from tests.support.engine_clients import TIMEOUT, Realtime, Response, signed, subprotocol_of
from tests.support.issuer import Issuer, access_claims

Credentials = Callable[
    [str, str], dict[str, str]
]  # from the URL and the body that is sent to the headers that prove the caller


@dataclass(frozen=True)
class Callers:
    """Credentials of one caller for each authorization mode."""

    issuer: Issuer
    oidc: Issuer

    def user(self, **claims: object) -> str:
        """Sign an access token of the user pool."""
        now = int(time.time())
        return self.issuer.sign(access_claims(**({"exp": now + 600, "iat": now} | claims)))

    def oidc_user(self, **claims: object) -> str:
        """Sign a token of the OpenID Connect provider."""
        now = int(time.time())
        own: dict[str, object] = {"iss": OIDC_ISSUER, "sub": "o1", "aud": OIDC_CLIENT, "iat": now, "exp": now + 600}
        sent = {name: value for name, value in (own | claims).items() if value is not None}
        return self.oidc.sign(sent, key=self.oidc.keys[0])

    @property
    def cognito(self) -> Credentials:
        return bearer(self.user())

    @property
    def librarian(self) -> Credentials:
        return bearer(self.user(**{"cognito:groups": ["librarians"]}))

    @property
    def openid(self) -> Credentials:
        return bearer(self.oidc_user())

    @property
    def opaque(self) -> Credentials:
        return bearer("custom-ada")

    @property
    def key(self) -> Credentials:
        return lambda url, body: {"x-api-key": KEY.key}


def bearer(token: str) -> Credentials:
    """Credentials that send a token in the `Authorization` header."""
    return lambda url, body: {"Authorization": token}


def signer(principal: IamPrincipal, **options: str) -> Credentials:
    """Credentials that sign with Signature Version 4."""
    return lambda url, body: signed(url, body, principal, **options)


@dataclass
class ApiClient:
    """A client of one engine. `credentials` are the default; each call may use others."""

    engine: Engine
    session: aiohttp.ClientSession
    credentials: Credentials

    async def post(self, body: str | bytes, headers: Mapping[str, str] | None = None) -> Response:
        """Send a body with these headers only; no credentials are added."""
        async with self.session.post(self.engine.graphql_url, data=body, headers=headers or {}) as response:
            return Response(response.status, await response.json(), response.headers)

    async def request(
        self, query: str, variables: Any = None, *, credentials: Credentials | None = None, **members: Any
    ) -> Response:
        body = json.dumps({"query": query, "variables": variables} | members)
        return await self.post(body, (credentials or self.credentials)(self.engine.graphql_url, body))

    async def ask(self, query: str, variables: Any = None, *, credentials: Credentials | None = None) -> Any:
        """Send a request and return the JSON of the response, which must have status 200."""
        response = await self.request(query, variables, credentials=credentials)
        assert response.status == 200, response.json
        return response.json

    @asynccontextmanager
    async def open(
        self,
        *,
        credentials: Credentials | None = None,
        protocols: tuple[str, ...] | None = None,
        url: str | None = None,
    ) -> AsyncIterator["Reader"]:
        """Open a socket and send nothing on it yet."""
        offered = ("graphql-ws", subprotocol_of(self.connecting(credentials))) if protocols is None else protocols
        async with self.session.ws_connect(url or self.engine.realtime_url, protocols=offered) as socket:
            yield Reader(socket, self, credentials or self.credentials)

    @asynccontextmanager
    async def connected(self, *, credentials: Credentials | None = None) -> AsyncIterator["Reader"]:
        """Open a socket and wait for `connection_ack`."""
        async with self.open(credentials=credentials) as reader:
            await reader.send(type="connection_init")
            assert await reader.receive() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}}
            yield reader

    def connecting(self, credentials: Credentials | None = None) -> dict[str, str]:
        """Return the authorization object for a connection."""
        return {"host": self.host} | (credentials or self.credentials)(f"{self.engine.graphql_url}/connect", "{}")

    @property
    def host(self) -> str:
        return self.engine.graphql_url.split("/")[2]


class Reader(Realtime):
    """A realtime connection with the credentials of one caller."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, client: ApiClient, credentials: Credentials) -> None:
        super().__init__(socket)
        self._client = client
        self._credentials = credentials

    async def subscribe(
        self, id_: str, query: str, variables: Any = None, *, credentials: Credentials | None = None
    ) -> Any:
        """Send a `start` and return the answer."""
        request = {"query": query} | ({} if variables is None else {"variables": variables})
        await self.start_with(id_, json.dumps(request), credentials=credentials)
        return await self.receive()

    async def subscribe_successfully(
        self, id_: str, query: str, variables: Any = None, *, credentials: Credentials | None = None
    ) -> None:
        """Send a `start` and check that it is acknowledged."""
        assert await self.subscribe(id_, query, variables, credentials=credentials) == {"id": id_, "type": "start_ack"}

    async def start_with(
        self, id_: str, data: str, *, credentials: Credentials | None = None, signed_text: str | None = None
    ) -> None:
        """Send a `start`; the signature covers `signed_text` instead of the data if it is given."""
        sent = (credentials or self._credentials)(
            self._client.engine.graphql_url, data if signed_text is None else signed_text
        )
        await self.start_text(id_, data, {"host": self._client.host} | sent)

    async def closing_code(self) -> int:
        """Skip messages until the server closes the socket, and return its close code."""
        async with asyncio.timeout(TIMEOUT):
            while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert message.type is aiohttp.WSMsgType.CLOSE
        return int(message.data)

    async def event(self) -> Any:
        """Return the value of the only field in the next `data` frame."""
        frame = await self.receive()
        assert frame["type"] == "data", frame
        [value] = frame["payload"]["data"].values()
        return value


def base64_of(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()
