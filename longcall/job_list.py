"""The view of a list of jobs: pushes and reads of the list, merged by sequence. Pure.

A list shows the newest event of each job, and no texts. The events that are pushed to it have no dense sequence, so a
lost push leaves no gap: the list is read again from time to time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from longcall.models import Event, JobId


@dataclass(frozen=True, slots=True)
class ListRead:
    """The caller's newest jobs, as listInferences answered. `has_more` says that there are older ones."""

    jobs: tuple[Event, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """The API confirmed that this job is deleted."""

    job_id: JobId


@dataclass(frozen=True, slots=True)
class JobList:
    """The caller's newest jobs, newest first, at most `limit`.

    Attributes:
        limit: The most jobs.
        jobs: The newest known event of each job, without `delta`, `output_kept` and `result`.
        absent: Jobs of the list that the last read should have contained and did not contain.
        deleted: Jobs that never return.
    """

    limit: int
    jobs: tuple[Event, ...] = ()
    absent: frozenset[JobId] = field(default=frozenset(), repr=False)
    deleted: frozenset[JobId] = field(default=frozenset(), repr=False)

    @property
    def is_running(self) -> bool:
        """Whether a job of the list has not ended."""
        return not all(job.is_terminal for job in self.jobs)


def merge_list(before: JobList, update: Event | ListRead | Deletion) -> JobList:
    """The list after an update."""
    match update:
        case Event():
            return _with_jobs(before, [update])
        case Deletion(job_id):
            jobs = tuple(job for job in before.jobs if job.job_id != job_id)
            return replace(
                before, jobs=jobs, absent=before.absent - {job_id}, deleted=before.deleted | {job_id}
            )  # fmt: skip
        case ListRead():
            return _without_absent(before, update)


def _without_absent(before: JobList, read: ListRead) -> JobList:
    """The list after a read. A job that two reads in a row did not contain leaves the list.

    After one read it stays: the index that is read may be behind the log for a moment.
    """
    found = {job.job_id for job in read.jobs}
    absent = {job.job_id for job in before.jobs if job.job_id not in found and _is_covered(job, read)}
    gone = absent & before.absent
    left = replace(
        before, jobs=tuple(job for job in before.jobs if job.job_id not in gone), absent=frozenset(absent - gone)
    )
    return _with_jobs(left, read.jobs)


def _is_covered(job: Event, read: ListRead) -> bool:
    return not read.has_more or (bool(read.jobs) and _age(job) > _age(read.jobs[-1]))


def _with_jobs(before: JobList, events: Iterable[Event]) -> JobList:
    rows = {job.job_id: job for job in before.jobs}
    heard = set()
    for event in events:
        known = rows.get(event.job_id)
        if event.job_id not in before.deleted and (known is None or known.sequence < event.sequence):
            rows[event.job_id] = _row(event)
            heard.add(event.job_id)
    if not heard:
        return before
    newest = sorted(rows.values(), key=_age, reverse=True)[: before.limit]
    shown = {job.job_id for job in newest}
    return replace(before, jobs=tuple(newest), absent=(before.absent - heard) & shown)


def _age(job: Event) -> tuple[datetime, JobId]:
    """Sorts jobs from the oldest to the newest, in one order also if two were accepted at the same moment."""
    return job.created_at or datetime.min.replace(tzinfo=UTC), job.job_id


def _row(event: Event) -> Event:
    return replace(
        event, delta=None, output_kept=None, result=None, result_omitted=False, result_is_output=False
    )  # fmt: skip
