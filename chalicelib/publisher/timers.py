"""Calls functions at given times, on one thread of the process.

Most timers are cleared before their time, and switching to another thread costs a large part of a short job. So a new
timer wakes the thread only if it is earlier than the next time at which the thread looks. A timer that is cleared does
not wake it: the thread looks, finds nothing to call, and waits again.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)


class Timers:
    """Each key has at most one timer. The thread starts with the first one. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards the attributes below
        self._timers: dict[object, tuple[float, Callable[[], None]]] = {}
        self._looks_at = math.inf  # when the thread looks next, unless it is woken
        self._thread: threading.Thread | None = None

    def set(self, key: object, at: float, call: Callable[[], None]) -> None:
        """Call a function at a time. Replaces an earlier timer of the key."""
        with self._changed:
            self._timers[key] = (at, call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="timers", daemon=True)
                self._thread.start()
            if at < self._looks_at:
                self._looks_at = at
                self._changed.notify()

    def clear(self, key: object) -> None:
        """Remove the key's timer, if it has one. Its function may be running already."""
        with self._changed:
            self._timers.pop(key, None)

    def _serve(self) -> None:
        while True:
            call = self._next()
            try:
                call()
            except Exception:
                log.exception("a timer failed", extra={"event": "timer_failed"})

    def _next(self) -> Callable[[], None]:
        """Wait for the time of a timer, and remove it."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._looks_at <= now:
                    key = min(self._timers, key=self._time_of, default=None)
                    self._looks_at = math.inf if key is None else self._time_of(key)
                    if self._looks_at <= now:
                        return self._timers.pop(key)[1]
                left = self._looks_at - now
                self._changed.wait(None if left == math.inf else min(left, threading.TIMEOUT_MAX))

    def _time_of(self, key: object) -> float:
        return self._timers[key][0]


SHARED: Final = Timers()  # of this process: a thread for each job costs more than a short job
