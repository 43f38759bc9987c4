"""Publishes how jobs ended whose worker can no longer report, so that watchers receive it too."""

import asyncio
import logging
import time
from datetime import datetime
from typing import Final

from msgspec import Struct

from chalicelib.jobs.errors import InvalidTransition, JobNotFound, UpdateRefused
from chalicelib.jobs.model import Job, OperatorUpdate, Redispatch
from chalicelib.ledger import InvalidToken, Ledger, Page, UnreadableRecord
from chalicelib.publisher.appsync import Channel, Endpoint
from chalicelib.publisher.delivery import Backoff, deliver
from chalicelib.supervision.diagnosis import Thresholds, diagnose

log = logging.getLogger(__name__)

PAGE: Final = 100  # jobs read at once from the activity index
PAGES: Final = 20  # that one sweep looks at
COUNTED: Final = 10  # further pages that are read only to count the jobs that are left
JOB_TIME: Final = 10.0  # seconds that one job may take
FAILURES: Final = 3  # in a row; then the cause is the API or the log, and not a job


class SweepReport(Struct, frozen=True):
    """The counts of one sweep.

    Attributes:
        seen: Idle jobs whose summary was read.
        supervised: Jobs that were ended or dispatched again.
        unreadable: Jobs with a record that this version of the code cannot read.
        failed: Jobs for which an error occurred; the log has each with its cause.
        left: Idle jobs that were not looked at, at least. The next sweep begins with them.
    """

    seen: int = 0
    supervised: int = 0
    unreadable: int = 0
    failed: int = 0
    left: int = 0


class Supervisor(Struct, frozen=True):
    """Publishes in place of workers."""

    endpoint: Endpoint
    backoff: Backoff

    def report(self, update: OperatorUpdate, *, until: float) -> None:
        """Publish one update.

        Args:
            update: How a job ended.
            until: When to stop trying, on the clock of `time.monotonic`.

        Raises:
            UpdateRefused: The API does not accept the update.
            PublishFailed: The API could not be reached; the invocation must be retried.
        """
        asyncio.run(self._report(update, until=until))

    def sweep(self, ledger: Ledger, thresholds: Thresholds, *, now: datetime, until: float) -> SweepReport:
        """Look at jobs that have been silent for too long, and end or restart them.

        An error about one job costs no other job. The work of one sweep is bounded: the next sweep begins with the jobs
        that this one did not look at.

        Args:
            ledger: The job log. It stores where the next sweep begins.
            thresholds: How long a job may be silent.
            now: The time at which silence is measured.
            until: When to stop, on the clock of `time.monotonic`.

        Raises:
            PublishFailed: The API failed for several jobs in a row.
            LedgerUnavailable: The log failed for several jobs in a row.
        """
        report = asyncio.run(_Sweep(ledger, thresholds, self.endpoint, self.backoff, now, until).run())
        level = logging.WARNING if report.unreadable or report.failed or report.left else logging.INFO
        log.log(
            level,
            "sweep ended",
            extra={
                "event": "sweep_ended", "seen": report.seen, "supervised": report.supervised,
                "unreadable": report.unreadable, "failed": report.failed, "left": report.left,
            },
        )  # fmt: skip
        return report

    async def _report(self, update: OperatorUpdate, *, until: float) -> None:
        async with self.endpoint.open() as channel:
            await publish(channel, update, until=until, backoff=self.backoff)


async def publish(channel: Channel, update: OperatorUpdate | Redispatch, *, until: float, backoff: Backoff) -> bool:
    """Publish an update, unless the job has expired or ended meanwhile. Returns whether it was accepted."""
    try:
        answer = await deliver(channel, update, until=until, backoff=backoff)
    except UpdateRefused as refusal:
        if refusal.error_type in (JobNotFound.__name__, InvalidTransition.__name__):
            return False
        raise
    log.warning(
        "job %s: ended or dispatched again, %s",
        update.job_id,
        answer.status,
        extra={"event": "job_supervised", "job_id": update.job_id, "status": answer.status.value},
    )
    return True


class _Sweep:
    """One sweep and its counts."""

    def __init__(
        self, ledger: Ledger, thresholds: Thresholds, endpoint: Endpoint, backoff: Backoff, now: datetime, until: float
    ) -> None:
        self._ledger = ledger
        self._thresholds = thresholds
        self._endpoint = endpoint
        self._backoff = backoff
        self._now = now
        self._until = until
        self._seen = self._supervised = self._unreadable = self._failed = self._left = 0
        self._failures_in_a_row = 0

    async def run(self) -> SweepReport:
        began_at = position = self._ledger.sweep_position()
        try:
            async with self._endpoint.open() as channel:
                for _ in range(PAGES):
                    page = self._page(position)
                    # A page counts as done even if it has errors: skipped jobs wait for the next round.
                    position = page.next_token
                    await self._look_at(page, channel)
                    if position is None or self._is_late():
                        break
        finally:
            if position != began_at:
                self._ledger.save_sweep_position(position)
        self._count_left(position)
        return SweepReport(self._seen, self._supervised, self._unreadable, self._failed, self._left)

    async def _look_at(self, page: Page, channel: Channel) -> None:
        self._unreadable += page.unreadable
        for index, summary in enumerate(page.jobs):
            if self._is_late():
                self._left += len(page.jobs) - index
                return
            self._seen += 1
            try:
                await self._supervise(summary, channel)
            except UnreadableRecord as error:
                self._unreadable += 1
                log.warning(
                    "job %s: a record cannot be read, so the sweep leaves the job out",
                    summary.job_id,
                    extra={"event": "record_unreadable", "job_id": summary.job_id, "reason": str(error)},
                )
            except Exception:
                self._failed += 1
                self._failures_in_a_row += 1
                log.exception(
                    "job %s: not supervised because of an error",
                    summary.job_id,
                    extra={"event": "supervision_failed", "job_id": summary.job_id},
                )
                if self._failures_in_a_row == FAILURES:
                    raise
            else:
                self._failures_in_a_row = 0

    async def _supervise(self, summary: Job, channel: Channel) -> None:
        if diagnose(summary, self._thresholds, now=self._now) is None:
            return
        # The summary may be behind the log. Reading the log repairs it.
        head = self._ledger.head(summary.job_id)
        finding = diagnose(head, self._thresholds, now=self._now) if head else None
        if finding is not None:
            until = min(self._until, time.monotonic() + JOB_TIME)
            self._supervised += await publish(channel, finding, until=until, backoff=self._backoff)

    def _count_left(self, position: str | None) -> None:
        for _ in range(COUNTED):
            if position is None or self._is_late():
                return
            page = self._page(position)
            self._left += len(page.jobs) + page.unreadable
            position = page.next_token

    def _page(self, position: str | None) -> Page:
        idle_since = self._now - self._thresholds.shortest
        try:
            return self._ledger.unfinished(idle_since=idle_since, limit=PAGE, next_token=position)
        except InvalidToken:  # of another version of the code
            return self._ledger.unfinished(idle_since=idle_since, limit=PAGE, next_token=None)

    def _is_late(self) -> bool:
        return time.monotonic() >= self._until
