"""A job's record as text, and page tokens: the same for every ledger."""

import base64
import binascii
import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Image, InferenceRequest, Job, Message, Role, Status, StoredResult, UploadId, Wait
from chalicelib.jobs.usage import Counts
from chalicelib.ledger import InvalidToken

COUNTS: Final = ("used", "used_before")
TIMES: Final = ("created_at", "updated_at", "expires_at", "start_time", "end_time", "deleted_at")
DEFAULTS: Final = {field.name: field.default for field in fields(Job)}


def dump(job: Job) -> str:
    """The record as JSON, without the values that are the default anyway."""
    values: dict[str, Any] = {
        field.name: getattr(job, field.name)
        for field in fields(Job)
        if getattr(job, field.name) != DEFAULTS[field.name]
    }
    for name in TIMES:
        if values.get(name) is not None:
            values[name] = stamp(values[name])
    for name in COUNTS:
        if name in values:
            values[name] = values[name].dump()
    if job.request is not None:
        values["request"] = {name: value for name, value in asdict(job.request).items() if value not in (None, ())}
        if job.request.messages:
            values["request"]["messages"] = [_turn(message) for message in job.request.messages]
    if job.stored_result is not None:
        values["stored_result"] = asdict(job.stored_result)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Job:
    """The record that `dump` wrote."""
    values: dict[str, Any] = json.loads(text)
    for name in TIMES:
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    for name in COUNTS:
        if name in values:
            values[name] = Counts.load(values[name])
    if "status" in values:
        values["status"] = Status(values["status"])
    if "error_type" in values:
        values["error_type"] = ErrorType(values["error_type"])
    if "wait" in values:
        values["wait"] = Wait(values["wait"])
    if "request" in values:
        values["request"] = _request(values["request"])
    if "stored_result" in values:
        values["stored_result"] = StoredResult(**values["stored_result"])
    return Job(**values)


def _request(values: dict[str, Any]) -> InferenceRequest:
    messages = tuple(
        Message(Role(one["role"]), one["text"], tuple(Image(UploadId(image)) for image in one.get("images", ())))
        for one in values.pop("messages", ())
    )
    stops = tuple(values.pop("stop_sequences", ()))
    return InferenceRequest(**values, messages=messages, stop_sequences=stops)


def _turn(message: Message) -> dict[str, Any]:
    """A turn without the content of its images, which no record holds."""
    images = [image.upload for image in message.images]
    return {"role": message.role, "text": message.text, **({"images": images} if images else {})}


def stamp(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: sorts as text in the order of time."""
    return time.isoformat(timespec="milliseconds")


def dump_token(values: list[str]) -> str:
    """An opaque page token."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def load_token(token: str, *, size: int) -> list[str]:
    """The values that `dump_token` was given.

    Raises:
        InvalidToken: It gave out no such token.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError) as exc:
        raise InvalidToken(token) from exc
    if not isinstance(values, list) or len(values) != size or not all(isinstance(value, str) for value in values):
        raise InvalidToken(token)
    return values
