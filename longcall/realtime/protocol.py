"""The client's half of the realtime protocol for one connection: text in, events and texts out. No socket, no clock.

Time is an argument, in seconds of any monotonic clock; the next moment at which silence means something is an answer
(`deadline`). Source: AppSync Developer Guide, "Building a real-time WebSocket client".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Any, assert_never

from longcall.errors import GraphQLFault, ProtocolError
from longcall.realtime.messages import (
    ClientMessage,
    Complete,
    ConnectionAck,
    ConnectionFailed,
    ConnectionInit,
    Data,
    Failed,
    KeepAlive,
    ServerMessage,
    Start,
    StartAck,
    Stop,
    SubscriptionId,
    parse_message,
)


@dataclass(frozen=True, slots=True)
class Connected:
    """The server has acknowledged the connection."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server has refused the connection. Nothing follows."""

    faults: tuple[GraphQLFault, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is broken, silent, or not speaking this protocol. Ends every subscription; nothing follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The subscription is registered: the server pushes every event from now on, though a push may be lost."""

    id: SubscriptionId


@dataclass(frozen=True, slots=True)
class Pushed:
    """One push of an acknowledged subscription; `fields` is None when the push cannot be read."""

    id: SubscriptionId
    fields: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server has refused the `start`. Ends this subscription only."""

    id: SubscriptionId
    faults: tuple[GraphQLFault, ...]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer to the `start` came in time. Ends this subscription only."""

    id: SubscriptionId


@dataclass(frozen=True, slots=True)
class Ended:
    """The server has ended the subscription, normally or with errors. Ends this subscription only."""

    id: SubscriptionId
    faults: tuple[GraphQLFault, ...] = ()


ConnectionEvent = Connected | Refused | Lost
SubscriptionEvent = Acknowledged | Pushed | Rejected | Unanswered | Ended
Event = ConnectionEvent | SubscriptionEvent


class State(Enum):
    """The life of a connection."""

    CONNECTING = "connecting"  # `connection_init` is sent, the acknowledgement is awaited
    OPEN = "open"
    CLOSED = "closed"  # refused, lost, or closed by the client


class RealtimeProtocol:
    """One connection, from its first message to its end.

    Args:
        keep_alive: Seconds without a `ka` after which the connection is lost.
        answer: Seconds that the server has for `connection_ack` and for the answer to a `start`.
        now: The time at which the socket was opened.
    """

    def __init__(self, *, keep_alive: float, answer: float, now: float) -> None:
        self._keep_alive = keep_alive
        self._answer = answer
        self._state = State.CONNECTING
        self._alive_until = now + answer
        self._ids = count(1)
        self._starting: dict[SubscriptionId, float] = {}  # until when the answer must come; the earliest is first
        self._running: set[SubscriptionId] = set()
        self._outgoing: list[ClientMessage] = [ConnectionInit()]

    @property
    def state(self) -> State:
        return self._state

    def to_send(self) -> list[str]:
        """The texts to send, in order. Each text is returned once."""
        messages, self._outgoing = self._outgoing, []
        return [message.serialise() for message in messages]

    def deadline(self) -> float | None:
        """When to call `expire` if nothing is received before; None once the connection is closed."""
        if self._state is State.CLOSED:
            return None
        return min([self._alive_until, *self._starting.values()])

    def start(self, data: str, authorization: Mapping[str, str], *, now: float) -> SubscriptionId:
        """Subscribe. The answer is an `Acknowledged`, `Rejected`, `Unanswered`, `Ended` or `Lost` event.

        Args:
            data: The GraphQL request as a JSON text.
            authorization: The headers that authorize this subscription, `host` included.
            now: The time.

        Raises:
            ProtocolError: The connection is not open.
        """
        if self._state is not State.OPEN:
            raise ProtocolError(f"a subscription needs an open connection, and this one is {self._state.value}")
        id_ = SubscriptionId(str(next(self._ids)))
        self._starting[id_] = now + self._answer
        self._outgoing.append(Start(id_, data, authorization))
        return id_

    def stop(self, id_: SubscriptionId) -> None:
        """Unsubscribe. No event follows for this id. A subscription that has ended already is not stopped again."""
        if self._forget(id_) and self._state is State.OPEN:
            self._outgoing.append(Stop(id_))

    def receive(self, text: str | bytes, *, now: float) -> list[Event]:
        """The events that a message from the server causes."""
        if self._state is State.CLOSED:
            return []
        try:
            message = parse_message(text)
        except ProtocolError as error:
            return self.lose(str(error))
        return self._handle(message, now)

    def expire(self, *, now: float) -> list[Event]:
        """The events that silence up to now causes."""
        if self._state is State.CLOSED:
            return []
        if now >= self._alive_until:
            awaited = "`connection_ack`" if self._state is State.CONNECTING else "`ka`"
            return self.lose(f"no {awaited} came in time")
        late = [id_ for id_, until in self._starting.items() if now >= until]
        for id_ in late:
            self.stop(id_)
        return [Unanswered(id_) for id_ in late]

    def lose(self, reason: str) -> list[Event]:
        """Record that the socket is closed or unusable. The first call returns `Lost`, later ones nothing."""
        if self._state is State.CLOSED:
            return []
        self._close()
        return [Lost(reason)]

    def _handle(self, message: ServerMessage, now: float) -> list[Event]:
        match message:
            case Data(id_, fields):
                # A push before `start_ack` is dropped: the client reads the log after the acknowledgement.
                return [Pushed(id_, fields)] if id_ in self._running else []
            case KeepAlive():
                if self._state is State.OPEN:
                    self._alive_until = now + self._keep_alive
                return []
            case StartAck(id_):
                if self._starting.pop(id_, None) is None:
                    return []
                self._running.add(id_)
                return [Acknowledged(id_)]
            case Complete(id_):
                return [Ended(id_)] if self._forget(id_) else []
            case Failed(id_, faults):
                if id_ is None:
                    return self.lose(faults[0].message if faults else "the server reported an error without a reason")
                is_starting = id_ in self._starting
                if not self._forget(id_):
                    return []
                return [Rejected(id_, faults) if is_starting else Ended(id_, faults)]
            case ConnectionAck():
                if self._state is State.OPEN:
                    return []
                self._state = State.OPEN
                self._alive_until = now + self._keep_alive
                return [Connected()]
            case ConnectionFailed(faults):
                self._close()
                return [Refused(faults)]
            case _:
                assert_never(message)

    def _forget(self, id_: SubscriptionId) -> bool:
        known = id_ in self._starting or id_ in self._running
        self._starting.pop(id_, None)
        self._running.discard(id_)
        return known

    def _close(self) -> None:
        self._state = State.CLOSED
        self._starting.clear()
        self._running.clear()
        self._outgoing.clear()
