"""The I/O shell around the realtime protocol: one websocket, whose messages it pumps in both directions."""

import asyncio
import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from longcall.addresses import is_loopback
from longcall.errors import (
    ConnectionLost,
    GraphQLFault,
    LongcallError,
    RealtimeUnreachable,
    SubscriptionRejected,
    Throttled,
)
from longcall.faults import is_throttled, is_token_refused, token_refused
from longcall.realtime.messages import SubscriptionId
from longcall.realtime.protocol import (
    Acknowledged,
    Connected,
    Ended,
    Event,
    Lost,
    Pushed,
    RealtimeProtocol,
    Refused,
    Rejected,
    State,
    SubscriptionEvent,
)
from longcall.timing import Timing

SUBPROTOCOL: Final = Subprotocol("graphql-ws")
CLOSE_TIMEOUT: Final = 1.0  # seconds for the closing handshake

log = logging.getLogger(__name__)

# The websockets library logs frames and the URL at DEBUG, and both contain tokens.
_frames = logging.getLogger("longcall.realtime.frames")
_frames.setLevel(logging.WARNING)


class Connection:
    """One realtime connection; `open` makes it.

    Attributes:
        reserved: How many subscriptions run on this connection or are about to. Counted by its owner.
    """

    def __init__(self, url: str, host: str, socket: ClientConnection, timing: Timing) -> None:
        self._url = url
        self._host = host
        self._socket = socket
        self._now = asyncio.get_running_loop().time
        self._protocol = RealtimeProtocol(keep_alive=timing.keep_alive, answer=timing.answer, now=self._now())
        self._timeout: asyncio.Timeout | None = None  # of the read that is going on
        self._has_outgoing = asyncio.Event()
        self._has_outgoing.set()
        self._connected: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._events: dict[SubscriptionId, asyncio.Queue[SubscriptionEvent | Lost]] = {}
        self._pumping = asyncio.create_task(self._pump())
        self.reserved = 0

    @classmethod
    async def open(cls, url: str, *, host: str, headers: Mapping[str, str], timing: Timing) -> Self:
        """Connect, and wait for `connection_ack`.

        Args:
            url: The realtime URL.
            host: The host of the GraphQL URL, which the service expects in every authorization object.
            headers: The headers that authorize the connection.
            timing: How long to wait for what.

        Raises:
            NotAuthorized: The API refused the token.
            Throttled: The API has no capacity for the connection now.
            Unreachable: The connection failed, or the API refused it for another reason.
        """
        options: dict[str, Any] = {"proxy": None} if is_loopback(url) else {}
        try:
            socket = await connect(
                _with_headers(url, {**headers, "host": host}),
                subprotocols=[SUBPROTOCOL],
                compression=None,
                open_timeout=timing.answer,
                ping_interval=None,  # the protocol judges liveness by `ka`
                close_timeout=CLOSE_TIMEOUT,
                logger=_frames,
                **options,
            )
        except (WebSocketException, OSError, TimeoutError) as exc:
            raise RealtimeUnreachable(f"no connection to the realtime endpoint {url} could be made") from exc
        connection = cls(url, host, socket, timing)
        try:
            await connection._established()
        except BaseException:
            await connection.close()
            raise
        return connection

    @property
    def is_open(self) -> bool:
        return self._protocol.state is State.OPEN

    async def close(self) -> None:
        """Close the socket and end every subscription. Can be repeated."""
        self._pumping.cancel()
        await asyncio.wait({self._pumping})

    async def start(self, data: str, headers: Mapping[str, str]) -> "Subscription":
        """Subscribe, and wait for `start_ack`.

        Args:
            data: The GraphQL request as a JSON text.
            headers: The headers that authorize this subscription.

        Raises:
            NotAuthorized: The API refused the token.
            Throttled: The API has no capacity for the subscription now.
            SubscriptionRejected: The API refused the subscription for another reason.
            ConnectionLost: The connection was closed, or no answer arrived in time.
        """
        if not self.is_open:
            raise self.lost_error()
        id_ = self._protocol.start(data, {**headers, "host": self._host}, now=self._now())
        subscription = Subscription(id_, self)
        self._events[id_] = subscription.events
        self._notify()
        try:
            match await subscription.events.get():
                case Acknowledged():
                    return subscription
                case Rejected(faults=faults):
                    raise _rejection(faults)
                case _:
                    raise self.lost_error()
        except BaseException:
            self.stop(id_)
            raise

    def stop(self, id_: SubscriptionId) -> None:
        """Unsubscribe. Can be repeated, also after the connection is closed."""
        self._events.pop(id_, None)
        self._protocol.stop(id_)
        self._notify()

    def lost_error(self) -> ConnectionLost:
        """The error that the loss of this connection is for its subscribers."""
        return ConnectionLost(f"the connection to {self._url} was lost")

    async def _established(self) -> None:
        match await self._connected:
            case Connected():
                return
            case Refused(faults) if is_token_refused(faults):
                raise token_refused(faults)
            case Refused(faults) if is_throttled(faults):
                raise Throttled(faults)
            case Refused(faults):
                reason = faults[0].message if faults else "no reason given"
                raise RealtimeUnreachable(f"the realtime endpoint {self._url} refused the connection: {reason}")
            case _:
                raise RealtimeUnreachable(f"no answer from the realtime endpoint {self._url}")

    def _notify(self) -> None:
        """Make the pump look at the protocol again: at what is to be sent, and at the deadline."""
        self._has_outgoing.set()
        deadline = self._protocol.deadline()
        if self._timeout is not None and not self._timeout.expired() and deadline is not None:
            self._timeout.reschedule(deadline)

    async def _pump(self) -> None:
        writing = asyncio.create_task(self._write())
        try:
            await self._read()
        except Exception:
            log.exception("realtime connection failed", extra={"event": "realtime_connection_failed"})
        finally:
            self._dispatch(self._protocol.lose("closed by the client"))
            writing.cancel()
            await asyncio.wait({writing})
            await self._socket.close()

    async def _read(self) -> None:
        while self._protocol.state is not State.CLOSED:
            try:
                async with asyncio.timeout_at(self._protocol.deadline()) as self._timeout:
                    text = await self._socket.recv()
            except TimeoutError:
                events = self._protocol.expire(now=self._now())
            except ConnectionClosed:
                events = self._protocol.lose("the socket was closed")
            else:
                events = self._protocol.receive(text, now=self._now())
            finally:
                self._timeout = None
            for event in events:
                if isinstance(event, Lost):
                    log.info("connection lost", extra={"event": "connection_lost", "reason": event.reason})
            self._dispatch(events)
            self._has_outgoing.set()

    async def _write(self) -> None:
        with suppress(ConnectionClosed):  # the reader reports it
            while True:
                await self._has_outgoing.wait()
                self._has_outgoing.clear()
                for text in self._protocol.to_send():
                    await self._socket.send(text)

    def _dispatch(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Connected() | Refused() | Lost():
                    if not self._connected.done():
                        self._connected.set_result(event)
                    if isinstance(event, Lost):
                        for queue in self._events.values():
                            queue.put_nowait(event)
                case _:
                    if event.id in self._events:
                        self._events[event.id].put_nowait(event)


class Subscription:
    """One acknowledged subscription."""

    def __init__(self, id_: SubscriptionId, connection: Connection) -> None:
        self.id = id_
        self.events: asyncio.Queue[SubscriptionEvent | Lost] = asyncio.Queue()
        self._connection = connection

    async def next(self) -> Pushed | None:
        """The next push; None once the server has completed the subscription.

        Raises:
            ConnectionLost: The connection is lost, or the server ended this subscription with an error.
        """
        match await self.events.get():
            case Pushed() as pushed:
                return pushed
            case Ended(faults=()):
                return None
            case _:
                raise self._connection.lost_error()

    def stop(self) -> None:
        self._connection.stop(self.id)


def _with_headers(url: str, headers: Mapping[str, str]) -> str:
    header = b64encode(json.dumps(headers, separators=(",", ":")).encode()).decode()
    return f"{url}?header={header}&payload=e30="


def _rejection(faults: tuple[GraphQLFault, ...]) -> LongcallError:
    if is_token_refused(faults):
        return token_refused(faults)
    return Throttled(faults) if is_throttled(faults) else SubscriptionRejected(faults)
