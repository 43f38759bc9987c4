"""The engine: an API served over HTTP and WebSocket."""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from appsync_local.api.endpoints import GRAPHQL_PATH, REALTIME_PATH
from appsync_local.api.limits import BODY_LIMIT, DEFAULT_LIMITS, LIFETIME, Introspection, Limits
from appsync_local.api.model import Api
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.authenticator import Authenticator, TrustedIdentities
from appsync_local.authorization.lambda_authorizer import DEFAULT_OPTIONS, AuthorizerOptions, LambdaAuthorizer
from appsync_local.authorization.oidc import OidcProvider
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import DefaultAction, UserPool
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.devtools.chaos import control
from appsync_local.devtools.chaos.spec import Fault
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.counters import Counters
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import METER_PATH, Meter
from appsync_local.devtools.operation_log import LogFields, no_log_fields
from appsync_local.devtools.pages import Page, PageProvider, PageRequest, is_loopback
from appsync_local.errors import PortInUse, RequestRefused
from appsync_local.execution.request_handler import GraphqlResponse
from appsync_local.http.connections import HttpConnection, HttpServer, buffered_body, read_body
from appsync_local.http.responses import headers_of, json_response, new_request_id, page_response, preflight, refusal
from appsync_local.http.served_api import ServedApi
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.realtime.handshake import SUBPROTOCOL
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.protocol import KEEP_ALIVE_INTERVAL
from appsync_local.realtime.session import Session
from appsync_local.realtime.socket import AiohttpSocket
from appsync_local.realtime.subscription_registry import SubscriptionRegistry
from appsync_local.resolvers.loading import ExternalServices, load

__all__ = [
    "ApiKey",
    "AuthorizerOptions",
    "DefaultAction",
    "DynamoDbEndpoint",
    "Engine",
    "IamPrincipal",
    "Introspection",
    "Limits",
    "OidcProvider",
    "PortInUse",
    "UserPool",
]

CLOSE_TIMEOUT: Final = 1.0  # seconds for a client to answer a close
LINGERING: Final = 1.0  # seconds for reading and discarding the rest of a rejected body

log = logging.getLogger("appsync_local")


class Engine:
    """An AppSync API on one machine.

    Args:
        api: The definition of the API.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        invoker: Runs Lambda functions.
        user_pools: Cognito user pools whose tokens are accepted.
        oidc_providers: OpenID Connect providers whose tokens are accepted.
        api_keys: API keys that are accepted.
        principals: IAM access keys that are accepted.
        authorizer: Options of the Lambda authorizer.
        region: The AWS region that signatures must name.
        handlers: Names of the Lambda functions that exist.
        limits: The limits of one operation.
        dynamodb: The endpoint with the tables of DynamoDB data sources; None if the API has no such data source.
        keep_alive: Seconds between two `ka` messages.
        lifetime: Seconds after which a realtime connection is closed.
        chaos: Faults to inject. While the engine listens on loopback, they can be changed at `/chaos`, which is not
            part of AppSync. None: no faults, and no such path.
        meter: Counts what AWS would bill. While the engine listens on loopback, `/meter` shows it. None: no such path.
        health: Counts errors of the engine's background work; None: a record of its own.
        log_fields: Further fields of an operation's log line; must not return secrets.

    Attributes:
        served: The version of the API that answers requests now.
        registry: The live subscriptions.
        counters: Events that no client is informed of.
        health: Errors of background work.

    Raises:
        ApiInvalid: Schema, API or code is invalid.
    """

    def __init__(
        self,
        *,
        api: Api,
        schema: Path,
        code: Path,
        invoker: LambdaInvoker,
        user_pools: tuple[UserPool, ...] = (),
        oidc_providers: tuple[OidcProvider, ...] = (),
        api_keys: tuple[ApiKey, ...] = (),
        principals: tuple[IamPrincipal, ...] = (),
        authorizer: AuthorizerOptions = DEFAULT_OPTIONS,
        region: str = "us-east-1",
        handlers: AbstractSet[str] = frozenset(),
        limits: Limits = DEFAULT_LIMITS,
        dynamodb: DynamoDbEndpoint | None = None,
        keep_alive: float = KEEP_ALIVE_INTERVAL,
        lifetime: float = LIFETIME,
        chaos: Chaos | None = None,
        meter: Meter | None = None,
        health: Health | None = None,
        log_fields: LogFields = no_log_fields,
    ) -> None:
        self._http_client = HttpClient()

        def build() -> ServedApi:
            executable = load(
                api,
                schema=schema,
                code=code,
                handlers=handlers,
                invoker=invoker,
                default_action=user_pools[0].default_action if user_pools else DefaultAction.ALLOW,
                limits=limits,
                services=ExternalServices(self._http_client, dynamodb),
            )
            authenticator = Authenticator(
                executable.modes,
                trusted=TrustedIdentities(user_pools, oidc_providers, api_keys, principals),
                authorizer=None
                if executable.authorizer is None
                else LambdaAuthorizer(executable.authorizer, invoker, authorizer, clock=time.monotonic),
                region=region,
                fetch=self._fetch,
                clock=time.monotonic,
                now=lambda: datetime.now(UTC),
            )
            return ServedApi.of(
                executable,
                authenticator,
                registry=self.registry,
                counters=self.counters,
                meter=self._meter or uncounted,
                health=self.health,
                log_fields=log_fields,
            )

        self.registry = SubscriptionRegistry()
        self.counters = Counters()
        self.health = health or Health()
        self._meter = meter
        uncounted = Meter()
        self._build = build
        self.served = build()
        self._timers = SessionTimers(keep_alive=keep_alive, lifetime=lifetime, health=self.health)
        self._chaos = chaos or Chaos()
        self._has_control = chaos is not None
        self._runner: web.ServerRunner | None = None
        self._address = ("", 0)
        self._http: aiohttp.ClientSession | None = None
        self._is_stopped = False
        self._open: dict[web.WebSocketResponse, Session] = {}
        self._pages: list[PageProvider] = []

    @property
    def graphql_url(self) -> str:
        """The URL for queries and mutations."""
        return f"http://{self._address[0]}:{self._address[1]}{GRAPHQL_PATH}"

    @property
    def realtime_url(self) -> str:
        """The URL for subscriptions."""
        return f"ws://{self._address[0]}:{self._address[1]}{GRAPHQL_PATH}"

    @property
    def chaos_url(self) -> str:
        """The URL at which faults are shown and changed, if the engine has chaos."""
        return f"http://{self._address[0]}:{self._address[1]}{control.CHAOS_PATH}"

    @property
    def meter_url(self) -> str:
        """The URL at which the meter is shown, if the engine has one."""
        return f"http://{self._address[0]}:{self._address[1]}{METER_PATH}"

    @property
    def connections(self) -> int:
        """The number of open connections, HTTP and realtime."""
        server = self._runner.server if self._runner else None
        return len(server.connections) if server else 0

    def reload(self) -> None:
        """Load schema and code from disk again; port, connections and subscriptions are kept.

        Raises:
            ApiInvalid: Schema or code is invalid; the engine still serves the previous version.
        """
        self.served = self._build()
        self.served.subscriptions.replan()
        for session in self._open.values():
            session.use(self.served.subscriptions)

    def offer(self, pages: PageProvider) -> None:
        """Serve additional pages of the embedder while the engine listens on loopback."""
        self._pages.append(pages)

    async def start(self, *, host: str = "127.0.0.1", port: int = 4000) -> None:
        """Listen for connections.

        Args:
            host: Address or name to listen on.
            port: Port to listen on; 0 selects a free port.

        Raises:
            PortInUse: Another process listens on this port.
        """
        try:
            await self._start(lambda runner: web.TCPSite(runner, host, port), host)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(host, port) from None
            raise

    async def start_on(self, listener: socket.socket, *, host: str) -> None:
        """Listen on a socket that is bound to `host` already, for a caller who must know the port in advance."""
        await self._start(lambda runner: web.SockSite(runner, listener), host)

    async def _start(self, site: Callable[[web.ServerRunner], web.BaseSite], host: str) -> None:
        runner = web.ServerRunner(
            HttpServer(self._handle, access_log=None, lingering_time=LINGERING), shutdown_timeout=1.0
        )
        await runner.setup()
        try:
            await site(runner).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._is_stopped = False
        self._address = (host, runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection and stop listening. Does nothing if the engine is not running."""
        self._is_stopped = True
        async with AsyncExitStack() as cleanup:  # every step runs, even if one before it fails
            cleanup.push_async_callback(self._http_client.close)
            if self._http is not None:
                cleanup.push_async_callback(self._http.close)
                self._http = None
            if self._runner is not None:
                cleanup.push_async_callback(self._runner.cleanup)
                self._runner = None
            closing = (response.close(code=aiohttp.WSCloseCode.GOING_AWAY) for response in self._open)
            await asyncio.gather(*closing, return_exceptions=True)  # the runner ends those that did not close

    async def _fetch(self, url: str) -> bytes:
        if self._is_stopped:
            raise OSError("the engine is stopped")
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        try:
            async with self._http.get(url, raise_for_status=True) as response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(str(error)) from error

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, HttpConnection)  # noqa: S101  # `start` creates only these
        request_id = new_request_id()
        if _is_upgrade(request):
            connection.stop_idle_timer()
            return await self._realtime(request, request_id)
        connection.request_arrived()
        try:
            return await self._respond(request, request_id)
        finally:
            connection.request_answered()

    async def _respond(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return preflight(request)
        try:
            body = buffered_body(request)
            if body is None:
                body = await read_body(request)
        except RequestRefused as refused:
            return refusal(refused.status, refused.error_type, refused.message, request_id)
        if request.path != GRAPHQL_PATH:
            return await self._other_path(request, body, request_id)
        if request.method != "POST":
            message = f"{request.method} is not supported; send a POST request"
            return refusal(405, "BadRequestException", message, request_id)
        fault = self._fault(request)
        if fault is Fault.SERVER_ERROR:
            return refusal(503, "ServiceUnavailable", "this request was not executed", request_id)
        answer = await self.served.requests.answer(
            body,
            headers=headers_of(request),
            query=request.rel_url.raw_query_string,
            peer=request.remote or "",
            request_id=request_id,
        )
        if fault is Fault.LOST_ANSWER and request.transport is not None:
            request.transport.abort()
        return json_response(answer, request_id)

    async def _other_path(self, request: web.BaseRequest, body: bytes, request_id: str) -> web.StreamResponse:
        """The response at a path that AppSync does not have: pages, chaos, the meter. Served on loopback only."""
        page = await self._page(request, body)
        if page is not None:
            return page_response(page)
        if request.path == control.CHAOS_PATH and self._has_control and is_loopback(self._address[0]):
            told = control.answer(self._chaos, request.method, body)
            return json_response(GraphqlResponse(told.status, told.body), request_id)
        if request.path == METER_PATH and self._meter is not None and is_loopback(self._address[0]):
            return json_response(GraphqlResponse(200, self._meter.describe()), request_id)
        message = f"there is nothing at this path; send a POST request to {GRAPHQL_PATH}"
        return refusal(404, "NotFoundException", message, request_id)

    async def _page(self, request: web.BaseRequest, body: bytes) -> Page | None:
        if not self._pages or not is_loopback(self._address[0]):
            return None
        page_request = PageRequest(request.method, request.path, headers_of(request), body)
        for pages in self._pages:
            page = await pages.answer(page_request)
            if page is not None:
                return page
        return None

    def _fault(self, request: web.BaseRequest) -> Fault | None:
        requests = self._chaos.requests
        if requests is None or not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
            return None
        return requests.decide()

    async def _realtime(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        # No compression: every message would be compressed once for each subscriber.
        response = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), compress=False, max_msg_size=BODY_LIMIT, timeout=CLOSE_TIMEOUT
        )
        try:
            await response.prepare(request)
        except ConnectionError:
            return web.Response()  # the client has disconnected
        except ValueError:  # raised by aiohttp for a key that is not base64
            return refusal(400, "BadRequestException", "the WebSocket handshake is malformed", request_id)
        session = Session(
            AiohttpSocket(response, request),
            self.served.subscriptions,
            peer=request.remote or "",
            timers=self._timers,
            chaos=self._chaos,
        )
        self._open[response] = session
        try:
            if await _connect(session, request, request_id):
                await session.run()
        finally:
            del self._open[response]
        return response


async def _connect(session: Session, request: web.BaseRequest, request_id: str) -> bool:
    offered = request.headers.get("sec-websocket-protocol", "")
    return await session.connect(
        subprotocols=[part.strip() for part in offered.split(",") if part.strip()],
        raw_query=request.raw_path.partition("?")[2],
        headers=headers_of(request),
        request_id=request_id,
    )


def _is_upgrade(request: web.BaseRequest) -> bool:
    return (
        request.method == "GET"
        and request.headers.get("upgrade", "").lower() == "websocket"
        and request.path in (GRAPHQL_PATH, REALTIME_PATH)
    )
