"""The fencing rules: which update may change a job. Pure: no clock, no I/O.

`decide` returns, for an update and the newest part of the log, a record to append (`Append`) or the record that answers
the update (`Unchanged`). The writer of record n has read record n-1, and a ledger writes n only if it does not exist
yet. This one compare-and-set orders all writers.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.jobs.errors import InvalidTransition, JobIdTaken, JobUnfinished
from chalicelib.jobs.model import (
    NEXT,
    Announcement,
    Change,
    Claim,
    DispatchNext,
    InferenceRequest,
    Job,
    JobId,
    Json,
    OperatorUpdate,
    Owner,
    Redispatch,
    Status,
    StatusUpdate,
    Wait,
    WorkerUpdate,
)


class Append(Struct, frozen=True):
    """Write this record, if its sequence is still free."""

    job: Job


class Unchanged(Struct, frozen=True):
    """The log has the answer already, so nothing is written."""

    job: Job


Decision = Append | Unchanged


class Lease(Struct, frozen=True):
    """How long an attempt may be silent, and how often a heartbeat is worth a record.

    A heartbeat within `renewal` is answered from the log. It costs no record, but the worker learns of a cancel, and
    watchers receive the newest event once more.
    """

    duration: timedelta = timedelta(seconds=30)
    renewal: timedelta = timedelta(seconds=10)


def open_job(
    job_id: JobId, owner: Owner, request: InferenceRequest, metadata: Json, *, now: datetime, retention: timedelta
) -> Job:
    """The first record of a new job's log."""
    return Job(
        job_id=job_id, owner=owner, model=request.model, created_at=now, updated_at=now, expires_at=now + retention,
        metadata=metadata, request=request, fingerprint=request.fingerprint(metadata),
    )  # fmt: skip


def same_start(existing: Job, first: Job, opened: Job) -> Unchanged:
    """Answer a repeated start from the log.

    Versions of the code compute fingerprints in different ways. Where the fingerprints differ, the requests themselves
    are compared.

    Args:
        existing: The newest record of the log.
        first: The first record of the log, which has the request.
        opened: The first record that this start would write.

    Raises:
        JobIdTaken: The id belongs to a job with other input, or to another owner's job.
    """
    is_same = existing.fingerprint == opened.fingerprint or _input(first) == _input(opened)
    if existing.owner != opened.owner or not is_same:
        raise JobIdTaken(opened.job_id)
    return Unchanged(existing)


def _input(first: Job) -> object:
    """What the caller sent. Metadata is compared as JSON text: in Python `True == 1`."""
    return first.request, json.dumps(first.metadata, sort_keys=True)


def cancel(head: Job, *, now: datetime) -> Decision:
    """End the job for its owner. A job that has ended is returned as it is."""
    if head.status.is_terminal:
        return Unchanged(head)
    return Append(_step(head, Change(Status.CANCELLED), update_id=None, now=now))


def tombstone(head: Job, *, now: datetime) -> Job:
    """The record that remains of a job that its owner has deleted.

    It prevents that the id is used again, and that any sequence is written again, until the job expires. It has no
    content of the caller or of the work.

    Raises:
        JobUnfinished: The job has not ended.
    """
    if not head.status.is_terminal:
        raise JobUnfinished(head.job_id, head.status)
    return Job(
        job_id=head.job_id, owner=head.owner, model=head.model, created_at=head.created_at,
        updated_at=head.updated_at, expires_at=head.expires_at, status=head.status, sequence=head.sequence,
        attempt=head.attempt, start_time=head.start_time, end_time=head.end_time, deleted_at=now,
    )  # fmt: skip


def redispatch(head: Job, request: Redispatch, *, now: datetime) -> Decision:
    """Record that a job which waits for a worker is dispatched again: once in each wait."""
    is_as_seen = request.sequence in (None, head.sequence + 1)
    never_claimed = head.status is Status.PENDING and head.sequence == 1
    if not is_as_seen or not (never_claimed or head.wait is Wait.HANDED_OVER):
        return Unchanged(head)
    again = _step(head, Change(head.status, message="dispatched again"), update_id=None, now=now)
    return Append(again if head.wait is None else replace(again, wait=Wait.DISPATCHED_AGAIN))


def awaits_next_worker(head: Job, request: DispatchNext) -> bool:
    """Whether the job still waits for the worker that is to be dispatched. Nothing is written."""
    return head.wait is not None and head.attempt == request.attempt


def decide(head: Job, newer: Sequence[Job], update: StatusUpdate, *, now: datetime, lease: Lease) -> Decision:
    """What an update does to the log.

    Args:
        head: The newest record.
        newer: Records from the worker's expected sequence on. One of them may be its own earlier write.
        update: The update.
        now: Time of the decision; never earlier than the head's.
        lease: See `Lease`.

    Raises:
        InvalidTransition: An operator's update does not fit the status, or a worker's does not.
    """
    match update:
        case Announcement():
            return Unchanged(head)
        case Claim():
            return _claim(head, update, now=now, lease=lease)
        case WorkerUpdate():
            return _work(head, newer, update, now=now, lease=lease)
        case OperatorUpdate():
            return _operate(head, update, now=now)


def _claim(head: Job, claim: Claim, *, now: datetime, lease: Lease) -> Decision:
    if head.status.is_terminal or head.claim_id == claim.update_id:
        return Unchanged(head)
    if head.is_leased(now, lease.duration) and head.request_id != claim.request_id:
        return Unchanged(head)
    attempt = head.attempt + 1
    goes_on = head.checkpoint_sequence is not None
    how = "continues from its last checkpoint" if goes_on else "the output starts again"
    claimed = replace(
        _step(head, Change(Status.PROCESSING), update_id=claim.update_id, now=now),
        attempt=attempt, progress=head.progress if goes_on else None, usage=None,
        message=f"attempt {attempt}: {how}" if head.attempt else None,
        output_kept=head.checkpoint_size if goes_on else None, output_size=head.checkpoint_size, wait=None,
        request_id=claim.request_id, claim_id=claim.update_id, start_time=head.start_time or now,
    )  # fmt: skip
    return Append(claimed)


def _work(head: Job, newer: Sequence[Job], update: WorkerUpdate, *, now: datetime, lease: Lease) -> Decision:
    for record in newer:
        if record.update_id == update.update_id:
            return Unchanged(record)
    if head.status.is_terminal or head.attempt != update.attempt or head.wait is not None:
        return Unchanged(head)
    if update.change.is_heartbeat and now - head.updated_at < lease.renewal:
        return Unchanged(head)
    return Append(_step(head, update.change, update_id=update.update_id, now=now))


def _operate(head: Job, update: OperatorUpdate, *, now: datetime) -> Decision:
    if head.update_id == update.update_id:
        return Unchanged(head)
    if update.request_id is not None and not _has_or_awaits(head, update):
        return Unchanged(head)
    if update.sequence is not None and update.sequence != head.sequence + 1:
        return Unchanged(head)
    return Append(_step(head, update.change, update_id=update.update_id, now=now))


def _has_or_awaits(head: Job, update: OperatorUpdate) -> bool:
    """Whether the update's invocation has the job, or is the one that the job waits for."""
    if head.status.is_terminal:
        return False
    if head.request_id is None or head.wait is not None:
        return head.attempt == update.continues
    return head.request_id == update.request_id


def _step(head: Job, change: Change, *, update_id: str | None, now: datetime) -> Job:
    if change.status not in NEXT[head.status]:
        raise InvalidTransition(head.status, change.status)
    sequence = head.sequence + 1
    output_size = head.output_size + len((change.delta or "").encode())
    has_checkpoint = change.checkpoint is not None
    return replace(
        head,
        status=change.status,
        sequence=sequence,
        progress=1.0 if change.status is Status.COMPLETED else _kept(change.progress, head.progress),
        message=_kept(change.message, head.message),
        delta=change.delta,
        output_kept=None,
        result=change.result,
        stored_result=change.stored_result,
        result_is_output=change.result_is_output,
        error=change.error,
        error_type=change.error_type,
        usage=_kept(change.usage, head.usage),
        cost=None,
        end_time=now if change.status.is_terminal else None,
        updated_at=now,
        request=None,
        update_id=update_id,
        wait=Wait.HANDED_OVER if change.hands_over else None if change.status.is_terminal else head.wait,
        output_size=output_size,
        checkpoint=change.checkpoint,
        checkpoint_sequence=sequence if has_checkpoint else head.checkpoint_sequence,
        checkpoint_size=output_size if has_checkpoint else head.checkpoint_size,
    )


T = TypeVar("T")


def _kept(new: T | None, old: T | None) -> T | None:
    return old if new is None else new
