"""What a record of the log says of what its job has used, and the bill in it. Pure.

`charge` is given every record before it is written. A worker's report covers its own attempt, from the claim on, so it
is added to what the job had used before that; whatever else happens to a job meanwhile goes into both sums.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from chalicelib.api.payloads.answers import render_push
from chalicelib.billing.cost import invoice
from chalicelib.billing.metering import log_units, push_units
from chalicelib.jobs.model import Claim, Job, Json, StatusUpdate, WorkerUpdate
from chalicelib.jobs.usage import NOTHING, Counts, Meter
from chalicelib.ledger.records import dump

# After the last report of an attempt that hands over, its worker asks for the next one, and watchers hear of it.
DISPATCHING_NEXT: Final = Counts(operations=1, pushes=1)


def charge(job: Job, update: StatusUpdate | None) -> Job:
    """The record, with what the job has used up to it and with it, and with its bill where it has one.

    Args:
        job: The record as it was decided on; what was used is still that of the record before it.
        update: What the record comes from; None for a start, a cancel and a repeated dispatch.
    """
    own = _own(job)
    while True:
        charged = _charged(job, update, own)
        # A bill is part of what is pushed and written, and so of itself: once more, until it covers itself.
        found = own if charged.cost is None else _own(charged)
        if found.pushes <= own.pushes and found.writes <= own.writes and found.reads <= own.reads:
            return charged
        own = found


def _own(job: Job) -> Counts:
    """What comes of writing the record and telling one watcher."""
    is_first = job.sequence == 1
    pushes = 0 if is_first else push_units(render_push(job))  # nobody can be subscribed to a start
    summary = _size(dump(job.summary()))
    # Written out once, not twice: a record is its projection and the texts that are in it alone.
    record = _size(dump(job)) if is_first else summary + sum(map(_size, (job.delta, job.result, job.checkpoint)))
    log = log_units(record, summary, is_first=is_first, is_last=job.status.is_terminal)
    return Counts(operations=1, pushes=pushes) + log + _objects(job)


def _objects(job: Job) -> Counts:
    """What comes of texts and images too large for the log: each is put, looked at, copied for the job, and read."""
    given = 0 if job.request is None else len(job.request.uploads)
    return Counts(object_writes=2 * given + int(job.stored_result is not None), object_reads=2 * given)


def _size(text: str | None) -> int:
    return len((text or "").encode(errors="replace"))


def _charged(job: Job, update: StatusUpdate | None, own: Counts) -> Job:
    match update:
        case Claim():
            before = job.used + Counts(invocations=1) + _of_the_log(own)
            used = job.used + Counts(invocations=1) + own
        case WorkerUpdate(meter=Meter() as meter):
            before = job.used_before + _of_the_log(own)
            used = (
                job.used_before + _reported(meter) + own + (DISPATCHING_NEXT if update.change.hands_over else NOTHING)
            )
        case WorkerUpdate():
            before, used = job.used_before + _of_the_log(own), job.used + own
        case _:
            before, used = job.used_before + own, job.used + own
    is_billed = job.status.is_terminal or (isinstance(update, Claim) and job.attempt > 1)
    return replace(job, used=used, used_before=before, cost=_bill(job, used) if is_billed else None)


def _of_the_log(counts: Counts) -> Counts:
    """What no report covers."""
    return replace(counts, operations=0, pushes=0)


def _reported(meter: Meter) -> Counts:
    return Counts(
        operations=meter.operations, pushes=meter.pushes, worker_time=meter.milliseconds * meter.megabytes,
        input_tokens=meter.input_tokens, cached_tokens=meter.cached_tokens, output_tokens=meter.output_tokens,
    )  # fmt: skip


def _bill(job: Job, used: Counts) -> Json:
    ended: datetime = job.end_time or job.updated_at
    return invoice(used, job.model, seconds=(ended - job.created_at).total_seconds()).render()
