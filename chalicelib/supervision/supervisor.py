"""Brings to AppSync what has to be said of jobs whose worker can say nothing, so that watchers hear it too."""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.jobs.errors import InvalidTransition, JobNotFound, UpdateRefused
from chalicelib.jobs.model import OperatorUpdate, Redispatch
from chalicelib.ledger import Ledger
from chalicelib.publisher.appsync import Endpoint
from chalicelib.publisher.delivery import Backoff, deliver
from chalicelib.supervision.diagnosis import Thresholds, diagnose

log = logging.getLogger(__name__)

PAGE: Final = 100  # jobs read at once from the activity index


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Publishes as a worker does. Every method gives up at `until`, of `time.monotonic`."""

    endpoint: Endpoint
    backoff: Backoff

    def report(self, update: OperatorUpdate, *, until: float) -> None:
        """Bring one update to AppSync.

        Raises:
            PublishFailed: AppSync could not be reached; the invocation has to be retried.
        """
        asyncio.run(self._publish([update], until=until))

    def sweep(self, ledger: Ledger, thresholds: Thresholds, *, now: datetime, until: float) -> None:
        """Look after every job that has been silent for too long. What is not reached is the next sweep's.

        Raises:
            PublishFailed: AppSync could not be reached.
        """
        asyncio.run(self._publish(self._findings(ledger, thresholds, now=now, until=until), until=until))

    def _findings(
        self, ledger: Ledger, thresholds: Thresholds, *, now: datetime, until: float
    ) -> Iterator[OperatorUpdate | Redispatch]:
        token = None
        while time.monotonic() < until:
            page = ledger.unfinished(idle_since=now - thresholds.shortest, limit=PAGE, next_token=token)
            for job in page.jobs:
                head = ledger.head(job.job_id)  # the index may be behind, and this repairs it
                finding = diagnose(head, thresholds, now=now) if head else None
                if finding is not None:
                    yield finding
            token = page.next_token
            if token is None:
                return

    async def _publish(self, updates: Iterable[OperatorUpdate | Redispatch], *, until: float) -> None:
        async with self.endpoint.open() as channel:
            for update in updates:
                try:
                    answer = await deliver(channel, update, until=until, backoff=self.backoff)
                except UpdateRefused as refusal:
                    # It expired, or an operator ended it: nothing is left to look after.
                    if refusal.error_type not in (JobNotFound.__name__, InvalidTransition.__name__):
                        raise
                    continue
                log.warning(
                    "job %s: ended or dispatched again by the sweep, %s",
                    update.job_id,
                    answer.status,
                    extra={"event": "job_supervised", "job_id": update.job_id, "status": answer.status.value},
                )
