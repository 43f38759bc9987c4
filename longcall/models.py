"""The contract's types: jobs, events, costs and their enums. Pure."""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from longcall.errors import InvalidInput

JobId = NewType("JobId", str)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Status(StrEnum):
    """The status of a job; the values are the words on the wire.

    A newer API may send a status that this version does not know. It is kept as text.
    """

    PENDING = "PENDING"  # accepted; no worker has claimed it
    PROCESSING = "PROCESSING"  # a worker has claimed it; output and progress arrive
    COMPLETED = "COMPLETED"  # terminal; `result` is set
    FAILED = "FAILED"  # terminal; `error` and `error_type` are set
    CANCELLED = "CANCELLED"  # terminal; ended by its owner

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


def is_terminal(status: Status | str, end_time: datetime | None) -> bool:
    """Whether a job with this status has ended. A status that this version does not know has ended if it has an end."""
    return status.is_terminal if isinstance(status, Status) else end_time is not None


class ErrorType(StrEnum):
    """Why a job FAILED; the values are the words on the wire.

    A newer API may send a type that this version does not know. It is kept as text.
    """

    WORKLOAD_FAILED = "WORKLOAD_FAILED"  # the workload's own error
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"  # more work than one invocation has time for
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"  # maxCost or maxTokens was reached
    MODEL_THROTTLED = "MODEL_THROTTLED"  # the model's service has no capacity or quota left
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"  # the model is not ready
    MODEL_ACCESS_DENIED = "MODEL_ACCESS_DENIED"  # the account may not use the model
    MODEL_REJECTED_INPUT = "MODEL_REJECTED_INPUT"  # the model's service refuses the input
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"  # more tokens than the model accepts
    GUARDRAIL_INTERVENED = "GUARDRAIL_INTERVENED"  # a guardrail stopped input or answer
    MODEL_FAILED = "MODEL_FAILED"  # the model's service failed, or its answer was incomplete
    MODEL_TIMED_OUT = "MODEL_TIMED_OUT"  # the model's service stopped answering
    NEVER_STARTED = "NEVER_STARTED"  # no worker could be started
    CRASHED = "CRASHED"  # the worker's process died, also in each retry
    TIMED_OUT = "TIMED_OUT"  # the invocation reached its time-out
    THROTTLED = "THROTTLED"  # capacity was refused for too long
    STALLED = "STALLED"  # the worker stopped reporting
    OPERATOR = "OPERATOR"  # ended by an operator


@dataclass(frozen=True, slots=True)
class CostItem:
    """One line of a `Cost`: `quantity` of `unit`, each at `price`."""

    name: str
    quantity: float
    unit: str
    price: float
    amount: float


@dataclass(frozen=True, slots=True)
class Cost:
    """An itemised estimate.

    Attributes:
        currency: Of all amounts, such as USD.
        prices_of: The day whose public prices are used, as YYYY-MM-DD.
        total: The sum of all items.
        items: What was used.
        notes: Costs that are not included, and assumptions.
    """

    currency: str
    prices_of: str
    total: float
    items: tuple[CostItem, ...]
    notes: tuple[str, ...] = ()

    def render(self) -> "dict[str, Json]":
        """With the field names of the schema."""
        return {
            "currency": self.currency,
            "pricesOf": self.prices_of,
            "total": self.total,
            "items": [asdict(item) for item in self.items],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a job's log: the job's state at `sequence`, and the output that this step added (`delta`).

    A new attempt keeps the first `output_kept` bytes of the output; None means none.
    """

    job_id: JobId
    sequence: int
    status: Status | str
    owner: str = ""
    model: str = ""
    attempt: int = 0
    progress: float | None = None
    message: str | None = None
    delta: str | None = None
    output_kept: int | None = None  # bytes of UTF-8
    result: str | None = None
    result_omitted: bool = False
    result_is_output: bool = False
    error: str | None = None
    error_type: ErrorType | str | None = None
    usage: Json = None
    cost: Cost | None = None
    metadata: Json = None
    created_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether this event ends the job."""
        return is_terminal(self.status, self.end_time)


@dataclass(frozen=True, slots=True)
class Upload:
    """Where to send a content, and the id that names it afterwards."""

    upload_id: str
    url: str = field(repr=False)  # it authorizes sending
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result that is too large for an event: a URL that is valid for some minutes, and its size and digest."""

    url: str = field(repr=False)  # it authorizes reading
    size: int  # bytes of UTF-8
    sha256: str  # in hex


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The answer of getInference: the newest event, and all output up to it.

    `output` is None if it must be read from the log.
    """

    event: Event
    output: str | None
    stored: StoredResult | None = None  # in place of the event's `result`


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the caller's jobs, newest first. `next_token` names the next page; None on the last one."""

    jobs: tuple[Event, ...]
    next_token: str | None


def new_job_id() -> JobId:
    """A new random id."""
    return JobId(str(uuid.uuid4()))


def parse_job_id(text: str) -> JobId:
    """The id in lower case, which is how the API compares ids.

    Raises:
        InvalidInput: The text is not a UUID in its usual form.
    """
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text.lower():
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        raise InvalidInput(
            f"a job's id must be a UUID such as 123e4567-e89b-42d3-a456-426614174000, not {shown!r}"
        ) from None
    return JobId(str(parsed))
