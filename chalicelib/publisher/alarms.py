"""Calls functions at given times, on one thread of the process.

Most alarms are cleared before their time, and switching to another thread costs a large part of a short job. So the
thread is only woken for an alarm that is earlier than the time at which it looks again by itself. It is not told of
alarms that are cleared: it looks, finds none, and waits on.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)


class Alarms:
    """Each key has at most one alarm. The thread starts with the first one. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards the attributes below
        self._alarms: dict[object, tuple[float, Callable[[], None]]] = {}
        self._looks_at = math.inf  # when the thread looks again by itself
        self._thread: threading.Thread | None = None

    def set(self, key: object, at: float, call: Callable[[], None]) -> None:
        """Call a function at a time. It replaces the key's alarm before."""
        with self._changed:
            self._alarms[key] = (at, call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="alarms", daemon=True)
                self._thread.start()
            if at < self._looks_at:
                self._looks_at = at
                self._changed.notify()

    def clear(self, key: object) -> None:
        """Remove the key's alarm, if it has one. Its function may be running already."""
        with self._changed:
            self._alarms.pop(key, None)

    def _serve(self) -> None:
        while True:
            call = self._next()
            try:
                call()
            except Exception:
                log.exception("an alarm failed", extra={"event": "alarm_failed"})

    def _next(self) -> Callable[[], None]:
        """Wait for the time of an alarm, and remove it."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._looks_at <= now:
                    key = min(self._alarms, key=self._time_of, default=None)
                    self._looks_at = math.inf if key is None else self._time_of(key)
                    if self._looks_at <= now:
                        return self._alarms.pop(key)[1]
                left = self._looks_at - now
                self._changed.wait(None if left == math.inf else min(left, threading.TIMEOUT_MAX))

    def _time_of(self, key: object) -> float:
        return self._alarms[key][0]


SHARED: Final = Alarms()  # of this process: a thread for each job costs more than a short job
