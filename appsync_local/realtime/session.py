"""One realtime connection: passes messages between a socket and the protocol, and starts subscriptions."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from appsync_local.api.limits import SUBSCRIPTION_WEIGHT
from appsync_local.authorization.credentials import Headers
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.internal_failures import report_internal_failure
from appsync_local.errors import RequestRefused
from appsync_local.realtime.delivery import SessionSubscription
from appsync_local.realtime.handshake import HandshakeRefused, authorization_headers, require_own_host
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.outgoing import LOOP, WHAT, OutgoingQueue, Socket
from appsync_local.realtime.protocol import (
    BAD_REQUEST,
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
)
from appsync_local.realtime.subscription_handler import (
    AcceptedStart,
    SubscriptionHandler,
    SubscriptionRefused,
    refusal_entry,
)
from appsync_local.realtime.subscription_registry import Subscription

if TYPE_CHECKING:
    from appsync_local.devtools.chaos.push_scheduler import PushScheduler

REFUSAL_GRACE: Final = 1.0  # seconds for a rejected client to send its `connection_init`


class Session:
    """One realtime connection.

    Args:
        socket: The socket.
        subscriptions: Checks the connection, and starts its subscriptions.
        peer: Address of the client.
        timers: Call `send_keep_alive` and `finish`.
        chaos: Faults to inject.
        is_own_host: Whether a host, with or without a port, names this API.
    """

    __slots__ = (
        "_chaos",
        "_connection",
        "_handler",
        "_headers",
        "_is_ending",
        "_is_own_host",
        "_outgoing",
        "_peer",
        "_push_scheduler",
        "_socket",
        "_starts",
        "_subscriptions",
        "_timers",
    )

    def __init__(
        self,
        socket: Socket,
        subscriptions: SubscriptionHandler,
        *,
        peer: str,
        timers: SessionTimers,
        chaos: Chaos,
        is_own_host: Callable[[str], bool],
    ) -> None:
        self._socket = socket
        self._handler = subscriptions
        self._timers = timers
        self._chaos = chaos
        self._push_scheduler: PushScheduler | None = None  # imported and created at the first push with faults
        self._peer = peer
        self._headers: Headers = {}
        self._is_own_host = is_own_host
        self._connection = RealtimeConnection()
        self._subscriptions: dict[SubscriptionId, Subscription] = {}
        self._outgoing = OutgoingQueue(socket, subscriptions.counters, subscriptions.health)
        self._starts: dict[Start, asyncio.Task[None]] = {}
        self._is_ending = False

    def use(self, subscriptions: SubscriptionHandler) -> None:
        """Start subscriptions with this handler from now on; a `start` in progress finishes with the previous one."""
        self._handler = subscriptions

    async def connect(
        self,
        *,
        subprotocols: Sequence[str],
        raw_query: str,
        headers: Headers,
        request_id: str,
    ) -> bool:
        """Check the client's credential. Returns False if the connection was rejected and closed.

        Args:
            subprotocols: The subprotocols that the client offers.
            raw_query: The query string of the upgrade request, not decoded.
            headers: The headers of the upgrade request, by lower-case name.
            request_id: Unique to this connection.
        """
        try:
            self._headers = authorization_headers(subprotocols, raw_query, headers)
            require_own_host(self._headers, self._is_own_host)
            await self._handler.connect(self._headers, peer=self._peer, request_id=request_id)
        except HandshakeRefused as refused:
            await self._refuse(refused.entry)
        except RequestRefused as refused:
            entry = refusal_entry(refused)
            status = 400 if entry["errorType"] == BAD_REQUEST else refused.status
            await self._refuse({**entry, "errorCode": status})
        except Exception as error:
            await self._refuse(self._internal_failure(error) | {"errorCode": 500})
        else:
            return True
        return False

    async def _refuse(self, entry: dict[str, object]) -> None:
        # Clients start to listen when they send `connection_init`: they may miss an earlier message, and if the socket
        # is closed by then, they only see that sending failed.
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_GRACE):
                if await self._socket.receive() is None:
                    return
        with suppress(ConnectionError):  # the client is gone
            await self._socket.send(connection_error(entry))
            await self._socket.close()

    async def run(self) -> None:
        """Serve an accepted connection until it ends."""
        self._timers.start(self)
        try:
            while (text := await self._socket.receive()) is not None:
                self._receive(text)
                del text  # do not keep the message in memory until the next one
                self._timers.message_received(self)
        finally:
            self._is_ending = True
            async with AsyncExitStack() as cleanup:  # every step runs, even if one before it fails
                cleanup.push_async_callback(self._end_tasks)
                for subscription in self._subscriptions.values():
                    cleanup.callback(self._handler.registry.remove, subscription)
                if self._push_scheduler is not None:
                    cleanup.callback(self._push_scheduler.close)
                cleanup.callback(self._timers.stop, self)

    async def _end_tasks(self) -> None:
        for task in self._starts.values():
            task.cancel()
        await asyncio.gather(*self._starts.values(), *self._outgoing.stop(), return_exceptions=True)

    def _receive(self, text: str | bytes) -> None:
        try:
            for event in self._connection.receive(text):
                self._handle(event)
        except Exception as error:  # the state of this connection is unknown: it ends, and no other one does
            self._internal_failure(error)
            self.finish()

    def _handle(self, event: Event) -> None:
        match event:
            case Send(text):
                self._send(text)
            case Acknowledged():
                self._timers.acknowledged(self)
            case Start():
                task = self._starts[event] = asyncio.create_task(self._start(event))
                task.add_done_callback(partial(self._started, event))
            case Stop(id_):
                self._stop(id_)
            case _:
                assert_never(event)

    def _started(self, start: Start, _: asyncio.Task[None]) -> None:
        del self._starts[start]
        self._starts = self._starts or {}  # a new dict is smaller than one that was emptied

    def _stop(self, id_: SubscriptionId) -> None:
        for start, task in self._starts.items():
            if start.id == id_:
                task.cancel()  # otherwise a client could run any number of starts at once by stopping each
        subscription = self._subscriptions.pop(id_, None)
        if subscription is not None:
            self._handler.registry.remove(subscription)
            if self._push_scheduler is not None:
                self._push_scheduler.ended(id_)

    async def _start(self, start: Start) -> None:
        try:
            if "host" in start.authorization:
                require_own_host(start.authorization, self._is_own_host)
            accepted = await self._handler.subscribe(
                start.data,
                authorization=start.authorization,
                headers=self._headers,
                peer=self._peer,
                request_id=str(uuid.uuid4()),
            )
            if self._connection.is_awaited(start):
                self._accept(start, accepted)
        except HandshakeRefused as refused:
            if self._connection.is_awaited(start):
                self._send(self._connection.reject(start, [refused.entry]))
        except SubscriptionRefused as refused:
            if self._connection.is_awaited(start):
                self._send(self._connection.reject(start, refused.errors))
        except Exception as error:
            failure = self._internal_failure(error)
            self._stop(start.id)
            if self._connection.is_awaited(start):
                self._send(self._connection.reject(start, [failure]))

    def _accept(self, start: Start, accepted: AcceptedStart) -> None:
        weight = accepted.weight + sum(other.weight for other in self._subscriptions.values())
        if weight > SUBSCRIPTION_WEIGHT:
            text = "the subscriptions of this connection are too large together; select less, or open another one"
            self._send(self._connection.reject(start, [{"errorType": TOO_MANY, "message": text}]))
            return
        # Registered before it is acknowledged, so that an event right after `start_ack` is not missed.
        subscription = SessionSubscription(accepted, self, self._socket, self._chaos, start.id)
        self._subscriptions[start.id] = subscription
        self._handler.registry.add(subscription, accepted.filter)
        self._send(self._connection.accept(start))
        if self._chaos.pushes is not None:
            self._scheduler().began(start.id)

    def send_keep_alive(self) -> None:
        self._send(KEEP_ALIVE)

    def push(self, id_: SubscriptionId, text: bytes) -> None:
        """Send a `data` message of a subscription that could not be written at once; chaos may drop or delay it."""
        if self._is_ending:
            return
        if self._chaos.pushes is not None:
            self._scheduler().push(self._chaos.pushes, id_, text)
        else:
            self._outgoing.add(text)

    def _scheduler(self) -> "PushScheduler":
        if self._push_scheduler is None:
            from appsync_local.devtools.chaos.push_scheduler import PushScheduler

            health = self._handler.health.loop("delayed pushes")
            self._push_scheduler = PushScheduler(send=self._send, cut=self._outgoing.abort, health=health)
        return self._push_scheduler

    def end(self, id_: SubscriptionId) -> None:
        """Complete a subscription that a mutation has invalidated, and close its connection."""
        self._stop(id_)
        self._send(self._connection.end(id_))
        self.finish()

    def finish(self) -> None:
        """Close the connection after all waiting messages are sent."""
        if not self._is_ending:
            self._outgoing.close()
            self._is_ending = True

    def _send(self, text: bytes) -> None:
        # Without a task: an event for a thousand readers would wake a thousand of them.
        if not self._is_ending and not self._socket.write(text):
            self._outgoing.add(text)

    def failed(self, error: Exception) -> None:
        """Log and count an unexpected error that ended this session."""
        self._internal_failure(error)

    def _internal_failure(self, error: Exception) -> dict[str, object]:
        """Log and count an unexpected error. Returns the entry for the client, which does not show the cause."""
        self._handler.health.loop(LOOP).failed(error)
        return report_internal_failure(WHAT, error)
