"""`Event` invocations: stored, tried when there is a slot, retried, and reported to the failure destination."""

import asyncio
import logging
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, assert_never

import orjson

from appsync_local.devtools.chaos.decisions import NO_FAULTS, SecondDelivery
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health
from appsync_local.functions.destination import Condition, failure_record
from appsync_local.functions.event_queue import EventQueue, QueuedEvent
from appsync_local.functions.outcome import Failed, Outcome, Refused, Succeeded
from appsync_local.functions.pool import Pool
from appsync_local.functions.spec import FunctionSpec
from appsync_local.functions.worker_process import InvocationType

_log: Final = logging.getLogger(__name__)

_REPAIR: Final = ""  # stands for the queue itself among the functions in `Deliveries._next`
REPAIR_INTERVAL: Final = 1.0  # seconds until the queue is used again after it failed


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the next attempt at an event that was refused. Doubled each time, up to `longest`."""

    first: float
    longest: float

    def after(self, refusals: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(refusals - 1, 64))


class Deliveries:
    """Takes events from the queue and gives them to the pool.

    An event of a busy function waits and is tried as soon as there is a slot, the oldest first, until it reaches its
    maximum age. Lambda instead waits one second before it tries such an event again, then longer, up to five minutes.
    On one machine that would leave the machine idle while work waits. Events that are refused for another reason (no
    process could be started, or chaos) are delayed as on Lambda.

    Args:
        clock: Seconds since the epoch; ages outlive the process, so this must be the wall clock.
        retry_delays: Seconds before the first retry, the second, and so on; the last one is repeated.
        refusal_delays: Seconds before the next attempt at an event that was refused. A refusal is not an attempt.
        chaos: Faults to inject.
        health: Where failures of the queue are counted.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionSpec],
        queue: EventQueue,
        pool: Pool,
        *,
        retry_delays: Sequence[float],
        refusal_delays: Backoff,
        clock: Callable[[], float],
        chaos: Chaos,
        health: Health,
    ) -> None:
        self._loop_health = health.loop("event deliveries")
        self._unwritten: deque[Callable[[], None]] = deque()  # changes of the queue that failed, oldest first
        self._functions = functions
        self._queue = queue
        self._pool = pool
        self._retry_delays = tuple(retry_delays)
        self._refusal_delays = refusal_delays
        self._clock = clock
        self._chaos = chaos
        self._refusals: Counter[str] = Counter()  # in a row, by request id; forgotten with the process
        self._again: defaultdict[str, deque[QueuedEvent]] = defaultdict(deque)  # to be delivered for the second time
        self._crowded: set[str] = set()  # functions with due events and no room
        self._next: dict[str, float] = {}  # when to look at a function again
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopped = False

    def start(self) -> None:
        for unknown in sorted(self._queue.functions() - self._functions.keys()):
            _log.warning(
                "events for %s stay in the queue: there is no such function",
                unknown,
                extra={"event": "function_unknown", "function": unknown},
            )
        self._pump_all()

    def stop(self) -> None:
        self._is_stopped = True
        self._stop_timer()

    def accept(self, spec: FunctionSpec, payload: bytes) -> str:
        """Store an event. Returns its request id; the event will be tried even if this process dies now."""
        event = QueuedEvent(str(uuid.uuid4()), spec.name, payload, self._clock())
        # From here on, nothing is raised once the event is on disk: its sender must not send it again.
        if self._may_start_at_once(spec):
            self._queue.accept_claimed(event)
            self._guard(partial(self._try, spec, event))
        else:
            self._queue.accept(event)
            self._pump(spec)
        return event.request_id

    def _may_start_at_once(self, spec: FunctionSpec) -> bool:
        """Whether there is room, no older event of the function waits, and nothing is to go wrong on purpose."""
        return (
            not self._is_stopped
            and self._chaos.events is None
            and not self._unwritten
            and spec.name not in self._next
            and not self._again[spec.name]
            and self._pool.has_room(spec, InvocationType.EVENT)
        )

    def room(self) -> None:
        """Called when an invocation has ended: events that waited for its slot are started."""
        if self._crowded:
            crowded, self._crowded = self._crowded, set()
            for name in sorted(crowded):
                self._pump(self._functions[name])

    def _pump_all(self) -> None:
        self._next.pop(_REPAIR, None)
        while self._unwritten and not self._is_stopped:
            try:
                self._unwritten[0]()
            except Exception as error:
                self._failed(error)
                break
            self._unwritten.popleft()
        for spec in self._functions.values():
            self._pump(spec)

    def _pump(self, spec: FunctionSpec) -> None:
        """Start what is due of one function."""
        if not self._is_stopped:
            self._guard(partial(self._start_due, spec))

    def _guard(self, step: Callable[[], None]) -> None:
        """Do something with the queue. An error is counted, and the queue is used again later."""
        try:
            step()
        except Exception as error:
            self._failed(error)
        else:
            self._loop_health.succeeded()

    def _failed(self, error: Exception) -> None:
        self._loop_health.failed(error)
        self._next[_REPAIR] = self._clock() + REPAIR_INTERVAL
        self._set_timer()

    def _write(self, change: Callable[[], None]) -> None:
        """Change the queue, or do it later: an event whose end cannot be written stays in the queue until it can."""
        if self._unwritten:
            self._unwritten.append(change)  # in order: a later change may be about the same event
            return
        try:
            change()
        except Exception as error:
            self._unwritten.append(change)
            self._failed(error)

    def _start_due(self, spec: FunctionSpec) -> None:
        now = self._clock()
        while (old := self._queue.claim_expired(spec.name, accepted_before=now - spec.maximum_event_age)) is not None:
            self._give_up(spec, old, Condition.EVENT_AGE_EXCEEDED)
        if spec.reserved_concurrency == 0:
            while (event := self._queue.claim(spec.name, now=now)) is not None:
                self._give_up(spec, event, Condition.ZERO_RESERVED_CONCURRENCY)
        again = self._again[spec.name]
        while self._pool.has_room(spec, InvocationType.EVENT):
            if again:
                repeated = again.popleft()
                # The result is ignored: the first delivery decides what happens to the event.
                self._pool.begin(spec, InvocationType.EVENT, repeated.request_id, repeated.payload)
                continue
            event = self._queue.claim(spec.name, now=now)
            if event is None:
                break
            self._try(spec, event)
        self._plan(spec, now)

    def _try(self, spec: FunctionSpec, event: QueuedEvent) -> None:
        events = self._chaos.events
        faults = NO_FAULTS if events is None else events.decide(spec.name)
        if faults.is_throttled:
            self._postpone(event)
            return
        invocation = self._pool.begin(
            spec, InvocationType.EVENT, event.request_id, event.payload, crashes_at=faults.crashes_at
        )
        invocation.outcome.add_done_callback(partial(self._settle, spec, event, faults.second_delivery))
        if faults.second_delivery is SecondDelivery.MEANWHILE:
            self._again[spec.name].append(event)

    def _postpone(self, event: QueuedEvent) -> None:
        self._refusals[event.request_id] += 1
        delay = self._refusal_delays.after(self._refusals[event.request_id])
        self._write(partial(self._queue.postpone, event.request_id, due=self._clock() + delay))

    def _settle(
        self, spec: FunctionSpec, event: QueuedEvent, second: SecondDelivery | None, running: asyncio.Future[Outcome]
    ) -> None:
        if running.cancelled():
            return  # the runtime was stopped; the event stays in the queue and is tried after the next start
        if second is SecondDelivery.AFTERWARDS:
            self._again[spec.name].append(event)
        outcome = running.result()
        match outcome:
            case Succeeded():
                self._refusals.pop(event.request_id, None)
                self._write(partial(self._queue.remove, event.request_id))
            case Refused(reason):
                _log.warning(
                    "%s could not be tried on an event: %s",
                    spec.name,
                    reason,
                    extra={"event": "event_refused", "request_id": event.request_id},
                )
                self._postpone(event)
                self._pump(spec)
            case Failed(error):
                _log.warning(
                    "%s failed on an event: %s",
                    spec.name,
                    error["errorType"],
                    extra={"event": "event_failed", "request_id": event.request_id, "attempt": event.attempts + 1},
                )
                self._refusals.pop(event.request_id, None)
                tried = replace(event, attempts=event.attempts + 1, error=orjson.dumps(error))
                if tried.attempts > spec.maximum_retries:
                    self._give_up(spec, tried, Condition.RETRIES_EXHAUSTED)
                else:
                    self._try_again(spec, tried)
            case _:
                assert_never(outcome)
        if second is SecondDelivery.AFTERWARDS:
            self._pump(spec)

    def _try_again(self, spec: FunctionSpec, event: QueuedEvent) -> None:
        delay = self._retry_delays[min(event.attempts, len(self._retry_delays)) - 1]
        due = self._clock() + delay
        self._write(partial(self._queue.retry, event.request_id, due=due, error=event.error or b"null"))
        self._pump(spec)

    def _give_up(self, spec: FunctionSpec, event: QueuedEvent, condition: Condition) -> None:
        _log.error(
            "%s gave up on an event: %s",
            spec.name,
            condition.value,
            extra={"event": "event_given_up", "request_id": event.request_id, "attempts": event.attempts},
        )
        self._refusals.pop(event.request_id, None)
        if spec.on_failure is None:
            self._write(partial(self._queue.remove, event.request_id))
            return
        now = self._clock()
        record = orjson.dumps(failure_record(spec, event, condition, now=now))
        successor = QueuedEvent(str(uuid.uuid4()), spec.on_failure, record, now)
        self._write(partial(self._queue.replace, event.request_id, successor))
        self._pump(self._functions[spec.on_failure])

    def _plan(self, spec: FunctionSpec, now: float) -> None:
        if self._again[spec.name]:
            self._crowded.add(spec.name)
        due, accepted = self._queue.first_due(spec.name), self._queue.first_accepted(spec.name)
        if due is None or accepted is None:
            self._next.pop(spec.name, None)
        else:
            expiry = accepted + spec.maximum_event_age
            if due <= now:  # there was no slot for it
                self._crowded.add(spec.name)
            self._next[spec.name] = expiry if due <= now else min(due, expiry)
        self._set_timer()

    def _set_timer(self) -> None:
        self._stop_timer()
        if self._next:
            delay = max(0.0, min(self._next.values()) - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._pump_all)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
