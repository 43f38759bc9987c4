"""Text that fits UTF-8, JSON and the limits of the contract. Pure."""

import json
from typing import Final

from chalicelib.limits import MAX_DELTA

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


def first_delta(encoded: bytearray) -> bytes:
    """The beginning of the output that one update may carry: within SPLIT, and within MAX_DELTA as JSON."""
    size = boundary(encoded, SPLIT)
    while True:
        piece = bytes(encoded[:size])
        if len(json.dumps(piece.decode(), ensure_ascii=False).encode()) <= MAX_DELTA:
            return piece
        size = boundary(encoded, size // 2)
