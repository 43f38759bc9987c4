"""Parses what a resolver sends to the relay: the caller and the call."""

import uuid
from collections.abc import Mapping, Sequence
from itertools import pairwise

from chalicelib.api.calls import (
    Backend,
    Call,
    Caller,
    CancelInference,
    CreateUpload,
    DeleteInference,
    DispatchInference,
    GetInference,
    InferenceEvents,
    ListInferences,
    ListModels,
    QuoteInference,
    Reporting,
    StartInference,
    UpdateStatus,
)
from chalicelib.api.payloads import checks
from chalicelib.api.payloads.selection import may_select
from chalicelib.api.payloads.updates import parse_dispatching, parse_update
from chalicelib.jobs.dispatch import Payload
from chalicelib.jobs.errors import InvalidRequest, Unauthorized
from chalicelib.jobs.limits import (
    MAX_COST,
    MAX_IMAGES,
    MAX_METADATA,
    MAX_PROCESS_TIME,
    MAX_PROMPT,
    MAX_STOP_SEQUENCE,
    MAX_STOP_SEQUENCES,
    MAX_SYSTEM,
    MAX_TEMPERATURE,
    MAX_TOP_P,
    MAX_UPLOAD,
)
from chalicelib.jobs.model import Image, InferenceRequest, JobId, Message, Owner, Role, Status, UploadId


def parse_identity(
    identity: Payload | None, reporting: Reporting, reporters: tuple[str, ...] = ()
) -> Caller | Backend | None:
    """The caller, from `ctx.identity`. A caller without identity used an API key: the backend, if the stage has a key.

    Args:
        identity: What AppSync knows of the caller.
        reporting: How the worker authenticates.
        reporters: The roles that are the backend, as `arn:aws:sts::<account>:assumed-role/<role>`; empty: every caller
            that signs with IAM, because IAM lets in nobody else.

    Source: AppSync Developer Guide, "Resolver context object reference", Identity.
    """
    if not identity:
        return Backend(None) if reporting is Reporting.API_KEY else None
    context = identity.get("resolverContext")
    owner = context.get("sub") if isinstance(context, Mapping) else identity.get("sub")
    if isinstance(owner, str) and owner:
        return Caller(Owner(owner))
    arn = identity.get("userArn")
    if not isinstance(arn, str) or not arn or (reporters and arn.rpartition("/")[0] not in reporters):
        return None
    return Backend(arn)


def parse_call(payload: Payload) -> Call:
    """The call that a resolver makes.

    Raises:
        InvalidRequest: An argument is not valid for the field.
        Unauthorized: The relay has no such field.
    """
    arguments: Payload = payload["arguments"]
    names, text = payload.get("selection") or (), payload.get("selectionText") or ""
    match payload["field"]:
        case "startInference":
            return _parse_start(arguments["input"])
        case "listModels":
            return ListModels()
        case "quoteInference":
            return _parse_quote(arguments["input"])
        case "createUpload":
            return _parse_upload(arguments["input"])
        case "getInference":
            return GetInference(
                checks.job_id(arguments["jobId"]),
                with_output=may_select("output", names=names, text=text)
                or may_select("outputOmitted", names=names, text=text),
                with_url=may_select("resultUrl", names=names, text=text),
            )
        case "listInferences":
            status = arguments.get("status")
            limit = checks.limited(arguments.get("limit"), "limit", default=20, most=100)
            return ListInferences(Status(status) if status else None, limit, arguments.get("nextToken"))
        case "inferenceEvents":
            after = arguments.get("after") or 0
            if after < 0:
                raise InvalidRequest(f"after must be 0 or a sequence already read, and is {after}")
            limit = checks.limited(arguments.get("limit"), "limit", default=100, most=1000)
            return InferenceEvents(checks.job_id(arguments["jobId"]), after, limit)
        case "cancelInference":
            return CancelInference(checks.job_id(arguments["jobId"]))
        case "deleteInference":
            return DeleteInference(checks.job_id(arguments["jobId"]))
        case "updateStatus":
            return UpdateStatus(parse_update(arguments["input"]))
        case "dispatchInference":
            return DispatchInference(parse_dispatching(arguments))
        case field:
            raise Unauthorized(field)


def _parse_upload(values: Payload) -> CreateUpload:
    size = values["bytes"]
    if not 1 <= size <= MAX_UPLOAD:
        raise InvalidRequest(f"an upload may have 1 to {MAX_UPLOAD} bytes, and this one has {size}; send less")
    return CreateUpload(size, checks.sha256(values["sha256"], "sha256"))


def _parse_quote(values: Payload) -> QuoteInference:
    size, max_tokens = values["textBytes"], values.get("maxTokens")
    if not 0 <= size <= MAX_UPLOAD:
        raise InvalidRequest(f"textBytes must be from 0 to {MAX_UPLOAD}, and is {size}")
    process_time = checks.in_range(values.get("processTime"), "processTime", most=MAX_PROCESS_TIME)
    return QuoteInference(values["model"], size, _most_tokens(max_tokens), process_time)


def _most_tokens(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise InvalidRequest(f"maxTokens must be 1 or more, and is {value}")
    return value


def _parse_start(values: Payload) -> StartInference:
    prompt, messages, upload = _parse_input(values)
    metadata = values.get("metadata")
    checks.small_json(metadata, "metadata", most=MAX_METADATA)
    max_tokens = _most_tokens(values.get("maxTokens"))
    given = values.get("jobId")
    return StartInference(
        job_id=JobId(str(uuid.uuid4())) if given is None else checks.job_id(given),
        request=InferenceRequest(
            prompt=prompt,
            model=values["model"],
            system=checks.optional(values.get("system"), lambda text: checks.text(text, "system", most=MAX_SYSTEM)),
            max_tokens=max_tokens,
            temperature=checks.in_range(values.get("temperature"), "temperature", most=MAX_TEMPERATURE),
            process_time=checks.in_range(values.get("processTime"), "processTime", most=MAX_PROCESS_TIME),
            top_p=checks.in_range(values.get("topP"), "topP", most=MAX_TOP_P),
            stop_sequences=_parse_stops(values.get("stopSequences") or ()),
            max_cost=checks.in_range(values.get("maxCost"), "maxCost", most=MAX_COST),
            messages=messages,
            prompt_upload=upload,
        ),
        metadata=metadata,
    )


def _parse_input(values: Payload) -> tuple[str, tuple[Message, ...], UploadId | None]:
    """The prompt, the messages, or the id of an uploaded prompt. The other two are empty."""
    prompt, turns, upload = values.get("prompt"), values.get("messages"), values.get("promptUpload")
    if [prompt, turns, upload].count(None) != 2:
        raise InvalidRequest("give either a prompt or messages or a promptUpload: exactly one of them must be given")
    if upload is not None:
        return "", (), checks.upload_id(upload, "promptUpload")
    if prompt is not None:
        if not prompt.strip():
            raise InvalidRequest("prompt is empty; give the text to work on")
        return checks.text(prompt, "prompt", most=MAX_PROMPT), (), None
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
    checks.text("".join(message.text for message in messages), "messages", most=MAX_PROMPT)
    return "", messages, None


def _parse_message(turn: Payload) -> Message:
    role = Role(turn["role"])
    images = tuple(Image(checks.upload_id(image, "an image")) for image in turn.get("images") or ())
    if images and role is not Role.USER:
        raise InvalidRequest("images go with messages of the USER; leave them out of the ASSISTANT's")
    return Message(role, turn["text"], images)


def _parse_stops(texts: Sequence[str]) -> tuple[str, ...]:
    if len(texts) > MAX_STOP_SEQUENCES:
        raise InvalidRequest(f"stopSequences may be at most {MAX_STOP_SEQUENCES}, and are {len(texts)}; send fewer")
    if not all(texts):
        raise InvalidRequest("a stop sequence is empty; each needs a character at least")
    return tuple(checks.text(text, "a stop sequence", most=MAX_STOP_SEQUENCE) for text in texts)
