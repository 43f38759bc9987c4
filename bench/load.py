"""Generates load on a running server, and measures it.

Every measure first checks that the server does what is measured, field by field. All sockets are driven by this one
thread with prebuilt requests; how busy it was is measured as well, since a busy client would measure itself.
"""

import itertools
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bench import wire
from bench.application import is_event, is_update, job, mutation_body
from bench.servers import Running

PER_CONNECTION: Final = 100  # subscriptions, where several share a connection
QUIET: Final = 0.2  # seconds without a message after which all messages have arrived
_sequences: Final = itertools.count(100_000)


@dataclass(frozen=True, slots=True)
class Rate:
    """Operations per second, their cost to the server, and the load of the client.

    Args:
        per_second: How many.
        cost: Seconds of processor time of the server for each, NaN if it cannot be measured.
        busy: Share of the time in which the client computed.
    """

    per_second: float
    cost: float
    busy: float


@dataclass(slots=True)
class _Meter:
    elapsed: float = 0.0
    served: float = 0.0
    busy: float = 0.0

    def rate(self, count: int) -> Rate:
        return Rate(count / self.elapsed, self.served / count, self.busy / self.elapsed)


@contextmanager
def _metered(running: Running) -> Iterator[_Meter]:
    meter = _Meter()
    began, served, busy = time.perf_counter(), running.processor_time(), time.process_time()
    yield meter
    meter.elapsed = time.perf_counter() - began
    meter.served = running.processor_time() - served
    meter.busy = time.process_time() - busy


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscription."""

    connection: wire.WebSocket
    job_id: str


def update(running: Running, job_id: str) -> tuple[bytes, int]:
    """A request, and the sequence in it."""
    sequence = next(_sequences)
    return wire.post("/graphql", running.server.dialect.headers(), mutation_body(job_id, sequence)), sequence


def mutations(running: Running, *, connections: int, warm_up: float, seconds: float) -> Rate:
    """Mutations per second without subscribers."""
    first = wire.Requests(running.port)
    request, sequence = update(running, job(0))
    if not is_update(first.ask(request), job(0), sequence):
        raise wire.Broken("the mutation does not answer its input")
    first.close()
    with selectors.DefaultSelector() as selector:
        sockets = [wire.connect(running.port) for _ in range(connections)]
        received: dict[socket.socket, bytes] = {}
        for connection in sockets:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(request)
        _answered(selector, received, request, until=time.perf_counter() + warm_up)
        with _metered(running) as meter:
            count = _answered(selector, received, request, until=time.perf_counter() + seconds)
        for connection in sockets:
            connection.close()
    return meter.rate(count)


def _answered(
    selector: selectors.BaseSelector, received: dict[socket.socket, bytes], request: bytes, *, until: float
) -> int:
    """The number of answered requests; each answer is followed by the next request."""
    count = 0
    while time.perf_counter() < until:
        for key, _ in selector.select(1):
            connection: socket.socket = key.fileobj  # type: ignore[assignment]  # sockets are registered, no numbers
            text = received.pop(connection, b"") + connection.recv(65536)
            body = wire.response_body(text)
            if body is None:
                received[connection] = text
            elif b'"errors"' in body:
                raise wire.Broken(f"a mutation failed: {body[:300]!r}")
            else:
                count += 1
                connection.sendall(request)
    return count


@contextmanager
def subscribed(running: Running, jobs: Sequence[str], *, per_connection: int) -> Iterator[list[Subscriber]]:
    """One subscription for each job; each one has received a whole event."""
    dialect = running.server.dialect
    connections: list[wire.WebSocket] = []
    subscribers: list[Subscriber] = []
    try:
        for number, job_id in enumerate(jobs):
            if number % per_connection == 0:
                connections.append(dialect.connect(running.port))
            dialect.subscribe(connections[-1], f"{number:08d}", job_id)
            subscribers.append(Subscriber(connections[-1], job_id))
        _hear(running, jobs, connections)
        yield subscribers
    finally:
        for connection in connections:
            connection.close()


def _hear(running: Running, jobs: Sequence[str], connections: list[wire.WebSocket]) -> None:
    """Publish to every job until each subscription has received an event, and wait until all messages have arrived."""
    waiting = {f"{number:08d}": job_id for number, job_id in enumerate(jobs)}
    requests = wire.Requests(running.port)
    until = time.perf_counter() + wire.TIMEOUT
    while waiting:
        if time.perf_counter() > until:
            raise wire.Broken(f"{len(waiting)} subscriptions have heard nothing")
        time.sleep(QUIET)
        for job_id in dict.fromkeys(waiting.values()):
            requests.ask(update(running, job_id)[0])
        last = time.perf_counter()
        while time.perf_counter() - last < QUIET:
            for connection in connections:
                for message in connection.waiting():
                    last = time.perf_counter()
                    _heard(running, message, waiting)
    requests.close()


def _heard(running: Running, message: bytes, waiting: dict[str, str]) -> None:
    payload = running.server.dialect.payload(message)
    if payload is None:
        return
    id_ = next((text for text in _quoted(message) if text in waiting), None)
    if id_ is None:
        return
    if not is_event(payload, waiting[id_]):
        raise wire.Broken(f"expected an update of {waiting[id_]}, found {payload}")
    del waiting[id_]


def _quoted(message: bytes) -> list[str]:
    return message.decode().split('"')


def fan_out(running: Running, subscribers: Sequence[Subscriber], *, events: int, warm_up: int) -> Rate:
    """Messages per second while every mutation is pushed to all of these subscribers."""
    requests = wire.Requests(running.port)
    first, *others = subscribers
    request, _ = update(running, first.job_id)
    requests.ask(request)
    size = wire.frame_size(first.connection.receive())
    for other in others:
        other.connection.receive()
    with selectors.DefaultSelector() as selector:
        for connection in dict.fromkeys(subscriber.connection for subscriber in subscribers):
            connection.socket.setblocking(False)
            selector.register(connection.socket, selectors.EVENT_READ)
        everything = size * len(subscribers)
        for _ in range(warm_up):
            _one_event(running, requests, selector, first.job_id, everything)
        with _metered(running) as meter:
            for _ in range(events):
                _one_event(running, requests, selector, first.job_id, everything)
    for subscriber in subscribers:
        subscriber.connection.socket.settimeout(wire.TIMEOUT)
    requests.close()
    return meter.rate(events * len(subscribers))


def _one_event(
    running: Running, requests: wire.Requests, selector: selectors.BaseSelector, job_id: str, everything: int
) -> None:
    """Publish, and read until all subscribers have the whole message. All messages of a server have the same length."""
    buffer = bytearray(65536)
    arrived = 0
    requests.socket.sendall(update(running, job_id)[0])
    until = time.perf_counter() + wire.TIMEOUT
    while arrived < everything:
        for key, _ in selector.select(1):
            arrived += key.fileobj.recv_into(buffer)  # type: ignore[union-attr]  # sockets are registered, no numbers
        if time.perf_counter() > until:
            raise wire.Broken(f"{arrived} of {everything} bytes arrived")
    if arrived != everything:
        raise wire.Broken(f"expected {everything} bytes, found {arrived}")
    requests.answer()


def delivery(running: Running, subscribers: Sequence[Subscriber], *, events: int, warm_up: int) -> list[float]:
    """Seconds from sending a mutation to reading its message, for one subscriber; the others receive nothing."""
    listener = subscribers[len(subscribers) // 2]
    requests = wire.Requests(running.port)
    seconds: list[float] = []
    for _ in range(warm_up + events):
        request, sequence = update(running, listener.job_id)
        began = time.perf_counter()
        requests.socket.sendall(request)
        message = listener.connection.receive()
        seconds.append(time.perf_counter() - began)
        requests.answer()
        if b"%d" % sequence not in message:
            raise wire.Broken(f"expected the update {sequence}, found {message[:300]!r}")
    requests.close()
    for subscriber in subscribers:
        for message in subscriber.connection.waiting():
            if running.server.dialect.payload(message) is not None:
                raise wire.Broken("a subscriber heard of another's job, or twice of its own")
    return seconds[warm_up:]
