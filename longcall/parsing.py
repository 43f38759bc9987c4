"""Parses the API's answers and pushes. The only place that reads their fields. Pure."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from longcall.errors import ProtocolError
from longcall.models import Cost, CostItem, ErrorType, Event, JobId, Json, Snapshot, Status, StoredResult, Upload

Word = TypeVar("Word", bound=StrEnum)


def parse_event(fields: object) -> Event:
    """Parse an InferenceStatus.

    Raises:
        ProtocolError: A field of the contract is missing or has another type.
    """
    if not isinstance(fields, Mapping):
        raise ProtocolError("expected a job from the API, and found none; check that client and API are of one version")
    try:
        return Event(
            job_id=JobId(text(fields, "jobId")),
            sequence=_count(fields, "sequence"),
            status=_word(Status, fields["status"]),
            owner=text(fields, "owner"),
            model=text(fields, "model"),
            attempt=_count(fields, "attempt"),
            progress=number(fields, "progress"),
            message=optional_text(fields, "message"),
            delta=optional_text(fields, "delta"),
            output_kept=None if fields.get("outputKept") is None else _count(fields, "outputKept"),
            result=optional_text(fields, "result"),
            result_omitted=fields.get("resultOmitted") is True,
            result_is_output=fields.get("resultIsOutput") is True,
            error=optional_text(fields, "error"),
            error_type=None if fields.get("errorType") is None else _word(ErrorType, fields["errorType"]),
            usage=parsed_json(fields.get("usage")),
            cost=_optional_cost(fields.get("cost")),
            metadata=parsed_json(fields.get("metadata")),
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
    """Parse a Cost.

    Raises:
        ProtocolError: A field of the contract is missing or has another type.
    """
    try:
        cost = _optional_cost(fields)
    except (KeyError, TypeError) as exc:
        raise ProtocolError(
            "the API sent a cost that this client cannot read; check that client and API are of one version"
        ) from exc
    if cost is None:
        raise ProtocolError(
            "expected a cost from the API, and found none; check that client and API are of one version"
        )
    return cost


def _optional_cost(fields: Any) -> Cost | None:
    if fields is None:
        return None
    if not isinstance(fields, Mapping):
        raise TypeError("cost")
    return Cost(
        currency=text(fields, "currency"),
        prices_of=text(fields, "pricesOf"),
        total=_amount(fields, "total"),
        items=tuple(
            CostItem(
                name=text(item, "name"), quantity=_amount(item, "quantity"), unit=text(item, "unit"),
                price=_amount(item, "price"), amount=_amount(item, "amount"),
            )
            for item in fields["items"]
        ),
        notes=tuple(str(note) for note in fields["notes"]),
    )  # fmt: skip


def parse_snapshot(fields: object) -> Snapshot:
    """Parse the answer of getInference.

    Raises:
        ProtocolError: A field of the contract is missing or has another type.
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
    """Parse the answer of createUpload.

    Raises:
        ProtocolError: A field of the contract is missing or has another type.
    """
    match fields:
        case {"uploadId": str(upload_id), "url": str(url), "headers": [*headers]}:
            return Upload(upload_id, url, tuple((str(it["name"]), str(it["value"])) for it in headers))
    raise ProtocolError("expected an upload address, and found none; check that client and API are of one version")


def _word(words: type[Word], value: object) -> Word | str:
    """The enum member with this value; the text itself if this version does not know it."""
    if not isinstance(value, str):
        raise TypeError(words.__name__)
    try:
        return words(value)
    except ValueError:
        return value


def text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    return None if fields.get(name) is None else text(fields, name)


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(name)
    return value


def number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError(name)
    return float(value)


def _amount(fields: Mapping[str, Any], name: str) -> float:
    value = number(fields, name)
    if value is None:
        raise TypeError(name)
    return value


def _moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    value = optional_text(fields, name)
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(name)
    return moment


def parsed_json(value: Any) -> Json:
    """An AWSJSON value, which is sent as text. Source: AppSync Developer Guide, "Scalar types"."""
    parsed: Json = json.loads(value) if isinstance(value, str) else value
    return parsed
