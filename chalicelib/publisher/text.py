"""Text that fits UTF-8, JSON and the limits of the contract. Pure."""

import json
from typing import Final

from chalicelib.jobs.errors import WorkloadFailed
from chalicelib.jobs.limits import MAX_CHECKPOINT, MAX_DELTA
from chalicelib.jobs.model import Json

SPLIT: Final = 65_536  # bytes of UTF-8 in one delta, where MAX_DELTA allows: control characters take six as JSON
CUT: Final = "…"


def encode(text: str) -> bytes:
    """UTF-8. Surrogate pairs are joined, and a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def cut(text: str, limit: int) -> str:
    """The text, or as much of its beginning as fits into `limit` bytes of UTF-8, marked as cut."""
    encoded = encode(text)
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: boundary(encoded, limit - len(CUT.encode()))].decode() + CUT


def boundary(encoded: bytes | bytearray, limit: int) -> int:
    """Largest index up to `limit` that does not fall inside a character; `encoded` is UTF-8."""
    if limit >= len(encoded):
        return len(encoded)
    while limit > 0 and encoded[limit] & 0xC0 == 0x80:  # a continuation byte
        limit -= 1
    return limit


def state_text(state: Json) -> str:
    """A checkpoint's state as JSON text.

    Raises:
        WorkloadFailed: It cannot be written as JSON, or is too large.
    """
    try:
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(encode(text))
    except (TypeError, ValueError) as error:
        raise WorkloadFailed(
            f"the workload's checkpoint is not JSON ({error}); use only texts, finite numbers, lists and dictionaries"
        ) from error
    if state is None or size > MAX_CHECKPOINT:
        raise WorkloadFailed(
            f"the workload's checkpoint has {size} bytes of JSON, and must have at most {MAX_CHECKPOINT} and be not "
            "null; store large state elsewhere, and its name in the checkpoint"
        )
    return text if text.isascii() else encode(text).decode()


def first_delta(encoded: bytearray, *, reach: int) -> bytes:
    """The beginning of the output that one update may carry: within `reach` and SPLIT, and as JSON within MAX_DELTA."""
    size = boundary(encoded, min(reach, SPLIT))
    while True:
        piece = bytes(encoded[:size])
        if len(json.dumps(piece.decode(), ensure_ascii=False).encode()) <= MAX_DELTA:
            return piece
        size = boundary(encoded, size // 2)
