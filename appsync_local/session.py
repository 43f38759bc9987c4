"""One realtime connection at work: pumps messages between a socket and its protocol object, and runs its starts."""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, assert_never

from appsync_local.authorization.credentials import Headers
from appsync_local.chaos.feed import Feed
from appsync_local.chaos.switch import Chaos
from appsync_local.errors import RequestRefused
from appsync_local.handshake import HandshakeRefused, authorization_headers
from appsync_local.limits import FIRST_MESSAGE_LIMIT
from appsync_local.realtime import (
    KEEP_ALIVE,
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
from appsync_local.service import Service, SubscriptionRefused
from appsync_local.subscriptions import Subscription

REFUSAL_GRACE: Final = 1.0  # seconds for a client that is refused to send its `connection_init`
OUTGOING_LIMIT: Final = 16 * 1024 * 1024  # bytes that may wait for one slow reader
GOODBYE: Final = b""  # stands in the queue where the connection is to be closed; no message is empty

_FAILURE: Final[dict[str, object]] = {"errorType": "InternalFailure", "message": "an internal failure occurred"}

log = logging.getLogger("appsync_local")


class Socket(Protocol):
    """As much of a WebSocket as a session needs."""

    def write(self, text: bytes) -> bool:
        """Send one text message at once; False, and nothing is sent, while the reader is slow."""

    async def send(self, text: bytes) -> None:
        """Send one text message, waiting while the reader is slow; ConnectionError when it is gone."""

    def messages(self) -> AsyncIterator[str | bytes]:
        """What the client sends, until it is gone."""

    async def close(self) -> None:
        """Say goodbye and close."""

    def abort(self) -> None:
        """Close at once, dropping what was not sent."""


class Session:
    """Pumps messages between one socket and its protocol object.

    Args:
        socket: The socket.
        service: The API.
        peer: Address of the client.
        keep_alive: Seconds between two `ka` messages.
        lifetime: Seconds after which the connection is closed.
        chaos: What goes wrong on purpose.
        patience: Seconds until a connection is closed that has said nothing.
    """

    __slots__ = (
        "_chaos",
        "_connection",
        "_feed",
        "_headers",
        "_is_ending",
        "_keep_alive",
        "_lifetime",
        "_outgoing",
        "_outgoing_size",
        "_patience",
        "_peer",
        "_service",
        "_socket",
        "_starts",
        "_subscriptions",
        "_timer",
        "_writer",
    )

    def __init__(
        self,
        socket: Socket,
        service: Service,
        *,
        peer: str,
        keep_alive: float,
        lifetime: float,
        chaos: Chaos,
        patience: float = FIRST_MESSAGE_LIMIT,
    ) -> None:
        self._socket = socket
        self._service = service
        self._keep_alive = keep_alive
        self._lifetime = lifetime
        self._patience = patience
        self._chaos = chaos
        self._feed = Feed(send=self._send, cut=self._cut)
        self._peer = peer
        self._headers: Headers = {}
        self._connection = Connection()
        self._subscriptions: dict[SubscriptionId, Subscription] = {}
        self._outgoing: deque[bytes] | None = None  # made where a reader is slow: an empty one takes 700 bytes
        self._outgoing_size = 0
        self._writer: asyncio.Task[None] | None = None  # at work while something waits
        self._starts: dict[Start, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_ending = False

    def use(self, service: Service) -> None:
        """From now on, another service's: what has begun on the one before ends there."""
        self._service = service

    async def run(self, *, subprotocols: Sequence[str], raw_query: str, headers: Headers, request_id: str) -> None:
        """Serve the connection to its end.

        Args:
            subprotocols: What the client offered.
            raw_query: The upgrade's query string, not decoded.
            headers: The upgrade's headers, by lower-case name.
            request_id: Unique to this connection.
        """
        try:
            self._headers = authorization_headers(subprotocols, raw_query, headers)
            await self._service.connect(self._headers, peer=self._peer, request_id=request_id)
        except HandshakeRefused as refused:
            await self._refuse(refused.entry)
        except RequestRefused as refused:
            await self._refuse(
                {"errorType": refused.error_type, "message": refused.message, "errorCode": refused.status}
            )
        except Exception:
            log.exception("a connection failed inside the engine")
            await self._refuse(_FAILURE | {"errorCode": 500})
        else:
            await self._pump()

    async def _refuse(self, entry: dict[str, object]) -> None:
        # Clients listen from their `connection_init` on: what comes before it may be lost to them, and where the socket
        # is closed by then, all they see is that sending failed.
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_GRACE):
                if await anext(self._socket.messages(), None) is None:
                    return
        with suppress(ConnectionError):  # the client is gone
            await self._socket.send(connection_error(entry))
            await self._socket.close()

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        lifetime = loop.call_later(self._lifetime, self._say_goodbye)
        silence = loop.call_later(self._patience, self._say_goodbye)
        try:
            async for text in self._socket.messages():
                silence.cancel()
                for event in self._connection.receive(text):
                    self._carry_out(event)
        finally:
            lifetime.cancel()
            silence.cancel()
            if self._timer is not None:
                self._timer.cancel()
            self._feed.close()
            for subscription in self._subscriptions.values():
                self._service.registry.remove(subscription)
            self._is_ending = True
            tasks = [*self._starts.values(), *([self._writer] if self._writer else [])]
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
                task = self._starts[event] = asyncio.create_task(self._start(event))
                task.add_done_callback(lambda _: self._starts.pop(event))
            case Stop(id_):
                self._stop(id_)
            case _:
                assert_never(event)

    def _stop(self, id_: SubscriptionId) -> None:
        for start, task in self._starts.items():
            if start.id == id_:
                task.cancel()  # or a client that starts and stops would have any number of them at work
        subscription = self._subscriptions.pop(id_, None)
        if subscription is not None:
            self._service.registry.remove(subscription)
            self._feed.ended(id_)

    async def _start(self, start: Start) -> None:
        try:
            subscription = await self._service.subscribe(
                start.data,
                authorization=start.authorization,
                headers=self._headers,
                peer=self._peer,
                request_id=str(uuid.uuid4()),
                deliver=self._delivery(start.id),
                end=partial(self._end, start.id),  # does not keep the message
            )
        except SubscriptionRefused as refused:
            if self._connection.is_awaited(start):
                self._send(self._connection.reject(start, refused.errors))
            return
        except Exception:
            log.exception("a subscription failed inside the engine")
            if self._connection.is_awaited(start):
                self._send(self._connection.reject(start, [_FAILURE]))
            return
        if self._connection.is_awaited(start):
            # Registered before it is acknowledged: an event sent right after `start_ack` is not missed.
            self._subscriptions[start.id] = subscription
            self._service.registry.add(subscription)
            self._send(self._connection.accept(start))
            self._feed.began(start.id)

    def _send_keep_alive(self) -> None:
        self._send(KEEP_ALIVE)
        self._timer = asyncio.get_running_loop().call_later(self._keep_alive, self._send_keep_alive)

    def _delivery(self, id_: SubscriptionId) -> Callable[[bytes], None]:
        head, chaos = data_head(id_), self._chaos

        def deliver(payload: bytes) -> None:
            text = b"%b%b}" % (head, payload)
            if chaos.pushes is None:
                self._send(text)
            else:
                self._feed.push(chaos.pushes, id_, text)

        return deliver

    def _end(self, id_: SubscriptionId) -> None:
        """A mutation has invalidated a subscription: it is complete, and its connection is closed."""
        self._service.registry.remove(self._subscriptions.pop(id_))
        self._feed.ended(id_)
        self._send(self._connection.end(id_))
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Close once everything that waits is sent."""
        if not self._is_ending:
            self._wait(GOODBYE)
            self._is_ending = True

    def _send(self, text: bytes) -> None:
        # Without a task in between: an event for a thousand readers would wake a thousand of them.
        if not self._is_ending and (self._writer is not None or not self._socket.write(text)):
            self._wait(text)

    def _wait(self, text: bytes) -> None:
        if self._outgoing is None:
            self._outgoing = deque()
        self._outgoing.append(text)
        self._outgoing_size += len(text)
        if self._outgoing_size > OUTGOING_LIMIT:
            self._cut_off()
        elif self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def _cut_off(self) -> None:
        self._service.counters.slow_readers += 1
        log.warning("a realtime connection was closed: %d bytes were waiting for its reader", self._outgoing_size)
        self._cut()

    def _cut(self) -> None:
        self._outgoing = None
        self._outgoing_size = 0
        self._socket.abort()

    async def _write(self) -> None:
        """Send what waits, at the reader's pace."""
        while self._outgoing:
            text = self._outgoing.popleft()
            if text == GOODBYE:
                await self._socket.close()
                return
            try:
                await self._socket.send(text)
            except ConnectionError:  # the reader's loop ends on its own
                return
            self._outgoing_size -= len(text)
        self._writer = None
