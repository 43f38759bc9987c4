"""One realtime connection at work: pumps messages between a socket and its protocol object, and runs its starts."""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, assert_never

from appsync_local.api.limits import SUBSCRIPTION_WEIGHT
from appsync_local.authorization.credentials import Headers
from appsync_local.devtools.chaos.push_scheduler import PushScheduler
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.errors import RequestRefused
from appsync_local.realtime.handshake import HandshakeRefused, authorization_headers
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.protocol import (
    KEEP_ALIVE,
    TOO_MANY,
    Acknowledged,
    Event,
    RealtimeConnection,
    Send,
    Start,
    Stop,
    SubscriptionId,
    connection_error,
    data_head,
)
from appsync_local.realtime.subscription_handler import SubscriptionHandler, SubscriptionRefused
from appsync_local.realtime.subscription_registry import Subscription

REFUSAL_GRACE: Final = 1.0  # seconds for a client that is refused to send its `connection_init`
OUTGOING_LIMIT: Final = 16 * 1024 * 1024  # bytes that may wait for one slow reader
CLOSE_MARK: Final = b""  # stands in the queue where the connection is to be closed; no message is empty

_FAILURE: Final[dict[str, object]] = {"errorType": "InternalFailure", "message": "an internal failure occurred"}

log = logging.getLogger("appsync_local")


class Socket(Protocol):
    """As much of a WebSocket as a session needs."""

    def write(self, text: bytes) -> bool:
        """Send one text message at once; False, and nothing is sent, while the reader is slow."""

    async def send(self, text: bytes) -> None:
        """Send one text message, waiting while the reader is slow; ConnectionError when it is gone."""

    async def receive(self) -> str | bytes | None:
        """The client's next message; None when it is gone."""

    async def close(self) -> None:
        """Say goodbye and close."""

    def abort(self) -> None:
        """Close at once, dropping what was not sent."""


class Session:
    """Pumps messages between one socket and its protocol object.

    Args:
        socket: The socket.
        subscriptions: Checks the connection, and starts its subscriptions.
        peer: Address of the client.
        timers: When a connection is due for a `ka`, and for its end.
        chaos: What goes wrong on purpose.
    """

    __slots__ = (
        "_chaos",
        "_connection",
        "_handler",
        "_headers",
        "_is_ending",
        "_outgoing",
        "_outgoing_size",
        "_peer",
        "_push_scheduler",
        "_socket",
        "_starts",
        "_subscriptions",
        "_timers",
        "_writer",
    )

    def __init__(
        self, socket: Socket, subscriptions: SubscriptionHandler, *, peer: str, timers: SessionTimers, chaos: Chaos
    ) -> None:
        self._socket = socket
        self._handler = subscriptions
        self._timers = timers
        self._chaos = chaos
        self._push_scheduler: PushScheduler | None = None  # made where pushes meet chaos
        self._peer = peer
        self._headers: Headers = {}
        self._connection = RealtimeConnection()
        self._subscriptions: dict[SubscriptionId, Subscription] = {}
        self._outgoing: deque[bytes] | None = None  # made where a reader is slow: an empty one takes 700 bytes
        self._outgoing_size = 0
        self._writer: asyncio.Task[None] | None = None  # at work while something waits
        self._starts: dict[Start, asyncio.Task[None]] = {}
        self._is_ending = False

    def use(self, subscriptions: SubscriptionHandler) -> None:
        """Start subscriptions with this handler from now on; a `start` in progress finishes with the previous one."""
        self._handler = subscriptions

    async def connect(self, *, subprotocols: Sequence[str], raw_query: str, headers: Headers, request_id: str) -> bool:
        """Find out who connects; False where the connection is refused, and closed.

        Args:
            subprotocols: What the client offered.
            raw_query: The upgrade's query string, not decoded.
            headers: The upgrade's headers, by lower-case name.
            request_id: Unique to this connection.
        """
        try:
            self._headers = authorization_headers(subprotocols, raw_query, headers)
            await self._handler.connect(self._headers, peer=self._peer, request_id=request_id)
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
            return True
        return False

    async def _refuse(self, entry: dict[str, object]) -> None:
        # Clients listen from their `connection_init` on: what comes before it may be lost to them, and where the socket
        # is closed by then, all they see is that sending failed.
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_GRACE):
                if await self._socket.receive() is None:
                    return
        with suppress(ConnectionError):  # the client is gone
            await self._socket.send(connection_error(entry))
            await self._socket.close()

    async def run(self) -> None:
        """Serve a connection that was not refused, to its end."""
        self._timers.begin(self)
        try:
            while (text := await self._socket.receive()) is not None:
                self._take(text)
                del text  # nothing keeps a message till the next one
                self._timers.hear(self)
        finally:
            self._timers.end(self)
            if self._push_scheduler is not None:
                self._push_scheduler.close()
            for subscription in self._subscriptions.values():
                self._handler.registry.remove(subscription)
            self._is_ending = True
            tasks = [*self._starts.values(), *([self._writer] if self._writer else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, text: str | bytes) -> None:
        for event in self._connection.receive(text):
            self._carry_out(event)

    def _carry_out(self, event: Event) -> None:
        match event:
            case Send(text):
                self._send(text)
            case Acknowledged():
                self._timers.acknowledge(self)
            case Start():
                task = self._starts[event] = asyncio.create_task(self._start(event))
                task.add_done_callback(partial(self._started, event))
            case Stop(id_):
                self._stop(id_)
            case _:
                assert_never(event)

    def _started(self, start: Start, _: asyncio.Task[None]) -> None:
        del self._starts[start]
        self._starts = self._starts or {}  # a new one is smaller than one that was emptied

    def _stop(self, id_: SubscriptionId) -> None:
        for start, task in self._starts.items():
            if start.id == id_:
                task.cancel()  # or a client that starts and stops would have any number of them at work
        subscription = self._subscriptions.pop(id_, None)
        if subscription is not None:
            self._handler.registry.remove(subscription)
            if self._push_scheduler is not None:
                self._push_scheduler.ended(id_)

    async def _start(self, start: Start) -> None:
        route = _Route(self, start.id)  # does not keep the message
        try:
            subscription = await self._handler.subscribe(
                start.data,
                authorization=start.authorization,
                headers=self._headers,
                peer=self._peer,
                request_id=str(uuid.uuid4()),
                deliver=route.deliver,
                end=route.end,
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
        if not self._connection.is_awaited(start):
            return
        weight = subscription.weight + sum(other.weight for other in self._subscriptions.values())
        if weight > SUBSCRIPTION_WEIGHT:
            text = "the subscriptions of this connection are too large together; select less, or open another one"
            self._send(self._connection.reject(start, [{"errorType": TOO_MANY, "message": text}]))
        else:
            # Registered before it is acknowledged: an event sent right after `start_ack` is not missed.
            self._subscriptions[start.id] = subscription
            self._handler.registry.add(subscription)
            self._send(self._connection.accept(start))
            if self._chaos.pushes is not None:
                self._chaotic().began(start.id)

    def send_keep_alive(self) -> None:
        self._send(KEEP_ALIVE)

    def push(self, id_: SubscriptionId, text: bytes) -> None:
        """Send a `data` message of a subscription, unless chaos has it meet another fate."""
        if self._chaos.pushes is not None:
            self._chaotic().push(self._chaos.pushes, id_, text)
        elif not self._is_ending and (self._writer is not None or not self._socket.write(text)):
            self._wait(text)  # all of this as in `_send`, and without the call

    def _chaotic(self) -> PushScheduler:
        if self._push_scheduler is None:
            self._push_scheduler = PushScheduler(send=self._send, cut=self._cut)
        return self._push_scheduler

    def end(self, id_: SubscriptionId) -> None:
        """A mutation has invalidated a subscription: it is complete, and its connection is closed."""
        self._stop(id_)
        self._send(self._connection.end(id_))
        self.finish()

    def finish(self) -> None:
        """Close once everything that waits is sent."""
        if not self._is_ending:
            self._wait(CLOSE_MARK)
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
        self._handler.counters.slow_readers += 1
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
            if text == CLOSE_MARK:
                await self._socket.close()
                return
            try:
                await self._socket.send(text)
            except ConnectionError:  # the reader's loop ends on its own
                return
            self._outgoing_size -= len(text)
        self._writer = None


class _Route:
    """What the registry knows of one subscription of a session: where its events go, and how it ends."""

    __slots__ = ("_head", "_id", "_session")

    def __init__(self, session: Session, id_: SubscriptionId) -> None:
        self._session = session
        self._id = id_
        self._head = data_head(id_)

    def deliver(self, payload: bytes) -> None:
        self._session.push(self._id, b"%b%b}" % (self._head, payload))

    def end(self) -> None:
        self._session.end(self._id)
