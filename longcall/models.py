"""The words of the contract as values: what comes back from the API, and the only place that parses it."""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType

from longcall.errors import InvalidInput, ProtocolError

JobId = NewType("JobId", str)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Status(StrEnum):
    """Where a job stands; the words on the wire."""

    PENDING = "PENDING"  # accepted, no worker yet
    PROCESSING = "PROCESSING"  # a worker has it; output and progress arrive
    COMPLETED = "COMPLETED"  # terminal; `result` is set
    FAILED = "FAILED"  # terminal; `error` and `error_type` are set
    CANCELLED = "CANCELLED"  # terminal; ended by its owner

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class ErrorType(StrEnum):
    """Why a job FAILED; the words on the wire."""

    WORKLOAD_FAILED = "WORKLOAD_FAILED"  # the workload's own error
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"  # more work than one invocation has time for
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"  # maxCost or maxTokens was reached
    MODEL_THROTTLED = "MODEL_THROTTLED"  # the model's service has no capacity or quota left
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"  # the model is not ready
    MODEL_ACCESS_DENIED = "MODEL_ACCESS_DENIED"  # the account may not use the model
    MODEL_REJECTED_INPUT = "MODEL_REJECTED_INPUT"  # the model's service does not take the input
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"  # more tokens than the model takes
    GUARDRAIL_INTERVENED = "GUARDRAIL_INTERVENED"  # a guardrail stopped input or answer
    MODEL_FAILED = "MODEL_FAILED"  # the model's service failed, or its answer broke off
    MODEL_TIMED_OUT = "MODEL_TIMED_OUT"  # the model's service fell silent
    NEVER_STARTED = "NEVER_STARTED"  # no worker could be started
    CRASHED = "CRASHED"  # the worker's process died, also when tried again
    TIMED_OUT = "TIMED_OUT"  # the invocation ran into its time-out
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
    """An itemised estimate, by the public prices of the day `prices_of`. `notes` say what is not in it, or as if."""

    currency: str
    prices_of: str
    total: float
    items: tuple[CostItem, ...]
    notes: tuple[str, ...] = ()

    def render(self) -> "dict[str, Json]":
        """In the words of the schema."""
        return {
            "currency": self.currency,
            "pricesOf": self.prices_of,
            "total": self.total,
            "items": [asdict(item) for item in self.items],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a job's log: the job as it stood at `sequence`, and what that step added (`delta`).

    With a new attempt, so much of the output remains as `output_kept` says; None is nothing.
    """

    job_id: JobId
    sequence: int
    status: Status
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
    error_type: ErrorType | None = None
    usage: Json = None
    cost: Cost | None = None
    metadata: Json = None
    created_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """Where to send a content, and what stands for it afterwards."""

    upload_id: str
    url: str = field(repr=False)  # whoever has it can send
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result that is too large for an event: where it can be read for some minutes, and what it is."""

    url: str = field(repr=False)  # whoever has it can read
    size: int  # bytes of UTF-8
    sha256: str  # in hex


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What getInference answers: the newest event, and all output up to there; None where the log has to be read."""

    event: Event
    output: str | None
    stored: StoredResult | None = None  # instead of the event's `result`


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the caller's jobs, newest first. `next_token` asks for the next page; None on the last one."""

    jobs: tuple[Event, ...]
    next_token: str | None


def parse_event(fields: object) -> Event:
    """Read an InferenceStatus.

    Raises:
        ProtocolError: A field that the contract promises is missing or of another type.
    """
    if not isinstance(fields, Mapping):
        raise ProtocolError("expected a job from the API and found none; check that client and API are of one version")
    try:
        return Event(
            job_id=JobId(_text(fields, "jobId")),
            sequence=_count(fields, "sequence"),
            status=Status(fields["status"]),
            owner=_text(fields, "owner"),
            model=_text(fields, "model"),
            attempt=_count(fields, "attempt"),
            progress=_number(fields, "progress"),
            message=_optional_text(fields, "message"),
            delta=_optional_text(fields, "delta"),
            output_kept=None if fields.get("outputKept") is None else _count(fields, "outputKept"),
            result=_optional_text(fields, "result"),
            result_omitted=fields.get("resultOmitted") is True,
            result_is_output=fields.get("resultIsOutput") is True,
            error=_optional_text(fields, "error"),
            error_type=None if fields.get("errorType") is None else ErrorType(fields["errorType"]),
            usage=_parsed_json(fields.get("usage")),
            cost=_optional_cost(fields.get("cost")),
            metadata=_parsed_json(fields.get("metadata")),
            created_at=_moment(fields, "createdAt"),
            start_time=_moment(fields, "startTime"),
            end_time=_moment(fields, "endTime"),
            updated_at=_moment(fields, "updatedAt"),
        )
    except (KeyError, ValueError, TypeError) as exc:
        raise ProtocolError(
            "the API sent a job that this client cannot read; check that client and API are of one version"
        ) from exc


def parse_cost(fields: object) -> Cost:
    """Read a Cost.

    Raises:
        ProtocolError: A field that the contract promises is missing or of another type.
    """
    try:
        cost = _optional_cost(fields)
    except (KeyError, TypeError) as exc:
        raise ProtocolError(
            "the API sent a cost that this client cannot read; check that client and API are of one version"
        ) from exc
    if cost is None:
        raise ProtocolError("expected a cost from the API and found none; check that client and API are of one version")
    return cost


def _optional_cost(fields: Any) -> Cost | None:
    if fields is None:
        return None
    if not isinstance(fields, Mapping):
        raise TypeError("cost")
    return Cost(
        currency=_text(fields, "currency"),
        prices_of=_text(fields, "pricesOf"),
        total=_amount(fields, "total"),
        items=tuple(
            CostItem(
                name=_text(item, "name"), quantity=_amount(item, "quantity"), unit=_text(item, "unit"),
                price=_amount(item, "price"), amount=_amount(item, "amount"),
            )
            for item in fields["items"]
        ),
        notes=tuple(str(note) for note in fields["notes"]),
    )  # fmt: skip


def parse_snapshot(fields: object) -> Snapshot:
    """Read what getInference answers.

    Raises:
        ProtocolError
    """
    event = parse_event(fields)
    if not isinstance(fields, Mapping):
        return Snapshot(event, "")
    output = None if fields.get("outputOmitted") is True else str(fields.get("output") or "")
    match fields:
        case {"resultUrl": str(url), "resultBytes": int(size), "resultSha256": str(sha256)}:
            return Snapshot(event, output, StoredResult(url, size, sha256))
    return Snapshot(event, output)


def parse_upload(fields: object) -> Upload:
    """Read what createUpload answers.

    Raises:
        ProtocolError
    """
    match fields:
        case {"uploadId": str(upload_id), "url": str(url), "headers": [*headers]}:
            return Upload(upload_id, url, tuple((str(it["name"]), str(it["value"])) for it in headers))
    raise ProtocolError("the API answered without a place to upload to; check that client and API are of one version")


def new_job_id() -> JobId:
    return JobId(str(uuid.uuid4()))


def parse_job_id(text: str) -> JobId:
    """The id in the one spelling that the API compares by.

    Raises:
        InvalidInput: It is no UUID.
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


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    return None if fields.get(name) is None else _text(fields, name)


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(name)
    return value


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError(name)
    return float(value)


def _amount(fields: Mapping[str, Any], name: str) -> float:
    value = _number(fields, name)
    if value is None:
        raise TypeError(name)
    return value


def _moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    value = _optional_text(fields, name)
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(name)
    return moment


def _parsed_json(value: Any) -> Json:
    """An AWSJSON value, which travels as text. Source: AppSync Developer Guide, "Scalar types"."""
    parsed: Json = json.loads(value) if isinstance(value, str) else value
    return parsed
