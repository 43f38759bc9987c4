"""Follows one job to its end: subscribes, waits for `start_ack`, reads the log, and merges pushes and log by sequence.

The log is read again whenever an event may be missing, because a push may be lost, delayed or repeated.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from typing import assert_never

from longcall.errors import (
    ClientClosed,
    JobNotFound,
    LongcallError,
    ProtocolError,
)
from longcall.gaps import Gap, Heal
from longcall.listening import Link, Listener, Lost, Tolerance
from longcall.models import Event, JobId, Snapshot
from longcall.objects import Objects
from longcall.parsing import parse_event
from longcall.reading import read_events, read_snapshot
from longcall.realtime import Acknowledged, Pushed, Realtime
from longcall.timing import Timing, pauses
from longcall.transport import Requests
from longcall.view import JobView, hold, step

log = logging.getLogger(__name__)


class Watch:
    """Follows one job. `views` may be iterated once."""

    def __init__(
        self,
        job_id: JobId,
        *,
        requests: Requests,
        objects: Objects,
        realtime: Realtime,
        timing: Timing,
        on_link: Callable[[Link], None],
        on_heal: Callable[[Heal], None],
    ) -> None:
        self._view = JobView(job_id)
        self._requests = requests
        self._objects = objects
        self._timing = timing
        self._on_heal = on_heal
        self._clock = asyncio.get_running_loop().time
        self._listener = Listener(
            "on_inference_status_change", {"jobId": job_id}, realtime=realtime, timing=timing, on_link=on_link
        )
        self._tolerance = Tolerance(timing, self._clock)
        self._is_closed = False
        self._is_reading = False  # the log may have more events: read pages until one is empty
        self._gap: Gap | None = None
        self._pauses = pauses(timing)
        self._paused_until = 0.0

    async def views(self, begin: Callable[[], Awaitable[Event]] | None = None) -> AsyncGenerator[JobView, None]:
        """One view for each event of the log, in order, up to the terminal event.

        Args:
            begin: Starts the job; called once the job is subscribed to. None for a job that was started before.

        Raises:
            JobNotFound: The caller has no such job.
            Unreachable: There is no connection after all tries at the beginning, or for longer than the timing's
                `give_up`.
            NotAuthorized: The API refuses the caller's tokens.
            SubscriptionRejected: The API refuses the subscription.
            ClientClosed: The client was closed.
            LongcallError: As for `begin` and `Requests.execute`.
        """
        try:
            await self._listener.start()
            if begin is None:
                self._is_reading = True
            else:
                first = await begin()
                self._tolerance.contact()
                for view in self._take([first]):
                    yield view
                self._is_reading = bool(self._view.missing)  # a repeated start may answer with a later event
            while not self._view.is_final:
                if self._is_closed:
                    raise ClientClosed
                events = await self._read() if self._clock() >= self._next_read() else await self._hear()
                for view in self._take(events):
                    yield view
        finally:
            await self._listener.stop()

    async def close(self) -> None:
        """Stop listening. An iteration of `views` that still waits for an event ends with `ClientClosed`."""
        self._is_closed = True
        await self._listener.close()

    def _next_read(self) -> float:
        """When to read the log if nothing is received before. A time in the past means now."""
        if self._is_reading or self._needs_result:
            return self._paused_until
        due = self._tolerance.contact_at + self._timing.silence
        if self._gap is not None:
            due = min(due, self._gap.due(self._timing.gap))
        return max(due, self._paused_until)

    @property
    def _needs_result(self) -> bool:
        return self._view.is_terminal and self._view.result_omitted

    async def _read(self) -> "list[Event | Snapshot]":
        """The log after the last event; nothing if it could not be read."""
        found: list[Event | Snapshot] = []
        is_catching_up = self._is_reading or self._needs_result
        silent_since = self._tolerance.contact_at
        try:
            if self._needs_result:
                found.append(await read_snapshot(self._requests, self._objects, self._view.job_id))
            else:
                found.extend(await read_events(self._requests, self._view.job_id, after=self._view.sequence))
        except LongcallError as exc:
            self._tolerate(exc)
            self._paused_until = self._clock() + next(self._pauses)
            return found
        if not found and self._view.sequence == 0:
            raise JobNotFound(self._view.job_id)
        if found and not is_catching_up and self._gap is None:  # nothing was pushed for too long
            seconds = self._clock() - silent_since
            self._on_heal(Heal(self._view.job_id, self._view.sequence + 1, len(found), seconds))
        self._tolerance.read()
        self._pauses = pauses(self._timing)
        self._is_reading = bool(found) and (self._is_reading or self._gap is None)
        if self._gap is not None:
            self._gap = self._gap.read(self._clock())
            log.info("gap read", extra={"event": "gap_read", "job_id": self._view.job_id, "events": len(found)})
        return found

    async def _hear(self) -> "list[Event | Snapshot]":
        """The next push, if one arrives before the log is due to be read."""
        try:
            async with asyncio.timeout_at(self._next_read()):
                message = await self._listener.messages.get()
        except TimeoutError:
            return []
        match message:
            case Acknowledged():
                self._tolerance.acknowledged()
                self._listener.report(Link.LIVE)
                self._is_reading = True
                return []
            case Pushed(fields=fields):
                self._tolerance.contact()
                return self._pushed(fields)
            case Lost(error):
                self._tolerate(error)
                self._listener.report(Link.LOST)
                return []
            case _:
                assert_never(message)

    def _pushed(self, fields: object) -> "list[Event | Snapshot]":
        try:
            event = parse_event(fields)
        except ProtocolError:  # the push has errors or is incomplete: read the log instead
            self._is_reading = True
            return []
        return [event] if event.job_id == self._view.job_id else []

    def _take(self, updates: "Iterable[Event | Snapshot]") -> Iterator[JobView]:
        """Merge the updates. One view for each event that is next in order, once its result is read."""
        for update in updates:
            held_back = self._needs_result
            self._view = hold(self._view, update)
            if held_back and not self._needs_result:
                yield self._view
            elif held_back and isinstance(update, Snapshot):
                raise ProtocolError("the API says that the job has a result, and does not send it; ask its operator")
            while following := step(self._view):
                self._view = following
                if not self._needs_result:
                    yield following
        self._look_for_gap()

    def _look_for_gap(self) -> None:
        gap, start, missing = self._gap, self._view.sequence, len(self._view.missing)
        if gap is not None and gap.start != start:
            self._gap = None
            if gap.read_at is not None:
                self._on_heal(Heal(self._view.job_id, gap.start + 1, gap.missing, self._clock() - gap.noticed_at))
        if self._gap is None and missing:
            self._gap = Gap(start, missing, self._clock())

    def _tolerate(self, error: Exception) -> None:
        """Continue in spite of an error that may be temporary; raise any other one."""
        if not self._tolerance.survives(error) or self._view.sequence == 0:
            raise error
