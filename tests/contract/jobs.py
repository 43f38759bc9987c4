"""Makes jobs for tests, with defaults for everything that does not matter."""

import uuid
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from chalicelib.jobs.model import InferenceRequest, Job, JobId, Owner, Status
from chalicelib.jobs.rules import open_job

ADA = Owner("ada")
GRACE = Owner("grace")
START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def new_id() -> JobId:
    return JobId(str(uuid.uuid4()))


def opened(
    job_id: JobId | None = None,
    owner: Owner = ADA,
    *,
    now: datetime = START,
    prompt: str = "Hello",
    life: timedelta = WEEK,
) -> Job:
    """The first record of a new job."""
    request = InferenceRequest(prompt=prompt, model="simulated.story")
    return open_job(job_id or new_id(), owner, request, {"a": [1]}, now=now, retention=life)


def following(job: Job, status: Status = Status.PROCESSING, *, after: float = 1.0, delta: str | None = None) -> Job:
    """A next record for a ledger, which checks only that the sequence is free."""
    return replace(
        job, status=status, sequence=job.sequence + 1, delta=delta, request=None,
        updated_at=job.updated_at + timedelta(seconds=after),
    )  # fmt: skip
