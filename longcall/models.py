"""The words of the contract as values: what is sent, what comes back, and the only place that parses either."""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType

from longcall.errors import InvalidInput, ProtocolError

JobId = NewType("JobId", str)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

PROMPT_LIMIT: Final = 196_608  # bytes of UTF-8
SYSTEM_LIMIT: Final = 16_384  # bytes of UTF-8
METADATA_LIMIT: Final = 4_096  # bytes of UTF-8
PROCESS_TIME_LIMIT: Final = 840.0  # seconds
TEMPERATURE_LIMIT: Final = 2.0


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
    NEVER_STARTED = "NEVER_STARTED"  # no worker could be started
    CRASHED = "CRASHED"  # the worker's process died, also when tried again
    TIMED_OUT = "TIMED_OUT"  # the invocation ran into its time-out
    THROTTLED = "THROTTLED"  # capacity was refused for too long
    STALLED = "STALLED"  # the worker stopped reporting
    OPERATOR = "OPERATOR"  # ended by an operator


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a job's log: the job as it stood at `sequence`, and what that step added (`delta`)."""

    job_id: JobId
    sequence: int
    status: Status
    owner: str = ""
    model: str = ""
    attempt: int = 0
    progress: float | None = None
    message: str | None = None
    delta: str | None = None
    result: str | None = None
    result_omitted: bool = False
    error: str | None = None
    error_type: ErrorType | None = None
    usage: Json = None
    metadata: Json = None
    created_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What getInference answers: the newest event, and all output of its attempt."""

    event: Event
    output: str


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
            result=_optional_text(fields, "result"),
            result_omitted=fields.get("resultOmitted") is True,
            error=_optional_text(fields, "error"),
            error_type=None if fields.get("errorType") is None else ErrorType(fields["errorType"]),
            usage=_parsed_json(fields.get("usage")),
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


def parse_snapshot(fields: object) -> Snapshot:
    """Read what getInference answers.

    Raises:
        ProtocolError
    """
    event = parse_event(fields)
    output = fields.get("output") if isinstance(fields, Mapping) else None
    return Snapshot(event, output if isinstance(output, str) else "")


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What to run. `check` says before any network what the API would refuse."""

    prompt: str
    model: str
    job_id: JobId
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    process_time: float | None = None  # seconds
    metadata: Json = None

    def check(self) -> None:
        """Refuse what no API of this contract takes.

        Raises:
            InvalidInput
        """
        if not self.prompt.strip():
            raise InvalidInput("the prompt is empty; give some text to work on")
        _within(self.prompt, PROMPT_LIMIT, "the prompt")
        if self.system is not None:
            _within(self.system, SYSTEM_LIMIT, "the system text")
        if not self.model.strip():
            raise InvalidInput("the model is empty; name one, such as local.textrank")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidInput(f"max tokens must be 1 or more, not {self.max_tokens}")
        if self.temperature is not None and not 0 <= self.temperature <= TEMPERATURE_LIMIT:
            raise InvalidInput(f"the temperature must be from 0 to {TEMPERATURE_LIMIT:g}, not {self.temperature:g}")
        if self.process_time is not None and not 0 <= self.process_time <= PROCESS_TIME_LIMIT:
            raise InvalidInput(
                f"the process time must be from 0 to {PROCESS_TIME_LIMIT:g} seconds, not {self.process_time:g}"
            )
        if self.metadata is not None:
            _within(self._metadata_text(), METADATA_LIMIT, "the metadata")

    def render(self) -> dict[str, Json]:
        """The variable `input` of startInference, without what was left out."""
        fields: dict[str, Json] = {
            "jobId": self.job_id,
            "prompt": self.prompt,
            "model": self.model,
            "system": self.system,
            "maxTokens": self.max_tokens,
            "temperature": self.temperature,
            "processTime": self.process_time,
            "metadata": None if self.metadata is None else self._metadata_text(),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _metadata_text(self) -> str:
        return json.dumps(self.metadata, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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


def _within(text: str, limit: int, name: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(f"{name} holds bytes that are no UTF-8 text; convert it to UTF-8 first") from None
    if size > limit:
        raise InvalidInput(f"{name} has {size} bytes of UTF-8, and at most {limit} are allowed; shorten or split it")


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
