"""What a job is, and who may move it where. Pure: no clock, no I/O.

A job's log is a sequence of `Job` records, each the job as it stood at `sequence`. `decide` says, for an update and
the newest part of the log, whether a new record is to be appended (`Append`) or the log already has the answer
(`Answer`). Whoever appends record n has read record n-1, and a ledger writes n only where none exists yet: that one
compare-and-set orders all writers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType, TypeVar

from chalicelib.errors import ErrorType, InvalidTransition, JobIdTaken, JobUnfinished
from chalicelib.metering import NOTHING, Counts, Meter

JobId = NewType("JobId", str)
Owner = NewType("Owner", str)
UploadId = NewType("UploadId", str)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Status(StrEnum):
    """Where a job stands; the words on the wire."""

    PENDING = "PENDING"  # in the log, not claimed
    PROCESSING = "PROCESSING"  # claimed by an attempt
    COMPLETED = "COMPLETED"  # terminal; `result` is set
    FAILED = "FAILED"  # terminal; `error` and `error_type` are set
    CANCELLED = "CANCELLED"  # terminal; by the owner

    @property
    def is_terminal(self) -> bool:
        return not NEXT[self]


NEXT: Final[Mapping[Status, AbstractSet[Status]]] = {
    Status.PENDING: frozenset({Status.PENDING, Status.PROCESSING, Status.FAILED, Status.CANCELLED}),
    Status.PROCESSING: frozenset({Status.PROCESSING, Status.COMPLETED, Status.FAILED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}


class Wait(StrEnum):
    """How a job that was claimed waits for its next worker; no invocation has it meanwhile."""

    HANDED_OVER = "HANDED_OVER"  # its worker stored a checkpoint, stopped, and asked for the next one
    DISPATCHED_AGAIN = "DISPATCHED_AGAIN"  # nobody came, and a supervisor has asked once more


class Role(StrEnum):
    """Who speaks in a conversation; the words on the wire."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was uploaded; the runner fills in its content before the work begins."""

    upload: UploadId
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A turn of the user's may show images, which then stand before its text."""

    role: Role
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What the caller asked for; kept in the job's first record only.

    The text is one of three: `prompt`, `messages`, or what `prompt_upload` stands for, which the runner puts into
    `prompt` before the work begins.
    """

    prompt: str
    model: str
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    process_time: float | None = None  # seconds
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    max_cost: float | None = None  # US dollars
    messages: tuple[Message, ...] = ()
    prompt_upload: UploadId | None = None

    @property
    def uploads(self) -> tuple[UploadId, ...]:
        """Everything that was uploaded for it, each once."""
        prompt = () if self.prompt_upload is None else (self.prompt_upload,)
        return tuple(dict.fromkeys((*prompt, *(image.upload for image in self.images))))

    @property
    def images(self) -> tuple[Image, ...]:
        """All images of the conversation."""
        return tuple(image for message in self.messages for image in message.images)

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The turns; a prompt is a conversation of one."""
        return self.messages or (Message(Role.USER, self.prompt),)

    @property
    def text(self) -> str:
        """All that was said, for work that makes no difference between who said it."""
        return "\n\n".join(message.text for message in self.conversation)

    def fingerprint(self, metadata: Json) -> str:
        """SHA-256 in hex over everything the caller sent: two starts are the same job only where these are equal."""
        values = [asdict(self), metadata]
        return hashlib.sha256(json.dumps(values, sort_keys=True, default=bytes.hex).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result that is too large for the log: the current attempt's, in `chalicelib.objects`."""

    size: int  # bytes
    sha256: str  # in hex


@dataclass(frozen=True, slots=True)
class Job:
    """The job as it stood at `sequence`: one record of its log.

    The second block is what fencing, hand-overs and bills need and no caller sees. `delta`, `output_kept`,
    `checkpoint` and `cost` belong to this record alone; everything else carries over until it changes. Sizes are bytes
    of UTF-8.
    """

    job_id: JobId
    owner: Owner
    model: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    status: Status = Status.PENDING
    sequence: int = 1
    attempt: int = 0
    progress: float | None = None
    message: str | None = None
    delta: str | None = None
    output_kept: int | None = None  # of the output before; set where an attempt goes on from a checkpoint
    result: str | None = None
    stored_result: StoredResult | None = None  # instead of `result`
    result_is_output: bool = False  # then `result` may be left out, for it would be the output again
    error: str | None = None
    error_type: ErrorType | None = None
    usage: Json = None
    cost: Json = None  # the bill up to here: of the end, and of a claim after an attempt that died
    metadata: Json = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    deleted_at: datetime | None = None  # by its owner; see `tombstone`

    request: InferenceRequest | None = None  # in record 1 only
    fingerprint: str = ""  # of the request, in every record
    request_id: str | None = None  # the invocation that made the current claim
    claim_id: str | None = None  # `update_id` of the current claim
    update_id: str | None = None  # of the update that wrote this record
    wait: Wait | None = None  # None: an invocation has the job, or has had it, or none ever had
    output_size: int = 0  # of all output up to here
    checkpoint: str | None = None  # JSON text
    checkpoint_sequence: int | None = None  # of the record with the newest checkpoint
    checkpoint_size: int = 0  # `output_size` there
    used: Counts = NOTHING  # up to this record and with it
    used_before: Counts = NOTHING  # what the reports of the current attempt are to be added to

    def summary(self) -> "Job":
        """The job without what may be large: what lists and projections hold."""
        return replace(self, delta=None, result=None, request=None, checkpoint=None)

    def is_leased(self, now: datetime, lease: timedelta) -> bool:
        """Whether the current attempt still has the job to itself."""
        return self.status is Status.PROCESSING and self.wait is None and now - self.updated_at < lease


@dataclass(frozen=True, slots=True)
class Claim:
    """An invocation asks for the job. `update_id` is unique to this run of the handler, `request_id` to the event."""

    job_id: JobId
    request_id: str
    update_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an update says about the job. None leaves a value as it was.

    A `checkpoint` stands behind this update's `delta`: it says how to go on from there.
    """

    status: Status
    progress: float | None = None
    message: str | None = None
    delta: str | None = None
    result: str | None = None
    error: str | None = None
    error_type: ErrorType | None = None
    usage: Json = None
    stored_result: StoredResult | None = None
    checkpoint: str | None = None  # JSON text
    hands_over: bool = False  # the attempt ends here, and the next one goes on
    result_is_output: bool = False  # with COMPLETED: the result is what was put out

    @property
    def is_heartbeat(self) -> bool:
        """Nothing but: the worker is alive."""
        return self == Change(Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class WorkerUpdate:
    """One step of the attempt that was granted `attempt`, meant to become record `sequence`."""

    job_id: JobId
    attempt: int
    sequence: int
    update_id: str
    change: Change
    meter: Meter | None = None  # what the attempt has used, without this update


@dataclass(frozen=True, slots=True)
class OperatorUpdate:
    """One step by an operator or a supervisor: no attempt, legal transitions only.

    With `request_id` it is about that invocation alone: a job that has ended, that another invocation has claimed
    since, or that this one has handed over is left as it is. `continues` is the attempt that the invocation was to
    continue, 0 for a job's first: it may have died before it could claim. With `sequence` it is about a log that ended
    just before it: one that has grown since is left as it is.
    """

    job_id: JobId
    update_id: str
    change: Change
    request_id: str | None = None
    sequence: int | None = None
    continues: int = 0


StatusUpdate = Claim | WorkerUpdate | OperatorUpdate


@dataclass(frozen=True, slots=True)
class Redispatch:
    """A supervisor asks for a job that waits for a worker to be brought to one once more.

    With `sequence` it is about a log that ended just before it, as with `OperatorUpdate`.
    """

    job_id: JobId
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class PassOn:
    """A worker that has handed over as `attempt` asks for the next one."""

    job_id: JobId
    attempt: int


@dataclass(frozen=True, slots=True)
class Append:
    """Write this record, if its sequence is still free."""

    job: Job


@dataclass(frozen=True, slots=True)
class Answer:
    """The log already says it; nothing is written."""

    job: Job


Decision = Append | Answer


@dataclass(frozen=True, slots=True)
class Lease:
    """How long an attempt may be silent, and how often a heartbeat is worth a record.

    A heartbeat inside `renewal` is answered from the log: it costs no record, yet the worker hears of a cancel and
    watchers hear the newest event once more.
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


def same_start(existing: Job, opened: Job) -> Answer:
    """Answer a repeated start from the log.

    Raises:
        JobIdTaken: The id stands for other input, or for another owner's job.
    """
    if existing.owner != opened.owner or existing.fingerprint != opened.fingerprint:
        raise JobIdTaken(opened.job_id)
    return Answer(existing)


def cancel(head: Job, *, now: datetime) -> Decision:
    """End the job for its owner; a job that has ended is answered as it ended."""
    if head.status.is_terminal:
        return Answer(head)
    return Append(_step(head, Change(Status.CANCELLED), update_id=None, now=now))


def tombstone(head: Job, *, now: datetime) -> Job:
    """What is left of a job that its owner has deleted: that it was there, and how far its log went.

    It keeps the id from being used again, and every sequence from being written again, until the job expires. Nothing
    that the caller or the work has said is in it.

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
    """Say in the log that the job is brought to a worker once more: one that waits for a worker, once in each wait."""
    is_as_seen = request.sequence in (None, head.sequence + 1)
    never_claimed = head.status is Status.PENDING and head.sequence == 1
    if not is_as_seen or not (never_claimed or head.wait is Wait.HANDED_OVER):
        return Answer(head)
    again = _step(head, Change(head.status, message="dispatched again"), update_id=None, now=now)
    return Append(again if head.wait is None else replace(again, wait=Wait.DISPATCHED_AGAIN))


def is_passed_on(head: Job, request: PassOn) -> bool:
    """Whether the job still waits for the worker that is asked for. The log says so already: nothing is written."""
    return head.wait is not None and head.attempt == request.attempt


def decide(head: Job, newer: Sequence[Job], update: StatusUpdate, *, now: datetime, lease: Lease) -> Decision:
    """What an update does to the log.

    Args:
        head: The newest record.
        newer: Records from the worker's expected sequence on, which may hold its own earlier write.
        update: What is reported.
        now: Time of the decision; never earlier than the head's.
        lease: See `Lease`.

    Raises:
        InvalidTransition: An operator's update does not fit the status, or a worker's does not.
    """
    match update:
        case Claim():
            return _claim(head, update, now=now, lease=lease)
        case WorkerUpdate():
            return _work(head, newer, update, now=now, lease=lease)
        case OperatorUpdate():
            return _operate(head, update, now=now)


def _claim(head: Job, claim: Claim, *, now: datetime, lease: Lease) -> Decision:
    if head.status.is_terminal or head.claim_id == claim.update_id:
        return Answer(head)
    if head.is_leased(now, lease.duration) and head.request_id != claim.request_id:
        return Answer(head)
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
            return Answer(record)
    if head.status.is_terminal or head.attempt != update.attempt or head.wait is not None:
        return Answer(head)
    if update.change.is_heartbeat and now - head.updated_at < lease.renewal:
        return Answer(head)
    return Append(_step(head, update.change, update_id=update.update_id, now=now))


def _operate(head: Job, update: OperatorUpdate, *, now: datetime) -> Decision:
    if head.update_id == update.update_id:
        return Answer(head)
    if update.request_id is not None and not _has_or_awaits(head, update):
        return Answer(head)
    if update.sequence is not None and update.sequence != head.sequence + 1:
        return Answer(head)
    return Append(_step(head, update.change, update_id=update.update_id, now=now))


def _has_or_awaits(head: Job, update: OperatorUpdate) -> bool:
    """Whether the update's invocation has the job, or is the one that it waits for."""
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
