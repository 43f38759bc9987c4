"""An event loop that runs in the caller's thread, and in a thread of its own while the caller does other work.

A short job ends before the thread is needed, and then no thread is switched to. Passing each request to a thread, and
its answer back, takes as much processor time as the request itself.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from chalicelib.publisher.timers import SHARED as TIMERS

T = TypeVar("T")


class Loop:
    """The loop. Its thread starts when it is first needed. Times are those of `time.monotonic`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()  # guards the attributes below
        self._free = threading.Condition(self._lock)  # the runner has left the loop
        self._given = threading.Condition(self._lock)  # the thread is the runner, or the loop is closed
        self._runner: threading.Thread | None = None  # the thread that runs the loop now
        self._thread: threading.Thread | None = None
        self._begin: Callable[[], object] | None = None  # what the thread is to call first; None: nothing is planned
        self._is_closed = False

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine and return its result. The loop's thread runs it if it runs the loop, otherwise the caller.

        What `run_on_thread` has planned does not happen any more.

        Raises:
            TimeoutError: It did not end within `timeout` seconds.
        """
        with self._lock:
            self._begin = None
            is_on_thread = self._is_on_thread
            if not is_on_thread:
                self._free.wait_for(lambda: self._runner is None)
                self._runner = threading.current_thread()
        if is_on_thread:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)
        try:
            return self._loop.run_until_complete(coroutine if timeout is None else asyncio.wait_for(coroutine, timeout))
        finally:
            self._release()

    def run_on_thread(self, begin: Callable[[], object], *, at: float) -> None:
        """From a time on, run the loop in the thread, until `take_back`. Replaces what was planned before.

        Args:
            begin: Called first, on the loop.
            at: When to begin.
        """
        with self._lock:
            self._begin = begin
        TIMERS.set(self, at, self._give_to_thread)

    def call(self, callback: Callable[[], object]) -> None:
        """Call something on the loop, which the thread runs."""
        self._loop.call_soon_threadsafe(callback)

    def take_back(self, timeout: float) -> None:
        """End what `run_on_thread` has planned or begun.

        Raises:
            TimeoutError: The thread did not leave the loop within `timeout` seconds.
        """
        with self._lock:
            self._begin = None
            if self._is_on_thread:
                self._loop.call_soon_threadsafe(self._loop.stop)
                if not self._free.wait_for(lambda: not self._is_on_thread, timeout):
                    raise TimeoutError(f"the loop's thread was busy for more than {timeout:g} s")

    def close(self, timeout: float) -> None:
        """End the thread and close the loop.

        Raises:
            TimeoutError: The thread did not leave the loop within `timeout` seconds.
        """
        self.take_back(timeout)
        self.run(self._loop.shutdown_default_executor(), timeout)
        with self._lock:
            self._is_closed = True
            self._given.notify()
        TIMERS.clear(self)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

    @property
    def _is_on_thread(self) -> bool:
        return self._runner is not None and self._runner is self._thread

    def _release(self) -> None:
        with self._lock:
            self._runner = None
            self._free.notify_all()

    def _give_to_thread(self) -> None:
        with self._lock:
            if self._begin is None or self._runner is not None:
                return  # the job has ended, or is ending
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="publisher", daemon=True)
                self._thread.start()
            self._loop.call_soon_threadsafe(self._begin)
            self._runner = self._thread
            self._given.notify()

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._given.wait_for(lambda: self._is_on_thread or self._is_closed)
                if self._is_closed:
                    return
            try:
                self._loop.run_forever()
            finally:
                self._release()
