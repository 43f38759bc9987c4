"""Follows the list of the caller's jobs: subscribes, reads the list, and merges pushes and reads by sequence.

The list is read again from time to time, because the loss of a push cannot be noticed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import assert_never

from longcall.errors import ClientClosed, LongcallError, ProtocolError
from longcall.job_list import Deletion, JobList, ListRead, merge_list
from longcall.listening import Link, Listener, Lost, Tolerance
from longcall.models import Event, JobId
from longcall.parsing import parse_event
from longcall.reading import read_newest
from longcall.realtime import Acknowledged, Pushed, Realtime
from longcall.timing import Timing, pauses
from longcall.transport import Requests


class ListWatch:
    """Follows the list. `lists` may be iterated once."""

    def __init__(
        self, limit: int, *, requests: Requests, realtime: Realtime, timing: Timing, on_link: Callable[[Link], None]
    ) -> None:
        self._list = JobList(limit)
        self._requests = requests
        self._timing = timing
        self._clock = asyncio.get_running_loop().time
        self._listener = Listener("on_my_inferences", {}, realtime=realtime, timing=timing, on_link=on_link)
        self._tolerance = Tolerance(timing, self._clock)
        self._waiting: asyncio.Timeout | None = None  # of the wait for a push that is going on
        self._is_closed = False
        self._read_at: float | None = None  # None: read as soon as possible
        self._pauses = pauses(timing)
        self._paused_until = 0.0
        self._is_known = False  # the list was read once

    async def lists(self) -> AsyncGenerator[JobList, None]:
        """The list as it is, and again whenever it has changed, without end.

        Raises:
            Unreachable: There is no connection after all tries at the beginning, or for longer than the timing's
                `give_up`.
            NotAuthorized: The API refuses the caller's tokens.
            SubscriptionRejected: The API refuses the subscription.
            ClientClosed: The client was closed.
            LongcallError: As for `Requests.execute`.
        """
        shown: tuple[Event, ...] | None = None
        try:
            await self._listener.start()
            while True:
                if self._is_closed:
                    raise ClientClosed
                update = await self._read() if self._clock() >= self._next_read() else await self._hear()
                if update is not None:
                    self._list = merge_list(self._list, update)
                if self._is_known and self._list.jobs != shown:
                    shown = self._list.jobs
                    yield self._list
        finally:
            await self._listener.stop()

    async def close(self) -> None:
        """Stop listening. An iteration of `lists` that still waits ends with `ClientClosed`."""
        self._is_closed = True
        await self._listener.close()

    def forget(self, job_id: JobId) -> None:
        """Remove a job that this client has deleted."""
        self._list = merge_list(self._list, Deletion(job_id))
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._clock())  # so that `lists` shows it at once

    def _next_read(self) -> float:
        """When to read the list if nothing is received before. A time in the past means now."""
        if self._read_at is None:
            return self._paused_until
        timing = self._timing
        wait = timing.absence if self._list.absent else timing.silence if self._list.is_running else timing.idle
        return max(self._read_at + wait, self._paused_until)

    async def _read(self) -> ListRead | None:
        """The list as the API has it; None if it could not be read."""
        try:
            found = await read_newest(self._requests, limit=self._list.limit)
        except LongcallError as exc:
            self._tolerate(exc)
            self._paused_until = self._clock() + next(self._pauses)
            return None
        self._tolerance.read()
        self._pauses = pauses(self._timing)
        self._read_at = self._clock()
        self._is_known = True
        return found

    async def _hear(self) -> Event | None:
        """The next push, if one arrives before the list is due to be read."""
        try:
            async with asyncio.timeout_at(self._next_read()) as self._waiting:
                message = await self._listener.messages.get()
        except TimeoutError:
            return None
        finally:
            self._waiting = None
        match message:
            case Acknowledged():
                self._tolerance.acknowledged()
                self._listener.report(Link.LIVE)
                self._read_at = None
                return None
            case Pushed(fields=fields):
                self._tolerance.contact()
                return self._pushed(fields)
            case Lost(error):
                self._tolerate(error)
                self._listener.report(Link.LOST)
                return None
            case _:
                assert_never(message)

    def _pushed(self, fields: object) -> Event | None:
        try:
            return parse_event(fields)
        except ProtocolError:  # the push has errors or is incomplete: read the list instead
            self._read_at = None
            return None

    def _tolerate(self, error: Exception) -> None:
        """Continue in spite of an error that may be temporary; raise any other one."""
        if not self._tolerance.survives(error) or not self._is_known:
            raise error
