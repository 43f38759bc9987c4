"""Warm workers: kept and reused, limited in number, and killed when an invocation takes too long."""

import asyncio
import itertools
import logging
import os
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.functions.busy_workers import BusyWorkers
from appsync_local.functions.fork_servers import ForkServers
from appsync_local.functions.outcome import Refused
from appsync_local.functions.slots import Slots
from appsync_local.functions.spec import FunctionSpec
from appsync_local.functions.waiting_line import Load, WaitingLine
from appsync_local.functions.worker_process import KILLED, Invocation, InvocationType, WorkerProcess, WorkerState

_log: Final = logging.getLogger(__name__)

IDLE_LIMIT: Final = 60.0  # seconds after which a worker that is not its function's last idle one ends
WARM_WAIT: Final = 0.25  # seconds without a free worker after which another process is started
_CORES: Final = os.cpu_count() or 1
_AT_ONCE: Final = _CORES  # workers of a function that may be busy without waiting for a free one
_EVENTS_AT_ONCE: Final = 1  # the same for events, while calls that somebody waits for have no worker


class Pool:
    """The workers of all functions.

    An invocation that finds no idle worker of its function waits in a line. `WaitingLine` says when another worker is
    started: a process for each concurrent invocation would cost more than short invocations themselves. While calls
    that somebody waits for are in a line, short events are begun one at a time.

    Args:
        functions: By name.
        root: Folder that the handlers of functions without a package are imported from.
        preload: Modules that are imported once for all workers of these.
        concurrency: Invocations at a time of all functions without reserved concurrency; see `Slots`.
        warm_wait: Seconds without a free worker of a function after which another one is started.
        processors_are_busy: Whether the machine has no time for another worker.
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
        processors_are_busy: Callable[[], bool],
        on_room: Callable[[], None],
        meter: Meter,
        health: Health,
    ) -> None:
        self._functions = functions
        self._loop_health = health.loop("idle workers")
        self._slots = Slots(concurrency)
        self._processors_are_busy = processors_are_busy
        self._meter = meter
        self._on_room = on_room
        self._fork_servers = ForkServers(
            functions, root=root, preload=preload, on_exit=self._exited, on_lost=self._lost,
            health=health.loop("fork server"),
        )  # fmt: skip
        self._numbers = itertools.count(1)
        self._workers: dict[int, WorkerProcess] = {}
        self._idle: defaultdict[str, list[WorkerProcess]] = defaultdict(list)  # the most recently used last
        self._workers_of: Counter[str] = Counter()
        self._busy = BusyWorkers()
        self._lines: dict[str, WaitingLine[Invocation]] = {
            name: WaitingLine(starts=_CORES, warm_wait=warm_wait, processors_are_busy=processors_are_busy)
            for name in functions
        }
        self._waiting_calls = 0  # in all lines
        self._looks: dict[str, asyncio.TimerHandle] = {}  # when each line is looked at again, by function
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Raises: FunctionsNotStarted."""
        await self._fork_servers.start()
        self._retire_idle()

    async def stop(self) -> None:
        """Kill all workers; futures of unfinished invocations are cancelled."""
        if self._sweep is not None:
            self._sweep.cancel()
        for look in self._looks.values():
            look.cancel()
        for line in self._lines.values():
            while (invocation := line.take()) is not None:
                invocation.outcome.cancel()
        # Forget the workers first, so that their end does not count as a failed attempt.
        for worker in self._workers.values():
            worker.abandon()
        self._workers.clear()
        self._idle.clear()
        await self._fork_servers.stop()

    def renew(self) -> None:
        """Replace all workers: idle ones end now, busy ones after their current event."""
        for idle in self._idle.values():
            while idle:
                idle.pop().retire()
        for worker in self._workers.values():
            worker.is_outdated = True

    def has_room(self, function: FunctionSpec, kind: InvocationType) -> bool:
        return self._slots.is_free(function, kind)

    def begin(
        self,
        function: FunctionSpec,
        kind: InvocationType,
        request_id: str,
        payload: bytes,
        *,
        crashes_at: float | None = None,
    ) -> Invocation:
        """Run one event on a worker. The caller must have checked `has_room`.

        Args:
            function: One of those this pool was made with.
            kind: Whether somebody waits for the result.
            request_id: Of this event, the same on each attempt.
            payload: The event as JSON.
            crashes_at: When to kill the worker, as a share of the recent duration of the function's longer invocations,
                and at the latest when it answers. None: it is not killed.
        """
        invocation = Invocation(request_id, payload, kind, asyncio.get_running_loop().create_future())
        if crashes_at is not None:
            invocation.crashes_after = crashes_at * self._lines[function.name].duration
        self._meter.invocations[function.name] += 1
        self._slots.take(function, kind)
        line = self._lines[function.name]
        worker = self._idle_worker(function) if line.lets_pass(self._load(function, kind)) else None
        if worker is not None:
            self._give(worker, invocation)
        else:
            line.add(invocation, time.monotonic())
            self._waiting_calls += kind is InvocationType.REQUEST_RESPONSE
            self._serve_line(function)
        return invocation

    def withdraw(self, function: FunctionSpec, invocation: Invocation) -> None:
        """Do not run an invocation that nobody waits for any more. One that a worker has runs to its end, as on AWS."""
        if self._lines[function.name].remove(invocation):
            self._has_left_line(invocation)
            self._did_not_take_place(function, invocation)
            invocation.outcome.cancel()
            self._on_room()

    def _load(self, function: FunctionSpec, kind: InvocationType) -> Load:
        idle = len(self._idle[function.name])
        busy = self._workers_of[function.name] - idle
        callers_wait = kind is InvocationType.EVENT and self._waiting_calls > 0
        at_once = _EVENTS_AT_ONCE if callers_wait else _AT_ONCE
        if busy >= at_once:  # if workers that are stuck counted, all short invocations would wait for them
            busy -= self._busy.longer_than(function.name, self._lines[function.name].stuck)
        return Load(busy, idle, at_once)

    def _serve_line(self, function: FunctionSpec) -> None:
        """Give a worker to those of a function's line that are due for one, and look again when the next one is."""
        if (look := self._looks.pop(function.name, None)) is not None:
            look.cancel()
        line, now = self._lines[function.name], time.monotonic()
        while (oldest := line.oldest) is not None:
            due = line.starts_at(now, self._load(function, oldest.kind))
            if due > now:
                loop = asyncio.get_running_loop()
                self._looks[function.name] = loop.call_later(due - now, self._serve_line, function)
                return
            line.take()
            self._has_left_line(oldest)
            worker = self._idle_worker(function)
            if worker is not None:
                self._give(worker, oldest)
            else:
                self._start_worker(function, oldest)

    def _has_left_line(self, invocation: Invocation) -> None:
        if invocation.kind is InvocationType.REQUEST_RESPONSE:
            self._waiting_calls -= 1
            if not self._waiting_calls:  # events had to wait for that
                for name, line in self._lines.items():
                    if line.oldest is not None and line.oldest.kind is InvocationType.EVENT:
                        asyncio.get_running_loop().call_soon(self._serve_line, self._functions[name])

    def _start_worker(self, function: FunctionSpec, invocation: Invocation) -> None:
        try:
            worker = self._spawn(function)
        except OSError as error:
            self._did_not_take_place(function, invocation)
            invocation.settle(Refused(f"no worker process could be started: {error}"))
            return
        self._give(worker, invocation)

    def _did_not_take_place(self, function: FunctionSpec, invocation: Invocation) -> None:
        self._meter.invocations[function.name] -= 1
        self._slots.leave(function, invocation.kind)

    def _give(self, worker: WorkerProcess, invocation: Invocation) -> None:
        if worker.state is WorkerState.IDLE:
            self._busy.began(worker.function.name, worker.number)
        worker.take(invocation)

    def _idle_worker(self, function: FunctionSpec) -> WorkerProcess | None:
        idle = self._idle[function.name]
        while idle:
            worker = idle.pop()
            if worker.is_connected:
                return worker
        return None

    def _spawn(self, function: FunctionSpec) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        try:
            output, printing = os.pipe()
        except OSError:
            ours.close()
            theirs.close()
            raise
        number = next(self._numbers)
        try:
            self._fork_servers.spawn(number, function.name, theirs, printing)
        except OSError:
            ours.close()
            os.close(output)
            raise
        worker = WorkerProcess(
            number, function, ours, output,
            kill=self._fork_servers.kill, processors_are_busy=self._processors_are_busy,
            on_started=self._started, on_free=self._freed, on_gone=self._gone,
        )  # fmt: skip
        self._workers[number] = worker
        self._workers_of[function.name] += 1
        self._lines[function.name].worker_starts(number, time.monotonic())
        return worker

    def _started(self, worker: WorkerProcess) -> None:
        self._busy.began(worker.function.name, worker.number)
        self._lines[worker.function.name].worker_started(worker.number, time.monotonic())
        self._serve_line(worker.function)

    def _freed(self, worker: WorkerProcess, kind: InvocationType) -> None:
        self._slots.leave(worker.function, kind)
        self._busy.ended(worker.function.name, worker.number)
        if worker.state is WorkerState.IDLE:
            line = self._lines[worker.function.name]
            if worker.is_outdated:
                worker.retire()
            else:
                load = self._load(worker.function, kind if line.oldest is None else line.oldest.kind)
                load.busy -= 1  # without this worker
                if (waiting := line.worker_freed(time.monotonic(), load)) is not None:
                    self._has_left_line(waiting)
                    self._give(worker, waiting)
                else:
                    self._idle[worker.function.name].append(worker)
            self._meter.milliseconds[worker.function.name] += round(worker.last_took * 1000)
            self._lines[worker.function.name].invocation_ended(worker.last_took)
        self._on_room()

    def _exited(self, number: int, status: int) -> None:
        worker = self._workers.get(number)
        if worker is not None:
            worker.ended(status)

    def _lost(self, functions: Collection[str]) -> None:
        for number in [number for number, worker in self._workers.items() if worker.function.name in functions]:
            self._exited(number, KILLED)

    def _gone(self, worker: WorkerProcess) -> None:
        if self._workers.pop(worker.number, None) is not None:
            self._workers_of[worker.function.name] -= 1
            self._lines[worker.function.name].worker_gone(worker.number)
        with suppress(ValueError):
            self._idle[worker.function.name].remove(worker)
        self._serve_line(worker.function)

    def _retire_idle(self) -> None:
        oldest = time.monotonic() - IDLE_LIMIT
        for idle in self._idle.values():
            with self._loop_health.turn():
                while len(idle) > 1 and idle[0].idle_since < oldest:
                    idle.pop(0).retire()
        self._sweep = asyncio.get_running_loop().call_later(IDLE_LIMIT / 4, self._retire_idle)
