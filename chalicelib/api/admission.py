"""Who may start one more job: an owner has a quota of unfinished jobs."""

from datetime import datetime, timedelta
from typing import Final

from chalicelib.jobs.errors import QuotaExceeded
from chalicelib.jobs.model import Job, Owner
from chalicelib.ledger import Ledger, UnreadableRecord

ADMISSION: Final = timedelta(minutes=1)  # from a job's admission to its first record, at most


def admit(ledger: Ledger, opened: Job, *, quota: int, now: datetime) -> None:
    """Add a new job to its owner's set of unfinished jobs.

    Args:
        ledger: The job log, which contains the set.
        opened: The first record of the job.
        quota: Unfinished jobs that one owner may have.
        now: With a time zone.

    Raises:
        QuotaExceeded: The owner has that many others.
    """
    if ledger.admit(opened.owner, opened.job_id, limit=quota):
        return
    _heal(ledger, opened.owner, now)
    if not ledger.admit(opened.owner, opened.job_id, limit=quota):
        raise QuotaExceeded(quota)


def _heal(ledger: Ledger, owner: Owner, now: datetime) -> None:
    """Release jobs that ended or expired, and starts that never reached the log because of a crash."""
    for job_id, admitted_at in ledger.admitted(owner).items():
        try:
            head = ledger.head(job_id)
        except UnreadableRecord:
            continue  # it may be unfinished, so it counts
        lost = head is None and now - admitted_at > ADMISSION
        if lost or (head is not None and (head.status.is_terminal or head.owner != owner)):
            ledger.release(owner, job_id, admitted_at=admitted_at)  # unless a start has admitted it again
