"""The records of a job, of its request and of its updates. Pure: no clock, no I/O.

A job's log is a sequence of `Job` records. Each is the job at `sequence`.
"""

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final, NewType

from msgspec import NODEFAULT, Struct
from msgspec.structs import replace

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.usage import NOTHING, Counts, Meter

JobId = NewType("JobId", str)
Owner = NewType("Owner", str)
UploadId = NewType("UploadId", str)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Status(StrEnum):
    """The status of a job. The values are those of the GraphQL enum."""

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
    """How a job that was claimed waits for its next worker. No invocation has it meanwhile."""

    HANDED_OVER = "HANDED_OVER"  # its worker stored a checkpoint, stopped, and asked for the next one
    DISPATCHED_AGAIN = "DISPATCHED_AGAIN"  # no worker claimed it, and a supervisor has dispatched it again


class Role(StrEnum):
    """Who speaks in a conversation. The values are those of the GraphQL enum."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"


class Image(Struct, frozen=True):
    """An uploaded image. The runner adds its content before the work begins."""

    upload: UploadId
    content: bytes = b""

    def __repr__(self) -> str:
        return f"Image({self.upload!r})"  # without its content


class Message(Struct, frozen=True):
    """One turn of a conversation. A turn of the user may have images, which precede its text."""

    role: Role
    text: str
    images: tuple[Image, ...] = ()


class InferenceRequest(Struct, frozen=True):
    """What the caller asked for. Only the job's first record has it.

    The text is one of three: `prompt`, `messages`, or the upload `prompt_upload`, whose text the runner copies to
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
        """All uploads of the request, without duplicates."""
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
        """The text of all turns, for work that does not distinguish speakers."""
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
    if not isinstance(value, Struct):
        return value
    sent = {name: getattr(value, name) for name in value.__struct_fields__}
    return {name: _sent(sent[name]) for name, default in defaults(type(value)).items() if sent[name] != default}


@cache  # each start of a job asks for the same few classes
def defaults(kind: type[Struct]) -> Mapping[str, Any]:
    """The default value of each field, in their order; `msgspec.NODEFAULT` for a field that has none."""
    names, known = kind.__struct_fields__, kind.__struct_defaults__
    return dict(zip(names, (*(NODEFAULT for _ in names[len(known) :]), *known), strict=True))


class StoredResult(Struct, frozen=True):
    """A result that is too large for the log: the current attempt's, in `chalicelib.objects`."""

    size: int  # bytes
    sha256: str  # in hex


class Job(Struct, frozen=True):
    """The job at `sequence`: one record of its log.

    Fencing, hand-overs and bills need the second block, which no caller sees. `delta`, `output_kept`,
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
    output_kept: int | None = None  # bytes of the output before; set if an attempt continues from a checkpoint
    result: str | None = None
    stored_result: StoredResult | None = None  # instead of `result`
    result_is_output: bool = False  # then `result` may be omitted, since it equals the output
    error: str | None = None
    error_type: ErrorType | None = None
    usage: Json = None
    cost: Json = None  # the bill so far: at the end, and in a claim after an attempt that died
    metadata: Json = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    deleted_at: datetime | None = None  # by its owner; see `tombstone`

    request: InferenceRequest | None = None  # in record 1 only
    fingerprint: str = ""  # of the request, in every record
    request_id: str | None = None  # the invocation that made the current claim
    claim_id: str | None = None  # `update_id` of the current claim
    update_id: str | None = None  # of the update that wrote this record
    wait: Wait | None = None  # None: the job does not wait for a next worker
    output_size: int = 0  # of all output up to here
    checkpoint: str | None = None  # JSON text
    checkpoint_sequence: int | None = None  # of the record with the newest checkpoint
    checkpoint_size: int = 0  # `output_size` there
    used: Counts = NOTHING  # up to this record and with it
    used_before: Counts = NOTHING  # the sum to which the reports of the current attempt are added

    def summary(self) -> "Job":
        """The job without fields that may be large, as in lists and projections."""
        return replace(self, delta=None, result=None, request=None, checkpoint=None)

    def is_leased(self, now: datetime, lease: timedelta) -> bool:
        """Whether the lease of the current attempt is valid."""
        return self.status is Status.PROCESSING and self.wait is None and now - self.updated_at < lease


class Announcement(Struct, frozen=True):
    """A worker that is about to claim the job has its newest event pushed again, which is usually PENDING.

    Nothing is written. Who subscribes just after the start hears PENDING in this way.
    """

    job_id: JobId
    request_id: str


class Claim(Struct, frozen=True):
    """An invocation claims the job. `update_id` is unique for each run of the handler, `request_id` for each event."""

    job_id: JobId
    request_id: str
    update_id: str


class Change(Struct, frozen=True):
    """The changes of an update. None leaves a value unchanged.

    A `checkpoint` describes how to continue after this update's `delta`.
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
    hands_over: bool = False  # the attempt ends here, and the next one continues
    result_is_output: bool = False  # with COMPLETED: the result equals the output

    @property
    def is_heartbeat(self) -> bool:
        """Whether the update only says that the worker is alive."""
        return self == Change(Status.PROCESSING)


class WorkerUpdate(Struct, frozen=True):
    """An update of the worker that was granted `attempt`. It expects to become record `sequence`."""

    job_id: JobId
    attempt: int
    sequence: int
    update_id: str
    change: Change
    meter: Meter | None = None  # what the attempt has used, without this update


class OperatorUpdate(Struct, frozen=True):
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


StatusUpdate = Announcement | Claim | WorkerUpdate | OperatorUpdate


class Redispatch(Struct, frozen=True):
    """A supervisor dispatches a job that waits for a worker once more.

    With `sequence` it holds only if the log ends just before it, as with `OperatorUpdate`.
    """

    job_id: JobId
    sequence: int | None = None


class DispatchNext(Struct, frozen=True):
    """A worker that has handed over as `attempt` dispatches the next one."""

    job_id: JobId
    attempt: int
