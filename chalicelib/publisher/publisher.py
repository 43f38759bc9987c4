"""Sends a job's updates, retries them, and keeps the lease alive.

The workload runs on its own thread and only appends to a buffer. An event loop sends from the buffer, with one request
in flight at a time, so the order of the log is the order of the answers. Another thread runs the loop from the moment
on when something must be sent before the job's end. The end of a short job is sent without that thread.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.model import Change, Claim, DispatchNext, JobId, Status, WorkerUpdate
from chalicelib.publisher.appsync import Channel
from chalicelib.publisher.coalescing import Outbox, Pace
from chalicelib.publisher.connection import Connection
from chalicelib.publisher.delivery import Backoff, deliver
from chalicelib.publisher.fencing import (
    Accepted,
    Granted,
    Over,
    Refused,
    UpdateAnswer,
    read_claim_answer,
    read_update_answer,
)
from chalicelib.publisher.metered import Metered
from chalicelib.workloads import Piece

log = logging.getLogger(__name__)

BACKLOG: Final = 2 * 1024 * 1024  # bytes, as many as the runner's reserve has time to send
CLOSE_TIMEOUT: Final = 5.0  # seconds


class Publisher:
    """A `StatusPublisher` that sends over `connection`, and stops at `until`, on the clock of `time.monotonic`.

    One publisher at a time uses a connection, and leaves it open for the next one.
    """

    def __init__(
        self,
        job_id: JobId,
        *,
        connection: Connection,
        until: float,
        pace: Pace,
        backoff: Backoff,
        budget: AttemptBudget,
    ) -> None:
        self._job_id = job_id
        self._connection = connection
        self._until = until
        self._pace = pace
        self._backoff = backoff
        self._budget = budget
        self._loop = connection.loop
        self._channel: Channel | None = None
        self._stop: Callable[[], None] | None = None
        self._pump: asyncio.Task[Accepted | Over | None] | None = None
        self._attempt = 0
        self._sequence = 0
        self._wait_until = math.inf
        self._begun_at = 0.0
        self._more = asyncio.Event()
        self._draining = asyncio.Event()
        self._has_sent_end = False
        # Guards the attributes below, which both threads use. Notified when the outbox has become smaller.
        self._room = threading.Condition()
        self._outbox = Outbox(pace.policy, budget)
        self._first_at = math.inf  # when the first output was added
        self._wake_at = -math.inf  # when the pump starts, or looks again by itself; -inf while it is awake
        self._is_pumping = False
        self._has_ended = False

    def __enter__(self) -> Self:
        self._connection.turn.acquire()
        self._loop = self._connection.loop
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keeps_channel = kind is None
        try:
            if not keeps_channel or (self._pump is not None and not self._pump.done()):
                self._loop.run(self._close(keeps_channel=keeps_channel), timeout=CLOSE_TIMEOUT)
            self._loop.take_back(timeout=CLOSE_TIMEOUT)
        except TimeoutError:  # all updates are in the log already, or their failure is being raised
            self._connection.abandon()
        else:
            self._connection.release()
        finally:
            self._connection.turn.release()

    def claim(self, request_id: str) -> Granted | Refused:
        return self._loop.run(self._claim(request_id))

    def begin(self, stop: Callable[[], None], *, until: float) -> None:
        self._wait_until = until
        self._stop = stop
        self._begun_at = time.monotonic()
        with self._room:
            self._wake_at = self._begun_at + self._pace.heartbeat
            self._loop.run_on_thread(self._start_pump, at=self._wake_at)

    def add(self, piece: Piece) -> None:
        with self._room:
            if self._has_ended:
                return
            self._outbox.add(piece)
            self._wake_in_time()
            if self._outbox.size > BACKLOG:
                # Memory is bounded, and output that cannot be sent before the deadline is useless.
                self._room.wait_for(self._has_room, timeout=max(0.0, self._wait_until - time.monotonic()))

    def finish(self, change: Change) -> Accepted | Over:
        return self._loop.run(self._finish(change))

    def hand_over(self, change: Change) -> Accepted | Over:
        return self._loop.run(self._hand_over(change))

    def ending(self) -> Over:
        over = self._loop.run(self._drain())
        if not isinstance(over, Over):
            raise RuntimeError("ending() was called before the job was over")
        return over

    def _has_room(self) -> bool:
        return self._has_ended or self._outbox.size <= BACKLOG

    def _wake_in_time(self) -> None:
        """Start or wake the pump, if it would otherwise send the waiting output too late."""
        due = self._outbox.due()
        if self._outbox.waits_with_first_output:
            self._first_at = min(self._first_at, time.monotonic())
            due = self._first_at + self._pace.first_wait
        if due < self._wake_at:
            # It stays awake until it has taken this piece: waking it costs a system call.
            self._wake_at = -math.inf
            if self._is_pumping:
                self._loop.call(self._more.set)
            else:
                self._loop.run_on_thread(self._start_pump, at=due)

    # The methods below run on the loop.

    async def _claim(self, request_id: str) -> Granted | Refused:
        self._channel = Metered(await self._connection.channel(), self._budget)
        claim = Claim(self._job_id, request_id, update_id=str(uuid4()))
        outcome = read_claim_answer(await deliver(self._channel, claim, until=self._until, backoff=self._backoff))
        if isinstance(outcome, Granted):
            self._attempt, self._sequence = outcome.attempt, outcome.sequence
            self._budget.claim(outcome.cost)
        return outcome

    def _start_pump(self) -> asyncio.Task[Accepted | Over | None]:
        if self._stop is None:
            raise RuntimeError("finish() was called before begin()")
        if self._pump is None:
            with self._room:
                self._is_pumping = True
            self._pump = asyncio.get_running_loop().create_task(self._send_what_is_due())
            self._pump.add_done_callback(partial(self._pump_ended, self._stop))
        return self._pump

    def _pump_ended(self, stop: Callable[[], None], pump: asyncio.Task[Accepted | Over | None]) -> None:
        with self._room:
            self._has_ended = True
            self._outbox.discard()
            self._room.notify_all()
        if not pump.cancelled() and (pump.exception() is not None or isinstance(pump.result(), Over)):
            stop()

    async def _send_what_is_due(self) -> Accepted | Over | None:
        """Send due updates and heartbeats, until the job is over or everything is sent.

        Returns:
            The answer to the end of the job; `Over` if the job was over before; None if no end was to be sent.
        """
        heartbeat_at = self._begun_at + self._pace.heartbeat
        while True:
            await self._let_a_short_job_end()
            now = time.monotonic()
            with self._room:
                if self._outbox.is_drained:
                    return None
                change = self._outbox.take(now=now)
                due = self._outbox.due()
                # An update that is due before the next heartbeat replaces that heartbeat.
                beat_at = heartbeat_at if due > heartbeat_at + self._pace.heartbeat else math.inf
                if change is None and beat_at <= now:
                    change = Change(Status.PROCESSING)
                wake_at = self._wake_at = min(due, beat_at) if change is None else -math.inf
                self._more.clear()
                self._room.notify_all()
            if change is None:
                await self._sleep(wake_at - now)
                continue
            self._has_sent_end = change.status.is_terminal
            outcome = await self._report(change)
            if isinstance(outcome, Over) or self._has_sent_end:
                return outcome
            heartbeat_at = time.monotonic() + self._pace.heartbeat

    async def _let_a_short_job_end(self) -> None:
        with self._room:
            waits = self._outbox.waits_with_first_output
            left = self._first_at + self._pace.first_wait - time.monotonic()
        if waits and left > 0.0:
            await _within(left, self._draining)

    async def _sleep(self, seconds: float) -> None:
        await _within(seconds, self._more)

    async def _drained(self) -> Accepted | Over | None:
        """Wait until everything is sent; `drain` or `end` of the outbox must have been called."""
        self._draining.set()
        self._more.set()
        return await self._start_pump()

    async def _drain(self) -> Accepted | Over | None:
        with self._room:
            self._outbox.drain()
        return await self._drained()

    async def _finish(self, change: Change) -> Accepted | Over:
        with self._room:
            self._outbox.end(change)
        outcome = await self._drained()
        if outcome is None:
            raise RuntimeError("the pump ended without the end of the job, which it was given")
        # A stored result is reported also if the job is over: the relay deletes it if the job was deleted.
        if change.stored_result is not None and not self._has_sent_end:
            await self._report(change)
        return outcome

    async def _hand_over(self, change: Change) -> Accepted | Over:
        with self._room:
            self._outbox.cut_back()
        outcome = await self._drain() or await self._report(change)
        if isinstance(outcome, Accepted):
            # If this fails, a retry of this invocation or the sweep dispatches the job.
            await self._deliver(DispatchNext(self._job_id, self._attempt))
        return outcome

    async def _report(self, change: Change) -> Accepted | Over:
        update = WorkerUpdate(self._job_id, self._attempt, self._sequence + 1, str(uuid4()), change)
        answer = await self._deliver(update)
        outcome = read_update_answer(answer, reported=change.status, attempt=self._attempt)
        if isinstance(outcome, Accepted):
            self._sequence = max(self._sequence, outcome.sequence)
        return outcome

    async def _deliver(self, update: WorkerUpdate | DispatchNext) -> UpdateAnswer:
        if self._channel is None:
            raise RuntimeError("an update was sent before claim()")
        return await deliver(self._channel, update, until=self._until, backoff=self._backoff)

    async def _close(self, *, keeps_channel: bool) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        if not keeps_channel:  # a request may have been cut off
            await self._connection.drop_channel()


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for the event, and no longer than `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
