"""Adds to each record of the log what its job has used, and the bill. Pure.

`charge` is called for every record before it is written. A worker's report covers its own attempt, from the claim on.
It is added to what the job had used before. Everything else that happens to a job meanwhile is added to both sums.
"""

import json
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from chalicelib.api.payloads.answers import render_push
from chalicelib.billing.cost import invoice
from chalicelib.billing.metering import log_units, push_units
from chalicelib.billing.prices import PUSH_SIZE
from chalicelib.jobs.model import Claim, Job, Json, StatusUpdate, WorkerUpdate
from chalicelib.jobs.usage import NOTHING, Counts, Meter
from chalicelib.ledger.records import dump_both

# After the last report of an attempt that hands over, its worker dispatches the next one, which is pushed too.
DISPATCHING_NEXT: Final = Counts(operations=1, pushes=1)
SURELY_ONE_PUSH: Final = PUSH_SIZE - 1024  # bytes of a record; the names of an event's fields take fewer than 1,024


def charge(job: Job, update: StatusUpdate | None) -> Job:
    """The record with what the job has used, including this record, and with a bill if it needs one.

    Args:
        job: The record to write. Its counts are still those of the record before it.
        update: The update that caused the record. None for a start, a cancel and a repeated dispatch.
    """
    is_billed = job.status.is_terminal or (isinstance(update, Claim) and job.attempt > 1)
    if not is_billed:
        return _charged(job, update, _own(job))
    # A bill is part of the record that is pushed and written. Repeat until the bill covers itself.
    own = NOTHING
    while True:
        charged = _charged(job, update, own)
        charged = replace(charged, cost=_bill(charged))
        found = _own(charged)
        if found.pushes <= own.pushes and found.writes <= own.writes and found.reads <= own.reads:
            return charged
        own = found


def _own(job: Job) -> Counts:
    """The use for writing the record and pushing it to one watcher."""
    is_first = job.sequence == 1
    whole, short = (len(text.encode(errors="replace")) for text in dump_both(job))
    pushes = 0 if is_first else _pushes(job, whole)  # no watcher can be subscribed to a start
    # A record is its projection and the texts that only it has.
    record = whole if is_first else short + sum(map(_size, (job.delta, job.result, job.checkpoint)))
    log = log_units(record, short, is_first=is_first, is_last=job.status.is_terminal)
    return Counts(operations=1, pushes=pushes) + log + _objects(job)


def _pushes(job: Job, record: int) -> int:
    """The units of pushing a record of `record` bytes. The event of a short one is not made only to measure it."""
    # An event has the values of its record under other names. Two of them are JSON in a text there, with escapes.
    escapes = sum(len(json.dumps(value)) for value in (job.usage, job.metadata) if value is not None)
    return 1 if record + escapes <= SURELY_ONE_PUSH else push_units(render_push(job))


def _objects(job: Job) -> Counts:
    """The use for uploads and stored results: each upload is put, checked, copied for the job, and read."""
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
    return replace(job, used=used, used_before=before, cost=None)


def _of_the_log(counts: Counts) -> Counts:
    """The part that no report covers."""
    return replace(counts, operations=0, pushes=0)


def _reported(meter: Meter) -> Counts:
    return Counts(
        operations=meter.operations, pushes=meter.pushes, worker_time=meter.milliseconds * meter.megabytes,
        input_tokens=meter.input_tokens, cached_tokens=meter.cached_tokens, output_tokens=meter.output_tokens,
    )  # fmt: skip


def _bill(job: Job) -> Json:
    ended: datetime = job.end_time or job.updated_at
    return invoice(job.used, job.model, seconds=(ended - job.created_at).total_seconds()).render()
