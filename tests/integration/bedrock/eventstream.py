"""Writes `application/vnd.amazon.eventstream`. botocore's own reader is the second opinion.

Source: Amazon Transcribe Developer Guide, "Event stream encoding"; Smithy, "Amazon Event Stream Specification".
"""

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

STRING = 7  # type of a header's value


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: lengths and their checksum, headers, payload, and a checksum over all of it."""
    packed = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    body = lengths + struct.pack("!I", zlib.crc32(lengths)) + packed + payload
    return body + struct.pack("!I", zlib.crc32(body))


def event(kind: str, content: Mapping[str, Any]) -> bytes:
    """An event of ConverseStream."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps(content, ensure_ascii=False).encode())


def exception(kind: str, words: str) -> bytes:
    """An exception in the stream; `kind` begins with a lower-case letter."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": words}).encode())


def text(words: str, *, block: int = 0) -> bytes:
    return event("contentBlockDelta", {"delta": {"text": words}, "contentBlockIndex": block})


def thought(words: str) -> bytes:
    return event("contentBlockDelta", {"delta": {"reasoningContent": {"text": words}}, "contentBlockIndex": 0})


def stop(reason: str = "end_turn") -> bytes:
    return event("messageStop", {"stopReason": reason})


def metadata(*, trace: Mapping[str, Any] | None = None, **usage: int) -> bytes:
    """The last event, by default with 10 input tokens and 20 output tokens."""
    counts = {"inputTokens": 10, "outputTokens": 20, "totalTokens": 30, **usage}
    more = {} if trace is None else {"trace": {"guardrail": trace}}
    return event("metadata", {"usage": counts, "metrics": {"latencyMs": 1234}, **more})


START = event("messageStart", {"role": "assistant"})


def answer(*texts: str, reason: str = "end_turn") -> tuple[bytes, ...]:
    """All events of an answer, as Bedrock sends them."""
    return (
        START,
        *(text(words) for words in texts),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        stop(reason),
        metadata(),
    )
