"""Reads the events of an answer of ConverseStream from its bytes.

botocore's own reader drops the words of an exception that its model does not know, and fails with an error of its
parser where a proxy or an emulator leaves something out. So only its framing is used.

Source: Smithy, "Amazon Event Stream Specification".
"""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from botocore.eventstream import EventStreamBuffer, ParserError
from msgspec import Struct

from chalicelib.jobs.model import Json
from chalicelib.workloads.surrogates import joined

# What the parser raises for bytes that are not messages: for a checksum, a length, or a header.
NO_MESSAGE: Final = (ParserError, struct.error, KeyError, ValueError)
WORDS: Final = ("message", "Message", "originalMessage", "errorMessage", "error", "detail")


class MalformedEvent(Exception):
    """An event is not as Bedrock sends it."""


class NoEvents(Exception):
    """The body is not a stream of events."""


class StreamFailure(Exception):
    """The stream has an exception or an error instead of an event.

    Attributes:
        code: Such as "throttlingException" or "InternalError"; empty if there is none.
        words: Of the service; empty if it said nothing.
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code, words)
        self.code = code
        self.words = words


class Event(Struct, frozen=True):
    """One event: its kind, such as "contentBlockDelta", and its content."""

    kind: str
    content: Mapping[str, Json]


def read_events(body: Iterable[bytes]) -> Iterator[Event]:
    """The events, each as soon as it is complete.

    Raises:
        StreamFailure: The service reports a failure.
        MalformedEvent: The content of an event is not a JSON object.
        NoEvents: The body has no event.
        ParserError: A later part of the body is not an event.
    """
    has_begun = False
    for message in _messages(body):
        has_begun = True
        headers, payload = message
        kind = headers.get(":message-type", "event")
        if kind == "exception" or ":exception-type" in headers:
            raise StreamFailure(_text(headers.get(":exception-type")), _words(payload))
        if kind == "error" or ":error-code" in headers:
            words = _text(headers.get(":error-message")) or _words(payload)
            raise StreamFailure(_text(headers.get(":error-code")), words)
        yield Event(_text(headers.get(":event-type")), _content(payload))
    if not has_begun:
        raise NoEvents


def _messages(body: Iterable[bytes]) -> Iterator[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    has_begun = False
    for chunk in body:
        buffer.add_data(chunk)
        while True:
            try:
                message = next(buffer, None)
            except NO_MESSAGE as error:
                raise (ParserError(str(error)) if has_begun else NoEvents) from error
            if message is None:
                break
            has_begun = True
            yield cast("dict[str, Any]", message.headers), message.payload


def _content(payload: bytes) -> dict[str, Json]:
    try:
        content = json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        raise MalformedEvent from error
    if not isinstance(content, dict):
        raise MalformedEvent
    return content


def _words(payload: bytes) -> str:
    """The message in the payload of a failure, which may be plain text."""
    try:
        content = _content(payload)
    except MalformedEvent:
        return " ".join(payload.decode(errors="replace").split())
    return next((it for name in WORDS if (it := _text(content.get(name)))), "")


def _text(value: Any) -> str:
    return " ".join(joined(value).split()) if isinstance(value, str) else ""
