"""Answers every request on the engine's port: the API over HTTP and WebSocket, and the pages beside it."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp import web

from appsync_local.api.endpoints import GRAPHQL_PATH, REALTIME_PATH
from appsync_local.api.limits import BODY_LIMIT
from appsync_local.devtools.chaos import control
from appsync_local.devtools.chaos.spec import Fault
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.meter import METER_PATH, Meter
from appsync_local.devtools.pages import Page, PageProvider, PageRequest, is_loopback
from appsync_local.errors import RequestRefused
from appsync_local.execution.request_handler import GraphqlResponse
from appsync_local.http.connections import HttpConnection, buffered_body, read_body
from appsync_local.http.responses import headers_of, json_response, new_request_id, page_response, preflight, refusal
from appsync_local.http.served_api import ServedApi
from appsync_local.realtime.handshake import SUBPROTOCOL
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.session import Session
from appsync_local.realtime.socket import AiohttpSocket

CLOSE_TIMEOUT: Final = 1.0  # seconds for a client to answer a close


class Dispatcher:
    """Passes each request to the handler for its path.

    Args:
        served: The version of the API that answers requests now.
        timers: The timers of realtime connections.
        chaos: Faults to inject; None: no faults, and no page that changes them.
        meter: Shown at `/meter`; None: no such page.

    Attributes:
        host: The address that the engine listens on. Pages that AppSync does not have are served on loopback only.
    """

    def __init__(
        self, served: Callable[[], ServedApi], *, timers: SessionTimers, chaos: Chaos | None, meter: Meter | None
    ) -> None:
        self.host = ""
        self._served = served
        self._timers = timers
        self._chaos = chaos or Chaos()
        self._chaos_control = chaos is not None
        self._meter = meter
        self._sessions: dict[web.WebSocketResponse, Session] = {}
        self._pages: list[PageProvider] = []

    def offer(self, pages: PageProvider) -> None:
        """Serve additional pages."""
        self._pages.append(pages)

    def use(self, served: ServedApi) -> None:
        """Let open realtime connections start subscriptions on this version of the API."""
        for session in self._sessions.values():
            session.use(served.subscriptions)

    async def close(self) -> None:
        """Close every realtime connection. An error in one does not keep the others open."""
        closing = (response.close(code=aiohttp.WSCloseCode.GOING_AWAY) for response in self._sessions)
        await asyncio.gather(*closing, return_exceptions=True)  # the server ends those that did not close

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request; for a WebSocket, when its connection has ended."""
        connection = request.protocol
        assert isinstance(connection, HttpConnection)  # noqa: S101  # the server creates only these
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
        answer = await self._served().requests.answer(
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
        if request.path == control.CHAOS_PATH and self._chaos_control and is_loopback(self.host):
            shown = control.answer(self._chaos, request.method, body)
            return json_response(GraphqlResponse(shown.status, shown.body), request_id)
        if request.path == METER_PATH and self._meter is not None and is_loopback(self.host):
            return json_response(GraphqlResponse(200, self._meter.describe()), request_id)
        message = f"there is nothing at this path; send a POST request to {GRAPHQL_PATH}"
        return refusal(404, "NotFoundException", message, request_id)

    async def _page(self, request: web.BaseRequest, body: bytes) -> Page | None:
        if not self._pages or not is_loopback(self.host):
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
            self._served().subscriptions,
            peer=request.remote or "",
            timers=self._timers,
            chaos=self._chaos,
        )
        self._sessions[response] = session
        try:
            if await _connect(session, request, request_id):
                await session.run()
        finally:
            del self._sessions[response]
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
