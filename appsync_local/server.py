"""The engine on a port: HTTP and WebSocket around the service. The only module that knows aiohttp."""

import asyncio
import errno
import ipaddress
import logging
import time
import uuid
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import orjson
from aiohttp import WSMsgType, web

from appsync_local.api import load
from appsync_local.authorization.credentials import Headers
from appsync_local.authorization.gate import Gate
from appsync_local.authorization.lambda_authorizer import LambdaAuthorizer
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import UserPool, UserPools
from appsync_local.chaos import control
from appsync_local.chaos.spec import Fault
from appsync_local.chaos.switch import Chaos
from appsync_local.errors import PortInUse
from appsync_local.handshake import SUBPROTOCOL
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.realtime import KEEP_ALIVE_INTERVAL
from appsync_local.service import GRAPHQL_PATH, Answer, Service
from appsync_local.session import Session
from infrastructure.wiring import Api

__all__ = ["Engine", "IamPrincipal", "PortInUse", "UserPool"]

REALTIME_PATH: Final = "/graphql/realtime"
CLOSE_TIMEOUT: Final = 1.0  # seconds that a client has to answer a close
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
        chaos: What is to go wrong on purpose. It can be turned at `/chaos`, which is no part of AppSync, while the
            engine listens on loopback. None: nothing goes wrong, and there is no such path.

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
        chaos: Chaos | None = None,
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
        self._chaos = chaos or Chaos()
        self._has_control = chaos is not None
        self._runner: web.ServerRunner | None = None
        self._address = ("", 0)
        self._http: aiohttp.ClientSession | None = None
        self._open: set[web.WebSocketResponse] = set()

    @property
    def graphql_url(self) -> str:
        """Where queries and mutations go."""
        return f"http://{self._address[0]}:{self._address[1]}{GRAPHQL_PATH}"

    @property
    def realtime_url(self) -> str:
        """Where subscriptions go."""
        return f"ws://{self._address[0]}:{self._address[1]}{GRAPHQL_PATH}"

    @property
    def chaos_url(self) -> str:
        """Where chaos is turned, if it can be."""
        return f"http://{self._address[0]}:{self._address[1]}{control.CHAOS_PATH}"

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
        await asyncio.gather(*(response.close(code=aiohttp.WSCloseCode.GOING_AWAY) for response in self._open))
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
        fault = self._fault(request)
        if fault is Fault.SERVER_ERROR:
            return _response(_refusal(503, "ServiceUnavailable", "this request was not carried out"), request_id)
        answer = await self._answer(request, request_id)
        if fault is Fault.LOST_ANSWER and request.transport is not None:
            request.transport.abort()
        return _response(answer, request_id)

    def _fault(self, request: web.BaseRequest) -> Fault | None:
        requests = self._chaos.requests
        if requests is None or not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
            return None
        return requests.decide()

    async def _answer(self, request: web.BaseRequest, request_id: str) -> Answer:
        if request.path != GRAPHQL_PATH:
            if request.path == control.CHAOS_PATH and self._has_control and _is_loopback(self._address[0]):
                told = control.answer(self._chaos, request.method, await request.read())
                return Answer(told.status, told.body)
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
        response = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), compress=False, max_msg_size=MESSAGE_LIMIT, timeout=CLOSE_TIMEOUT
        )
        await response.prepare(request)
        session = Session(
            _AiohttpSocket(response, request),
            self.service,
            peer=request.remote or "",
            keep_alive=self._keep_alive,
            chaos=self._chaos,
        )
        offered = request.headers.get("sec-websocket-protocol", "")
        self._open.add(response)
        try:
            await session.run(
                subprotocols=[part.strip() for part in offered.split(",") if part.strip()],
                raw_query=request.raw_path.partition("?")[2],
                headers=_headers(request),
                request_id=request_id,
            )
        finally:
            self._open.discard(response)
        return response


class _AiohttpSocket:
    """The session's view of aiohttp's WebSocket."""

    def __init__(self, response: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._response = response
        self._request = request

    async def send(self, text: bytes) -> None:
        await self._response.send_frame(text, WSMsgType.TEXT)

    async def messages(self) -> AsyncIterator[str | bytes]:
        async for message in self._response:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data

    async def close(self) -> None:
        await self._response.close()

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


def _without_subprotocols(record: logging.LogRecord) -> bool:
    """aiohttp logs the subprotocols of a client that offers none it knows; a token may be among them."""
    return "protocols" not in str(record.msg)


logging.getLogger("aiohttp.websocket").addFilter(_without_subprotocols)


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
