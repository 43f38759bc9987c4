"""Writes records into the ledger of a running stack, as a process that died at that moment would have left them."""

import asyncio
import uuid
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from certify.plan import JobPlan, Origin
from chalicelib.api.charging import charge
from chalicelib.jobs import rules
from chalicelib.jobs.model import (
    Change,
    Claim,
    InferenceRequest,
    Job,
    JobId,
    Message,
    Owner,
    Role,
    Status,
    WorkerUpdate,
)
from chalicelib.jobs.rules import Append
from chalicelib.ledger import utc_now
from chalicelib.ledger.sqlite import SqliteLedger
from chalicelib.workloads.simulated import text

RETENTION: Final = timedelta(days=7)
SHORT_RETENTION: Final = timedelta(seconds=15)  # enough to read the job before it expires
WORDS_PER_DELTA: Final = 10


class Planter:
    """Plants jobs in one SQLite ledger."""

    def __init__(self, file: Path, *, quota: int) -> None:
        self._ledger = SqliteLedger(file, clock=utc_now)
        self._quota = quota

    async def plant(self, plan: JobPlan, owner: str) -> float:
        """Write the first records of a job, as its origin says.

        Returns:
            When it expires, in seconds since the epoch.
        """
        retention = SHORT_RETENTION if plan.origin is Origin.EXPIRING else RETENTION
        now = utc_now()
        first = rules.open_job(
            JobId(plan.job_id), Owner(owner), request_of(plan), None, now=now, retention=retention
        )  # fmt: skip
        while True:
            if self._ledger.admit(first.owner, first.job_id, limit=self._quota):
                break
            await asyncio.sleep(0.1)  # another job of the owner ends soon
        head = charge(first, None)
        self._ledger.append(head)
        if plan.origin in (Origin.ORPHANED, Origin.EXPIRING):
            head = self._append(head, Claim(head.job_id, str(uuid.uuid4()), str(uuid.uuid4())))
        if plan.origin is Origin.EXPIRING:
            self._complete(head, plan)
        return first.expires_at.timestamp()

    def _complete(self, head: Job, plan: JobPlan) -> None:
        words = list(islice(text(plan.model, plan.prompt), plan.words))
        for begin in range(0, plan.words, WORDS_PER_DELTA):
            delta = "".join(words[begin : begin + WORDS_PER_DELTA])
            head = self._append(head, _update(head, Change(Status.PROCESSING, delta=delta)))
        self._append(head, _update(head, Change(Status.COMPLETED, result="".join(words))))
        self._ledger.release(head.owner, head.job_id)

    def _append(self, head: Job, update: Claim | WorkerUpdate) -> Job:
        decision = rules.decide(head, (), update, now=utc_now(), lease=rules.Lease())
        assert isinstance(decision, Append)  # noqa: S101  # nobody else writes to the job
        job = charge(decision.job, update)
        self._ledger.append(job)
        return job


def _update(head: Job, change: Change) -> WorkerUpdate:
    return WorkerUpdate(head.job_id, head.attempt, head.sequence + 1, str(uuid.uuid4()), change)


def request_of(plan: JobPlan) -> InferenceRequest:
    """The request that the log of a planned job contains. An uploaded prompt is not part of it."""
    messages = tuple(Message(Role(message.role.value), message.text) for message in plan.messages)
    return InferenceRequest(
        "" if messages else plan.prompt, plan.model, max_tokens=plan.words, process_time=plan.process_time,
        messages=messages,
    )  # fmt: skip
