"""Invocations that wait for a worker of one function, and when another worker is started for them.

Pure: time is an argument, in seconds on one monotonic clock.

A new process costs far more than a short invocation. While the workers that exist become free again and again, the line
moves, and another process may only take processor time from them. So another one is started when no worker has become
free for `warm_wait`, or when the line is still not empty after several times as long and a processor is idle. The first
few are started at once.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

SLOW: Final = 4  # times `warm_wait`: the age of a slow line, and of a start that holds up no further one

T = TypeVar("T")


class WaitingLine(Generic[T]):
    """The line of one function, oldest first.

    Args:
        at_once: As many workers are started without waiting for one that becomes free.
        starts: As many workers start at a time; slow starts do not count.
        warm_wait: Seconds without a free worker after which another one is started.
        processors_are_busy: Whether the processors have no time for another worker.
    """

    def __init__(self, *, at_once: int, starts: int, warm_wait: float, processors_are_busy: Callable[[], bool]) -> None:
        self._at_once = at_once
        self._starts = starts
        self._warm_wait = warm_wait
        self._processors_are_busy = processors_are_busy
        self._waiting: deque[tuple[float, T]] = deque()
        self._starting: dict[int, float] = {}  # when each worker that has not reported yet was started, by its number
        self._freed_at = -math.inf
        self._started_at = -math.inf

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T, now: float) -> None:
        self._waiting.append((now, item))

    def take(self) -> T | None:
        """Remove and return the oldest; None if nothing waits."""
        return self._waiting.popleft()[1] if self._waiting else None

    def worker_freed(self, now: float) -> None:
        self._freed_at = now

    def worker_starts(self, number: int, now: float) -> None:
        self._starting[number] = self._started_at = now

    def worker_started(self, number: int) -> None:
        """Call it also for a worker that ended before it had started."""
        self._starting.pop(number, None)

    def starts_at(self, now: float, workers: int) -> float:
        """When another worker is to be started for the oldest, or is to be asked for again; infinity if nothing waits.

        Args:
            now: The present time.
            workers: How many the function has, those that start included.
        """
        if not self._waiting:
            return math.inf
        slow = SLOW * self._warm_wait
        due = -math.inf
        if workers >= self._at_once:
            since = self._waiting[0][0]
            due = max(since, self._started_at) + slow
            if due <= now and self._processors_are_busy():
                due = now + self._warm_wait
            due = min(due, max(since, self._freed_at) + self._warm_wait)
        recent = sorted(at + slow for at in self._starting.values() if at + slow > now)
        if len(recent) >= self._starts:  # one of them reports first, or enough of them are slow
            due = max(due, recent[len(recent) - self._starts])
        return due
