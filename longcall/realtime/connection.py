"""Subscriptions over AppSync's realtime protocol: gql's transport, widened where it hides what a client must know.

gql drops `start_ack`, keeps the token it was made with, and ends a whole connection over one `data` frame without
`data`. Here `start_ack` is waited for, each `start` carries fresh headers, and such a frame is a push like any other.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gql.transport.appsync_auth import AppSyncAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.common.listener_queue import ListenerQueue
from gql.transport.exceptions import (
    TransportClosed,
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)
from graphql import ExecutionResult

from longcall.authorization import Authorization, authorized
from longcall.errors import (
    ConfigurationError,
    ConnectionLost,
    GraphQLFault,
    LongcallError,
    SubscriptionRejected,
    Unreachable,
)
from longcall.timing import Timing
from longcall.transport import Request, is_loopback, is_refusal, parse_faults, refused

MOST_SUBSCRIPTIONS: Final = 100  # on one connection; AppSync takes 200, older accounts 100
CLOSING: Final = 1.0  # seconds for a polite goodbye
TRANSIENT: Final = ("LimitExceeded", "MaxSubscriptionsReached")  # beginnings of error types

# The websockets library writes frames and the URL, thus tokens, to its log at DEBUG.
_frames = logging.getLogger("longcall.realtime.frames")
_frames.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`start_ack`: from here on the server pushes, as well as it can."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A `data` frame. `fields` is what the subscription's field holds, or None where it came with errors or empty."""

    fields: Mapping[str, Any] | None


Message = Acknowledged | Pushed


def realtime_url_of(graphql_url: str) -> str:
    """Where subscriptions of an API are served.

    Source: AppSync Developer Guide, "Building a real-time WebSocket client" (default domain) and "Custom domain
    names". On a machine's own http:// address both are served in one place.
    """
    parts = urlsplit(graphql_url)
    if parts.scheme == "http":
        return parts._replace(scheme="ws").geturl()
    if ".appsync-api." in parts.netloc:
        host = parts.netloc.replace(".appsync-api.", ".appsync-realtime-api.")
        return parts._replace(scheme="wss", netloc=host).geturl()
    return parts._replace(scheme="wss", path=f"{parts.path.rstrip('/')}/realtime").geturl()


def check_realtime_url(url: str) -> str:
    """The realtime URL, if it is one.

    Raises:
        ConfigurationError
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ConfigurationError(f"the realtime URL must look like wss://host/graphql, and {url!r} does not")
    return url


class Realtime:
    """Listens to subscriptions, many on one connection, and opens a connection whenever none has room."""

    def __init__(self, url: str, *, graphql_url: str, authorization: Authorization, timing: Timing) -> None:
        self._url = url
        self._host = urlsplit(graphql_url).netloc
        self._authorization = authorization
        self._timing = timing
        self._connections: list[_Connection] = []
        self._opening: asyncio.Task[_Connection] | None = None

    async def listen(self, name: str, variables: Mapping[str, Any], emit: Callable[[Message], None]) -> None:
        """Hand on every message of one subscription until the server ends it.

        Args:
            name: The document; it selects one field.
            variables: Its variables.
            emit: Called with `Acknowledged` once, then with each push.

        Raises:
            Unreachable: No connection.
            ConnectionLost: There was one.
            NotAuthorized, SubscriptionRejected
        """
        request = Request(name, variables)
        connection = await self._reserve()
        try:
            listener = await authorized(self._authorization, lambda headers: connection.start(request, headers))
            try:
                emit(Acknowledged())
                async for fields in connection.pushes(listener):
                    emit(Pushed(fields))
            finally:
                await connection.stop(listener)
        finally:
            connection.reserved -= 1

    async def close(self) -> None:
        """End every connection and every subscription."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for connection in self._connections:
            await connection.close()
        self._connections.clear()

    async def _reserve(self) -> "_Connection":
        while True:
            self._connections = [connection for connection in self._connections if connection.is_open]
            for connection in self._connections:
                if connection.reserved < MOST_SUBSCRIPTIONS:
                    connection.reserved += 1
                    return connection
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(self._opened)
            await asyncio.shield(self._opening)  # whoever leaves must not end the connection that others wait for
        raise Unreachable("the client is closed")

    def _opened(self, opening: "asyncio.Task[_Connection]") -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._connections.append(opening.result())

    async def _open(self) -> "_Connection":
        return await authorized(self._authorization, self._connected)

    async def _connected(self, headers: Mapping[str, str]) -> "_Connection":
        connection = _Connection(self._url, _Headers(self._host, headers), self._timing)
        await connection.open()
        return connection


class _Headers(AppSyncAuthentication):
    """The headers of the next message; gql asks for them without waiting, so they are put here before."""

    def __init__(self, host: str, headers: Mapping[str, str]) -> None:
        self._host = host
        self.headers = headers

    def get_headers(
        self,
        data: str | None = None,  # noqa: ARG002  # only signatures depend on it
        headers: dict[str, Any] | None = None,  # noqa: ARG002  # the same
    ) -> dict[str, Any]:
        return {**self.headers, "host": self._host}


class _Refused(TransportServerError):
    """`connection_error`, with what it said."""

    def __init__(self, faults: tuple[GraphQLFault, ...]) -> None:
        self.faults = faults
        super().__init__("connection_error")


class _Connection(AppSyncWebsocketsTransport):
    """One realtime connection. `reserved` counts the subscriptions that have, or are about to take, a place on it."""

    def __init__(self, url: str, credentials: _Headers, timing: Timing) -> None:
        options: dict[str, Any] = {
            "compression": None,
            "ping_interval": None,  # liveness is judged by `ka`
            "close_timeout": CLOSING,
            "logger": _frames,
        }
        if is_loopback(url):
            options["proxy"] = None
        super().__init__(url, auth=credentials, keep_alive_timeout=timing.keep_alive, connect_args=options)
        self.connect_timeout = self._answer = timing.answer
        self.close_timeout = 2 * CLOSING
        self.reserved = 0
        self._credentials = credentials
        self._address = url

    @property
    def is_open(self) -> bool:
        return self._connected and self.close_task is None

    async def open(self) -> None:
        """Connect, and wait for `connection_ack`.

        Raises:
            Unreachable, ConnectionLost, NotAuthorized
        """
        try:
            await self.connect()
        except _Refused as exc:
            await self.close()
            if is_refusal(exc.faults):
                raise refused(exc.faults) from exc
            said = exc.faults[0].message if exc.faults else "no reason given"
            raise Unreachable(f"the realtime endpoint {self._address} refused the connection: {said}") from exc
        except (TransportError, TimeoutError) as exc:
            await self.close()
            raise Unreachable(f"nothing answers at the realtime endpoint {self._address}") from exc
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        await self._fail(TransportClosed("closed by the client"), clean_close=False)
        await self.wait_closed()
        if self.receive_data_task is not None:
            self.receive_data_task.cancel()
            await asyncio.gather(self.receive_data_task, return_exceptions=True)

    async def start(self, request: Request, headers: Mapping[str, str]) -> ListenerQueue:
        """Ask for a subscription, and wait for `start_ack`.

        Raises:
            ConnectionLost, NotAuthorized, SubscriptionRejected
        """
        self._credentials.headers = headers
        listener = ListenerQueue(self.next_query_id, send_stop=True)
        self.listeners[listener.query_id] = listener  # before `start` goes out: an answer may overtake the sending
        self._no_more_listeners.clear()
        try:
            async with asyncio.timeout(self._answer):
                await self._send_query(request)
                while (await listener.get())[0] != "start_ack":
                    pass  # a push from before it; the log is read after it anyway
        except TransportQueryError as exc:
            self._remove_listener(listener.query_id)
            raise _rejection(exc) from exc
        except (TransportError, TimeoutError) as exc:
            await self.stop(listener)
            raise self._lost() from exc
        except asyncio.CancelledError:
            await self.stop(listener)
            raise
        return listener

    async def pushes(self, listener: ListenerQueue) -> AsyncIterator[Mapping[str, Any] | None]:
        """The fields of each push, until the server completes the subscription.

        Raises:
            ConnectionLost: Also where the server ends this subscription with an `error`.
        """
        while True:
            try:
                kind, result = await listener.get()
            except TransportError as exc:
                raise self._lost() from exc
            if kind == "complete":
                return
            if result is not None:
                yield _only_field(result)

    async def stop(self, listener: ListenerQueue) -> None:
        """Tell the server, if it still listens, and forget the subscription."""
        if listener.send_stop and self.is_open:
            listener.send_stop = False
            with suppress(TransportError, TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await self._send_stop(listener.query_id)
        self._remove_listener(listener.query_id)

    async def _send_stop(self, query_id: int) -> None:
        await self._send(json.dumps({"id": str(query_id), "type": "stop"}))

    async def _initialize(self) -> None:
        # A refusal may be here already, and the socket closed behind it: it must be read even if nothing can be sent.
        with suppress(TransportConnectionFailed):
            await self.adapter.send('{"type":"connection_init"}')
        async with asyncio.timeout(self._answer):
            while self._parse_answer(await self._receive())[0] != "connection_ack":
                pass  # `ka` may come before it

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"the connection to {self._address} was lost")

    def _parse_answer(self, answer: str) -> tuple[str, int | None, ExecutionResult | None]:
        try:
            message = json.loads(answer)
            match message:
                case {"type": "start_ack", "id": str(id_)}:
                    return "start_ack", int(id_), None
                case {"type": "data", "id": str(id_)}:
                    return "data", int(id_), _result(message.get("payload"))
                case {"type": "connection_error"}:
                    payload = message.get("payload")
                    raise _Refused(parse_faults(payload.get("errors") if isinstance(payload, Mapping) else None))
                case {"type": str()}:
                    return super()._parse_answer(answer)
        except ValueError as exc:
            raise TransportProtocolError("a frame is no realtime message") from exc
        raise TransportProtocolError("a frame is no realtime message")


def _result(payload: object) -> ExecutionResult:
    if not isinstance(payload, Mapping):
        return ExecutionResult()
    data = payload.get("data")
    return ExecutionResult(data=data if isinstance(data, dict) else None, errors=payload.get("errors"))


def _only_field(result: ExecutionResult) -> Mapping[str, Any] | None:
    if result.errors or not result.data:
        return None
    (fields, *_) = result.data.values()
    return fields if isinstance(fields, Mapping) else None


def _rejection(exc: TransportQueryError) -> LongcallError:
    payload = exc.errors[0] if exc.errors else None
    faults = parse_faults(payload.get("errors") if isinstance(payload, Mapping) else None)
    if is_refusal(faults):
        return refused(faults)
    if any((fault.error_type or "").startswith(TRANSIENT) for fault in faults):
        return ConnectionLost(f"the API takes no more subscriptions now: {faults[0].message}")
    return SubscriptionRejected(faults)
