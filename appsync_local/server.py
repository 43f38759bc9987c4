"""The engine on a port: HTTP and WebSocket around the service. The only module that knows aiohttp."""

import asyncio
import errno
import logging
import time
import uuid
from collections import deque
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, assert_never

import aiohttp
import orjson
from aiohttp import WSMsgType, web

from appsync_local.api import load
from appsync_local.authorization.credentials import Headers
from appsync_local.authorization.gate import Gate
from appsync_local.authorization.lambda_authorizer import LambdaAuthorizer
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import UserPool, UserPools
from appsync_local.errors import PortInUse, RequestRefused
from appsync_local.handshake import SUBPROTOCOL, HandshakeRefused, authorization_headers
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.realtime import (
    KEEP_ALIVE,
    KEEP_ALIVE_INTERVAL,
    Acknowledged,
    Connection,
    Event,
    Send,
    Start,
    Stop,
    SubscriptionId,
    connection_error,
    data_head,
)
from appsync_local.service import GRAPHQL_PATH, Answer, Service, SubscriptionRefused
from appsync_local.subscriptions import Subscription
from infrastructure.wiring import Api

__all__ = ["Engine", "IamPrincipal", "PortInUse", "UserPool"]

REALTIME_PATH: Final = "/graphql/realtime"
OUTGOING_LIMIT: Final = 16 * 1024 * 1024  # bytes that may wait for one slow reader
MESSAGE_LIMIT: Final = 1024 * 1024  # bytes of one message from a client
_CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date",
}
_JSON: Final = "application/json;charset=UTF-8"

log = logging.getLogger("appsync_local")


class Engine:
    """An AppSync API on one machine.

    Args:
        api: The wiring.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        invoker: Runs Lambda functions.
        user_pools: Cognito user pools whose tokens are accepted.
        principals: IAM access keys that are known.
        region: Where signatures have to be for.
        handlers: Names of the Lambda functions that exist.
        keep_alive: Seconds between two `ka` messages.

    Raises:
        ApiInvalid: Schema, wiring or code cannot be served.
    """

    def __init__(
        self,
        *,
        api: Api,
        schema: Path,
        code: Path,
        invoker: LambdaInvoker,
        user_pools: tuple[UserPool, ...] = (),
        principals: tuple[IamPrincipal, ...] = (),
        region: str = "us-east-1",
        handlers: AbstractSet[str] = frozenset(),
        keep_alive: float = KEEP_ALIVE_INTERVAL,
    ) -> None:
        executable = load(api, schema=schema, code=code, handlers=handlers, invoker=invoker)
        authorizer = executable.authorizer and LambdaAuthorizer(executable.authorizer, invoker, clock=time.monotonic)
        gate = Gate(
            executable.modes,
            authorizer=authorizer or None,
            user_pools=UserPools(user_pools, fetch=self._fetch, clock=time.monotonic),
            principals=principals,
            region=region,
            now=lambda: datetime.now(UTC),
        )
        self.service = Service(executable, gate)
        self._keep_alive = keep_alive
        self._runner: web.ServerRunner | None = None
        self._address = ("", 0)
        self._http: aiohttp.ClientSession | None = None
        self._sessions: set[_Session] = set()

    @property
    def graphql_url(self) -> str:
        """Where queries and mutations go."""
        return f"http://{self._address[0]}:{self._address[1]}{GRAPHQL_PATH}"

    @property
    def realtime_url(self) -> str:
        """Where subscriptions go."""
        return f"ws://{self._address[0]}:{self._address[1]}{GRAPHQL_PATH}"

    async def start(self, *, host: str = "127.0.0.1", port: int = 4000) -> None:
        """Listen; port 0 takes a free one.

        Raises:
            PortInUse: Somebody else listens there.
        """
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(host, port) from None
            raise
        self._runner = runner
        self._address = (host, runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection and stop listening; harmless when it is not running."""
        for session in list(self._sessions):
            await session.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _fetch(self, url: str) -> bytes:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        try:
            async with self._http.get(url, raise_for_status=True) as response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(str(error)) from error

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        is_upgrade = request.headers.get("upgrade", "").lower() == "websocket"
        if is_upgrade and request.path in (GRAPHQL_PATH, REALTIME_PATH):
            return await self._realtime(request, request_id)
        if request.method == "OPTIONS":
            return _preflight(request)
        return _response(await self._answer(request, request_id), request_id)

    async def _answer(self, request: web.BaseRequest, request_id: str) -> Answer:
        if request.path != GRAPHQL_PATH:
            return _refusal(404, "NotFoundException", f"nothing is served at this path; POST to {GRAPHQL_PATH}")
        if request.method != "POST":
            return _refusal(405, "BadRequestException", f"{request.method} is not supported; send a POST request")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, "BadRequestException", "the request body is larger than 1 MB")
        return await self.service.answer(
            body,
            headers=_headers(request),
            query=request.rel_url.raw_query_string,
            peer=request.remote or "",
            request_id=request_id,
        )

    async def _realtime(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        # No compression: it would be done again for every one of a thousand subscribers.
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False, max_msg_size=MESSAGE_LIMIT)
        await socket.prepare(request)
        session = _Session(socket, request, self.service, self._keep_alive)
        self._sessions.add(session)
        try:
            await session.run(request_id)
        finally:
            self._sessions.discard(session)
        return socket


class _Session:
    """Pumps messages between one socket and its protocol object."""

    def __init__(
        self, socket: web.WebSocketResponse, request: web.BaseRequest, service: Service, keep_alive: float
    ) -> None:
        self._socket = socket
        self._request = request
        self._service = service
        self._keep_alive = keep_alive
        self._peer = request.remote or ""
        self._headers: Headers = {}
        self._connection = Connection()
        self._subscriptions: dict[SubscriptionId, Subscription] = {}
        self._outgoing: deque[bytes] = deque()
        self._outgoing_size = 0
        self._wake = asyncio.Event()
        self._starts: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, request_id: str) -> None:
        """Serve the connection to its end."""
        try:
            offered = self._request.headers.get("sec-websocket-protocol", "")
            protocols = [part.strip() for part in offered.split(",") if part.strip()]
            query = self._request.raw_path.partition("?")[2]
            self._headers = authorization_headers(protocols, query, _headers(self._request))
            await self._service.connect(self._headers, peer=self._peer, request_id=request_id)
        except HandshakeRefused as refused:
            await self._refuse(refused.entry)
        except RequestRefused as refused:
            await self._refuse(
                {"errorType": refused.error_type, "message": refused.message, "errorCode": refused.status}
            )
        else:
            await self._pump()

    async def close(self) -> None:
        """Tell the client that the engine goes away."""
        await self._socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    async def _refuse(self, entry: dict[str, object]) -> None:
        await self._socket.send_frame(connection_error(entry), WSMsgType.TEXT)
        await self._socket.close()

    async def _pump(self) -> None:
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    for event in self._connection.receive(message.data):
                        self._carry_out(event)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for subscription in self._subscriptions.values():
                self._service.registry.remove(subscription)
            tasks = [writer, *self._starts]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _carry_out(self, event: Event) -> None:
        match event:
            case Send(text):
                self._send(text)
            case Acknowledged():
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(self._keep_alive, self._send_keep_alive)
            case Start():
                task = asyncio.create_task(self._start(event))
                self._starts.add(task)
                task.add_done_callback(self._starts.discard)
            case Stop(id_):
                self._service.registry.remove(self._subscriptions.pop(id_))
            case _:
                assert_never(event)

    async def _start(self, start: Start) -> None:
        head = data_head(start.id)
        try:
            subscription = await self._service.subscribe(
                start.data,
                authorization=start.authorization,
                headers=self._headers,
                peer=self._peer,
                request_id=str(uuid.uuid4()),
                deliver=lambda payload: self._send(head + payload + b"}"),
            )
        except SubscriptionRefused as refused:
            if self._connection.is_awaited(start):
                self._send(self._connection.reject(start, refused.errors))
            return
        except Exception:
            log.exception("a subscription failed inside the engine")
            if self._connection.is_awaited(start):
                failure: dict[str, object] = {"errorType": "InternalFailure", "message": "an internal failure occurred"}
                self._send(self._connection.reject(start, [failure]))
            return
        if self._connection.is_awaited(start):
            # Registered before it is acknowledged: an event sent right after `start_ack` is not missed.
            self._subscriptions[start.id] = subscription
            self._service.registry.add(subscription)
            self._send(self._connection.accept(start))

    def _send_keep_alive(self) -> None:
        self._send(KEEP_ALIVE)
        self._timer = asyncio.get_running_loop().call_later(self._keep_alive, self._send_keep_alive)

    def _send(self, text: bytes) -> None:
        self._outgoing.append(text)
        self._outgoing_size += len(text)
        if self._outgoing_size > OUTGOING_LIMIT:
            self._cut_off()
        self._wake.set()

    def _cut_off(self) -> None:
        log.warning("a realtime connection was closed: %d bytes were waiting for its reader", self._outgoing_size)
        self._outgoing.clear()
        self._outgoing_size = 0
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outgoing:
                text = self._outgoing.popleft()
                try:
                    await self._socket.send_frame(text, WSMsgType.TEXT)
                except ConnectionError:  # the reader's loop ends on its own
                    return
                self._outgoing_size -= len(text)


def _headers(request: web.BaseRequest) -> Headers:
    headers: dict[str, str | list[str]] = {}
    for name, value in request.headers.items():
        key = name.lower()
        before = headers.get(key)
        if before is None:
            headers[key] = value
        else:
            headers[key] = [*([before] if isinstance(before, str) else before), value]
    return headers


def _refusal(status: int, error_type: str, message: str) -> Answer:
    return Answer(status, orjson.dumps({"errors": [{"errorType": error_type, "message": message}]}), error_type)


def _response(answer: Answer, request_id: str) -> web.Response:
    headers = {
        "content-type": _JSON,
        "x-amzn-requestid": request_id,
        "x-amzn-appsync-tokensconsumed": "1",
        **_CORS,
    }
    if answer.error_type is not None:
        headers["x-amzn-errortype"] = answer.error_type
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _preflight(request: web.BaseRequest) -> web.Response:
    asked = request.headers.get("access-control-request-headers", "authorization,content-type,x-api-key")
    headers = {
        **_CORS,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": asked,
        "access-control-max-age": "600",
    }
    return web.Response(status=200, headers=headers)
