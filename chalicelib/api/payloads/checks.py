"""The checks of values in payloads, and the messages for invalid values."""

import json
import math
import re
import uuid
from collections.abc import Callable
from typing import Final, TypeVar

from chalicelib.jobs.errors import InvalidRequest
from chalicelib.jobs.limits import MAX_DELTA
from chalicelib.jobs.model import JobId, Json, UploadId

S = TypeVar("S")
T = TypeVar("T")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def text(value: str, name: str, *, most: int) -> str:
    """A text of whole Unicode characters with at most `most` bytes of UTF-8."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has half of a surrogate pair in it; send whole Unicode characters") from None
    if size > most:
        raise InvalidRequest(f"{name} may have at most {most} bytes of UTF-8, and has {size}; send less")
    return value


def delta(value: str) -> str:
    """Output that fits into a push, both as text and as JSON."""
    size = json_size(text(value, "delta", most=MAX_DELTA))
    if size > MAX_DELTA:
        raise InvalidRequest(f"delta may have at most {MAX_DELTA} bytes as JSON text, and has {size}; split it")
    return value


def small_json(value: Json, name: str, *, most: int) -> None:
    """A value with at most `most` bytes as JSON text."""
    try:
        size = json_size(value)
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has half of a surrogate pair in it; send whole Unicode characters") from None
    if size > most:
        raise InvalidRequest(f"{name} may have at most {most} bytes of JSON; keep more of it on your side")


def json_size(value: Json) -> int:
    """Bytes of a value as JSON text."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def job_id(value: str) -> JobId:
    """An id as a client chooses it."""
    canonical = _canonical(value)
    if canonical is None or canonical != value.lower():
        raise InvalidRequest("jobId must be a UUID with hyphens, such as 7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11")
    return JobId(canonical)  # one spelling only: the subscription compares ids as text


def upload_id(value: str, name: str) -> UploadId:
    """An id that the API returned."""
    if _canonical(value) != value:
        raise InvalidRequest(f"{name} must be an uploadId as createUpload answered it")
    return UploadId(value)


def sha256(value: str, name: str) -> str:
    """A digest."""
    if not _SHA256.fullmatch(value):
        raise InvalidRequest(f"{name} must be a SHA-256 in hex: 64 digits and letters from a to f in lower case")
    return value


def limited(value: int | None, name: str, *, default: int, most: int) -> int:
    """A whole number of at least 1."""
    if value is None:
        return default
    if not 1 <= value <= most:
        raise InvalidRequest(f"{name} must be from 1 to {most}, and is {value}")
    return value


def in_range(value: float | None, name: str, *, most: float) -> float | None:
    """A number of at least 0, or None."""
    if value is not None and not (math.isfinite(value) and 0.0 <= value <= most):
        raise InvalidRequest(f"{name} must be from 0 to {most:g}, and is {value:g}")
    return value


def optional(value: S | None, parse: Callable[[S], T]) -> T | None:
    """The parsed value. None if the value is missing."""
    return None if value is None else parse(value)


def _canonical(text: str) -> str | None:
    """A UUID in its one spelling."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
