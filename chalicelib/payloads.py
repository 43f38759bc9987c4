"""The shapes AppSync and Lambda hand us: parsed once, here, and rendered once, here."""

import json
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, TypedDict, TypeVar

from chalicelib.calls import (
    Backend,
    Call,
    Caller,
    CancelInference,
    CreateUpload,
    DeleteInference,
    Dispatch,
    DispatchInference,
    GetInference,
    InferenceEvents,
    ListInferences,
    QuoteInference,
    Reporting,
    StartInference,
    UpdateStatus,
)
from chalicelib.errors import ErrorType, InvalidRequest, JobError, Unauthorized
from chalicelib.jobs import (
    Change,
    Claim,
    Image,
    InferenceRequest,
    Job,
    JobId,
    Json,
    Message,
    OperatorUpdate,
    Owner,
    PassOn,
    Redispatch,
    Role,
    Status,
    StatusUpdate,
    StoredResult,
    UploadId,
    WorkerUpdate,
)
from chalicelib.limits import (
    MAX_CHECKPOINT,
    MAX_COST,
    MAX_DELTA,
    MAX_ERROR,
    MAX_IMAGES,
    MAX_MESSAGE,
    MAX_METADATA,
    MAX_PROCESS_TIME,
    MAX_PROMPT,
    MAX_PUSHED_RESULT,
    MAX_RESULT,
    MAX_STOP_SEQUENCE,
    MAX_STOP_SEQUENCES,
    MAX_STORED_RESULT,
    MAX_SYSTEM,
    MAX_UPLOAD,
    MAX_USAGE,
)
from chalicelib.metering import Meter
from chalicelib.objects import Upload

Payload = Mapping[str, Any]
S = TypeVar("S")
T = TypeVar("T")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ErrorEntry(TypedDict):
    """What a resolver turns into a GraphQL error."""

    type: str
    message: str


class Envelope(TypedDict, total=False):
    """The relay's answer to a resolver: `data` or `error`."""

    data: Any
    error: ErrorEntry


def parse_identity(identity: Payload | None, reporting: Reporting) -> Caller | Backend | None:
    """Who calls, from `ctx.identity`. Who has none called with an API key, and counts where the worker has one.

    Source: AppSync Developer Guide, "Resolver context object reference", Identity.
    """
    if not identity:
        return Backend(None) if reporting is Reporting.API_KEY else None
    context = identity.get("resolverContext")
    owner = context.get("sub") if isinstance(context, Mapping) else identity.get("sub")
    if isinstance(owner, str) and owner:
        return Caller(Owner(owner))
    arn = identity.get("userArn")
    return Backend(arn) if isinstance(arn, str) and arn else None


def parse_call(payload: Payload) -> Call:
    """What a resolver asks the relay for.

    Raises:
        InvalidRequest: An argument is not what the field takes.
    """
    arguments: Payload = payload["arguments"]
    selection = payload.get("selection") or ()
    match payload["field"]:
        case "startInference":
            return _parse_start(arguments["input"])
        case "quoteInference":
            return _parse_quote(arguments["input"])
        case "createUpload":
            return _parse_upload(arguments["input"])
        case "getInference":
            return GetInference(
                _job_id(arguments["jobId"]), with_output="output" in selection, with_url="resultUrl" in selection
            )
        case "listInferences":
            status = arguments.get("status")
            limit = _limited(arguments.get("limit"), "limit", default=20, most=100)
            return ListInferences(Status(status) if status else None, limit, arguments.get("nextToken"))
        case "inferenceEvents":
            after = arguments.get("after") or 0
            if after < 0:
                raise InvalidRequest(f"after has to be 0 or a sequence already read, and is {after}")
            limit = _limited(arguments.get("limit"), "limit", default=100, most=1000)
            return InferenceEvents(_job_id(arguments["jobId"]), after, limit)
        case "cancelInference":
            return CancelInference(_job_id(arguments["jobId"]))
        case "deleteInference":
            return DeleteInference(_job_id(arguments["jobId"]))
        case "updateStatus":
            return UpdateStatus(_parse_update(arguments["input"]))
        case "dispatchInference":
            return DispatchInference(_parse_dispatching(arguments))
        case field:
            raise Unauthorized(field)


def _parse_upload(values: Payload) -> CreateUpload:
    size = values["bytes"]
    if not 1 <= size <= MAX_UPLOAD:
        raise InvalidRequest(f"an upload may have 1 to {MAX_UPLOAD} bytes, and this one has {size}; send less")
    return CreateUpload(size, _sha256(values["sha256"], "sha256"))


def _sha256(text: str, name: str) -> str:
    if not _SHA256.fullmatch(text):
        raise InvalidRequest(f"{name} has to be a SHA-256 in hex: 64 digits and letters from a to f in lower case")
    return text


def _parse_quote(values: Payload) -> QuoteInference:
    size, max_tokens = values["textBytes"], values.get("maxTokens")
    if not 0 <= size <= MAX_UPLOAD:
        raise InvalidRequest(f"textBytes has to be from 0 to {MAX_UPLOAD}, and is {size}")
    process_time = _in_range(values.get("processTime"), "processTime", most=MAX_PROCESS_TIME)
    return QuoteInference(values["model"], size, _most_tokens(max_tokens), process_time)


def _most_tokens(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise InvalidRequest(f"maxTokens has to be 1 or more, and is {value}")
    return value


def _parse_start(values: Payload) -> StartInference:
    prompt, messages, upload = _parse_input(values)
    metadata = values.get("metadata")
    _check_json(metadata, "metadata", most=MAX_METADATA)
    max_tokens = _most_tokens(values.get("maxTokens"))
    given = values.get("jobId")
    return StartInference(
        job_id=JobId(str(uuid.uuid4())) if given is None else _job_id(given),
        request=InferenceRequest(
            prompt=prompt,
            model=values["model"],
            system=_optional(values.get("system"), lambda text: _text(text, "system", most=MAX_SYSTEM)),
            max_tokens=max_tokens,
            temperature=_in_range(values.get("temperature"), "temperature", most=2.0),
            process_time=_in_range(values.get("processTime"), "processTime", most=MAX_PROCESS_TIME),
            top_p=_in_range(values.get("topP"), "topP", most=1.0),
            stop_sequences=_parse_stops(values.get("stopSequences") or ()),
            max_cost=_in_range(values.get("maxCost"), "maxCost", most=MAX_COST),
            messages=messages,
            prompt_upload=upload,
        ),
        metadata=metadata,
    )


def _parse_input(values: Payload) -> tuple[str, tuple[Message, ...], UploadId | None]:
    """The prompt, or else the messages, or else what stands for an uploaded prompt; the others are empty."""
    prompt, turns, upload = values.get("prompt"), values.get("messages"), values.get("promptUpload")
    if [prompt, turns, upload].count(None) != 2:
        raise InvalidRequest("give either a prompt or messages or a promptUpload: one of them has to be there, no more")
    if upload is not None:
        return "", (), _upload_id(upload, "promptUpload")
    if prompt is not None:
        if not prompt.strip():
            raise InvalidRequest("prompt is empty; give the text to work on")
        return _text(prompt, "prompt", most=MAX_PROMPT), (), None
    messages = tuple(_parse_message(turn) for turn in turns or ())
    if not messages or messages[-1].role is not Role.USER:
        raise InvalidRequest("messages have to end with one of the USER, to which the model answers")
    if any(one.role is following.role for one, following in pairwise(messages)) or messages[0].role is not Role.USER:
        raise InvalidRequest("messages have to take turns, beginning with the USER; join those that follow each other")
    if not all(message.text.strip() or message.images for message in messages):
        raise InvalidRequest("a message is empty; each has to say something, or show an image")
    images = sum(len(message.images) for message in messages)
    if images > MAX_IMAGES:
        raise InvalidRequest(f"messages may have at most {MAX_IMAGES} images in all, and have {images}; send fewer")
    _text("".join(message.text for message in messages), "messages", most=MAX_PROMPT)
    return "", messages, None


def _parse_message(turn: Payload) -> Message:
    role = Role(turn["role"])
    images = tuple(Image(_upload_id(image, "an image")) for image in turn.get("images") or ())
    if images and role is not Role.USER:
        raise InvalidRequest("images go with messages of the USER; leave them out of the ASSISTANT's")
    return Message(role, turn["text"], images)


def _parse_stops(texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) > MAX_STOP_SEQUENCES:
        raise InvalidRequest(f"stopSequences may be at most {MAX_STOP_SEQUENCES}, and are {len(texts)}; send fewer")
    if not all(texts):
        raise InvalidRequest("a stop sequence is empty; each needs a character at least")
    return tuple(_text(text, "a stop sequence", most=MAX_STOP_SEQUENCE) for text in texts)


def _parse_dispatching(values: Payload) -> Redispatch | PassOn:
    job_id, attempt, sequence = _job_id(values["jobId"]), values.get("attempt"), values.get("sequence")
    if attempt is not None and sequence is not None:
        raise InvalidRequest("a dispatch has an attempt (its worker hands over) or a sequence (a supervisor), not both")
    return Redispatch(job_id, sequence) if attempt is None else PassOn(job_id, attempt)


def _parse_update(values: Payload) -> StatusUpdate:
    job_id = _job_id(values["jobId"])
    update_id = values.get("updateId") or str(uuid.uuid4())
    status = Status(values["status"])
    attempt, sequence, request_id = values.get("attempt"), values.get("sequence"), values.get("requestId")
    if request_id is not None and attempt is not None:
        raise InvalidRequest("an update has a requestId (a claim, or the end of an invocation) or an attempt, not both")
    if request_id is not None and status is Status.PROCESSING:
        return Claim(job_id, request_id, update_id)
    change = _parse_change(status, values)
    if attempt is None and change.stored_result is not None:
        raise InvalidRequest("resultBytes and resultSha256 say what an attempt has stored; give the attempt too")
    if attempt is None:
        if change.checkpoint is not None or change.hands_over:
            raise InvalidRequest("a checkpoint or a hand-over is a worker's, and needs its attempt")
        return OperatorUpdate(job_id, update_id, change, request_id, sequence, values.get("continues") or 0)
    if sequence is None or sequence < 2:
        raise InvalidRequest(
            "an update with an attempt needs the sequence it expects to get: the last one known plus 1"
        )
    return WorkerUpdate(job_id, attempt, sequence, update_id, change, _optional(values.get("meter"), _parse_meter))


def _parse_meter(values: Payload) -> Meter:
    names = ("operations", "pushes", "milliseconds", "megabytes", "inputTokens", "cachedInputTokens", "outputTokens")
    meter = Meter(*(values[name] for name in names))
    if min(astuple(meter)) < 0:
        raise InvalidRequest("a meter counts up from 0; report what the attempt has used so far")
    return meter


def _parse_change(status: Status, values: Payload) -> Change:
    result, error, error_type = values.get("result"), values.get("error"), values.get("errorType")
    if (result is not None) > (status is Status.COMPLETED):
        raise InvalidRequest(f"a result goes with COMPLETED, not with {status}")
    if (error is not None or error_type is not None) > (status is Status.FAILED):
        raise InvalidRequest(f"an error goes with FAILED, not with {status}")
    checkpoint, hands_over = values.get("checkpoint"), values.get("handsOver") is True
    if (checkpoint is not None or hands_over) > (status is Status.PROCESSING):
        raise InvalidRequest(f"a checkpoint or a hand-over goes with PROCESSING, not with {status}")
    result_is_output = values.get("resultIsOutput") is True
    if result_is_output and (result is not None or status is not Status.COMPLETED):
        raise InvalidRequest("resultIsOutput goes with COMPLETED, and with no other result")
    if status in (Status.PENDING, Status.CANCELLED):
        raise InvalidRequest(f"updateStatus moves a job to PROCESSING, COMPLETED or FAILED, not to {status}")
    usage = values.get("usage")
    if usage is not None and not isinstance(usage, dict):
        raise InvalidRequest("usage has to be a JSON object of counts")
    _check_json(usage, "usage", most=MAX_USAGE)
    failed = status is Status.FAILED
    stored = _parse_stored(values)
    if stored is not None and (status is not Status.COMPLETED or result is not None or result_is_output):
        raise InvalidRequest("resultBytes and resultSha256 go with COMPLETED, and stand for a result left out")
    completed = status is Status.COMPLETED and stored is None
    return Change(
        status=status,
        progress=_in_range(values.get("progress"), "progress", most=1.0),
        message=_optional(values.get("message"), lambda text: _text(text, "message", most=MAX_MESSAGE)),
        delta=_optional(values.get("delta") or None, _delta),
        result=_text(result or "", "result", most=MAX_RESULT) if completed and not result_is_output else None,
        stored_result=stored,
        error=_text(error or "ended by an operator", "error", most=MAX_ERROR) if failed else None,
        error_type=ErrorType(error_type or ErrorType.OPERATOR) if failed else None,
        usage=usage,
        checkpoint=_optional(checkpoint, lambda text: _text(text, "checkpoint", most=MAX_CHECKPOINT)),
        hands_over=hands_over,
        result_is_output=result_is_output,
    )


def _parse_stored(values: Payload) -> StoredResult | None:
    size, digest = values.get("resultBytes"), values.get("resultSha256")
    if size is None and digest is None:
        return None
    if size is None or digest is None:
        raise InvalidRequest("resultBytes and resultSha256 go together; give both, or neither")
    return StoredResult(
        _limited(size, "resultBytes", default=0, most=MAX_STORED_RESULT), _sha256(digest, "resultSha256")
    )


def _upload_id(text: str, name: str) -> UploadId:
    if _canonical(text) != text:
        raise InvalidRequest(f"{name} has to be an uploadId as createUpload answered it")
    return UploadId(text)


def _canonical(text: str) -> str | None:
    """A UUID in its one spelling."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _job_id(text: str) -> JobId:
    if _canonical(text) != text:  # one spelling only: the subscription compares ids as text
        raise InvalidRequest(
            "jobId has to be a UUID in lower case with hyphens, such as 7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"
        )
    return JobId(text)


def _text(text: str, name: str, *, most: int) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has half of a surrogate pair in it; send whole Unicode characters") from None
    if size > most:
        raise InvalidRequest(f"{name} may have at most {most} bytes of UTF-8, and has {size}; send less")
    return text


def _delta(text: str) -> str:
    size = _json_size(_text(text, "delta", most=MAX_DELTA))
    if size > MAX_DELTA:
        raise InvalidRequest(f"delta may have at most {MAX_DELTA} bytes as JSON text, and has {size}; split it")
    return text


def _check_json(value: Json, name: str, *, most: int) -> None:
    try:
        size = _json_size(value)
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has half of a surrogate pair in it; send whole Unicode characters") from None
    if size > most:
        raise InvalidRequest(f"{name} may have at most {most} bytes of JSON; keep more of it on your side")


def _json_size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _limited(value: int | None, name: str, *, default: int, most: int) -> int:
    if value is None:
        return default
    if not 1 <= value <= most:
        raise InvalidRequest(f"{name} has to be from 1 to {most}, and is {value}")
    return value


def _in_range(value: float | None, name: str, *, most: float) -> float | None:
    if value is not None and not (math.isfinite(value) and 0.0 <= value <= most):
        raise InvalidRequest(f"{name} has to be from 0 to {most:g}, and is {value:g}")
    return value


def _optional(value: S | None, parse: Callable[[S], T]) -> T | None:
    return None if value is None else parse(value)


def render_job(job: Job) -> dict[str, Json]:
    """An `InferenceStatus` for AppSync: the fields of the schema, and no other."""
    stored = job.stored_result
    return {
        "jobId": job.job_id,
        "owner": job.owner,
        "status": job.status.value,
        "sequence": job.sequence,
        "attempt": job.attempt,
        "progress": job.progress,
        "message": job.message,
        "delta": job.delta,
        "outputKept": job.output_kept,
        "result": job.result,
        "resultOmitted": None if stored is None else True,
        "resultBytes": None if stored is None else stored.size,
        "resultSha256": None if stored is None else stored.sha256,
        "resultIsOutput": job.result_is_output or None,
        "error": job.error,
        "errorType": job.error_type.value if job.error_type else None,
        "model": job.model,
        "usage": job.usage,
        "cost": job.cost,
        "metadata": _awsjson(job.metadata),
        "createdAt": _time(job.created_at),
        "startTime": _time(job.start_time) if job.start_time else None,
        "endTime": _time(job.end_time) if job.end_time else None,
        "updatedAt": _time(job.updated_at),
    }


def _awsjson(value: Json) -> Json:
    """A value for an AWSJSON field: AppSync makes text of any value but text, which it takes for JSON already."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value


def render_push(job: Job) -> dict[str, Json]:
    """The same, small enough for AppSync to push: a long result is left out, and said to be."""
    rendered = render_job(job)
    if job.result is not None and _json_size(job.result) + _json_size(job.delta) > MAX_PUSHED_RESULT:
        rendered["result"] = None
        rendered["resultOmitted"] = True
    return rendered


def render_upload(upload: Upload) -> dict[str, Json]:
    """An `Upload` for AppSync."""
    return {
        "uploadId": upload.upload_id,
        "url": upload.url,
        "headers": [{"name": name, "value": value} for name, value in upload.headers],
        "expiresAt": _time(upload.expires_at),
        "mostBytes": MAX_UPLOAD,
    }


def render_error(error: JobError) -> Envelope:
    """A refusal; its class is the GraphQL error's type."""
    return {"error": {"type": type(error).__name__, "message": str(error)}}


def render_dispatch(dispatch: Dispatch) -> dict[str, Json]:
    """The event of an `inference` invocation; `parse_dispatch` reads it."""
    request = dispatch.request
    return {
        "jobId": dispatch.job_id,
        "owner": dispatch.owner,
        "continues": dispatch.continues,
        "request": {
            "prompt": request.prompt,
            "model": request.model,
            "system": request.system,
            "maxTokens": request.max_tokens,
            "temperature": request.temperature,
            "processTime": request.process_time,
            "topP": request.top_p,
            "stopSequences": list(request.stop_sequences),
            "maxCost": request.max_cost,
            "messages": [_render_message(message) for message in request.messages],
            "promptUpload": request.prompt_upload,
        },
    }


def _render_message(message: Message) -> dict[str, Json]:
    turn: dict[str, Json] = {"role": message.role.value, "text": message.text}
    return turn | ({"images": [image.upload for image in message.images]} if message.images else {})


def _message(turn: Payload) -> Message:
    return Message(Role(turn["role"]), turn["text"], tuple(Image(image) for image in turn.get("images") or ()))


def parse_dispatch(payload: Payload) -> Dispatch:
    """What an `inference` invocation is to do."""
    request = payload["request"]
    return Dispatch(
        job_id=JobId(payload["jobId"]),
        owner=Owner(payload.get("owner") or ""),  # none in an event of before there were uploads
        request=InferenceRequest(
            prompt=request["prompt"],
            model=request["model"],
            system=request.get("system"),
            max_tokens=request.get("maxTokens"),
            temperature=request.get("temperature"),
            process_time=request.get("processTime"),
            top_p=request.get("topP"),
            stop_sequences=tuple(request.get("stopSequences") or ()),
            max_cost=request.get("maxCost"),
            messages=tuple(_message(turn) for turn in request.get("messages") or ()),
            prompt_upload=request.get("promptUpload"),
        ),
        continues=payload.get("continues") or 0,
    )


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
