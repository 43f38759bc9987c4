"""Answers every request on the engine's port: the API over HTTP and WebSocket, and the pages beside it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp import web

from appsync_local.api.endpoints import REALTIME_SUFFIX
from appsync_local.devtools.chaos.control import ChaosPage
from appsync_local.devtools.chaos.spec import Fault
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.meter import Meter, MeterPage
from appsync_local.devtools.pages import PageProvider, PageRequest, json_page
from appsync_local.errors import RequestRefused
from appsync_local.http.connections import HttpConnection, buffered_body, read_body
from appsync_local.http.responses import headers_of, json_response, new_request_id, page_response, preflight, refusal
from appsync_local.http.served_api import ServedApi
from appsync_local.http.services import Service
from appsync_local.http.site_check import SiteCheck
from appsync_local.http.sites import is_loopback
from appsync_local.http.upgrade import is_upgrade, upgrade
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.session import Session

if TYPE_CHECKING:
    from appsync_local.realtime.socket import RealtimeSocket

API_METHODS: Final = ("POST", "GET", "OPTIONS")


class Dispatcher:
    """Passes each request to the handler for its path.

    Args:
        served: The version of the API that answers requests now.
        path: The path of the API.
        sites: Refuses requests that other sites send, at every path.
        timers: The timers of realtime connections.
        chaos: Faults to inject; None: no faults, and no page that changes them.
        meter: Shown at `/meter`; None: no such page.
    """

    def __init__(
        self,
        served: Callable[[], ServedApi],
        *,
        path: str,
        sites: SiteCheck,
        timers: SessionTimers,
        chaos: Chaos | None,
        meter: Meter | None,
    ) -> None:
        self._apis: dict[str, Callable[[], ServedApi]] = {}  # by the paths of queries and of sockets
        self._graphql_paths: set[str] = set()
        self._sites = sites
        self._timers = timers
        self._chaos = chaos or Chaos()
        self._sessions: dict[RealtimeSocket, tuple[Callable[[], ServedApi], Session, asyncio.Task[None]]] = {}
        self._pages: dict[str, PageProvider] = {}
        self._services: dict[str, Service] = {}
        self._serves_pages = False
        self.serve(served, path)
        if chaos is not None:
            self.offer(ChaosPage(chaos))
        if meter is not None:
            self.offer(MeterPage(meter))

    @property
    def connections(self) -> int:
        """The number of open realtime connections."""
        return len(self._sessions)

    @property
    def paths(self) -> frozenset[str]:
        """Every path at which something is served."""
        apis = frozenset(self._apis)
        return apis | self._pages.keys() | self._services.keys() if self._serves_pages else apis

    def serve(self, served: Callable[[], ServedApi], path: str) -> None:
        """Serve an API at a path."""
        self._apis |= {path: served, path + REALTIME_SUFFIX: served}
        self._graphql_paths.add(path)

    def offer(self, pages: PageProvider) -> None:
        """Serve additional pages."""
        self._pages.update(dict.fromkeys(pages.paths, pages))

    def mount(self, service: Service) -> None:
        """Serve a service below its path."""
        self._services[service.path] = service

    def serve_at(self, host: str) -> None:
        """Set the address that the engine listens on. Pages that AppSync does not have are served on loopback only."""
        self._sites.serve_at(host)
        self._serves_pages = is_loopback(host)

    def renew(self, served: Callable[[], ServedApi]) -> None:
        """Let open realtime connections of an API start subscriptions on its current version."""
        for api, session, _ in self._sessions.values():
            if api == served:
                session.use(served().subscriptions)

    async def close(self) -> None:
        """Close every realtime connection. An error in one does not keep the others open."""
        sessions = dict(self._sessions)
        closing = (socket.close(aiohttp.WSCloseCode.GOING_AWAY) for socket in sessions)
        await asyncio.gather(*closing, return_exceptions=True)
        tasks = [task for _, _, task in sessions.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """The response to a request."""
        connection = request.protocol
        assert isinstance(connection, HttpConnection)  # noqa: S101  # the server creates only these
        service = self._service(request)
        is_api = request.path in self._apis or service is not None
        refused = self._sites.api_refusal(request) if is_api else self._sites.page_refusal(request)
        if refused is None and is_api and service is None and is_upgrade(request):
            connection.stop_idle_timer()
            return self._realtime(request, connection)
        return self._answer(request, connection, service, refused, is_api=is_api)

    async def _answer(
        self,
        request: web.BaseRequest,
        connection: HttpConnection,
        service: Service | None,
        refused: str | None,
        *,
        is_api: bool,
    ) -> web.StreamResponse:
        request_id = new_request_id()
        connection.request_arrived()
        try:
            if refused is not None:
                return _forbidden(refused, request_id) if is_api else page_response(json_page({"error": refused}, 403))
            if service is not None:
                return await self._serve(service, request)
            response = await self._respond(request, request_id)
            if is_api:
                response.headers.update(self._sites.cors_headers(request))
            return response
        finally:
            connection.request_answered()

    def _service(self, request: web.BaseRequest) -> Service | None:
        """The service below whose path a request is."""
        if not self._services or not self._serves_pages:
            return None
        first = request.path.find("/", 1)
        return self._services.get(request.path if first < 0 else request.path[:first])

    async def _serve(self, service: Service, request: web.BaseRequest) -> web.StreamResponse:
        headers = self._sites.cors_headers(request)
        if request.method == "OPTIONS":
            response = preflight(request, service.methods)
            response.headers.update(headers)
            return response
        return await service.handle(request, {**headers, "access-control-expose-headers": ", ".join(service.exposed)})

    async def _respond(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        if request.method == "OPTIONS" and request.path in self._apis:
            return preflight(request, API_METHODS)
        try:
            body = buffered_body(request)
            if body is None:
                body = await read_body(request)
        except RequestRefused as refused:
            return refusal(refused.status, refused.error_type, refused.message, request_id)
        if request.path not in self._graphql_paths:
            return await self._other_path(request, body, request_id)
        if request.method not in ("GET", "POST"):
            message = f"{request.method} is not supported; send a POST or a GET request"
            return refusal(405, "BadRequestException", message, request_id)
        fault = self._fault(request)
        if fault is Fault.SERVER_ERROR:
            return refusal(503, "ServiceUnavailable", "this request was not executed", request_id)
        answer = await self._apis[request.path]().requests.answer(
            body,
            headers=headers_of(request),
            query=request.rel_url.raw_query_string,
            peer=request.remote or "",
            request_id=request_id,
            method=request.method,
        )
        if fault is Fault.LOST_ANSWER and request.transport is not None:
            request.transport.abort()
        return json_response(answer, request_id)

    async def _other_path(self, request: web.BaseRequest, body: bytes, request_id: str) -> web.StreamResponse:
        """The response at a path that AppSync does not have."""
        pages = self._provider(request.path) if self._serves_pages else None
        if pages is not None:
            page = await pages.answer(PageRequest(request.method, request.path, headers_of(request), body))
            return page_response(page)
        message = f"there is nothing at this path; send a POST request to {' or '.join(sorted(self._graphql_paths))}"
        return refusal(404, "NotFoundException", message, request_id)

    def _provider(self, path: str) -> PageProvider | None:
        """What serves the page at a path: the provider of the path itself, or of the folder `/…/` that it is in."""
        return self._pages.get(path) or self._pages.get(path[: path.find("/", 1) + 1])

    def _fault(self, request: web.BaseRequest) -> Fault | None:
        requests = self._chaos.requests
        if requests is None or not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
            return None
        return requests.decide()

    async def _realtime(self, request: web.BaseRequest, connection: HttpConnection) -> web.StreamResponse:
        """Start a session; the task that runs it keeps nothing of the request."""
        request_id = new_request_id()
        headers, peer = headers_of(request), request.remote or ""
        try:
            socket = upgrade(request, connection)
        except ConnectionError:
            return web.Response()  # the client has disconnected
        if socket is None:
            return refusal(400, "BadRequestException", "the WebSocket handshake is malformed", request_id)
        api = self._apis[request.path]
        session = Session(
            socket,
            api().subscriptions,
            peer=peer,
            timers=self._timers,
            chaos=self._chaos,
            is_own_host=self._sites.is_own_host,
        )
        offered = request.headers.get("sec-websocket-protocol", "")
        connecting = session.connect(
            subprotocols=[part.strip() for part in offered.split(",") if part.strip()],
            raw_query=request.raw_path.partition("?")[2],
            headers=headers,
            request_id=request_id,
        )
        task = asyncio.create_task(self._run(socket, session, connecting))
        self._sessions[socket] = (api, session, task)
        return web.Response()  # not sent: this connection has left its transport to the socket

    async def _run(self, socket: "RealtimeSocket", session: Session, connecting: Coroutine[Any, Any, bool]) -> None:
        try:
            is_accepted = await connecting
            del connecting  # with the request's headers
            if is_accepted:
                await session.run()
            await socket.close()
        except Exception as error:  # of this connection alone
            session.failed(error)
            socket.abort()
        except asyncio.CancelledError:
            socket.abort()
            raise
        finally:
            del self._sessions[socket]


def _forbidden(message: str, request_id: str) -> web.StreamResponse:
    return refusal(403, "ForbiddenException", message, request_id)
