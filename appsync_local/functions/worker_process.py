"""One worker process as the engine sees it: its events, one at a time, its time limits and its end."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import orjson

from appsync_local.functions.channel import Channel
from appsync_local.functions.frames import Kind
from appsync_local.functions.outcome import (
    ErrorPayload,
    Failed,
    Outcome,
    Succeeded,
    exited,
    start_timed_out,
    timed_out,
)
from appsync_local.functions.output import WorkerOutput
from appsync_local.functions.spec import FunctionSpec

_log: Final = logging.getLogger(__name__)

# Seconds to import the handler. Lambda imports it once more, within the function's time-out, if that was not enough.
# Source: Lambda Developer Guide, "Init phase".
START_LIMIT: Final = 10.0
FINAL_OUTPUT_LIMIT: Final = 1.0  # seconds to receive what a worker sent before it ended
KILLED: Final = 9  # wait status of a process ended by SIGKILL


class InvocationType(Enum):
    """How a function is invoked. Source: AWS Lambda API Reference, Invoke, InvocationType."""

    REQUEST_RESPONSE = "RequestResponse"  # the caller waits for the result
    EVENT = "Event"


@dataclass(slots=True)
class Invocation:
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


class WorkerState(Enum):
    STARTING = auto()  # forked and importing its handler; its first event waits
    IDLE = auto()
    BUSY = auto()
    RETIRED = auto()  # told to end, or known to have ended


class WorkerProcess:
    """One worker process.

    A start that takes longer than `START_LIMIT` is ended. If `processors_are_busy` then, it gets the function's
    time-out in addition.

    `on_started` is called once its handler is imported, `on_free` once for each invocation, and `on_gone` once for the
    worker.
    """

    def __init__(
        self,
        number: int,
        function: FunctionSpec,
        connection: socket.socket,
        output: int,
        *,
        kill: Callable[[int], None],
        processors_are_busy: Callable[[], bool],
        on_started: Callable[["WorkerProcess"], None],
        on_free: Callable[["WorkerProcess", InvocationType], None],
        on_gone: Callable[["WorkerProcess"], None],
    ) -> None:
        self.number = number
        self.function = function
        self.state = WorkerState.STARTING
        self.idle_since = 0.0
        self.last_took = 0.0  # seconds of its last invocation
        self.is_outdated = False  # its code has changed on disk, so its current event is its last
        self._kill = kill
        self._processors_are_busy = processors_are_busy
        self._on_started = on_started
        self._on_free = on_free
        self._on_gone = on_gone
        self._invocation: Invocation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._status: int | None = None  # once the process has ended
        self.is_connected = True
        self._channel = Channel(connection, on_frame=self._heard, on_end=self._end_of_answers)
        self._output = WorkerOutput(function.name, output)

    def take(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._output.request_id = invocation.request_id
        if self.state is WorkerState.STARTING:
            self._timer = asyncio.get_running_loop().call_later(START_LIMIT, self._start_is_late, invocation)
        else:
            self._send(invocation)

    def retire(self) -> None:
        """Let an idle worker end by itself."""
        self.state = WorkerState.RETIRED
        self._channel.close()

    def ended(self, status: int) -> None:
        """Called when the process and everything that it started have ended."""
        self._status = status
        if not self.is_connected or self.state is WorkerState.RETIRED:
            self._close_out()
        else:  # its answer may still be in the socket; a process that escaped may hold the socket open
            self._stop_timer()
            self._timer = asyncio.get_running_loop().call_later(FINAL_OUTPUT_LIMIT, self._close_out)

    def abandon(self) -> None:
        """Forget a worker because the pool stops. Its event stays in the queue."""
        self._close()
        if self._invocation is not None:
            self._invocation.outcome.cancel()

    def _send(self, invocation: Invocation) -> None:
        self.state = WorkerState.BUSY
        invocation.began = time.monotonic()
        deadline = invocation.began + self.function.timeout
        head = f'{{"request_id":"{invocation.request_id}","deadline":{deadline!r},"event":'
        limit, reason = self.function.timeout, timed_out(invocation.request_id, self.function.timeout)
        if invocation.crashes_after is not None and invocation.crashes_after < limit:
            limit, reason = invocation.crashes_after, exited(invocation.request_id, KILLED)
        self._set_timer(limit, reason)
        self._channel.send(Kind.EVENT, b"".join((head.encode(), invocation.payload, b"}")))

    def _start_is_late(self, invocation: Invocation) -> None:
        limit = START_LIMIT
        if self._processors_are_busy():  # its work would be lost, and the next one would be no faster
            limit += self.function.timeout
        late = start_timed_out(invocation.request_id, self.function.handler, limit)
        self._set_timer(limit - START_LIMIT, late)

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
                self._on_started(self)
            case Kind.RESULT | Kind.ERROR | Kind.LAST_ERROR if invocation.crashes_after is not None:
                self._kill_with_reason(
                    exited(invocation.request_id, KILLED)
                )  # the work is done, but the result is lost: the invocation counts as failed
            case Kind.RESULT:
                self._finish(invocation, Succeeded(body))
            case Kind.ERROR | Kind.LAST_ERROR:
                error: ErrorPayload = orjson.loads(body)
                if self.state is WorkerState.STARTING:  # it could not import its handler and ends
                    error["requestId"] = invocation.request_id
                    kind = Kind.LAST_ERROR
                if kind is Kind.LAST_ERROR:
                    self.state = WorkerState.RETIRED
                self._finish(invocation, Failed(error))
            case _:
                raise ValueError(f"a worker sends STARTED, RESULT, ERROR and LAST_ERROR, and sent {kind.name}")

    def _finish(self, invocation: Invocation, outcome: Outcome) -> None:
        self._output.drain()
        self._stop_timer()
        self._invocation = None
        if self.state is WorkerState.BUSY:
            self.state = WorkerState.IDLE
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
        was_idle = self.state is WorkerState.IDLE
        self.state = WorkerState.RETIRED
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
