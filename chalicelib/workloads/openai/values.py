"""The JSON values in the data of an event. Pure."""

import json
from collections.abc import Iterator
from typing import Final

from chalicelib.jobs.model import Json
from chalicelib.workloads.openai.events import Event

END: Final = "[DONE]"
JSON_BEGINS: Final = ("{", "[", '"')
NO_TEXT: Final = "\ufffd"  # in place of bytes that are not UTF-8

_DECODER: Final = json.JSONDecoder()


class BrokenData(Exception):
    """The data begins like JSON, but is not JSON."""


class Ended(Exception):
    """The server said that nothing follows."""


def json_values(event: Event) -> Iterator[Json]:
    """The values in an event's data: usually one; several if the server left out the empty lines between events.

    Data that is plain text, such as a proxy's `ping` or words about a failure, is one text.

    Raises:
        BrokenData: The data is cut off or garbled.
        Ended: It has the mark of the end; the values before it were yielded.
    """
    text, at = event.data, 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith(END, at):
            raise Ended
        elif text.startswith(JSON_BEGINS, at) or NO_TEXT in text:
            try:
                value, at = _DECODER.raw_decode(text, at)
            except (ValueError, RecursionError) as error:  # also a number with too many digits, and deep nesting
                raise BrokenData from error
            yield value
        else:
            yield text[at:].strip()
            return
