"""Connections until a whole request is here: those that bring none are closed, and what is no HTTP is refused.

Bytes that are no HTTP may well be a token in the wrong place, and so they are neither logged nor sent back.
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


class Connection(web.RequestHandler):
    """One HTTP connection, closed once it has brought no request for `idle_limit` seconds."""

    __slots__ = ("_idle_limit", "_timer", "_waiting_since")

    def __init__(self, manager: web.Server, *, idle_limit: float, **options: Any) -> None:
        super().__init__(manager, **options)
        self._idle_limit = idle_limit
        self._waiting_since: float | None = None  # on the loop's clock; None while a request is answered
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._waiting_since = self._loop.time()
        self._timer = self._loop.call_later(self._idle_limit, self._look)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.leave()
        super().connection_lost(exc)

    def begin(self) -> None:
        """A whole request head has arrived."""
        self._waiting_since = None

    def end(self) -> None:
        """The request is answered; the next one may come."""
        self._waiting_since = self._loop.time()

    def leave(self) -> None:
        """No request is waited for any more: a realtime connection has limits of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now = self._loop.time()
        ends = self._idle_limit + (now if self._waiting_since is None else self._waiting_since)
        if ends <= now:
            self.force_close()
        else:
            self._timer = self._loop.call_at(ends, self._look)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        # Noticed once more while the rest of a body is thrown away that was refused already.
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
        log.info("a connection was closed: what %s sent is no HTTP (%s)", request.remote, type(exc).__name__)
        entry = {"errorType": "BadRequestException", "message": "the request is no HTTP, or its head is too large"}
        headers = {"content-type": "application/json;charset=UTF-8", "x-amzn-errortype": "BadRequestException"}
        response = web.Response(status=status, body=orjson.dumps({"errors": [entry]}), headers=headers)
        response.force_close()
        return response


class Connections(web.Server):
    """Makes such connections."""

    def __init__(self, handler: Any, *, idle_limit: float = IDLE_LIMIT, **options: Any) -> None:
        super().__init__(handler, **options)
        self._idle_limit = idle_limit

    def __call__(self) -> Connection:
        return Connection(self, idle_limit=self._idle_limit, loop=self._loop, **self._kwargs)


def body_here(request: web.BaseRequest) -> bytes | None:
    """The whole body of a request if all of it is here already, as nearly always; spares two coroutines.

    Raises:
        RequestRefused: It is too large.
    """
    if not request.content.is_eof() or request.content.exception() is not None:
        return None
    body = request.content.read_nowait()
    if len(body) > BODY_LIMIT:
        raise _too_large()
    return body


async def body_of(request: web.BaseRequest, *, within: float = BODY_TIME) -> bytes:
    """The whole body of a request, which may take its time.

    Args:
        request: Whose head is here.
        within: Seconds that the body may take.

    Raises:
        RequestRefused: It is too large, is broken off, or does not come.
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
        raise RequestRefused(400, "BadRequestException", "the request body is broken") from None


def _too_large() -> RequestRefused:
    return RequestRefused(413, "BadRequestException", "the request body is larger than 1 MB")
