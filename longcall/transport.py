"""Queries and mutations over HTTP: gql's aiohttp transport, with one session for a client's whole life."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportClosed, TransportError, TransportServerError

from longcall.addresses import is_loopback
from longcall.authorization import Authorization, authorized
from longcall.errors import (
    ClientClosed,
    ConfigurationError,
    ConnectionLost,
    GraphQLFault,
    LongcallError,
    ProtocolError,
    RequestRejected,
    Throttled,
    Unreachable,
)
from longcall.faults import parse_faults, rejection, token_refused
from longcall.models import Json
from longcall.operations import Request
from longcall.timing import Timing, pauses

log = logging.getLogger(__name__)

# gql logs whole requests and answers at DEBUG, and they contain tokens and prompts.
logging.getLogger("gql.transport").setLevel(logging.INFO)

THROTTLED: Final = 429
UNAUTHORIZED: Final = 401


class Requests:
    """Sends operations and returns their data.

    Every operation of this API can be repeated without harm, so a request is sent again when its answer is lost, when
    something behind the API fails, and when the API is throttled.
    """

    def __init__(self, url: str, authorization: Authorization, timing: Timing, type_prefix: str = "") -> None:
        self._url = url
        self._type_prefix = type_prefix
        self._authorization = authorization
        self._timing = timing
        self._is_closed = False
        session = {
            "timeout": aiohttp.ClientTimeout(total=timing.answer),
            "trust_env": not is_loopback(url),
            "raise_for_status": _check_status,
        }
        self._transport = AIOHTTPTransport(url, client_session_args=session)

    async def open(self) -> None:
        """Make the session.

        Raises:
            ClientClosed: This object was closed before.
        """
        self._check_open()
        await self._transport.connect()

    async def close(self) -> None:
        """Close the session. Requests that wait for an answer or for a retry end with `ClientClosed`."""
        self._is_closed = True
        await self._transport.close()

    async def execute(self, name: str, variables: Mapping[str, Json]) -> Mapping[str, Any]:
        """Send a document until it is answered, as often as the timing allows.

        Returns:
            The `data` of the answer.

        Raises:
            Unreachable: No connection could be made. Nothing was sent.
            ConnectionLost: No answer arrived in any try.
            Throttled: The API was throttled for longer than the timing allows.
            NotAuthorized: The API refused the token, and a fresh one too.
            RequestRejected: The API refused the request; `error_type` says why.
            ProtocolError: The answer is not one of a GraphQL API.
            ClientClosed: The client was closed.
        """
        request = Request(name, variables, self._type_prefix)
        retries = _Retries(self._timing, asyncio.get_running_loop().time)
        while True:
            self._check_open()
            try:
                return await authorized(self._authorization, lambda headers: self._send(request, headers))
            except (ConnectionLost, RequestRejected) as error:
                pause = retries.after(error)
                if pause is None:
                    raise
                extra = {"event": "request_retried", "operation": name, "error": type(error).__name__}
                log.info("request failed, sending it again", extra=extra)
            await asyncio.sleep(pause)

    async def _send(self, request: Request, headers: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            result = await self._transport.execute(request, extra_args={"headers": headers})
        except TransportError as exc:
            raise self._failure(exc) from exc
        if result.errors:
            raise rejection(parse_faults(result.errors))
        if not isinstance(result.data, Mapping):
            raise ProtocolError(f"the answer from {self._url} has no data; check that this is the GraphQL URL")
        return result.data

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClientClosed

    def _failure(self, exc: TransportError) -> LongcallError:
        if self._is_closed:
            return ClientClosed()
        if isinstance(exc, TransportClosed):
            return ConfigurationError("the client is not open; use it inside `async with`")
        code = exc.code if isinstance(exc, TransportServerError) else None
        if code == UNAUTHORIZED:
            return token_refused(())
        if code == THROTTLED:
            message = f"the API at {self._url} accepts no more requests now (HTTP status {code})"
            return Throttled((GraphQLFault(message, "TooManyRequestsException"),))
        if code is not None and code >= 500:
            return ConnectionLost(f"the API at {self._url} answered with HTTP status {code}")
        if isinstance(exc.__cause__, aiohttp.ClientConnectorError):
            return Unreachable(f"no answer from {self._url}")
        if isinstance(exc.__cause__, aiohttp.ClientError | TimeoutError | OSError):
            return ConnectionLost(f"the connection to {self._url} was lost before the answer arrived")
        return ProtocolError(f"{self._url} did not answer like a GraphQL API; check that this is the GraphQL URL")


class _Retries:
    """Decides after each failure of one request whether to send it again, and after which pause."""

    def __init__(self, timing: Timing, clock: Callable[[], float]) -> None:
        self._timing = timing
        self._clock = clock
        self._began_at = clock()
        self._failures = 0
        self._pauses = pauses(timing)

    def after(self, error: ConnectionLost | RequestRejected) -> float | None:
        """Seconds to wait before the next try; None when there must be none."""
        if isinstance(error, Throttled):
            is_over = self._clock() - self._began_at >= self._timing.throttled
        else:
            self._failures += 1
            is_final = isinstance(error, RequestRejected) and not error.is_transient
            is_over = is_final or self._failures >= self._timing.tries
        return None if is_over else next(self._pauses)


async def _check_status(response: aiohttp.ClientResponse) -> None:
    """Judge by the status first: gql accepts any JSON with `errors` as an answer, also from a failing server."""
    if response.status == THROTTLED or response.status >= 500:
        raise TransportServerError("the server failed", response.status)
