"""The messages of AppSync's realtime protocol. Each one parses or serialises itself. Pure.

Source: AppSync Developer Guide, "Building a real-time WebSocket client". All messages are JSON objects with a `type`.
Messages about one subscription carry the `id` that the client chose.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType

from longcall.errors import GraphQLFault, ProtocolError
from longcall.faults import parse_faults

SubscriptionId = NewType("SubscriptionId", str)


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """Client to server: open the protocol on a new socket."""

    def serialise(self) -> str:
        return '{"type":"connection_init"}'


@dataclass(frozen=True, slots=True)
class Start:
    """Client to server: subscribe.

    Attributes:
        id: Unique on this connection.
        data: The GraphQL request as a JSON text.
        authorization: The headers that authorize this subscription, `host` included.
    """

    id: SubscriptionId
    data: str
    authorization: Mapping[str, str]

    def serialise(self) -> str:
        payload = {"data": self.data, "extensions": {"authorization": dict(self.authorization)}}
        return json.dumps({"id": self.id, "type": "start", "payload": payload}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Stop:
    """Client to server: unsubscribe. The server answers with `complete`."""

    id: SubscriptionId

    def serialise(self) -> str:
        return json.dumps({"id": self.id, "type": "stop"}, separators=(",", ":"))


ClientMessage = ConnectionInit | Start | Stop


@dataclass(frozen=True, slots=True)
class ConnectionAck:
    """Server to client: the connection is ready for `start`."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Server to client: the connection lives. One comes after the acknowledgement and then one every 60 s."""


@dataclass(frozen=True, slots=True)
class ConnectionFailed:
    """Server to client (`connection_error`): the connection is refused. The server closes the socket afterwards."""

    faults: tuple[GraphQLFault, ...]


@dataclass(frozen=True, slots=True)
class StartAck:
    """Server to client: the subscription is registered. Events published from now on are pushed."""

    id: SubscriptionId


@dataclass(frozen=True, slots=True)
class Data:
    """Server to client: one push.

    Attributes:
        id: Of the subscription.
        fields: The value of the subscription's only field; None when the push has errors or no usable data.
    """

    id: SubscriptionId
    fields: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Complete:
    """Server to client: the subscription is over. Nothing follows for this id."""

    id: SubscriptionId


@dataclass(frozen=True, slots=True)
class Failed:
    """Server to client (`error`): a `start` is refused, or a running subscription ends.

    Without an id, the error is about the whole connection.
    """

    id: SubscriptionId | None
    faults: tuple[GraphQLFault, ...]


ServerMessage = ConnectionAck | KeepAlive | ConnectionFailed | StartAck | Data | Complete | Failed


def parse_message(text: str | bytes) -> ServerMessage:
    """Parse one message from the server.

    Raises:
        ProtocolError: The text is not JSON, or not a message of this protocol.
    """
    try:
        message = json.loads(text)
    except ValueError as exc:
        raise ProtocolError("expected a realtime message, and found text that is not JSON") from exc
    match message:
        case {"type": "data", "id": str(id_)}:
            return Data(SubscriptionId(id_), _only_field(message.get("payload")))
        case {"type": "ka"}:
            return KeepAlive()
        case {"type": "start_ack", "id": str(id_)}:
            return StartAck(SubscriptionId(id_))
        case {"type": "complete", "id": str(id_)}:
            return Complete(SubscriptionId(id_))
        case {"type": "error"}:
            id_ = message.get("id")
            return Failed(SubscriptionId(id_) if isinstance(id_, str) and id_ else None, _faults(message))
        case {"type": "connection_ack"}:
            return ConnectionAck()
        case {"type": "connection_error"}:
            return ConnectionFailed(_faults(message))
    raise ProtocolError("expected a realtime message, and found JSON of another form")


def _faults(message: Mapping[str, Any]) -> tuple[GraphQLFault, ...]:
    payload = message.get("payload")
    return parse_faults(payload.get("errors") if isinstance(payload, Mapping) else None)


def _only_field(payload: object) -> Mapping[str, Any] | None:
    if not isinstance(payload, Mapping) or payload.get("errors"):
        return None
    data = payload.get("data")
    if not isinstance(data, Mapping) or not data:
        return None
    fields = next(iter(data.values()))
    return fields if isinstance(fields, Mapping) else None
