"""Warm workers: kept and reused, limited in number, and killed when an invocation takes too long."""

import asyncio
import itertools
import logging
import os
import socket
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final

import orjson

from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.functions.channel import Channel
from appsync_local.functions.fork_server_client import ForkServerClient
from appsync_local.functions.frames import Kind
from appsync_local.functions.outcome import (
    ErrorPayload,
    Failed,
    Outcome,
    Refused,
    Succeeded,
    exited,
    start_timed_out,
    timed_out,
)
from appsync_local.functions.output import WorkerOutput
from appsync_local.functions.spec import FunctionSpec

_log: Final = logging.getLogger(__name__)

START_LIMIT: Final = 10.0  # seconds to import the handler; Source: Lambda Developer Guide, "Init phase"
IDLE_LIMIT: Final = 60.0  # seconds after which a worker that is not its function's last idle one ends
FINAL_OUTPUT_LIMIT: Final = 1.0  # seconds to receive what a worker sent before it ended
USUAL_DURATION: Final = 1.0  # seconds of an invocation, until the first one has ended
WARM_WAIT: Final = 0.05  # seconds that an invocation waits for a warm worker before another process is started
_WARM: Final = 2 * (os.cpu_count() or 1)  # workers of a function from which on calls wait for a warm one
_FADING: Final = 0.95  # weight of earlier, longer invocations
_KILLED: Final = 9  # wait status of a process ended by SIGKILL


class InvocationType(Enum):
    """How a function is invoked. Source: AWS Lambda API Reference, Invoke, InvocationType."""

    REQUEST_RESPONSE = "RequestResponse"  # the caller waits for the result
    EVENT = "Event"


class Pool:
    """The workers of all functions.

    Functions without reserved concurrency share `concurrency` invocations at a time. At most half of them may be
    events, so that events in any number leave room for calls that somebody waits for.

    An invocation of a function that usually takes less than `warm_wait` waits that long for one of its warm workers. A
    process for each concurrent invocation would cost more than the invocations themselves.

    Args:
        functions: By name.
        root: Folder that the handlers are imported from.
        preload: Modules that the fork server imports once for all workers.
        concurrency: Invocations at a time of all functions without reserved concurrency.
        warm_wait: Seconds.
        on_room: Called whenever an invocation has ended and left room for another one.
        meter: Counts the invocations.
        health: Where failures of the clean-up of idle workers are counted.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionSpec],
        *,
        root: Path,
        preload: Sequence[str],
        concurrency: int,
        warm_wait: float,
        on_room: Callable[[], None],
        meter: Meter,
        health: Health,
    ) -> None:
        self._loop_health = health.loop("idle workers")
        self._concurrency = concurrency
        self._warm_wait = warm_wait
        self._event_concurrency = max(1, concurrency // 2)
        self._meter = meter
        self._on_room = on_room
        self._fork_server = ForkServerClient(
            functions, root=root, preload=preload, on_exit=self._exited, on_lost=self._lost_all,
            health=health.loop("fork server"),
        )  # fmt: skip
        self._numbers = itertools.count(1)
        self._workers: dict[int, _Worker] = {}
        self._idle: defaultdict[str, list[_Worker]] = defaultdict(list)  # the most recently used last
        self._busy: Counter[str] = Counter()
        self._busy_in_common: Counter[InvocationType] = Counter()
        self._workers_of: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[_Invocation]] = defaultdict(deque)  # for a warm worker, oldest first
        self._durations: dict[str, float] = {}  # recent duration of the longer invocations of each function, in seconds
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Raises: FunctionsNotStarted."""
        await self._fork_server.start()
        self._retire_idle()

    async def stop(self) -> None:
        """Kill all workers; futures of unfinished invocations are cancelled."""
        if self._sweep is not None:
            self._sweep.cancel()
        for waiting in self._waiting.values():
            while waiting:
                waiting.popleft().outcome.cancel()
        # Forget the workers first, so that their end does not count as a failed attempt.
        for worker in self._workers.values():
            worker.abandon()
        self._workers.clear()
        self._idle.clear()
        await self._fork_server.stop()

    def renew(self) -> None:
        """Replace all workers: idle ones end now, busy ones after their current event."""
        for idle in self._idle.values():
            while idle:
                idle.pop().retire()
        for worker in self._workers.values():
            worker.is_outdated = True

    def has_room(self, function: FunctionSpec, kind: InvocationType) -> bool:
        if function.reserved_concurrency is not None:
            return self._busy[function.name] < function.reserved_concurrency
        if kind is InvocationType.EVENT and self._busy_in_common[kind] >= self._event_concurrency:
            return False
        return self._busy_in_common.total() < self._concurrency

    def begin(
        self,
        function: FunctionSpec,
        kind: InvocationType,
        request_id: str,
        payload: bytes,
        *,
        crashes_at: float | None = None,
    ) -> asyncio.Future[Outcome]:
        """Run one event on a worker. The caller must have checked `has_room`.

        Args:
            function: One of those this pool was made with.
            kind: Whether somebody waits for the result.
            request_id: Of this event, the same on each attempt.
            payload: The event as JSON.
            crashes_at: When to kill the worker, as a share of the recent duration of the function's longer invocations,
                and at the latest when it answers. None: it is not killed.
        """
        invocation = _Invocation(request_id, payload, kind, asyncio.get_running_loop().create_future())
        if crashes_at is not None:
            invocation.crashes_after = crashes_at * self._usually_takes(function)
        self._meter.invocations[function.name] += 1
        self._busy[function.name] += 1
        if function.reserved_concurrency is None:
            self._busy_in_common[kind] += 1
        worker = self._idle_worker(function)
        if worker is not None:
            worker.take(invocation)
        elif self._workers_of[function.name] >= _WARM and self._usually_takes(function) < self._warm_wait:
            self._waiting[function.name].append(invocation)
            asyncio.get_running_loop().call_later(self._warm_wait, self._start_waiting, function, invocation)
        else:
            self._start_worker(function, invocation)
        return invocation.outcome

    def _usually_takes(self, function: FunctionSpec) -> float:
        return self._durations.get(function.name, USUAL_DURATION)

    def _start_waiting(self, function: FunctionSpec, invocation: "_Invocation") -> None:
        """Start a worker for an invocation that has waited too long for a warm one."""
        waiting = self._waiting[function.name]
        if invocation in waiting:
            waiting.remove(invocation)
            self._start_worker(function, invocation)

    def _start_worker(self, function: FunctionSpec, invocation: "_Invocation") -> None:
        try:
            worker = self._spawn(function)
        except OSError as error:
            self._meter.invocations[function.name] -= 1  # it did not take place
            self._leave(function, invocation.kind)
            invocation.settle(Refused(f"no worker process could be started: {error}"))
            return
        worker.take(invocation)

    def _leave(self, function: FunctionSpec, kind: InvocationType) -> None:
        self._busy[function.name] -= 1
        if function.reserved_concurrency is None:
            self._busy_in_common[kind] -= 1

    def _idle_worker(self, function: FunctionSpec) -> "_Worker | None":
        idle = self._idle[function.name]
        while idle:
            worker = idle.pop()
            if worker.is_connected:
                return worker
        return None

    def _spawn(self, function: FunctionSpec) -> "_Worker":
        ours, theirs = socket.socketpair()
        try:
            output, printing = os.pipe()
        except OSError:
            ours.close()
            theirs.close()
            raise
        number = next(self._numbers)
        try:
            self._fork_server.spawn(number, function.name, theirs, printing)
        except OSError:
            ours.close()
            os.close(output)
            raise
        worker = _Worker(
            number, function, ours, output, kill=self._fork_server.kill, on_free=self._freed, on_gone=self._gone
        )
        self._workers[number] = worker
        self._workers_of[function.name] += 1
        return worker

    def _freed(self, worker: "_Worker", kind: InvocationType) -> None:
        self._leave(worker.function, kind)
        if worker.state is _State.IDLE:
            waiting = self._waiting[worker.function.name]
            if worker.is_outdated:
                worker.retire()
            elif waiting:
                worker.take(waiting.popleft())
            else:
                self._idle[worker.function.name].append(worker)
            self._meter.milliseconds[worker.function.name] += round(worker.last_took * 1000)
            before = self._durations.get(worker.function.name, 0.0)
            self._durations[worker.function.name] = max(worker.last_took, _FADING * before)
        self._on_room()

    def _exited(self, number: int, status: int) -> None:
        worker = self._workers.get(number)
        if worker is not None:
            worker.ended(status)

    def _lost_all(self) -> None:
        for number in list(self._workers):
            self._exited(number, _KILLED)

    def _gone(self, worker: "_Worker") -> None:
        if self._workers.pop(worker.number, None) is not None:
            self._workers_of[worker.function.name] -= 1
        with suppress(ValueError):
            self._idle[worker.function.name].remove(worker)

    def _retire_idle(self) -> None:
        oldest = time.monotonic() - IDLE_LIMIT
        for idle in self._idle.values():
            with self._loop_health.turn():
                while len(idle) > 1 and idle[0].idle_since < oldest:
                    idle.pop(0).retire()
        self._sweep = asyncio.get_running_loop().call_later(IDLE_LIMIT / 4, self._retire_idle)


@dataclass(slots=True)
class _Invocation:
    request_id: str
    payload: bytes
    kind: InvocationType
    outcome: asyncio.Future[Outcome]
    began: float = 0.0  # on the monotonic clock; 0 while the worker imports its handler
    reason: Outcome | None = None  # the outcome decided by the engine, for which the worker is being killed
    crashes_after: float | None = None  # seconds until chaos kills the worker

    def settle(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class _State(Enum):
    STARTING = auto()  # forked and importing its handler; its first event waits
    IDLE = auto()
    BUSY = auto()
    RETIRED = auto()  # told to end, or known to have ended


class _Worker:
    """One worker process. `on_free` is called once for each invocation, and `on_gone` once for the worker."""

    def __init__(
        self,
        number: int,
        function: FunctionSpec,
        connection: socket.socket,
        output: int,
        *,
        kill: Callable[[int], None],
        on_free: Callable[["_Worker", InvocationType], None],
        on_gone: Callable[["_Worker"], None],
    ) -> None:
        self.number = number
        self.function = function
        self.state = _State.STARTING
        self.idle_since = 0.0
        self.last_took = 0.0  # seconds of its last invocation
        self.is_outdated = False  # its code has changed on disk, so its current event is its last
        self._kill = kill
        self._on_free = on_free
        self._on_gone = on_gone
        self._invocation: _Invocation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._status: int | None = None  # once the process has ended
        self.is_connected = True
        self._channel = Channel(connection, on_frame=self._heard, on_end=self._end_of_answers)
        self._output = WorkerOutput(function.name, output)

    def take(self, invocation: _Invocation) -> None:
        self._invocation = invocation
        self._output.request_id = invocation.request_id
        if self.state is _State.STARTING:
            late = start_timed_out(invocation.request_id, self.function.handler, START_LIMIT)
            self._set_timer(START_LIMIT, late)
        else:
            self._send(invocation)

    def retire(self) -> None:
        """Let an idle worker end by itself."""
        self.state = _State.RETIRED
        self._channel.close()

    def ended(self, status: int) -> None:
        """Called when the process and everything that it started have ended."""
        self._status = status
        if not self.is_connected or self.state is _State.RETIRED:
            self._close_out()
        else:  # its answer may still be in the socket; a process that escaped may hold the socket open
            self._stop_timer()
            self._timer = asyncio.get_running_loop().call_later(FINAL_OUTPUT_LIMIT, self._close_out)

    def abandon(self) -> None:
        """Forget a worker because the pool stops. Its event stays in the queue."""
        self._close()
        if self._invocation is not None:
            self._invocation.outcome.cancel()

    def _send(self, invocation: _Invocation) -> None:
        self.state = _State.BUSY
        invocation.began = time.monotonic()
        deadline = invocation.began + self.function.timeout
        head = f'{{"request_id":"{invocation.request_id}","deadline":{deadline!r},"event":'
        limit, reason = self.function.timeout, timed_out(invocation.request_id, self.function.timeout)
        if invocation.crashes_after is not None and invocation.crashes_after < limit:
            limit, reason = invocation.crashes_after, exited(invocation.request_id, _KILLED)
        self._set_timer(limit, reason)
        self._channel.send(Kind.EVENT, b"".join((head.encode(), invocation.payload, b"}")))

    def _set_timer(self, seconds: float, reason: Failed) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._kill_with_reason, reason)

    def _kill_with_reason(self, reason: Failed) -> None:
        # The outcome is reported only when the process is gone: the receiver may start the next attempt at once.
        if self._invocation is not None:
            self._invocation.reason = reason
            self._kill(self.number)

    def _heard(self, kind: Kind, body: bytes) -> None:
        invocation = self._invocation
        if invocation is None or invocation.reason is not None:
            return
        match kind:
            case Kind.STARTED:
                self._stop_timer()
                self._send(invocation)
            case Kind.RESULT | Kind.ERROR if invocation.crashes_after is not None:
                self._kill_with_reason(
                    exited(invocation.request_id, _KILLED)
                )  # the work is done, but the result is lost: the invocation counts as failed
            case Kind.RESULT:
                self._finish(invocation, Succeeded(body))
            case Kind.ERROR:
                error: ErrorPayload = orjson.loads(body)
                if self.state is _State.STARTING:
                    self.state = _State.RETIRED  # it could not import its handler and ends
                    error["requestId"] = invocation.request_id
                self._finish(invocation, Failed(error))
            case _:
                raise ValueError(f"a worker sends STARTED, RESULT and ERROR, and sent {kind.name}")

    def _finish(self, invocation: _Invocation, outcome: Outcome) -> None:
        self._output.drain()
        self._stop_timer()
        self._invocation = None
        if self.state is _State.BUSY:
            self.state = _State.IDLE
            self.idle_since = time.monotonic()
            self.last_took = self.idle_since - invocation.began
        invocation.settle(outcome)
        if _log.isEnabledFor(logging.DEBUG):
            milliseconds = (time.monotonic() - invocation.began) * 1000 if invocation.began else 0.0
            _log.debug(
                "%s took %.1f ms",
                self.function.name,
                milliseconds,
                extra={"event": "function_ended", "request_id": invocation.request_id, "milliseconds": milliseconds},
            )
        self._on_free(self, invocation.kind)

    def _end_of_answers(self) -> None:
        self.is_connected = False
        if self._status is not None:
            self._close_out()

    def _close_out(self) -> None:
        was_idle = self.state is _State.IDLE
        self.state = _State.RETIRED
        self._stop_timer()
        if self._invocation is not None:
            invocation, status = self._invocation, self._status or 0
            self._finish(invocation, invocation.reason or exited(invocation.request_id, status))
        elif was_idle:
            _log.warning("an idle worker of %s ended unexpectedly", self.function.name, extra={"event": "worker_lost"})
        self._close()
        self._on_gone(self)

    def _close(self) -> None:
        self._stop_timer()
        self._output.drain()
        self._output.close()
        self._channel.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
