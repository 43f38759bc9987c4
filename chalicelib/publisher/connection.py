"""The thread with an event loop that sends updates, and the channel to the API; both are kept for the next job.

Starting a thread, a loop and an HTTP session for each job takes more processor time than a short job itself.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

from chalicelib.publisher.appsync import Channel, Endpoint

KEPT: Final = 2.0  # seconds without a job after which the next one opens a new channel

T = TypeVar("T")


class Connection:
    """Runs coroutines on its own thread, for one job at a time. Thread and channel start when they are first needed.

    A channel that was not used for `KEPT` seconds is replaced. Lambda freezes the process between two invocations: a
    connection that the other end has closed meanwhile would lose the first request. The clock is the wall clock,
    because it also counts the time in which the process is frozen.
    """

    def __init__(self, endpoint: Endpoint, *, clock: Callable[[], float] = time.time) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._resources = AsyncExitStack()
        self._channel: Channel | None = None
        self._used_at = 0.0

    def start(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs on the connection's thread."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="publisher", daemon=True)
            self._thread.start()
        return self._loop

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the connection's thread, and wait for its result.

        Raises:
            TimeoutError: It did not end within `timeout` seconds.
        """
        return asyncio.run_coroutine_threadsafe(coroutine, self.start()).result(timeout)

    async def channel(self) -> Channel:
        """A channel for the next job; call it on the connection's thread."""
        if self._channel is None or not 0.0 <= self._clock() - self._used_at <= KEPT:
            await self.drop_channel()
            self._channel = await self._resources.enter_async_context(self._endpoint.open())
        return self._channel

    def release(self) -> None:
        """The job ended; its channel may be used again."""
        self._used_at = self._clock()

    async def drop_channel(self) -> None:
        """Close the channel; the next job opens another one."""
        self._channel = None
        resources, self._resources = self._resources, AsyncExitStack()
        await resources.aclose()

    def abandon(self) -> None:
        """Forget the thread and its channel, because they do not answer. The next job starts others."""
        self._loop = self._thread = self._channel = None
        self._resources = AsyncExitStack()

    def close(self, timeout: float) -> None:
        """Close the channel and end the thread.

        Args:
            timeout: Seconds that the channel gets to close.

        Raises:
            TimeoutError: The channel did not close in time. The thread has ended.
        """
        if self._loop is None or self._thread is None:
            return
        try:
            self.run(self.drop_channel(), timeout)
            self.run(self._loop.shutdown_default_executor(), timeout)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None
