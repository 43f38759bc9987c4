"""The subscription protocol of each server."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Protocol, cast

from bench.application import API_KEY, SUBSCRIPTION
from bench.wire import Broken, WebSocket


class Dialect(Protocol):
    """One protocol."""

    def headers(self) -> dict[str, str]:
        """The headers of a request over HTTP."""

    def connect(self, port: int) -> WebSocket:
        """A connection that is ready to subscribe."""

    def subscribe(self, connection: WebSocket, id_: str, job_id: str) -> None:
        """Subscribe to the changes of a job, without waiting for the answer."""

    def payload(self, message: bytes) -> object:
        """The payload of a message about a change; None for any other message."""


@dataclass(frozen=True, slots=True)
class AppSync:
    """AppSync's realtime protocol."""

    path: str

    def headers(self) -> dict[str, str]:
        return {"x-api-key": API_KEY}

    def connect(self, port: int) -> WebSocket:
        presented = base64.b64encode(json.dumps({"host": "localhost", **self.headers()}).encode()).decode()
        connection = WebSocket(port, f"{self.path}?header={presented}&payload=e30=", "graphql-ws")
        connection.send(b'{"type":"connection_init"}')
        _expect(connection, "connection_ack")
        return connection

    def subscribe(self, connection: WebSocket, id_: str, job_id: str) -> None:
        data = json.dumps({"query": SUBSCRIPTION, "variables": {"jobId": job_id}})
        authorization = {"host": "localhost", **self.headers()}
        start = {"id": id_, "type": "start", "payload": {"data": data, "extensions": {"authorization": authorization}}}
        connection.send(json.dumps(start).encode())

    def payload(self, message: bytes) -> object:
        return _payload(message, "data")


@dataclass(frozen=True, slots=True)
class TransportWs:
    """The protocol `graphql-transport-ws`, which the other servers use."""

    path: str

    def headers(self) -> dict[str, str]:
        return {}

    def connect(self, port: int) -> WebSocket:
        connection = WebSocket(port, self.path, "graphql-transport-ws")
        connection.send(b'{"type":"connection_init"}')
        _expect(connection, "connection_ack")
        return connection

    def subscribe(self, connection: WebSocket, id_: str, job_id: str) -> None:
        payload = {"query": SUBSCRIPTION, "variables": {"jobId": job_id}}
        connection.send(json.dumps({"id": id_, "type": "subscribe", "payload": payload}).encode())

    def payload(self, message: bytes) -> object:
        return _payload(message, "next")


@dataclass(frozen=True, slots=True)
class Bare:
    """No GraphQL: the client sends only the id of a job."""

    def headers(self) -> dict[str, str]:
        return {}

    def connect(self, port: int) -> WebSocket:
        return WebSocket(port, "/graphql", "bare")

    def subscribe(self, connection: WebSocket, id_: str, job_id: str) -> None:
        connection.send(json.dumps({"id": id_, "jobId": job_id}).encode())

    def payload(self, message: bytes) -> object:
        return _payload(message, "data")


def _expect(connection: WebSocket, type_: str) -> None:
    message = _read(connection.receive())
    if message.get("type") != type_:
        raise Broken(f"expected {type_}, found {message}")


def _payload(message: bytes, type_: str) -> object:
    read = _read(message)
    if read.get("type") == "error":
        raise Broken(f"a subscription was refused: {read}")
    return read["payload"] if read.get("type") == type_ else None


def _read(message: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(message))
