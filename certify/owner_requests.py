"""What the owner of a job asks for besides following it: more starts, a cancel, a delete, and reads of what is gone.

Each request is repeated until it is answered. Errors are recorded, as a program would log them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final

from certify.observation import Observation, ShownError
from certify.plan import JobPlan
from longcall import Client, Event, JobNotFound, LongcallError, RequestRejected
from longcall.requests import new_request

RETRY_DELAY: Final = 0.3  # seconds
LONGEST_RETRY_DELAY: Final = 2.0  # seconds; otherwise one outage gives a job with several starts very many errors
OTHER_PROMPT: Final = "other input"

Send = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class OwnerRequests:
    """The requests about one job; what was answered and refused goes into the observation."""

    plan: JobPlan
    observation: Observation

    @property
    def text(self) -> Any:
        """The prompt, or the messages of a conversation."""
        return list(self.plan.messages) or self.plan.prompt

    @property
    def options(self) -> dict[str, Any]:
        """The options of a start."""
        plan = self.plan
        return {
            "model": plan.model, "job_id": plan.job_id, "max_tokens": plan.words, "process_time": plan.process_time
        }  # fmt: skip

    @property
    def start_input(self) -> dict[str, Any]:
        """The input of the owner's start, for another owner. An uploaded prompt is sent as far as a request allows."""
        request = new_request(self.text, self.options)  # type: ignore[arg-type]  # the keys are those of Options
        uploads = dict.fromkeys(request.contents, self.plan.job_id)
        return request.render(uploads)

    async def _until_done(self, doing: str, send: Send) -> None:
        """Repeat a request until it is answered, with a longer pause after each error."""
        delay = RETRY_DELAY
        while True:
            try:
                await send()
            except LongcallError as error:
                self.report(error, doing)
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_RETRY_DELAY)
            else:
                return

    async def start(self, client: Client) -> None:
        async def send() -> None:
            event = await client.start(self.text, **self.options)
            self.observation.answered += 1
            self._end(event)

        await self._until_done("start", send)

    async def start_otherwise(self, client: Client) -> None:
        async def send() -> None:
            try:
                await client.start(OTHER_PROMPT, **self.options)
            except RequestRejected as rejected:
                if rejected.error_type != "JobIdTaken":
                    raise
            else:
                self.observation.other_answered += 1

        await self._until_done("start with other input", send)

    async def cancel(self, client: Client) -> None:
        async def send() -> None:
            event = await client.cancel(self.plan.job_id)
            self._end(event)
            if not event.is_terminal:
                self.observation.unended.append(str(event.status))

        await self._until_done("cancel", send)

    async def delete(self, client: Client) -> None:
        async def send() -> None:
            with suppress(JobNotFound):  # an earlier try has deleted it
                await client.delete(self.plan.job_id)

        await self._until_done("delete", send)
        self.observation.deleted = True

    async def look_for_it(self, client: Client) -> None:
        """Read a job that is deleted or has expired by every field, and count the answers."""
        job_id, served = self.plan.job_id, self.observation.still_served

        async def get() -> None:
            await _unless_absent(client.get(job_id), "getInference", served)

        async def events() -> None:
            await _unless_absent(_first_of(client.events(job_id)), "inferenceEvents", served)

        async def cancel() -> None:
            await _unless_absent(client.cancel(job_id), "cancelInference", served)

        async def list_() -> None:
            page = await client.list(limit=100)
            served.extend("listInferences" for job in page.jobs if job.job_id == job_id)

        for name, read in (("get", get), ("events", events), ("cancel", cancel), ("list", list_)):
            await self._until_done(name, read)

    def _end(self, event: Event) -> None:
        if event.is_terminal:
            self.observation.ends[str(event.status)] += 1

    def report(self, error: LongcallError, doing: str) -> None:
        kind = str(getattr(error, "error_type", None) or type(error).__name__)
        self.observation.retries[kind] += 1
        if kind != "QuotaExceeded":
            self.observation.errors.append(ShownError(time.time(), kind, doing))


async def _unless_absent(read: Coroutine[Any, Any, object], field_name: str, served: list[str]) -> None:
    """Await an answer about a job that must not be there, and record one that shows it."""
    try:
        found = await read
    except JobNotFound:
        return
    if found is not None:
        served.append(field_name)


async def _first_of(events: AsyncGenerator[Event, None]) -> Event | None:
    async with aclosing(events):
        return await anext(events, None)
