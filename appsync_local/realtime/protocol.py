"""The server's half of the realtime protocol for one connection: text in, events and texts out; no socket, no clock.

Source: AppSync Developer Guide, "Building a real-time WebSocket client". Every message has a `type`. Messages about a
subscription also have the `id` that the client chose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NewType

import orjson

from appsync_local.api.limits import LONGEST_ID
from appsync_local.realtime.handshake import lower_case

SubscriptionId = NewType("SubscriptionId", str)

CONNECTION_TIMEOUT_MS: Final = 300_000
KEEP_ALIVE_INTERVAL: Final = 60.0  # seconds
SUBSCRIPTION_LIMIT: Final = 200  # per connection; Source: AppSync quotas
BAD_REQUEST: Final = "BadRequestException"
UNSUPPORTED: Final = "UnsupportedOperation"
TOO_MANY: Final = "MaxSubscriptionsReachedError"

_NO_ID: Final = "the message must have an `id`, which is text"
_ACK: Final = b'{"type":"connection_ack","payload":{"connectionTimeoutMs":%d}}' % CONNECTION_TIMEOUT_MS
KEEP_ALIVE: Final = b'{"type":"ka"}'


@dataclass(frozen=True, slots=True)
class Send:
    """Send this text message."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The connection is acknowledged; keep-alive messages start now."""


@dataclass(frozen=True, eq=False, slots=True)
class Start:
    """The client starts a subscription; answer with `accept` or `reject` while `is_awaited`.

    Args:
        id: The client's id.
        data: The GraphQL request, exactly as sent: signatures cover this text.
        authorization: The authorization object, as lower-case headers.
    """

    id: SubscriptionId
    data: str
    authorization: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stop:
    """The client stopped a subscription that was running or starting."""

    id: SubscriptionId


Event = Send | Acknowledged | Start | Stop


class RealtimeConnection:
    """The protocol state of one connection."""

    __slots__ = ("_limit", "_subscriptions")

    def __init__(self, *, limit: int = SUBSCRIPTION_LIMIT) -> None:
        self._limit = limit
        self._subscriptions: dict[SubscriptionId, Start | None] = {}  # None after the acknowledgement

    def receive(self, text: str | bytes) -> list[Event]:
        """The events that follow from a message of the client, in order."""
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict):
            return [_unknown(None, "the message must be a JSON object, as text")]
        match message.get("type"):
            case "connection_init":
                return [Send(_ACK), Acknowledged(), Send(KEEP_ALIVE)]
            case "start":
                return [self._start(message)]
            case "stop" if isinstance(message.get("id"), str):
                return self._stop(SubscriptionId(message["id"]))
            case "stop":
                return [_unknown(None, _NO_ID)]
            case _:
                return [_unknown(message.get("id"))]

    def _start(self, message: Mapping[str, Any]) -> Event:
        id_, payload = message.get("id"), message.get("payload")
        data = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(id_, str):
            return _unknown(None, _NO_ID)
        if not isinstance(data, str):
            found = "an object" if isinstance(data, dict) else "not text"
            return _unknown(id_, f"payload.data must be JSON text with `query` and `variables`, and is {found}")
        if len(id_) > LONGEST_ID:
            text = f"an id has at most {LONGEST_ID} characters; this one has {len(id_)}"
            return Send(_error(None, [{"errorType": "BadRequestException", "message": text}]))
        if id_ in self._subscriptions:
            return Send(_error(id_, [{"errorType": "DuplicatedOperationError", "message": f"id {id_} is in use"}]))
        if len(self._subscriptions) >= self._limit:
            text = f"Max number of {self._limit} subscriptions reached"
            return Send(_error(id_, [{"errorType": TOO_MANY, "message": text}]))
        extensions = payload.get("extensions") if isinstance(payload, dict) else None
        authorization = extensions.get("authorization") if isinstance(extensions, dict) else None
        headers = lower_case(authorization if isinstance(authorization, dict) else {})
        start = self._subscriptions[SubscriptionId(id_)] = Start(SubscriptionId(id_), data, headers)
        return start

    def _stop(self, id_: SubscriptionId) -> list[Event]:
        complete = Send(b'{"id":%s,"type":"complete"}' % orjson.dumps(id_))
        if id_ not in self._subscriptions:
            return [complete]
        del self._subscriptions[id_]
        return [Stop(id_), complete]

    def end(self, id_: SubscriptionId) -> bytes:
        """The `complete` of a subscription that the server ends; no message of this subscription follows it."""
        self._subscriptions.pop(id_, None)
        return b'{"id":%s,"type":"complete","payload":{"message":"Subscription complete."}}' % orjson.dumps(id_)

    def is_awaited(self, start: Start) -> bool:
        """Whether this `start` has no answer yet and the client has not stopped it."""
        return self._subscriptions.get(start.id) is start

    def accept(self, start: Start) -> bytes:
        """The `start_ack` of a subscription; register the subscription first."""
        self._subscriptions[start.id] = None
        return b'{"id":%s,"type":"start_ack"}' % orjson.dumps(start.id)

    def reject(self, start: Start, errors: Sequence[Mapping[str, object]]) -> bytes:
        """The `error` that answers a `start`; the connection and its other subscriptions continue."""
        del self._subscriptions[start.id]
        return _error(start.id, errors)


def data_head(id_: SubscriptionId) -> bytes:
    """The first part of a `data` message of this subscription; `data_end` follows."""
    return b'{"id":%s,"type":"data","payload":' % orjson.dumps(id_)


def data_end(payload: bytes) -> bytes:
    """The second part of a `data` message, the same for all subscriptions with this payload."""
    return payload + b"}"


def connection_error(entry: Mapping[str, object]) -> bytes:
    """The last message of a rejected connection."""
    return orjson.dumps({"type": "connection_error", "payload": {"errors": [entry]}})


def _error(id_: object, errors: Sequence[Mapping[str, object]]) -> bytes:
    # Some clients take an `error` without an id for one of the whole connection, so the id is sent if there is one.
    head: dict[str, object] = {"id": id_} if isinstance(id_, str) else {}
    return orjson.dumps({**head, "type": "error", "payload": {"errors": list(errors)}})


def _unknown(id_: object, reason: str | None = None) -> Send:
    message = "unknown not supported through the realtime channel"
    return Send(_error(id_, [{"errorType": UNSUPPORTED, "message": f"{message}: {reason}" if reason else message}]))
