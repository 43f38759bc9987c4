"""What one client does with one job: start it, perhaps several times at once, follow it to its end, perhaps go away
and come back, perhaps cancel it; and what another owner hears of it meanwhile.

The client is `longcall.Client` as it is. Whatever it raises is tried again with the same job, as a program would.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from certify.observation import Digest, Evidence, Shown, Watching, sha256
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

PATIENCE: Final = Timing(silence=2.0, longest_pause=1.0)
AGAIN: Final = 0.3  # seconds before something is tried again


class SignIn:
    """A token provider for one user of a stack whose user pool moves to another port when it is started again."""

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
        if token == self._token:  # or another client of this user has a new one already
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
    """Another owner, who subscribes to jobs of others and asks for them."""

    def __init__(self, url: str, sign_in: SignIn) -> None:
        authorization = LambdaToken(sign_in)
        self._realtime = Realtime(realtime_url_of(url), graphql_url=url, authorization=authorization, timing=PATIENCE)
        self._client = Client(url, authorization=authorization, timing=PATIENCE)

    async def __aenter__(self) -> "Eavesdropper":
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._realtime.close()
        await self._client.__aexit__(None, None, None)

    async def listen(self, evidence: Evidence) -> None:
        """Subscribe to the job, again and again, until cancelled; count what is heard."""

        def emit(message: Acknowledged | Pushed) -> None:
            evidence.overheard += isinstance(message, Pushed)

        while True:
            try:
                await self._realtime.listen("on_inference_status_change", {"jobId": evidence.job_id}, emit)
            except LongcallError as error:
                evidence.troubles[f"foreign {type(error).__name__}"] += 1
            await asyncio.sleep(AGAIN)

    async def ask(self, evidence: Evidence) -> None:
        """Read and cancel the job by its id; count every answer but the one for a job that does not exist."""
        attempts: tuple[Callable[[str], object], ...] = (self._client.get, self._client.cancel)
        for attempt in attempts:
            try:
                answer = attempt(evidence.job_id)
                assert asyncio.iscoroutine(answer)  # noqa: S101  # both are
                await answer
                evidence.overheard += 1
            except JobNotFound:
                continue
            except LongcallError as error:
                evidence.troubles[f"foreign {type(error).__name__}"] += 1


@dataclass
class Caller:
    """Follows one job to its end.

    Attributes:
        tell: Told of each event that is shown.
    """

    plan: JobPlan
    eavesdropper: Eavesdropper
    tell: Callable[[], None]
    evidence: Evidence = field(init=False)

    def __post_init__(self) -> None:
        self.evidence = Evidence(self.plan.number, self.plan.job_id)

    async def follow(self, client: Client) -> None:
        """To the job's end, however often that takes."""
        others = [asyncio.create_task(self._start(client)) for _ in range(self.plan.starts - 1)]
        if self.plan.is_eavesdropped:
            others.append(asyncio.create_task(self.eavesdropper.listen(self.evidence)))
        try:
            while not await self._watch(client, others):
                if not self._has_detached:
                    await asyncio.sleep(AGAIN)
            if self.plan.is_started_late:
                await self._start(client)
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    @property
    def _has_detached(self) -> bool:
        return any(watching.shown[-1] == self.plan.detach_from for watching in self.evidence.watchings[-1:])

    async def _watch(self, client: Client, others: "list[asyncio.Task[None]]") -> bool:
        """One iteration; whether the job's end was shown."""
        is_first = not self.evidence.watchings
        watching, digest = Watching(), Digest()
        if self.evidence.answered:
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
                    self._show(view, watching, digest)
                    if is_first and self.plan.is_eavesdropped and view.sequence == 1:
                        others.append(asyncio.create_task(self.eavesdropper.ask(self.evidence)))
                    if view.sequence == self.plan.cancel_from:
                        others.append(asyncio.create_task(self._cancel(client)))
                    if view.sequence == self.plan.detach_from and is_first and not view.is_final:
                        break
        except LongcallError as error:
            self._trouble(error)
        finally:
            if view is not None:
                watching.digest, watching.output = digest.hex(), sha256(view.output)
                self.evidence.watchings.append(watching)
        return watching.is_final

    def _show(self, view: JobView, watching: Watching, digest: Digest) -> None:
        now = datetime.now(UTC)
        self.evidence.answered = self.evidence.answered or 1
        watching.shown.append(view.sequence)
        watching.late_ms.append(round((now - (view.updated_at or now)).total_seconds() * 1000))
        digest.add(
            Shown(
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
        watching.is_final = view.is_final
        self._end(view)
        self.tell()

    async def _start(self, client: Client) -> None:
        while True:
            try:
                event = await client.start(
                    self.plan.prompt, model=self.plan.model, job_id=self.plan.job_id, max_tokens=self.plan.words,
                    process_time=self.plan.process_time,
                )  # fmt: skip
            except LongcallError as error:
                self._trouble(error)
                await asyncio.sleep(AGAIN)
            else:
                self.evidence.answered += 1
                self._end(event)
                return

    async def _cancel(self, client: Client) -> None:
        while True:
            try:
                self._end(await client.cancel(self.plan.job_id))
            except LongcallError as error:
                self._trouble(error)
                await asyncio.sleep(AGAIN)
            else:
                return

    def _end(self, event: Event | JobView) -> None:
        if event.is_terminal:
            self.evidence.ends[str(event.status)] += 1

    def _trouble(self, error: LongcallError) -> None:
        kind = getattr(error, "error_type", None) or type(error).__name__
        self.evidence.troubles[str(kind)] += 1
