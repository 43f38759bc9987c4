"""The live list of each owner's jobs, followed through the whole campaign, and compared with the ledger at the end."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from certify.counts import Finding, Violation
from certify.list_followers import LIMIT, TIMING, Row
from certify.threads import in_thread
from chalicelib.jobs.model import Owner
from chalicelib.ledger import Ledger

SETTLE: Final = 60.0  # seconds in which a list must become equal to the ledger once nothing changes any more
HOLD: Final = 2 * (TIMING.idle + TIMING.absence)  # seconds in which the client reads the list at least twice more
LONGEST_LINE: Final = 1024 * 1024  # bytes
END_TIMEOUT: Final = 10.0  # seconds


class ListsFailed(Exception):
    """The process that follows the lists ended early; the message is what it printed."""


class FollowedList:
    """What one owner was shown.

    Attributes:
        findings: What must not be, noticed on the way.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.findings: list[Finding] = []
        self._rows: dict[str, Row] = {}
        self._changed = asyncio.Condition()

    async def take(self, changed: Mapping[str, Row], gone: Iterable[str] = ()) -> None:
        """The client shows these rows from now on, and those of `gone` no longer."""
        self.findings += check_step(self.owner, self._rows, changed)
        async with self._changed:
            for job_id in gone:
                self._rows.pop(job_id, None)
            self._rows |= changed
            self._changed.notify_all()

    async def settle(self, listed: Mapping[str, Row], *, hold: float = HOLD) -> list[Finding]:
        """Wait until the list is this one, and compare it again after `hold` seconds.

        Pushes alone can make it equal for a moment, although the API leaves out a job when the list is read.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE), self._changed:
                await self._changed.wait_for(lambda: self._rows == listed)
            async with asyncio.timeout(hold), self._changed:
                await self._changed.wait_for(lambda: self._rows != listed)
        return [*self.findings, *check_list(self._rows, listed)]


def check_step(owner: str, before: Mapping[str, Row], changed: Mapping[str, Row]) -> list[Finding]:
    """Compare the rows that changed with those before: no job goes back, and all are the owner's."""
    found = []
    for job_id, (_, sequence, its_owner) in changed.items():
        if its_owner != owner:
            found.append(Finding(Violation.FOREIGN_EVENTS, job_id, f"the live list of {owner} shows it"))
        _, earlier, _ = before.get(job_id, ("", 0, ""))
        if sequence < earlier:
            detail = f"a live list showed it at {earlier}, and then at {sequence}"
            found.append(Finding(Violation.EVENTS_OUT_OF_ORDER, job_id, detail))
    return found


def check_list(shown: Mapping[str, Row], listed: Mapping[str, Row]) -> list[Finding]:
    """Compare a live list at its end with what the ledger lists."""
    return [
        Finding(Violation.LISTS_DIFFERENT, job_id,
                f"a live list ended with {shown.get(job_id)}, and the ledger has {listed.get(job_id)}")
        for job_id in sorted(shown.keys() | listed.keys())
        if shown.get(job_id) != listed.get(job_id)
    ]  # fmt: skip


class Lists:
    """Follows the list of each owner while it is entered, with the client of a product.

    Args:
        product: The folder of the product.
        url: Of its API.
        stack_file: Contains how the users sign in.
        owners: The `sub` of the first users.
        log: What the process prints about errors.

    Attributes:
        retries: Errors after which a list was followed again, by type.
    """

    def __init__(self, product: Path, url: str, stack_file: Path, owners: Sequence[str], log: Path) -> None:
        self.retries: Counter[str] = Counter()
        self._product = product
        self._options = ("--url", url, "--stack-file", str(stack_file), "--owners", f"{len(owners)}")
        self._lists = [FollowedList(owner) for owner in owners]
        self._log = log

    async def __aenter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "certify.list_followers", *self._options,
                cwd=self._product, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                limit=LONGEST_LINE, start_new_session=True,
            )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None  # noqa: S101  # a pipe was asked for
        self._process.stdin.close()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_TIMEOUT):
                    await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def settle(self, ledger: Ledger) -> list[Finding]:
        """Compare each list with the ledger, once nothing changes there any more.

        Raises:
            ListsFailed: The lists are not followed any more.
        """
        if self._reading.done():
            raise ListsFailed(f"the lists were not followed to the end:\n{self._log.read_text()[-2000:]}")
        found = await asyncio.gather(*(self._settle(followed, ledger) for followed in self._lists))
        return [finding for findings in found for finding in findings]

    async def _settle(self, followed: FollowedList, ledger: Ledger) -> list[Finding]:
        page = await in_thread(ledger.list, Owner(followed.owner), status=None, limit=LIMIT, next_token=None)
        listed = {str(job.job_id): (job.status.value, job.sequence, str(job.owner)) for job in page.jobs}
        return await followed.settle(listed)

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # a pipe was asked for
        async for line in self._process.stdout:
            match json.loads(line):
                case {"error": str(error)}:
                    self.retries[f"list {error}"] += 1
                case {"user": int(user), "changed": dict(changed), "gone": list(gone)}:
                    rows = {job_id: (status, sequence, owner) for job_id, (status, sequence, owner) in changed.items()}
                    await self._lists[user].take(rows, gone)
