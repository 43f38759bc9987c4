"""The live list of each owner's jobs, followed through the whole campaign, and compared with the ledger at the end."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Final, Self

from certify.counts import Finding, Violation
from certify.tokens import SignIn
from chalicelib.jobs.model import Owner
from chalicelib.ledger import Ledger
from longcall import Client, Event, JobList, LambdaToken, LongcallError, Timing

TIMING: Final = Timing(silence=2.0, idle=2.0, absence=0.5, longest_pause=1.0)
LIMIT: Final = 100  # jobs of a list: the newest
RETRY_DELAY: Final = 0.3  # seconds
SETTLE: Final = 60.0  # seconds in which a list must become equal to the ledger once nothing changes any more

Rows = Mapping[str, tuple[str, int]]  # status and sequence of each job


class FollowedList:
    """What one owner was shown.

    Attributes:
        findings: What must not be, noticed on the way.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.findings: list[Finding] = []
        self._rows: dict[str, tuple[str, int]] = {}
        self._changed = asyncio.Condition()

    async def take(self, jobs: JobList) -> None:
        """The client shows this list now."""
        self.findings += check_step(self.owner, self._rows, jobs.jobs)
        async with self._changed:
            self._rows = {job.job_id: (str(job.status), job.sequence) for job in jobs.jobs}
            self._changed.notify_all()

    async def settle(self, listed: Rows) -> list[Finding]:
        """Wait until the list is this one, and compare."""
        try:
            async with asyncio.timeout(SETTLE), self._changed:
                await self._changed.wait_for(lambda: self._rows == listed)
        except TimeoutError:
            pass
        return [*self.findings, *check_list(self._rows, listed)]


def check_step(owner: str, before: Rows, jobs: Sequence[Event]) -> list[Finding]:
    """Compare two lists that one owner was shown, one after the other: no job goes back, and all are the owner's."""
    found = [
        Finding(Violation.FOREIGN_EVENTS, job.job_id, f"the live list of {owner} shows it") for job in jobs
        if job.owner != owner
    ]  # fmt: skip
    for job in jobs:
        _, sequence = before.get(job.job_id, ("", 0))
        if job.sequence < sequence:
            detail = f"a live list showed it at {sequence}, and then at {job.sequence}"
            found.append(Finding(Violation.EVENTS_OUT_OF_ORDER, job.job_id, detail))
    return found


def check_list(shown: Rows, listed: Rows) -> list[Finding]:
    """Compare a live list at its end with what the ledger lists."""
    return [
        Finding(Violation.LISTS_DIFFERENT, job_id,
                f"a live list ended with {shown.get(job_id)}, and the ledger has {listed.get(job_id)}")
        for job_id in sorted(shown.keys() | listed.keys())
        if shown.get(job_id) != listed.get(job_id)
    ]  # fmt: skip


class Lists:
    """Follows the list of each owner while it is entered.

    Attributes:
        retries: Errors after which a list was followed again, by type.
    """

    def __init__(self, url: str, stack_file: Path, owners: Sequence[str]) -> None:
        self.retries: Counter[str] = Counter()
        self._url = url
        self._stack_file = stack_file
        self._lists = [FollowedList(owner) for owner in owners]
        self._clients = AsyncExitStack()
        self._following: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for user, followed in enumerate(self._lists):
            authorization = LambdaToken(SignIn(self._stack_file, user))
            client = await self._clients.enter_async_context(
                Client(self._url, authorization=authorization, timing=TIMING)
            )
            self._following.append(asyncio.create_task(self._follow(client, followed)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.wait(self._following)
        await self._clients.aclose()

    async def settle(self, ledger: Ledger) -> list[Finding]:
        """Compare each list with the ledger, once nothing changes there any more."""
        found = await asyncio.gather(*(self._settle(followed, ledger) for followed in self._lists))
        return [finding for findings in found for finding in findings]

    async def _settle(self, followed: FollowedList, ledger: Ledger) -> list[Finding]:
        page = await asyncio.to_thread(ledger.list, Owner(followed.owner), status=None, limit=LIMIT, next_token=None)
        listed = {str(job.job_id): (job.status.value, job.sequence) for job in page.jobs}
        return await followed.settle(listed)

    async def _follow(self, client: Client, followed: FollowedList) -> None:
        while True:
            try:
                async with aclosing(client.watch_all(limit=LIMIT)) as lists:
                    async for jobs in lists:
                        await followed.take(jobs)
            except LongcallError as error:
                self.retries[f"list {type(error).__name__}"] += 1
            await asyncio.sleep(RETRY_DELAY)
