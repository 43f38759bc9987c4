"""Invocations that wait for a worker of one function, and when they get one.

Pure: time is an argument, in seconds on one monotonic clock.

The first few workers are started at once. After that, a new process costs far more than a short invocation: while the
workers that exist become free again and again, the line moves. So another one is started when no worker has become free
for `warm_wait`, or when the line is still not empty after several times as long and a processor is idle.

While all processors are busy, more short invocations at a time do not end sooner: each takes longer, and so do those
that somebody waits for. Then the oldest gets another worker only after several times `warm_wait`, and a worker that has
ended a short invocation rests if enough others are busy.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

SLOW: Final = 4  # times `warm_wait`: the age of a slow line, and of a start that holds up no further one
SHORT: Final = 2  # times `warm_wait`: longer invocations mostly wait for something else than a processor
STUCK: Final = 8  # times `warm_wait`: an invocation that has lasted longer does so also on a busy machine
UNKNOWN_DURATION: Final = 1.0  # seconds of an invocation, until the first one has ended
FADING: Final = 0.95  # weight of earlier, longer invocations

T = TypeVar("T")


@dataclass(slots=True)
class Load:
    """What the workers of a function do.

    Attributes:
        busy: Workers that are not idle, those that start included, without those that are stuck in an invocation.
        idle: Idle workers.
        at_once: Workers that may be busy without waiting for one that becomes free.
    """

    busy: int
    idle: int
    at_once: int


class WaitingLine(Generic[T]):
    """The line of one function, oldest first.

    Args:
        starts: As many workers start at a time; slow starts count only while the processors are busy.
        warm_wait: Seconds without a free worker after which another one is started.
        processors_are_busy: Whether the processors have no time for another worker.

    Attributes:
        stuck: Seconds after which an invocation does not count as using a processor.
        duration: Recent seconds of the longer invocations of the function.
    """

    def __init__(self, *, starts: int, warm_wait: float, processors_are_busy: Callable[[], bool]) -> None:
        self._starts = starts
        self._warm_wait = warm_wait
        self._slow = SLOW * warm_wait
        self._short = SHORT * warm_wait
        self.stuck = STUCK * warm_wait
        self.duration = UNKNOWN_DURATION
        self._knows_duration = False
        self._processors_are_busy = processors_are_busy
        self._waiting: deque[tuple[float, T]] = deque()
        self._starting: dict[int, float] = {}  # when each worker that has not reported yet was started, by its number
        self._freed_at = -math.inf
        self._started_at = -math.inf
        self._start_took = 0.0

    @property
    def oldest(self) -> T | None:
        return self._waiting[0][1] if self._waiting else None

    def add(self, item: T, now: float) -> None:
        self._waiting.append((now, item))

    def take(self) -> T | None:
        """Remove and return the oldest; None if nothing waits."""
        return self._waiting.popleft()[1] if self._waiting else None

    def remove(self, item: T) -> bool:
        """Take an item out, wherever it is in the line; returns whether it was in it."""
        for place, (_, waiting) in enumerate(self._waiting):
            if waiting is item:
                del self._waiting[place]
                return True
        return False

    def lets_pass(self, load: Load) -> bool:
        """Whether an idle worker may take an invocation that has just arrived."""
        return not self._waiting and (load.busy < load.at_once or not self._would_slow_others())

    def worker_freed(self, now: float, load: Load) -> T | None:
        """What a worker does next that has become free: the oldest, removed; None if nothing waits or if it is to rest.

        Args:
            now: The present time.
            load: Of the other workers.
        """
        self._freed_at = now
        if self._waiting and load.busy >= load.at_once and self._would_slow_others():
            return None
        return self.take()

    def invocation_ended(self, took: float) -> None:
        """Learn from the duration of an invocation, in seconds."""
        if self._knows_duration and took > self.duration and self._processors_are_busy():
            return  # it may have been long only for that reason
        self.duration = max(took, FADING * self.duration) if self._knows_duration else took
        self._knows_duration = True

    def _would_slow_others(self) -> bool:
        return self.duration < self._short and self._processors_are_busy()

    def worker_starts(self, number: int, now: float) -> None:
        self._starting[number] = self._started_at = now

    def worker_started(self, number: int, now: float) -> None:
        self._start_took = now - self._starting.pop(number)

    def worker_gone(self, number: int) -> None:
        """Call it also for a worker that had started."""
        self._starting.pop(number, None)

    def starts_at(self, now: float, load: Load) -> float:
        """When the oldest gets an idle or a new worker, or that is to be asked again; infinity if nothing waits."""
        if not self._waiting:
            return math.inf
        due = -math.inf
        if load.busy >= load.at_once:
            since = self._waiting[0][0]
            due = max(since, self._started_at) + self._slow
            if due <= now and self._processors_are_busy():
                due = now + self._warm_wait
            # A start that takes longer than the line has waited would not be worth it.
            patience = max(self._slow, self._start_took) if self._would_slow_others() else self._warm_wait
            due = min(due, max(since, self._freed_at) + patience)
        if load.idle:
            return due
        if len(self._starting) >= self._starts and self._processors_are_busy():
            return max(due, now + self._warm_wait)  # more starts at a time would make each of them slower
        recent = sorted(at + self._slow for at in self._starting.values() if at + self._slow > now)
        if len(recent) >= self._starts:  # one of them reports first, or enough of them are slow
            due = max(due, recent[len(recent) - self._starts])
        return due
