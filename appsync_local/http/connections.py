"""HTTP connections: idle ones are closed, input that is not HTTP is rejected, and bodies have limits of size and time.

Input that is not HTTP is neither logged nor sent back, since it could contain a token.
"""

import asyncio
import logging
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from appsync_local.api.limits import BODY_LIMIT, BODY_TIME, IDLE_LIMIT
from appsync_local.errors import RequestRefused

log = logging.getLogger("appsync_local")


class HttpConnection(web.RequestHandler):
    """One HTTP connection, which is closed after `idle_limit` seconds without a request."""

    __slots__ = ("_idle_limit", "_timer", "_waiting_since")

    def __init__(self, manager: web.Server, *, idle_limit: float, **options: Any) -> None:
        super().__init__(manager, **options)
        self._idle_limit = idle_limit
        self._waiting_since: float | None = None  # time of the event loop; None while a request is being answered
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._waiting_since = self._loop.time()
        self._timer = self._loop.call_later(self._idle_limit, self._close_if_idle)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.stop_idle_timer()
        super().connection_lost(exc)

    def request_arrived(self) -> None:
        """Stop the idle time: the head of a request is complete."""
        self._waiting_since = None

    def request_answered(self) -> None:
        """Start the idle time again."""
        self._waiting_since = self._loop.time()

    def stop_idle_timer(self) -> None:
        """Never close this connection for being idle: a realtime connection has other limits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave_transport(self) -> None:
        """End this connection, and leave its transport open: another protocol has taken it over."""
        self.transport = None
        self.connection_lost(None)

    def _close_if_idle(self) -> None:
        now = self._loop.time()
        ends = self._idle_limit + (now if self._waiting_since is None else self._waiting_since)
        if ends <= now:
            self.force_close()
        else:
            self._timer = self._loop.call_at(ends, self._close_if_idle)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        # aiohttp reports a rejected body again while it discards the rest.
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        log.info("a connection was closed: the input from %s is not HTTP (%s)", request.remote, type(exc).__name__)
        entry = {"errorType": "BadRequestException", "message": "the request is not HTTP, or its head is too large"}
        headers = {"content-type": "application/json;charset=UTF-8", "x-amzn-errortype": "BadRequestException"}
        response = web.Response(status=status, body=orjson.dumps({"errors": [entry]}), headers=headers)
        response.force_close()
        return response


class HttpServer(web.Server):
    """Creates a connection for every client."""

    def __init__(self, handler: Any, *, idle_limit: float = IDLE_LIMIT, **options: Any) -> None:
        super().__init__(handler, **options)
        self._idle_limit = idle_limit

    def __call__(self) -> HttpConnection:
        return HttpConnection(self, idle_limit=self._idle_limit, loop=self._loop, **self._kwargs)


def buffered_body(request: web.BaseRequest) -> bytes | None:
    """The body of a request if all of it has arrived, as is usual; None otherwise. Saves two coroutines.

    Raises:
        RequestRefused: The body is too large.
    """
    if not request.content.is_eof() or request.content.exception() is not None:
        return None
    body = request.content.read_nowait()
    if len(body) > BODY_LIMIT:
        raise _too_large()
    return body


async def read_body(request: web.BaseRequest, *, within: float = BODY_TIME) -> bytes:
    """Wait for the whole body of a request.

    Args:
        request: A request whose head has arrived.
        within: Seconds for the body to arrive.

    Raises:
        RequestRefused: The body is too large, incomplete, or late.
    """
    try:
        async with asyncio.timeout(within):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _too_large() from None
    except TimeoutError:
        message = f"the request body did not arrive within {within:g} s"
        raise RequestRefused(408, "BadRequestException", message) from None
    except (web.RequestPayloadError, ConnectionError):
        raise RequestRefused(400, "BadRequestException", "the request body is incomplete or malformed") from None


def _too_large() -> RequestRefused:
    return RequestRefused(413, "BadRequestException", "the request body is larger than 1 MB")
