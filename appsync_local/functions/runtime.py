"""Lambda on this machine: invoke a function and wait, or have an event delivered in spite of failures."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, assert_never

import orjson

from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health, QueueState
from appsync_local.devtools.meter import Meter
from appsync_local.errors import FunctionFailed
from appsync_local.functions.call_line import SLOT_WAIT, CallLine
from appsync_local.functions.delivery import Backoff, Deliveries
from appsync_local.functions.event_queue import EventQueue
from appsync_local.functions.outcome import Failed, Outcome, Refused, Succeeded
from appsync_local.functions.pool import WARM_WAIT, Pool
from appsync_local.functions.processors import Processors
from appsync_local.functions.schedule import FunctionSchedule, Schedules
from appsync_local.functions.spec import (
    ACCOUNT,
    ASYNCHRONOUS_LIMIT,
    DEFAULT_REGION,
    SYNCHRONOUS_LIMIT,
    FunctionSpec,
    by_name,
)
from appsync_local.functions.steady_clock import SteadyClock

RESOLVER_TIMEOUT: Final = 30.0  # seconds AppSync waits; Source: AppSync Developer Guide, "Troubleshooting", Lambda
RETRY_DELAYS: Final = (60.0, 120.0)  # seconds; Source: Lambda Developer Guide, "How Lambda handles errors and retries"
REFUSAL_DELAYS: Final = Backoff(first=1.0, longest=300.0)  # Source: the same
CONCURRENCY: Final = 64


class FunctionRuntime:
    """Runs functions in worker processes of their own; one instance serves one event loop, from `start` to `stop`.

    Args:
        functions: All of them; a failure destination is one of them.
        root: Folder that the modules of handlers without a package are imported from, or a link to it; each worker
            follows it once.
        queue: The SQLite file of accepted events; one runtime at a time may use it.
        preload: Third-party modules imported once and shared by all workers of functions without a package, before any
            function's environment is set.
        schedules: Which of them run every so often.
        retry_delays: Seconds before each retry of an event.
        refusal_delays: Seconds before the next attempt at an event that was refused.
        concurrency: Invocations at a time of all functions without reserved concurrency. Events may take half of them,
            and calls seven eighths.
        slot_wait: Seconds that `invoke` waits for a slot before the call is throttled.
        warm_wait: Seconds without a free worker of a function after which another one is started for those that wait.
        processors_are_busy: Whether the machine has no time for another worker; it is measured if this is None.
        resolver_timeout: Seconds that `invoke` waits; the function goes on after that, as it does on AWS.
        chaos: What is to go wrong on purpose.
        meter: Counts what would be billed.
        health: Records the turns of schedules and deliveries, and the length of the queue.
        clock: Seconds since the epoch, for the age of events and for schedules. It may be set back.
    """

    def __init__(
        self,
        functions: Iterable[FunctionSpec],
        *,
        root: Path,
        queue: Path,
        preload: Sequence[str] = (),
        schedules: Iterable[FunctionSchedule] = (),
        retry_delays: Sequence[float] = RETRY_DELAYS,
        refusal_delays: Backoff = REFUSAL_DELAYS,
        concurrency: int = CONCURRENCY,
        slot_wait: float = SLOT_WAIT,
        warm_wait: float = WARM_WAIT,
        processors_are_busy: Callable[[], bool] | None = None,
        resolver_timeout: float = RESOLVER_TIMEOUT,
        chaos: Chaos | None = None,
        meter: Meter | None = None,
        health: Health | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not retry_delays:
            raise ValueError("retry_delays must hold at least one number of seconds, and is empty")
        self._functions = by_name(functions)
        self._schedules = tuple(schedules)
        for schedule in self._schedules:
            if schedule.function not in self._functions:
                raise ValueError(
                    f"the schedule is for {schedule.function!r}, which is not a function; "
                    f"known are {', '.join(sorted(self._functions))}"
                )
        self._root = root.absolute()
        self._queue_path = queue
        self._preload = tuple(preload)
        self._retry_delays = tuple(retry_delays)
        self._refusal_delays = refusal_delays
        self._chaos = chaos or Chaos()
        self._meter = meter or Meter()
        self._health = health or Health(clock=clock)
        self._concurrency = concurrency
        self._warm_wait = warm_wait
        self._processors_are_busy = processors_are_busy or Processors().are_busy
        self._calls = CallLine(slot_wait)
        self._resolver_timeout = resolver_timeout
        self._clock = SteadyClock(clock)
        self._prepared: tuple[EventQueue, Pool, Deliveries] | None = None
        self._running: tuple[EventQueue, Pool, Deliveries, Schedules] | None = None

    async def prepare(self) -> None:
        """Open the queue, and import what is preloaded in another process; no function runs yet.

        Raises:
            FunctionsNotStarted: Something in `preload` cannot be imported.
            QueueInUse: Another runtime has the queue.
            QueueUnusable: The queue cannot be opened.
        """
        queue = EventQueue.open(self._queue_path)
        queue.correct_times(now=self._clock(), longest_wait=max(*self._retry_delays, self._refusal_delays.longest))
        pool = Pool(
            self._functions,
            root=self._root,
            preload=self._preload,
            concurrency=self._concurrency,
            warm_wait=self._warm_wait,
            processors_are_busy=self._processors_are_busy,
            on_room=lambda: self._room(pool, deliveries),
            meter=self._meter,
            health=self._health,
        )
        deliveries = Deliveries(
            self._functions,
            queue,
            pool,
            retry_delays=self._retry_delays,
            refusal_delays=self._refusal_delays,
            clock=self._clock,
            chaos=self._chaos,
            health=self._health,
        )
        try:
            await pool.start()
        except BaseException:
            await pool.stop()
            queue.close()
            raise
        self._prepared = (queue, pool, deliveries)

    async def start(self) -> None:
        """Take up the events that an earlier run left, and begin the schedules. Raises what `prepare` raises."""
        if self._prepared is None:
            await self.prepare()
        assert self._prepared is not None  # noqa: S101  # `prepare` would have raised
        queue, pool, deliveries = self._prepared
        schedules = Schedules(
            self._schedules, self._functions, accept=deliveries.accept, clock=self._clock, health=self._health
        )
        self._health.observe_queue("events", lambda: QueueState(*queue.state()))
        self._running = (queue, pool, deliveries, schedules)
        deliveries.start()
        schedules.start()

    async def stop(self) -> None:
        """Kill all workers; events that are not done with stay in the queue. Can be repeated."""
        if self._prepared is None:
            return
        (queue, pool, deliveries), self._prepared = self._prepared, None
        if self._running is not None:
            schedules, self._running = self._running[-1], None
            schedules.stop()
        deliveries.stop()
        self._calls.stop()
        try:
            await pool.stop()
        finally:
            queue.close()

    def renew(self) -> None:
        """From now on, new workers with the code as it is on disk; what runs, runs to its end as it began."""
        _, pool, _, _ = self._started()
        pool.renew()

    async def invoke(self, function: str, payload: object) -> object:
        """Invoke a function and wait for its result (`RequestResponse`), as long as a resolver waits.

        Args:
            function: Its name.
            payload: The event, as values that JSON has.

        Raises:
            FunctionFailed: It raised, ended, took too long, is at its limit, or does not exist.
        """
        return await self._invoke(function, payload, self._resolver_timeout)

    async def run_to_end(self, function: str, payload: object) -> object:
        """As `invoke`, but wait until the function's own time-out. For callers other than resolvers."""
        return await self._invoke(function, payload, None)

    async def _invoke(self, function: str, payload: object, within: float | None) -> object:
        _, pool, _, _ = self._started()
        spec = self._spec(function)
        event = orjson.dumps(payload)
        if len(event) > SYNCHRONOUS_LIMIT:
            message = f"Request must be smaller than {SYNCHRONOUS_LIMIT} bytes for the InvokeFunction operation"
            raise FunctionFailed("Lambda:RequestTooLargeException", message)
        invocation = await self._calls.begin(pool, spec, event)
        running = invocation.outcome
        try:
            done, _ = await asyncio.wait({running}, timeout=within)
        finally:
            if not running.done():
                pool.withdraw(spec, invocation)
        if not done:
            raise FunctionFailed("Lambda:ExecutionTimeoutException", "Execution timed out.")
        if running.cancelled():
            raise FunctionFailed("Lambda:ServiceException", f"the functions were stopped while {function} ran")
        return _result(running.result())

    def _room(self, pool: Pool, deliveries: Deliveries) -> None:
        """Give a free slot to a caller who waits, before it is given to an event."""
        self._calls.room(pool)
        deliveries.room()

    async def enqueue(self, function: str, payload: object) -> str:
        """Have an event delivered (`Event`); it is on disk when this returns.

        Returns:
            The request id, the same on every attempt.

        Raises:
            FunctionFailed: The event was not accepted.
        """
        _, _, deliveries, _ = self._started()
        spec = self._spec(function)
        event = orjson.dumps(payload)
        if len(event) > ASYNCHRONOUS_LIMIT:
            message = (
                f"{len(event)} byte payload is too large for the Event invocation type "
                f"(limit {ASYNCHRONOUS_LIMIT} bytes)"
            )
            raise FunctionFailed("Lambda:RequestTooLargeException", message)
        try:
            return deliveries.accept(spec, event)
        except sqlite3.Error as error:
            message = f"the event for {function} was not accepted, its queue could not be written: {error}"
            raise FunctionFailed("Lambda:ServiceException", message) from error

    def _started(self) -> tuple[EventQueue, Pool, Deliveries, Schedules]:
        if self._running is None:
            raise FunctionFailed("Lambda:ServiceException", "the functions are not running; start the runtime first")
        return self._running

    def _spec(self, function: str) -> FunctionSpec:
        spec = self._functions.get(function)
        if spec is None:
            arn = f"arn:aws:lambda:{DEFAULT_REGION}:{ACCOUNT}:function:{function}"
            raise FunctionFailed("Lambda:ResourceNotFoundException", f"Function not found: {arn}")
        return spec


def _result(outcome: Outcome) -> object:
    match outcome:
        case Succeeded(body):
            try:
                return orjson.loads(body)
            except orjson.JSONDecodeError:  # a lone surrogate, which Python encodes and only Python decodes
                return json.loads(body)
        case Failed(error):
            raise FunctionFailed("Lambda:Unhandled", error["errorMessage"], error.get("errorType"))
        case Refused(reason):
            raise FunctionFailed("Lambda:ServiceException", reason)
        case _:
            assert_never(outcome)
