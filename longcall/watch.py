"""Following one job to its end: subscribe, wait for `start_ack`, read the log, merge, and read the log again whenever
something may have been lost. The log is the truth; a push is a hint that may never come.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, assert_never

from longcall.errors import (
    JobNotFound,
    LongcallError,
    NotAuthorized,
    ProtocolError,
    RequestRejected,
    SignInFailed,
    Unreachable,
)
from longcall.models import Event, JobId, Json, Snapshot
from longcall.objects import Objects
from longcall.parsing import parse_event, parse_snapshot
from longcall.realtime import Acknowledged, Pushed, Realtime
from longcall.timing import Timing, pauses
from longcall.transport import Requests
from longcall.view import JobView, hold, step

log = logging.getLogger(__name__)

PAGE: Final = 1_000  # events of one read; the most the API takes
REFUSALS: Final = 3  # of tokens in a row, each with a fresh one tried in between, that a running watch endures


class Link(Enum):
    """How a watcher hears of its job."""

    LIVE = "live"  # the server has acknowledged the subscription
    LOST = "lost"  # reconnecting; until then the log is read from time to time


@dataclass(frozen=True, slots=True)
class Heal:
    """A gap in what was pushed that a read of the log closed."""

    job_id: JobId
    events: int  # that were missing when the gap was noticed
    seconds: float  # from then until they were shown


@dataclass(frozen=True, slots=True)
class _Gap:
    """A gap that is open."""

    start: int  # the last event before it
    missing: int
    noticed_at: float
    read_at: float | None = None  # when the log was last read for it

    def due(self, patience: float) -> float:
        return (self.noticed_at if self.read_at is None else self.read_at) + patience


@dataclass(frozen=True, slots=True)
class Lost:
    """The subscription ended with this error; it is being asked for again."""

    error: Exception


async def read_events(requests: Requests, job_id: JobId, *, after: int, limit: int = PAGE) -> list[Event]:
    """One page of a job's log; an empty one says that there is no more.

    Raises:
        JobNotFound, RequestRejected, Unreachable, NotAuthorized, ProtocolError
    """
    variables: dict[str, Json] = {"jobId": job_id, "after": after, "limit": limit}
    try:
        data = await requests.execute("inference_events", variables)
    except RequestRejected as rejected:
        raise JobNotFound(job_id) if rejected.error_type == "JobNotFound" else rejected from rejected
    entries = data.get("inferenceEvents")
    if not isinstance(entries, list):
        raise ProtocolError("the API answered without a log; check that client and API are of one version")
    return [parse_event(entry) for entry in entries]


async def read_snapshot(requests: Requests, objects: Objects, job_id: JobId) -> Snapshot:
    """The job as it stands, with its result wherever that is kept.

    Raises:
        JobNotFound, RequestRejected, Unreachable, NotAuthorized, ProtocolError
    """
    data = await requests.execute("get_inference", {"jobId": job_id})
    if data.get("getInference") is None:
        raise JobNotFound(job_id)
    snapshot = parse_snapshot(data["getInference"])
    if snapshot.stored is None:
        return snapshot
    result = await objects.read(snapshot.stored)
    return replace(snapshot, event=replace(snapshot.event, result=result, result_omitted=False))


class Watch:
    """One job being followed. `views` may be iterated once."""

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
        self._realtime = realtime
        self._timing = timing
        self._on_link = on_link
        self._on_heal = on_heal
        self._messages: asyncio.Queue[Acknowledged | Pushed | Lost] = asyncio.Queue()
        self._clock = asyncio.get_running_loop().time
        self._reading = False  # the log may hold more, so read on until a page is empty
        self._heard_at = self._contact_at = self._clock()  # of the job; of the server at all
        self._gap: _Gap | None = None
        self._pauses = pauses(timing)
        self._paused_until = 0.0
        self._refusals = 0
        self._link: Link | None = None

    async def views(self, begin: Callable[[], Awaitable[Event]] | None = None) -> AsyncGenerator[JobView, None]:
        """One view for each event of the log, in order, to the terminal one.

        Args:
            begin: Starts the job, once its subscription stands; None for a job that was started before.

        Raises:
            JobNotFound, NotAuthorized, SubscriptionRejected, RequestRejected, ProtocolError
            Unreachable: From the beginning, or for longer than the timing's `give_up`.
        """
        listening = asyncio.create_task(self._listen())
        try:
            await self._subscribed()
            if begin is None:
                self._reading = True
            else:
                first = await begin()
                self._contact()
                for view in self._take([first]):
                    yield view
                self._reading = bool(self._view.missing)  # a repeated start may answer with a later event
            while not self._view.is_final:
                events = await self._read() if self._clock() >= self._next_read() else await self._hear()
                for view in self._take(events):
                    yield view
        finally:
            listening.cancel()
            await asyncio.wait({listening})  # a cancel of whoever waits here is heard, unlike in awaiting it

    async def _listen(self) -> None:
        waits = pauses(self._timing)
        acknowledged = False

        def emit(message: Acknowledged | Pushed) -> None:
            nonlocal acknowledged
            acknowledged = acknowledged or isinstance(message, Acknowledged)
            self._messages.put_nowait(message)

        while True:
            try:
                variables = {"jobId": self._view.job_id}
                await self._realtime.listen("on_inference_status_change", variables, emit)
                lost: Exception = Unreachable("the server ended the subscription")
            except Exception as exc:  # whatever it is, a token provider's own error too: it belongs to who iterates
                lost = exc
            self._messages.put_nowait(Lost(lost))
            if acknowledged:
                waits, acknowledged = pauses(self._timing), False
            await asyncio.sleep(next(waits))

    async def _subscribed(self) -> None:
        match await self._messages.get():
            case Acknowledged():
                self._tell(Link.LIVE)
            case Lost(error):
                raise error
            case Pushed():
                raise AssertionError("a push cannot come before the acknowledgement")

    def _next_read(self) -> float:
        """When the log is to be read, if nothing is heard before; a moment already past for at once."""
        if self._reading or self._needs_result:
            return self._paused_until
        due = self._heard_at + self._timing.silence
        if self._gap is not None:
            due = min(due, self._gap.due(self._timing.gap))
        return max(due, self._paused_until)

    @property
    def _needs_result(self) -> bool:
        return self._view.is_terminal and self._view.result_omitted

    async def _read(self) -> "list[Event | Snapshot]":
        """What the log has after the last event; nothing where it could not be read."""
        found: list[Event | Snapshot] = []
        try:
            if self._needs_result:
                found.append(await read_snapshot(self._requests, self._objects, self._view.job_id))
            else:
                found.extend(await read_events(self._requests, self._view.job_id, after=self._view.sequence))
        except LongcallError as exc:
            self._endure(exc)
            self._paused_until = self._clock() + next(self._pauses)
            return found
        if not found and self._view.sequence == 0:
            raise JobNotFound(self._view.job_id)
        self._contact()
        self._pauses = pauses(self._timing)
        self._reading = bool(found) and (self._reading or self._gap is None)
        if self._gap is not None:
            self._gap = replace(self._gap, read_at=self._clock())
            log.info("gap read", extra={"event": "gap_read", "job_id": self._view.job_id, "events": len(found)})
        return found

    async def _hear(self) -> "list[Event | Snapshot]":
        """The next push, if one comes before the log is to be read."""
        try:
            async with asyncio.timeout_at(self._next_read()):
                message = await self._messages.get()
        except TimeoutError:
            return []
        match message:
            case Acknowledged():
                self._refusals = 0
                self._contact()
                self._tell(Link.LIVE)
                self._reading = True
                return []
            case Pushed(fields=fields):
                self._contact()
                return self._pushed(fields)
            case Lost(error):
                self._endure(error)
                self._tell(Link.LOST)
                return []
            case _:
                assert_never(message)

    def _pushed(self, fields: object) -> "list[Event | Snapshot]":
        try:
            event = parse_event(fields)
        except ProtocolError:  # with errors, or without what the contract promises: a hint, and no more
            self._reading = True
            return []
        return [event] if event.job_id == self._view.job_id else []

    def _take(self, updates: "Iterable[Event | Snapshot]") -> Iterator[JobView]:
        """Merge; one view for each event that came into its place, save one whose result is still to be read."""
        for update in updates:
            held_back = self._needs_result
            self._view = hold(self._view, update)
            if held_back and not self._needs_result:
                yield self._view
            elif held_back and isinstance(update, Snapshot):
                raise ProtocolError("the API says that the job has a result and does not give it; ask its operator")
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
                self._on_heal(Heal(self._view.job_id, gap.missing, self._clock() - gap.noticed_at))
        if self._gap is None and missing:
            self._gap = _Gap(start, missing, self._clock())

    def _contact(self) -> None:
        self._heard_at = self._contact_at = self._clock()

    def _tell(self, link: Link) -> None:
        if link is not self._link:
            self._link = link
            self._on_link(link)

    def _endure(self, error: Exception) -> None:
        """Go on in spite of what may pass; raise anything else."""
        match error:
            case Unreachable() | RequestRejected(is_transient=True):
                passes = self._clock() - self._contact_at <= self._timing.give_up
            case NotAuthorized() | SignInFailed():  # a stack that starts again may not know its users yet
                self._refusals += 1
                passes = self._refusals < REFUSALS
            case _:
                passes = False
        if not passes or self._view.sequence == 0:
            raise error
