"""What one client does with one job: starts it once or several times, follows it to its end, and may detach, return
or cancel. Meanwhile another owner tries to read the job.

The client is an unchanged `longcall.Client`. After each error it tries again with the same job, as a program would.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from certify.observation import Digest, Iteration, Observation, ShownEvent, sha256
from certify.plan import JobPlan
from longcall import (
    Client,
    CognitoPassword,
    Event,
    JobNotFound,
    JobView,
    LambdaToken,
    LongcallError,
    Timing,
)
from longcall.addresses import realtime_url_of
from longcall.realtime import Acknowledged, Pushed, Realtime

CLIENT_TIMING: Final = Timing(silence=2.0, longest_pause=1.0)
RETRY_DELAY: Final = 0.3  # seconds


class SignIn:
    """A token provider for one user of a stack. A restarted stack has its user pool at another port."""

    def __init__(self, stack_file: Path, user: int) -> None:
        self._file = stack_file
        self._user = user
        self._provider = self._from_file()
        self._token = ""

    async def __call__(self) -> str:
        try:
            self._token = await self._provider()
            return self._token
        except LongcallError:
            self._read_again()
            raise

    def forget(self, token: str) -> None:
        if token == self._token:  # otherwise another client of this user has a new token already
            self._read_again()

    def _read_again(self) -> None:
        with suppress(FileNotFoundError):  # the stack is down
            self._provider = self._from_file()

    def _from_file(self) -> CognitoPassword:
        stack = json.loads(self._file.read_text())
        user = stack["users"][self._user]
        return CognitoPassword(
            stack["region"], stack["clientId"], user["username"], user["password"], endpoint_url=stack["cognitoUrl"]
        )


class Eavesdropper:
    """Another owner, who subscribes to jobs of others and requests them."""

    def __init__(self, url: str, sign_in: SignIn) -> None:
        authorization = LambdaToken(sign_in)
        self._realtime = Realtime(
            realtime_url_of(url), graphql_url=url, authorization=authorization, timing=CLIENT_TIMING
        )
        self._client = Client(url, authorization=authorization, timing=CLIENT_TIMING)

    async def __aenter__(self) -> "Eavesdropper":
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._realtime.close()
        await self._client.__aexit__(None, None, None)

    async def listen(self, observation: Observation) -> None:
        """Subscribe to the job repeatedly until cancelled, and count the pushes that arrive."""

        def emit(message: Acknowledged | Pushed) -> None:
            observation.overheard += isinstance(message, Pushed)

        while True:
            try:
                await self._realtime.listen("on_inference_status_change", {"jobId": observation.job_id}, emit)
            except LongcallError as error:
                observation.retries[f"foreign {type(error).__name__}"] += 1
            await asyncio.sleep(RETRY_DELAY)

    async def ask(self, observation: Observation) -> None:
        """Read and cancel the job by its id, and count every answer except JobNotFound."""
        attempts: tuple[Callable[[str], object], ...] = (self._client.get, self._client.cancel)
        for attempt in attempts:
            try:
                answer = attempt(observation.job_id)
                assert asyncio.iscoroutine(answer)  # noqa: S101  # both are
                await answer
                observation.overheard += 1
            except JobNotFound:
                continue
            except LongcallError as error:
                observation.retries[f"foreign {type(error).__name__}"] += 1


@dataclass
class Caller:
    """Follows one job to its end.

    Attributes:
        on_shown: Called for each event that is shown.
    """

    plan: JobPlan
    eavesdropper: Eavesdropper
    on_shown: Callable[[], None]
    observation: Observation = field(init=False)

    def __post_init__(self) -> None:
        self.observation = Observation(self.plan.number, self.plan.job_id)

    async def follow(self, client: Client) -> None:
        """Follow the job to its end, with as many iterations as needed."""
        others = [asyncio.create_task(self._start(client)) for _ in range(self.plan.starts - 1)]
        if self.plan.is_eavesdropped:
            others.append(asyncio.create_task(self.eavesdropper.listen(self.observation)))
        try:
            while not await self._watch(client, others):
                if not self._has_detached:
                    await asyncio.sleep(RETRY_DELAY)
            if self.plan.is_started_late:
                await self._start(client)
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    @property
    def _has_detached(self) -> bool:
        return any(iteration.shown[-1] == self.plan.detach_from for iteration in self.observation.iterations[-1:])

    async def _watch(self, client: Client, others: "list[asyncio.Task[None]]") -> bool:
        """One iteration; returns whether the job's end was shown."""
        is_first = not self.observation.iterations
        iteration, digest = Iteration(), Digest()
        if self.observation.answered:
            views = client.watch(self.plan.job_id)
        else:
            views = client.run(
                self.plan.prompt, model=self.plan.model, job_id=self.plan.job_id, max_tokens=self.plan.words,
                process_time=self.plan.process_time,
            )  # fmt: skip
        view: JobView | None = None
        try:
            async with aclosing(views) as following:
                async for view in following:
                    self._show(view, iteration, digest)
                    if is_first and self.plan.is_eavesdropped and view.sequence == 1:
                        others.append(asyncio.create_task(self.eavesdropper.ask(self.observation)))
                    if view.sequence == self.plan.cancel_from:
                        others.append(asyncio.create_task(self._cancel(client)))
                    if view.sequence == self.plan.detach_from and is_first and not view.is_final:
                        break
        except LongcallError as error:
            self._count_retry(error)
        finally:
            if view is not None:
                iteration.digest, iteration.output = digest.hex(), sha256(view.output)
                self.observation.iterations.append(iteration)
        return iteration.is_final

    def _show(self, view: JobView, iteration: Iteration, digest: Digest) -> None:
        now = datetime.now(UTC)
        self.observation.answered = self.observation.answered or 1
        iteration.shown.append(view.sequence)
        iteration.late_ms.append(round((now - (view.updated_at or now)).total_seconds() * 1000))
        digest.add(
            ShownEvent(
                sequence=view.sequence,
                attempt=view.attempt,
                status=str(view.status),
                progress=view.progress,
                message=view.message or "",
                delta=view.delta,
                result=view.result or "",
                error=view.error or "",
                error_type=str(view.error_type or ""),
            )
        )
        iteration.is_final = view.is_final
        self._end(view)
        self.on_shown()

    async def _start(self, client: Client) -> None:
        while True:
            try:
                event = await client.start(
                    self.plan.prompt, model=self.plan.model, job_id=self.plan.job_id, max_tokens=self.plan.words,
                    process_time=self.plan.process_time,
                )  # fmt: skip
            except LongcallError as error:
                self._count_retry(error)
                await asyncio.sleep(RETRY_DELAY)
            else:
                self.observation.answered += 1
                self._end(event)
                return

    async def _cancel(self, client: Client) -> None:
        while True:
            try:
                self._end(await client.cancel(self.plan.job_id))
            except LongcallError as error:
                self._count_retry(error)
                await asyncio.sleep(RETRY_DELAY)
            else:
                return

    def _end(self, event: Event | JobView) -> None:
        if event.is_terminal:
            self.observation.ends[str(event.status)] += 1

    def _count_retry(self, error: LongcallError) -> None:
        kind = getattr(error, "error_type", None) or type(error).__name__
        self.observation.retries[str(kind)] += 1
