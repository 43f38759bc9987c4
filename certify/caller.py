"""What the clients of a job do: they start it, follow it to its end, leave and return, and whatever else the plan says.

The clients are unchanged. After each error they try again with the same job, as a program would.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from certify.eavesdropper import Eavesdropper
from certify.impostor import Impostor
from certify.observation import Observation
from certify.owner_requests import RETRY_DELAY, OwnerRequests
from certify.plan import JobPlan, Origin
from certify.planting import Planter
from certify.tokens import ShortTokens, SignIn
from certify.typescript import Node, TypeScriptWatcher
from certify.watchers import CLIENT_TIMING, IterationRecord, PythonWatcher, RecordingWatcher, Shown, Watcher, shown
from longcall import Client, Heal, LambdaToken, LongcallError

AFTER_EXPIRY: Final = 1.0  # seconds
INTERFERES_FROM: Final = 3  # the sequence: the job has a worker, and an older state


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all callers of a process share.

    Attributes:
        url: Of the API.
        stack_file: Describes the running stack.
        sign_ins: One for each user.
        owners: The `sub` of each user.
        planter: None if the ledger cannot be written to.
        node: Runs watchers in TypeScript; None if it is missing.
        on_shown: Called for each event that is shown.
    """

    url: str
    stack_file: Path
    sign_ins: list[SignIn]
    owners: list[str]
    eavesdropper: Eavesdropper
    impostor: Impostor
    planter: Planter | None
    node: Node | None
    on_shown: Callable[[], None]


@dataclass
class Caller:
    """Follows one job to its end."""

    plan: JobPlan
    around: Surroundings
    began_at: float = field(default_factory=time.monotonic)
    observation: Observation = field(init=False)
    requests: OwnerRequests = field(init=False)
    _others: "list[asyncio.Task[None]]" = field(default_factory=list)
    _listening: "asyncio.Task[None] | None" = None
    _latest: int = 0  # the newest sequence that was shown
    _attempt: int = 0
    _events: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.observation = Observation(self.plan.number, self.plan.job_id)
        self.requests = OwnerRequests(self.plan, self.observation)

    def healed(self, heal: Heal) -> None:
        """Record a gap that a client closed."""
        self.observation.heals_ms.append(round(heal.seconds * 1000, 1))

    async def follow(self, client: Client) -> None:
        """Follow the job to its end, with as many iterations as needed, and do what the plan says afterwards."""
        plan = self.plan
        try:
            expires_at = await self._begin(client)
            while not await self._watch(client):
                if not self._has_detached:
                    await asyncio.sleep(RETRY_DELAY)
            await self._after_the_end(client)
            if plan.is_deleted:
                await self.requests.delete(client)
            if plan.origin is Origin.EXPIRING:
                await asyncio.sleep(max(0.0, expires_at - time.time()) + AFTER_EXPIRY)
            if plan.is_deleted or plan.origin is Origin.EXPIRING:
                await self.requests.look_for_it(client)
            self.observation.is_complete = True
        finally:
            running = [*self._others, *([self._listening] if self._listening else [])]
            for other in running:
                other.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self, client: Client) -> float:
        """Start everything that happens besides the first watcher; returns when a planted job expires."""
        plan, expires_at = self.plan, 0.0
        if plan.origin is not Origin.STARTED:
            assert self.around.planter is not None  # noqa: S101  # only plans for SQLite have planted jobs
            expires_at = await self.around.planter.plant(plan, self.around.owners[plan.owner])
            self.observation.answered = 1
        for _ in range(plan.starts - 1):
            self._begin_task(self.requests.start(client))
        if plan.is_eavesdropped:
            self._listening = asyncio.create_task(self.around.eavesdropper.listen(self.observation))
        for number, sequence in enumerate(plan.all_joins, start=1):
            self._begin_task(self._join(number, sequence))
        return expires_at

    async def _after_the_end(self, client: Client) -> None:
        plan = self.plan
        if plan.is_started_late:
            await self.requests.start(client)
        if plan.is_cancelled_late:
            await self.requests.cancel(client)
        if plan.is_eavesdropped:
            await self.around.eavesdropper.ask(self.observation, self.requests.start_input)
        if plan.is_impersonated:
            await self.around.impostor.resurrect(self.observation, sequence=self._latest, attempt=self._attempt)
        await asyncio.gather(*self._others)
        if plan.has_late_watcher:
            await self._join(len(plan.all_joins) + 1, 0)

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the first watcher; it ends by itself before the job is deleted."""
        self._others.append(asyncio.create_task(work))

    @property
    def _has_detached(self) -> bool:
        return any(iteration.shown[-1] == self.plan.detach_from for iteration in self.observation.iterations[-1:])

    async def _watch(self, client: Client) -> bool:
        """One iteration of the client that starts the job; returns whether the job's end was shown."""
        if self.observation.answered:
            return await self._iterate(0, PythonWatcher(client), client)
        return await self._iterate(0, _StartingWatcher(client, self.requests.text, self.requests.options), client)

    async def _join(self, number: int, sequence: int) -> None:
        """A further watcher, from a sequence on, until it has shown the job's end."""
        async with self._events:
            await self._events.wait_for(lambda: self._latest >= max(1, sequence) or self._is_over)
        tokens, node = self._tokens_of(number), self.around.node
        authorization = LambdaToken(tokens)
        async with AsyncExitStack() as running:
            watcher: Watcher
            if node is not None and self.plan.may_be_typescript(number):
                watcher = TypeScriptWatcher(node, tokens, self.observation.heals_ms.append)
            elif self.plan.is_recorded:
                watcher = RecordingWatcher(self.around.url, authorization, self.observation.life.append)
            else:
                client = Client(self.around.url, authorization=authorization, timing=CLIENT_TIMING, on_heal=self.healed)
                watcher = PythonWatcher(await running.enter_async_context(client))
            while True:
                if await self._iterate(number, watcher, None):
                    return
                await asyncio.sleep(RETRY_DELAY)

    async def _iterate(self, number: int, watcher: Watcher, starter: Client | None) -> bool:
        """One iteration of a watcher; returns whether the job's end was shown.

        Args:
            number: Of the watcher.
            watcher: What follows the job.
            starter: The client of the job's owner, for what the plan says to do at a sequence; None for others.
        """
        record, is_first = IterationRecord(number, watcher.language), not self.observation.iterations
        try:
            async with aclosing(watcher.follow(self.plan.job_id)) as following:
                async for one in following:
                    record.add(one)
                    self.around.on_shown()
                    if one.is_final:
                        self.observation.ends[one.event.status] += 1
                    if starter is not None:
                        await self._advance(one, starter, is_first=is_first)
                        if one.event.sequence == self.plan.detach_from and is_first and not one.is_final:
                            break
        except LongcallError as error:
            self.requests.report(error, f"watcher {number}")
        finally:
            if record.iteration.shown:
                self.observation.iterations.append(record.end())
            async with self._events:
                self._events.notify_all()
        return record.iteration.is_final

    async def _advance(self, one: Shown, client: Client, *, is_first: bool) -> None:
        """Do what the plan says for the moment at which the first watcher shows an event."""
        plan, event = self.plan, one.event
        self.observation.answered = self.observation.answered or 1
        if is_first and event.sequence == 1:
            if plan.is_eavesdropped:
                self._begin_task(self.around.eavesdropper.ask(self.observation, self.requests.start_input))
            if plan.has_other_input:
                self._begin_task(self.requests.start_otherwise(client))
        if event.sequence == plan.cancel_from:
            self._begin_task(self.requests.cancel(client))
        if plan.is_impersonated and is_first and event.sequence == INTERFERES_FROM and not one.is_final:
            self._begin_task(self.around.impostor.interfere(self.observation, sequence=event.sequence))
        async with self._events:
            self._latest, self._attempt = max(self._latest, event.sequence), event.attempt
            self._events.notify_all()

    def _tokens_of(self, number: int) -> SignIn | ShortTokens:
        """The token provider of a further watcher."""
        sign_in = self.around.sign_ins[self.plan.owner]
        if self.plan.has_short_token and number == 1:
            return ShortTokens(sign_in, self.around.stack_file, on_refused=self._count_refused)
        return sign_in

    def _count_refused(self) -> None:
        self.observation.refused_tokens += 1

    @property
    def _is_over(self) -> bool:
        return any(iteration.is_final for iteration in self.observation.iterations)


@dataclass(frozen=True, slots=True)
class _StartingWatcher:
    """The Python client, which subscribes and then starts the job."""

    client: Client
    text: Any
    options: dict[str, Any]
    language: str = "python"

    async def follow(self, job_id: str) -> AsyncGenerator[Shown, None]:  # noqa: ARG002  # it is one of the options
        async with aclosing(self.client.run(self.text, **self.options)) as views:
            async for view in views:
                yield shown(view)
