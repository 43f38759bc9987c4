"""The event loop that sends updates, and the channel to the API; both are kept for the next job.

Making a loop and an HTTP session for each job takes more processor time than a short job itself.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from chalicelib.publisher.appsync import Channel, Endpoint
from chalicelib.publisher.loop import Loop

KEPT: Final = 2.0  # seconds without a job after which the next one opens a new channel


class Connection:
    """A loop and a channel for one job at a time. Both are made when they are first needed.

    A channel that was not used for `KEPT` seconds is replaced. Lambda freezes the process between two invocations: a
    connection that the other end has closed meanwhile would lose the first request. The clock is the wall clock,
    because it also counts the time in which the process is frozen.
    """

    def __init__(self, endpoint: Endpoint, *, clock: Callable[[], float] = time.time) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._loop: Loop | None = None
        self._resources = AsyncExitStack()
        self._channel: Channel | None = None
        self._used_at = 0.0
        self.turn = threading.Lock()  # held by the job that uses the connection; another one waits for it

    @property
    def loop(self) -> Loop:
        """The loop that the channel is used on."""
        if self._loop is None:
            self._loop = Loop()
        return self._loop

    async def channel(self) -> Channel:
        """A channel for the next job; call it on the loop."""
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
        """Forget the loop and its channel, because they do not answer. The next job starts others."""
        self._loop = self._channel = None
        self._resources = AsyncExitStack()

    def close(self, timeout: float) -> None:
        """Close the channel and the loop.

        Args:
            timeout: Seconds that each of them gets.

        Raises:
            TimeoutError: One of them did not close in time.
        """
        if self._loop is None:
            return
        loop, self._loop = self._loop, None
        try:
            loop.run(self.drop_channel(), timeout)
        finally:
            loop.close(timeout)
