"""Reads the events of an answer from its bytes, and accepts what servers and proxies make of server-sent events. Pure.

Beyond the standard: a body that is not a stream of events is one event; a line with a JSON object and no field name is
data; `error:` is a field, as llama.cpp writes it; and the last event needs no empty line after it.

Source: HTML Living Standard, "Server-sent events".
"""

import codecs
import io
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

FIELDS: Final = frozenset({"data", "event", "id", "retry", "error", ""})  # "" begins a comment
DOCUMENT_BEGINS: Final = ("{", "[", "<")  # JSON, or a web page
BYTE_ORDER_MARK: Final = "\ufeff"
MAX_EVENT: Final = 16 * 1024 * 1024  # characters; a body without an end must not fill the worker's memory


class EventTooLarge(Exception):
    """One event has more than `MAX_EVENT` characters."""


class Event(Struct, frozen=True):
    """One event; its name is empty if the server gave none. `data` is never blank."""

    name: str
    data: str


def read_events(body: Iterable[bytes]) -> Iterator[Event]:
    """The events of a body, each as soon as it is complete.

    Byte order marks at the beginning of a line are dropped: proxies put one before a body, or before a part of it.
    Bytes that are not UTF-8 become U+FFFD.

    Raises:
        EventTooLarge: An event, or a body that is not a stream of events, is too large.
    """
    lines = (line.lstrip(BYTE_ORDER_MARK) for line in _lines(body))
    for first in lines:
        if not first.strip():
            continue
        if first.lstrip().startswith(DOCUMENT_BEGINS):
            yield from _event("", _gathered(first, lines))
        else:
            yield from _events(first, lines)


def _events(first: str, lines: Iterator[str]) -> Iterator[Event]:
    name, data, size = "", list[str](), 0
    line: str | None = first
    while line is not None:
        field = _field(line)
        value = line[len(field) + 1 :].removeprefix(" ") if field is not None else line
        if not line:
            yield from _event(name, "\n".join(data))
            name, data, size = "", [], 0
        elif field == "event":
            name = value
        elif field in ("data", "error") or (field is None and line.lstrip().startswith(("{", "["))):
            name = "error" if field == "error" else name
            data.append(value)
            size += len(value)
        if size > MAX_EVENT:
            raise EventTooLarge
        line = next(lines, None)
    yield from _event(name, "\n".join(data))


def _event(name: str, data: str) -> Iterator[Event]:
    if data.strip():
        yield Event(name, data)


def _gathered(first: str, lines: Iterator[str]) -> str:
    found, size = [first], len(first)
    for line in lines:
        found.append(line)
        size += len(line)
        if size > MAX_EVENT:
            raise EventTooLarge
    return "\n".join(found)


def _field(line: str) -> str | None:
    """The name of the line's field; None if an event has no such field."""
    name = line.partition(":")[0]
    return name if name in FIELDS else None


def _lines(body: Iterable[bytes]) -> Iterator[str]:
    """The lines without their ends: LF, CR LF or CR."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    parts, size = list[str](), 0
    for chunk in body:
        *complete, rest = decoder.decode(chunk).split("\n")
        if complete:
            yield "".join([*parts, complete[0]])
            yield from complete[1:]
            parts, size = [], 0
        parts.append(rest)
        size += len(rest)
        if size > MAX_EVENT:
            raise EventTooLarge
    *complete, rest = decoder.decode(b"", final=True).split("\n")
    yield from ["".join([*parts, complete[0]]), *complete[1:], rest] if complete else ["".join([*parts, rest])]
