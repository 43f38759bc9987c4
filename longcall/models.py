"""The words of the contract as values: what is sent, what comes back, and the only place that parses either."""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NewType, TypedDict

from longcall.errors import InvalidInput, ProtocolError

JobId = NewType("JobId", str)
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

PROMPT_LIMIT: Final = 196_608  # bytes of UTF-8 in a request
UPLOAD_LIMIT: Final = 10_485_760  # bytes; a longer prompt than PROMPT_LIMIT is uploaded
SYSTEM_LIMIT: Final = 16_384  # bytes of UTF-8
METADATA_LIMIT: Final = 4_096  # bytes of UTF-8
PROCESS_TIME_LIMIT: Final = 7_200.0  # seconds
TEMPERATURE_LIMIT: Final = 2.0
STOP_SEQUENCES_LIMIT: Final = 16
STOP_SEQUENCE_LIMIT: Final = 256  # bytes of UTF-8
IMAGES_LIMIT: Final = 20  # in a conversation
COST_LIMIT: Final = 10_000.0  # US dollars


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


class Role(StrEnum):
    """Who speaks in a conversation; the words on the wire."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str
    images: tuple[str | bytes, ...] = ()  # each the id of an upload, or a content that is uploaded with the start

    def render(self, uploads: Mapping[bytes, str]) -> dict[str, Json]:
        images = [uploads[image] if isinstance(image, bytes) else image for image in self.images]
        shown: dict[str, Json] = {"images": [*images]} if images else {}
        return {"role": self.role.value, "text": self.text, **shown}


Text = str | Sequence[Message]  # a prompt, or a conversation


class Options(TypedDict, total=False):
    """What may be said of a job besides its text; see `Client.run`."""

    model: str
    job_id: str | None
    system: str | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop_sequences: Sequence[str]
    process_time: float | None
    max_cost: float | None
    metadata: Json


DEFAULT_MODEL: Final = "local.textrank"


def new_request(text: Text, options: Options) -> "InferenceRequest":
    """The request for a text, checked.

    Raises:
        InvalidInput
    """
    job_id = options.get("job_id")
    request = InferenceRequest(
        prompt=text if isinstance(text, str) else None,
        messages=() if isinstance(text, str) else tuple(text),
        model=options.get("model", DEFAULT_MODEL),
        job_id=new_job_id() if job_id is None else parse_job_id(job_id),
        system=options.get("system"),
        max_tokens=options.get("max_tokens"),
        temperature=options.get("temperature"),
        top_p=options.get("top_p"),
        stop_sequences=tuple(options.get("stop_sequences") or ()),
        process_time=options.get("process_time"),
        max_cost=options.get("max_cost"),
        metadata=options.get("metadata"),
    )
    request.check()
    return request


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What to run, on a `prompt` or else on `messages`. `check` says before any network what the API would refuse."""

    prompt: str | None
    model: str
    job_id: JobId
    messages: tuple[Message, ...] = ()
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    process_time: float | None = None  # seconds
    max_cost: float | None = None  # US dollars
    metadata: Json = None

    def check(self) -> None:
        """Refuse what no API of this contract takes.

        Raises:
            InvalidInput
        """
        self._check_text()
        if self.system is not None:
            _within(self.system, SYSTEM_LIMIT, "the system text")
        if not self.model.strip():
            raise InvalidInput("the model is empty; name one, such as local.textrank")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InvalidInput(f"max tokens must be 1 or more, not {self.max_tokens}")
        if self.temperature is not None and not 0 <= self.temperature <= TEMPERATURE_LIMIT:
            raise InvalidInput(f"the temperature must be from 0 to {TEMPERATURE_LIMIT:g}, not {self.temperature:g}")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise InvalidInput(f"top p must be from 0 to 1, not {self.top_p:g}")
        if self.max_cost is not None and not 0 <= self.max_cost <= COST_LIMIT:
            raise InvalidInput(f"the most it may cost must be from 0 to {COST_LIMIT:g} dollars, not {self.max_cost:g}")
        if len(self.stop_sequences) > STOP_SEQUENCES_LIMIT:
            raise InvalidInput(f"at most {STOP_SEQUENCES_LIMIT} stop sequences are allowed; give fewer")
        for text in self.stop_sequences:
            if not text:
                raise InvalidInput("a stop sequence is empty; each needs a character at least")
            _within(text, STOP_SEQUENCE_LIMIT, "a stop sequence")
        if self.process_time is not None and not 0 <= self.process_time <= PROCESS_TIME_LIMIT:
            raise InvalidInput(
                f"the process time must be from 0 to {PROCESS_TIME_LIMIT:g} seconds, not {self.process_time:g}"
            )
        if self.metadata is not None:
            _within(self._metadata_text(), METADATA_LIMIT, "the metadata")

    def _check_text(self) -> None:
        if (self.prompt is None) == (not self.messages):
            raise InvalidInput("give either a prompt or messages: one of them, and not both")
        if self.prompt is not None:
            if not self.prompt.strip():
                raise InvalidInput("the prompt is empty; give some text to work on")
            _within(self.prompt, UPLOAD_LIMIT, "the prompt")
            return
        turns = [message.role for message in self.messages]
        if turns != [Role.USER, Role.ASSISTANT] * (len(turns) // 2) + [Role.USER]:
            raise InvalidInput("the messages must take turns, with the USER's first and last; join or add some")
        if not all(message.text.strip() or message.images for message in self.messages):
            raise InvalidInput("a message is empty; each must say something, or show an image")
        if any(message.images and message.role is not Role.USER for message in self.messages):
            raise InvalidInput("images go with messages of the USER; leave them out of the ASSISTANT's")
        if sum(len(message.images) for message in self.messages) > IMAGES_LIMIT:
            raise InvalidInput(f"at most {IMAGES_LIMIT} images are allowed in all messages; show fewer")
        _within("".join(message.text for message in self.messages), PROMPT_LIMIT, "the conversation")

    @property
    def large_prompt(self) -> bytes | None:
        """The prompt, where it has to be uploaded."""
        content = (self.prompt or "").encode()
        return content if len(content) > PROMPT_LIMIT else None

    @property
    def contents(self) -> tuple[bytes, ...]:
        """All that has to be uploaded before the start, each once."""
        large = () if self.large_prompt is None else (self.large_prompt,)
        images = (image for message in self.messages for image in message.images if isinstance(image, bytes))
        return tuple(dict.fromkeys((*large, *images)))

    def render(self, uploads: Mapping[bytes, str]) -> dict[str, Json]:
        """The variable `input` of startInference, without what was left out; `uploads` has ids of all `contents`."""
        upload_id = None if self.large_prompt is None else uploads[self.large_prompt]
        fields: dict[str, Json] = {
            "jobId": self.job_id,
            "prompt": self.prompt if upload_id is None else None,
            "promptUpload": upload_id,
            "messages": [message.render(uploads) for message in self.messages] or None,
            "model": self.model,
            "system": self.system,
            "maxTokens": self.max_tokens,
            "temperature": self.temperature,
            "topP": self.top_p,
            "stopSequences": list(self.stop_sequences) or None,
            "processTime": self.process_time,
            "maxCost": self.max_cost,
            "metadata": None if self.metadata is None else self._metadata_text(),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def render_quote(self) -> dict[str, Json]:
        """The variable `input` of quoteInference: how long the text is, and not the text."""
        said = [self.prompt or "", self.system or "", *(message.text for message in self.messages)]
        fields: dict[str, Json] = {
            "model": self.model,
            "textBytes": sum(len(text.encode()) for text in said),
            "maxTokens": self.max_tokens,
            "processTime": self.process_time,
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


def check_upload(content: bytes) -> None:
    """Refuse what cannot be uploaded.

    Raises:
        InvalidInput
    """
    if not 1 <= len(content) <= UPLOAD_LIMIT:
        raise InvalidInput(f"an upload must have 1 to {UPLOAD_LIMIT} bytes, and this one has {len(content)}; send less")


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
