"""One subscription of a session: how an event reaches its client."""

from typing import Protocol

from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.realtime.outgoing import Socket
from appsync_local.realtime.protocol import SubscriptionId, data_head
from appsync_local.realtime.subscription_handler import AcceptedStart
from appsync_local.realtime.subscription_registry import Subscription


class SubscribedSession(Protocol):
    """The part of a session that its subscriptions call."""

    def push(self, id_: SubscriptionId, text: bytes) -> None: ...

    def end(self, id_: SubscriptionId) -> None: ...


class SessionSubscription(Subscription):
    """One subscription of a session.

    An event for a thousand subscriptions is mostly memory that the processor has to fetch. Hence an ordinary event
    goes from here to the socket, and does not read the session.
    """

    __slots__ = ("_chaos", "_head", "_id", "_session", "_socket")

    def __init__(
        self, accepted: AcceptedStart, session: SubscribedSession, socket: Socket, chaos: Chaos, id_: SubscriptionId
    ) -> None:
        super().__init__(accepted.field, accepted.plan, accepted.variables, accepted.invalidation, accepted.weight)
        self._session = session
        self._socket = socket
        self._chaos = chaos
        self._id = id_
        self._head = data_head(id_)

    def deliver(self, end: bytes) -> None:
        if self._chaos.pushes is not None or not self._socket.write(self._head, end):
            self._session.push(self._id, self._head + end)

    def end(self) -> None:
        self._session.end(self._id)
