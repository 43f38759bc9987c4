"""Watchers: each shows the events of a job in order, as a client of one language does.

A watcher of another language needs a class with `language` and `follow`. `Caller` chooses the watchers of a job and
turns what they show into iterations, so digests and checks are the same for all languages.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from certify.observation import Digest, Iteration, Moment, ShownEvent, sha256
from longcall import Authorization, Client, Heal, JobView, Timing
from longcall.addresses import realtime_url_of
from longcall.models import JobId
from longcall.objects import Objects
from longcall.realtime import Acknowledged, Pushed, Realtime
from longcall.transport import Requests
from longcall.watch import Watch

CLIENT_TIMING: Final = Timing(silence=2.0, longest_pause=1.0)


@dataclass(frozen=True, slots=True)
class Shown:
    """One event as a watcher shows it.

    Attributes:
        event: The event.
        is_final: Whether it ends the job, with its result known.
        logged_at: When it was logged, as the event says.
        output: All output up to it. None if the watcher has it only with the final event.
    """

    event: ShownEvent
    is_final: bool
    logged_at: datetime | None
    output: str | None


class Watcher(Protocol):
    """Follows jobs as one client does."""

    @property
    def language(self) -> str:
        """The client's language."""
        ...

    def follow(self, job_id: str) -> AsyncGenerator[Shown, None]:
        """Each event of the job, in order, up to the final one. Closing the generator detaches.

        Raises:
            LongcallError: The client gave up; its class and its `error_type` say why. The caller tries again.
        """
        ...


@dataclass(frozen=True, slots=True)
class PythonWatcher:
    """The Python client."""

    client: Client
    language: str = "python"

    async def follow(self, job_id: str) -> AsyncGenerator[Shown, None]:
        async with aclosing(self.client.watch(job_id)) as views:
            async for view in views:
                yield shown(view)


@dataclass(frozen=True, slots=True)
class RecordingWatcher:
    """The Python client, with a record of what arrives at it.

    `record` gets each push before the client does, and each gap that was closed.
    """

    url: str
    authorization: Authorization
    record: Callable[[Moment], None]
    language: str = "python"

    async def follow(self, job_id: str) -> AsyncGenerator[Shown, None]:
        realtime = _RecordingRealtime(
            realtime_url_of(self.url), graphql_url=self.url, authorization=self.authorization, timing=CLIENT_TIMING,
            record=self.record,
        )  # fmt: skip
        requests, objects = Requests(self.url, self.authorization, CLIENT_TIMING), Objects(CLIENT_TIMING)
        await requests.open()
        latest = 0

        def healed(_: Heal) -> None:
            self.record(Moment(time.time(), "healed", latest))

        watch = Watch(
            JobId(job_id), requests=requests, objects=objects, realtime=realtime, timing=CLIENT_TIMING,
            on_link=lambda _: None, on_heal=healed,
        )  # fmt: skip
        try:
            async with aclosing(watch.views()) as views:
                async for view in views:
                    latest = view.sequence
                    self.record(Moment(time.time(), "shown", view.sequence))
                    yield shown(view)
        finally:
            await requests.close()
            await objects.close()
            await realtime.close()


class _RecordingRealtime(Realtime):
    """Subscriptions that record every push."""

    def __init__(self, url: str, *, record: Callable[[Moment], None], **options: Any) -> None:
        super().__init__(url, **options)
        self._record = record

    async def listen(
        self, name: str, variables: Mapping[str, Any], emit: Callable[[Acknowledged | Pushed], None]
    ) -> None:
        def recorded(message: Acknowledged | Pushed) -> None:
            match message:
                case Pushed(fields={"sequence": int(sequence)}):
                    self._record(Moment(time.time(), "pushed", sequence))
            emit(message)

        await super().listen(name, variables, recorded)


def shown(view: JobView) -> Shown:
    """A view of the Python client as a shown event."""
    event = ShownEvent(
        sequence=view.sequence, attempt=view.attempt, status=str(view.status), progress=view.progress,
        message=view.message or "", delta=view.delta, output_kept=view.output_kept or 0, result=view.result or "",
        error=view.error or "", error_type=str(view.error_type or ""), usage=view.usage,
        cost=None if view.cost is None else view.cost.render(), metadata=view.metadata,
    )  # fmt: skip
    return Shown(event, view.is_final, view.updated_at, view.output)


class IterationRecord:
    """Turns what a watcher shows into an iteration."""

    def __init__(self, watcher: int, language: str) -> None:
        self.iteration = Iteration(watcher, language, began_at=time.time())
        self._digest = Digest()
        self._output: str | None = None

    def add(self, one: Shown) -> None:
        now = time.time()
        iteration = self.iteration
        iteration.shown.append(one.event.sequence)
        iteration.late_ms.append(0 if one.logged_at is None else round((now - one.logged_at.timestamp()) * 1000))
        iteration.is_final = one.is_final
        self._digest.add(one.event)
        self._output = one.output

    def end(self) -> Iteration:
        """The iteration, complete."""
        self.iteration.digest = self._digest.hex()
        self.iteration.output = "" if self._output is None else sha256(self._output)
        return self.iteration
