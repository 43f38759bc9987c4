"""What a job is: its records, what is asked of it and reported of it. Pure: no clock, no I/O.

A job's log is a sequence of `Job` records, each the job as it stood at `sequence`.
"""

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NewType

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.usage import NOTHING, Counts, Meter

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
        """SHA-256 in hex over everything the caller sent. Fields with their default values are left out.

        A field that a later version adds therefore does not change the fingerprint of requests without it.
        """
        values = [_sent(self), metadata]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _sent(value: Any) -> Any:
    """The fields that differ from their defaults, recursively. A field without a default is always included."""
    if isinstance(value, tuple):
        return [_sent(item) for item in value]
    if not is_dataclass(value):
        return value
    return {
        each.name: _sent(getattr(value, each.name))
        for each in fields(value)
        if getattr(value, each.name) != each.default
    }


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
class DispatchNext:
    """A worker that has handed over as `attempt` asks for the next one."""

    job_id: JobId
    attempt: int
