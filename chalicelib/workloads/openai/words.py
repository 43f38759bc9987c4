"""What a server says about a failure, in any of the forms that servers use. Pure.

Forms: OpenAI's `{"error": {"message", "type", "code"}}`; a text, a list or another object as `error` (TGI, Google's
list, OpenRouter's `metadata`); `detail` of FastAPI; `object: error` of vLLM; `errors` of gateways; plain text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from chalicelib.jobs.model import Json
from chalicelib.workloads.surrogates import joined

MESSAGES: Final = ("message", "msg", "detail", "error_message", "error_msg", "error", "description", "reason", "title")
KINDS: Final = ("code", "type", "error_type", "status", "error_code", "object")
STATUSES: Final = ("code", "status", "status_code", "http_status", "error_code", "statusCode")
MOST: Final = 8  # parts of one message
DEPTH: Final = 4  # objects in objects
MAX_MESSAGE: Final = 2000  # characters


class Words(Struct, frozen=True):
    """What a server said.

    Attributes:
        message: On one line; empty if it said nothing.
        kinds: Its names for the failure, in lower-case letters and digits, such as "contextlengthexceeded".
        status: The HTTP status in the body, from 400 to 599; None if there is none.
    """

    message: str = ""
    kinds: tuple[str, ...] = ()
    status: int | None = None


class ServerError(Exception):
    """The server reported a failure in an answer with status 200."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.message)
        self.words = words


def error_in(value: Json) -> Words | None:
    """The failure that an event of an answer reports; None if it reports none."""
    if isinstance(value, list):
        return next((found for it in value[:MOST] if (found := error_in(it)) is not None), None)
    if not isinstance(value, Mapping):
        return None
    if value.get("error") or value.get("errors"):
        return words_in(value)
    if isinstance(choices := value.get("choices"), list) and choices:
        return _error_of_choice(choices)
    is_error = "error" in (value.get("object"), value.get("type")) or _status(value) is not None
    return words_in(value) if value.get("detail") or is_error else None


def words_of(body: str) -> Words:
    """What the body of an answer with an HTTP error says; a web page says nothing."""
    try:
        return words_in(json.loads(body))
    except (ValueError, RecursionError):
        return Words("" if is_page(body) else _one_line(body))


def words_in(value: Json) -> Words:
    """What a value says that is known to report a failure."""
    inner = next(_inner(value, DEPTH), value)
    kinds = dict.fromkeys(kind for source in (inner, value) for kind in _kinds(source))
    status = _status(inner)
    message = _one_line(": ".join(dict.fromkeys(_messages(value, DEPTH))))
    return Words(message, tuple(kinds), _status(value) if status is None else status)


def is_page(body: str) -> bool:
    """Whether a body is a web page, or another document in XML."""
    return body.lstrip("\ufeff \t\r\n").startswith("<")


def _error_of_choice(choices: list[Json]) -> Words | None:
    found = (it.get("error") for it in choices if isinstance(it, Mapping))
    return next((words_in({"error": error}) for error in found if error), None)


def _inner(value: Json, depth: int) -> Iterator[Json]:
    """The innermost object that describes the failure."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, Mapping) or depth == 0:
        return
    for name in ("error", "errors"):
        yield from _inner(value.get(name), depth - 1)
    yield value


def _messages(value: Json, depth: int) -> Iterator[str]:
    """The texts of a message. Only names with words are read: an object may also quote the prompt."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        yield from (it for entry in value[:MOST] for it in _messages(entry, depth - 1))
    elif isinstance(value, Mapping) and depth:
        yield from _messages_of_object(value, depth)


def _messages_of_object(value: Mapping[str, Json], depth: int) -> Iterator[str]:
    nested = [it for name in ("error", "errors") for it in _messages(value.get(name), depth - 1)]
    said = nested or next((it for name in MESSAGES if (it := list(_messages(value.get(name), depth - 1)))), [])
    place = value.get("loc")  # of FastAPI: which field of the request
    if said and isinstance(place, list) and place:
        said[0] = f"{'.'.join(str(it) for it in place[:MOST] if isinstance(it, str | int))}: {said[0]}"
    yield from said
    details = value.get("metadata")
    raw = details.get("raw") if isinstance(details, Mapping) else None  # of OpenRouter: the provider's words
    if isinstance(raw, str) and not is_page(raw):
        yield raw


def _kinds(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name in KINDS:
            if isinstance(kind := value.get(name), str):
                yield re.sub(r"[^a-z0-9]", "", kind.lower()).removesuffix("error").removesuffix("exception")


def _status(value: Json) -> int | None:
    if not isinstance(value, Mapping):
        return None
    found = (_number(value.get(name)) for name in STATUSES)
    return next((it for it in found if it is not None and 400 <= it <= 599), None)


def _number(value: Json) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{3}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _one_line(text: str) -> str:
    return joined(" ".join(text[:MAX_MESSAGE].split()))
