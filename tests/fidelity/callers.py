"""How the tests knock: one caller is what a client presents, for HTTP and for realtime alike."""

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

Show = Callable[
    [str, str], dict[str, str]
]  # from the URL and the body that is sent to the headers that prove the caller


@dataclass(frozen=True)
class Callers:
    """Everybody who may call, by mode."""

    issuer: Issuer
    oidc: Issuer

    def user(self, **claims: object) -> str:
        """An access token of the user pool."""
        now = int(time.time())
        return self.issuer.sign(access_claims(**({"exp": now + 600, "iat": now} | claims)))

    def oidc_user(self, **claims: object) -> str:
        """A token of the OpenID Connect provider."""
        now = int(time.time())
        own: dict[str, object] = {"iss": OIDC_ISSUER, "sub": "o1", "aud": OIDC_CLIENT, "iat": now, "exp": now + 600}
        told = {name: value for name, value in (own | claims).items() if value is not None}
        return self.oidc.sign(told, key=self.oidc.keys[0])

    @property
    def cognito(self) -> Show:
        return bearer(self.user())

    @property
    def librarian(self) -> Show:
        return bearer(self.user(**{"cognito:groups": ["librarians"]}))

    @property
    def openid(self) -> Show:
        return bearer(self.oidc_user())

    @property
    def opaque(self) -> Show:
        return bearer("custom-ada")

    @property
    def key(self) -> Show:
        return lambda url, body: {"x-api-key": KEY.key}


def bearer(token: str) -> Show:
    """Somebody with something for the `Authorization` header."""
    return lambda url, body: {"Authorization": token}


def signer(principal: IamPrincipal, **options: str) -> Show:
    """Somebody who signs with Signature Version 4."""
    return lambda url, body: signed(url, body, principal, **options)


@dataclass
class Door:
    """One engine as clients reach it; `show` is who knocks unless a test says otherwise."""

    engine: Engine
    session: aiohttp.ClientSession
    show: Show

    async def post(self, body: str | bytes, headers: Mapping[str, str] | None = None) -> Response:
        """A request as it is; who knocks is told in its headers or nowhere."""
        async with self.session.post(self.engine.graphql_url, data=body, headers=headers or {}) as response:
            return Response(response.status, await response.json(), response.headers)

    async def request(self, query: str, variables: Any = None, *, show: Show | None = None, **members: Any) -> Response:
        body = json.dumps({"query": query, "variables": variables} | members)
        return await self.post(body, (show or self.show)(self.engine.graphql_url, body))

    async def ask(self, query: str, variables: Any = None, *, show: Show | None = None) -> Any:
        """The JSON that is answered with status 200."""
        response = await self.request(query, variables, show=show)
        assert response.status == 200, response.json
        return response.json

    @asynccontextmanager
    async def open(
        self, *, show: Show | None = None, protocols: tuple[str, ...] | None = None, url: str | None = None
    ) -> AsyncIterator["Reader"]:
        """A socket on which nothing was sent yet."""
        offered = ("graphql-ws", subprotocol_of(self.connecting(show))) if protocols is None else protocols
        async with self.session.ws_connect(url or self.engine.realtime_url, protocols=offered) as socket:
            yield Reader(socket, self, show or self.show)

    @asynccontextmanager
    async def connected(self, *, show: Show | None = None) -> AsyncIterator["Reader"]:
        """A socket that is acknowledged."""
        async with self.open(show=show) as reader:
            await reader.send(type="connection_init")
            assert await reader.receive() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}}
            yield reader

    def connecting(self, show: Show | None = None) -> dict[str, str]:
        """The authorization object of a connection."""
        return {"host": self.host} | (show or self.show)(f"{self.engine.graphql_url}/connect", "{}")

    @property
    def host(self) -> str:
        return self.engine.graphql_url.split("/")[2]


class Reader(Realtime):
    """One realtime connection of one caller."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, door: Door, show: Show) -> None:
        super().__init__(socket)
        self._door = door
        self._show = show

    async def subscribe(self, id_: str, query: str, variables: Any = None, *, show: Show | None = None) -> Any:
        """The answer to a `start`."""
        request = {"query": query} | ({} if variables is None else {"variables": variables})
        await self.start_with(id_, json.dumps(request), show=show)
        return await self.receive()

    async def hears(self, id_: str, query: str, variables: Any = None, *, show: Show | None = None) -> None:
        """Start a subscription that is accepted."""
        assert await self.subscribe(id_, query, variables, show=show) == {"id": id_, "type": "start_ack"}

    async def start_with(
        self, id_: str, data: str, *, show: Show | None = None, signed_text: str | None = None
    ) -> None:
        """Send a `start`; `signed_text` is what the signature covers, where that is not the data."""
        told = (show or self._show)(self._door.engine.graphql_url, data if signed_text is None else signed_text)
        await self.start_text(id_, data, {"host": self._door.host} | told)

    async def closing_code(self) -> int:
        """The code with which the server closes, after whatever else it still sends."""
        async with asyncio.timeout(TIMEOUT):
            while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert message.type is aiohttp.WSMsgType.CLOSE
        return int(message.data)

    async def event(self) -> Any:
        """What the next `data` frame says of its one field."""
        frame = await self.receive()
        assert frame["type"] == "data", frame
        [value] = frame["payload"]["data"].values()
        return value


def base64_of(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()
