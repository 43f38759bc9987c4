"""Lambda on this machine: invoke a function and wait, or have an event delivered whatever happens."""

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, assert_never

import orjson

from appsync_local.errors import FunctionFailed
from appsync_local.functions.delivery import Deliveries
from appsync_local.functions.event_queue import EventQueue
from appsync_local.functions.outcome import Failed, Outcome, Succeeded
from appsync_local.functions.pool import Pool
from appsync_local.functions.spec import (
    ACCOUNT,
    ASYNCHRONOUS_LIMIT,
    DEFAULT_REGION,
    SYNCHRONOUS_LIMIT,
    FunctionSpec,
    by_name,
)

RESOLVER_PATIENCE: Final = 30.0  # seconds AppSync waits; Source: AppSync Developer Guide, "Troubleshooting", Lambda
RETRY_DELAYS: Final = (60.0, 120.0)  # seconds; Source: Lambda Developer Guide, "How Lambda handles errors and retries"
CONCURRENCY: Final = 64


class FunctionRuntime:
    """Runs functions in worker processes of their own; one instance serves one event loop, from `start` to `stop`.

    Args:
        functions: All of them; a failure destination is one of them.
        root: Folder that the handlers' modules are imported from.
        queue: The SQLite file of accepted events; one runtime at a time may use it.
        preload: Third-party modules imported once and shared by all workers, before any function's environment is set.
        retry_delays: Seconds before each retry of an event.
        concurrency: Events that all functions without reserved concurrency may handle at a time, together.
        resolver_patience: Seconds that `invoke` waits; the function goes on after that, as it does on AWS.
        clock: Seconds since the epoch, for the age of events.
    """

    def __init__(
        self,
        functions: Iterable[FunctionSpec],
        *,
        root: Path,
        queue: Path,
        preload: Sequence[str] = (),
        retry_delays: Sequence[float] = RETRY_DELAYS,
        concurrency: int = CONCURRENCY,
        resolver_patience: float = RESOLVER_PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not retry_delays:
            raise ValueError("retry_delays must hold at least one number of seconds, and is empty")
        self._functions = by_name(functions)
        self._root = root.resolve()
        self._queue_path = queue
        self._preload = tuple(preload)
        self._retry_delays = tuple(retry_delays)
        self._concurrency = concurrency
        self._resolver_patience = resolver_patience
        self._clock = clock
        self._running: tuple[EventQueue, Pool, Deliveries] | None = None

    async def start(self) -> None:
        """Import what is preloaded, and take up the events that an earlier run left.

        Raises:
            FunctionsNotStarted: Something in `preload` cannot be imported.
            QueueInUse: Another runtime has the queue.
            QueueUnusable: The queue cannot be opened.
        """
        queue = EventQueue.open(self._queue_path)
        pool = Pool(
            self._functions,
            root=self._root,
            preload=self._preload,
            concurrency=self._concurrency,
            on_room=lambda: deliveries.room(),
        )
        deliveries = Deliveries(self._functions, queue, pool, retry_delays=self._retry_delays, clock=self._clock)
        try:
            await pool.start()
        except BaseException:
            await pool.stop()
            queue.close()
            raise
        self._running = (queue, pool, deliveries)
        deliveries.start()

    async def stop(self) -> None:
        """Kill all workers; events that are not done with stay in the queue."""
        if self._running is None:
            return
        (queue, pool, deliveries), self._running = self._running, None
        deliveries.stop()
        await pool.stop()
        queue.close()

    async def invoke(self, function: str, payload: object) -> object:
        """Invoke a function and wait for its result (`RequestResponse`).

        Args:
            function: Its name.
            payload: The event, as values that JSON has.

        Raises:
            FunctionFailed: It raised, ended, took too long, is at its limit, or does not exist.
        """
        _, pool, _ = self._started()
        spec = self._spec(function)
        event = orjson.dumps(payload)
        if len(event) > SYNCHRONOUS_LIMIT:
            message = f"Request must be smaller than {SYNCHRONOUS_LIMIT} bytes for the InvokeFunction operation"
            raise FunctionFailed("Lambda:RequestTooLargeException", message)
        if not pool.has_room(spec):
            raise FunctionFailed("Lambda:TooManyRequestsException", "Rate Exceeded.")
        running = pool.begin(spec, str(uuid.uuid4()), event)
        done, _ = await asyncio.wait({running}, timeout=self._resolver_patience)
        if not done:
            raise FunctionFailed("Lambda:ExecutionTimeoutException", "Execution timed out.")
        if running.cancelled():
            raise FunctionFailed("Lambda:ServiceException", f"the functions were stopped while {function} ran")
        return _result(running.result())

    async def enqueue(self, function: str, payload: object) -> str:
        """Have an event delivered (`Event`); it is on disk when this returns.

        Returns:
            The request id, the same on every attempt.

        Raises:
            FunctionFailed: The event was not accepted.
        """
        _, _, deliveries = self._started()
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

    def _started(self) -> tuple[EventQueue, Pool, Deliveries]:
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
            raise FunctionFailed("Lambda:Unhandled", error["errorMessage"])
        case _:
            assert_never(outcome)
