"""Unusual values and broken JSON texts."""

import json
from random import Random
from typing import Any, Final

ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63, 2**64, -(2**70), "", " ", "\0", "\ud800", "é💥\u202e",
    "x" * 5000, "__proto__", "constructor", "prototype", "toJSON", "null", "NaN", "1e999", "9999-99-99T99:99:99Z",
    "::1", "a@b", "{", [], {}, [[]], [None], {"__proto__": {"x": 1}}, {"constructor": {"prototype": {"x": 1}}},
    {"": ""}, {"id": None}, {"toJSON": 1},
)  # fmt: skip


def value(rng: Random, depth: int = 3) -> Any:
    """Return a random unusual value, nested up to `depth` levels."""
    if depth == 0 or rng.random() < 0.5:
        return rng.choice(ODD)
    if rng.random() < 0.5:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    return {
        str(rng.choice(("id", "text", "number", "kind", "replies", "detail", "type", "data", "payload", "\0"))): value(
            rng, depth - 1
        )
        for _ in range(rng.randint(0, 4))
    }


def deep(rng: Random) -> bytes:
    """Return deeply nested JSON, sometimes without its closing brackets."""
    depth = rng.choice((100, 250, 300, 1000, 1100, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'{"id":"1","replies":', b"}")))
    return opening * depth + rng.choice((b"1", b"null", b"")) + (closing * depth if rng.random() < 0.8 else b"")


def corrupted(rng: Random, text: bytes) -> bytes:
    """Return the text with one to three random changes."""
    found = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(found))
        match rng.randrange(6):
            case 0:
                found[at:at] = rng.choice(
                    (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\xef\xbb\xbf")
                )
            case 1:
                del found[at : at + rng.randint(1, 10)]
            case 2:
                del found[at:]
            case 3 if found:
                found[at % len(found)] ^= 1 << rng.randrange(8)
            case 4:
                found[at:at] = rng.choice((b"{", b"}", b"[", b",", b'"', b"\\u", b"NaN", b"1e9999", b"//", b"\r\n"))
            case _:
                found[at:at] = found[:at][-20:]
    return bytes(found)


def json_text(rng: Random) -> bytes:
    """Return valid JSON, broken JSON or random bytes."""
    match rng.randrange(4):
        case 0:
            return deep(rng)
        case 1:
            return corrupted(rng, json.dumps(value(rng)).encode())
        case 2:
            return rng.randbytes(rng.choice((0, 1, 30, 2000)))
        case _:
            return json.dumps(value(rng)).encode()
