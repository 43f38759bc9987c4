"""A job's record as text, and page tokens: the same for every ledger."""

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, astuple

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import (
    Image,
    InferenceRequest,
    Job,
    Message,
    Role,
    Status,
    StoredResult,
    UploadId,
    Wait,
    defaults,
)
from chalicelib.jobs.usage import Counts
from chalicelib.ledger import InvalidToken, Page, UnreadableRecord

Choice = TypeVar("Choice", bound=StrEnum)

log = logging.getLogger(__name__)

COUNTS: Final = ("used", "used_before")
TIMES: Final = ("created_at", "updated_at", "expires_at", "start_time", "end_time", "deleted_at")
TEXTS: Final = ("delta", "result", "request", "checkpoint")  # what `Job.summary` leaves out
DEFAULTS: Final = defaults(Job)

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump(job: Job) -> str:
    """The record as JSON, without the values that are the default anyway."""
    return dump_both(job)[0]


def dump_both(job: Job) -> tuple[str, str]:
    """`dump` of the job and of its summary. What they have in common is written as JSON once."""
    values = _rendered(job)
    texts = {name: values.pop(name) for name in TEXTS if name in values}
    summary = _encode(values)
    return (f"{summary[:-1]},{_encode(texts)[1:]}" if texts else summary), summary


def _rendered(job: Job) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: value
        for (name, default), value in zip(DEFAULTS.items(), astuple(job), strict=True)
        if value is not default and value != default
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
    return values


def load(text: str) -> Job:
    """The record that `dump` wrote, also as an older or a newer version of the code wrote it.

    A field that this version does not know is ignored. A field that the record does not have gets its default.

    Raises:
        UnreadableRecord: The text is not a record, or its status or a required field is not one of this version's.
    """
    try:
        return _job(json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(f"the record does not fit this version: {type(error).__name__}") from error


def load_page(bodies: Iterable[str], next_token: str | None) -> Page:
    """A page of summaries. Records that cannot be read are left out and counted."""
    jobs: list[Job] = []
    unreadable = 0
    for body in bodies:
        try:
            jobs.append(load(body))
        except UnreadableRecord as error:
            unreadable += 1
            job_id = _id_in(body)
            log.warning(
                "job %s: left out of a page because its record cannot be read",
                job_id,
                extra={"event": "record_unreadable", "job_id": job_id, "reason": str(error)},
            )
    return Page(tuple(jobs), next_token, unreadable)


def _job(record: dict[str, Any]) -> Job:
    values = _known(Job, record)
    for name in TIMES:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name])
    for name in COUNTS:
        if name in values:
            values[name] = Counts.load(values[name])
    if "status" in values:
        values["status"] = Status(values["status"])
    if values.get("error_type") is not None:
        values["error_type"] = _member(ErrorType, values["error_type"], otherwise=ErrorType.WORKLOAD_FAILED)
    if values.get("wait") is not None:
        # A new kind of wait is still a wait: no invocation has the job, and the sweep ends it if none comes.
        values["wait"] = _member(Wait, values["wait"], otherwise=Wait.DISPATCHED_AGAIN)
    if values.get("request") is not None:
        values["request"] = _request(values["request"])
    if values.get("stored_result") is not None:
        values["stored_result"] = StoredResult(**_known(StoredResult, values["stored_result"]))
    return Job(**values)


def _request(record: dict[str, Any]) -> InferenceRequest:
    values = _known(InferenceRequest, record)
    values["messages"] = tuple(
        Message(Role(one["role"]), one["text"], tuple(Image(UploadId(image)) for image in one.get("images", ())))
        for one in values.get("messages", ())
    )
    values["stop_sequences"] = tuple(values.get("stop_sequences", ()))
    return InferenceRequest(**values)


def _known(kind: type[Struct], record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in kind.__struct_fields__ if name in record}


def _member(kind: type[Choice], value: str, *, otherwise: Choice) -> Choice:
    """The member with this value, or `otherwise` for the value of a newer version."""
    return kind(value) if value in [*kind] else otherwise


def _id_in(body: str) -> str | None:
    """The job's id, as far as it can be found in a record that is otherwise unreadable."""
    found = re.search(r'"job_id":"([0-9a-f-]{36})"', body)
    return found[1] if found else None


def _turn(message: Message) -> dict[str, Any]:
    """A turn without the content of its images, which no record holds."""
    images = [image.upload for image in message.images]
    return {"role": message.role, "text": message.text, **({"images": images} if images else {})}


@lru_cache(maxsize=64)  # one record is written several times, with the same times in it
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
