"""Logs requests and frames on standard error, without secrets.

gql and websockets log whole requests and frames. A row contains only the facts that are listed here (direction, kind,
size, status, sequence), so it never contains a token, a prompt or a result.
"""

import logging
import os
import re
import sys
from typing import Final

# How much of a frame websockets logs. It reads the variable when it is first imported.
FRAME_CHARACTERS: Final = "4000"
LOGGERS: Final = ("longcall.realtime.frames", "gql.transport.aiohttp")
_DIRECTION: Final = re.compile(r"^(>>>|<<<|>|<|=|%|x)")
_SHOWN: Final = (
    re.compile(r"^[<>] (TEXT|PING|PONG|CLOSE|BINARY|CONT)\b"),
    re.compile(r'"type": ?"([a-z_]+)"'),
    re.compile(r'"status": ?"([A-Z]+)"'),
    re.compile(r'"sequence": ?(\d+)'),
)

_SIZE: Final = re.compile(r"\[(\d+ bytes)\]$")
# Only in sent messages, where the document comes first; a received text could contain this too. Quotes inside a text
# are escaped, so a text cannot look like a field of the message.
_SENT: Final = re.compile(r'"query\\*": ?\\*"((?:query|mutation|subscription) \w+)')


class Facts(logging.Formatter):
    """Formats a record as one row of facts; as an empty row if it has none."""

    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record.getMessage())
        return f"{self.formatTime(record, '%H:%M:%S')} {facts}" if facts else ""


class OnlyFacts(logging.Filter):
    """Drops records without facts."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(facts_of(record.getMessage()))


def facts_of(message: str) -> str:
    """The facts in a log message of gql or websockets that may be shown; empty if there are none."""
    direction = _DIRECTION.match(message)
    patterns = (*_SHOWN, *([_SENT] if message.startswith(">") else []), _SIZE)
    found = [shown[1] for pattern in patterns if (shown := pattern.search(message))]
    return f"{direction[1]} {' '.join(found)}" if direction and found else ""


def log_to_terminal() -> None:
    """Log every request and every frame. Call it before the first connection."""
    os.environ["WEBSOCKETS_MAX_LOG_SIZE"] = FRAME_CHARACTERS
    import longcall.client  # noqa: F401  # sets these loggers' levels when it is imported, so import it first

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Facts())
    handler.addFilter(OnlyFacts())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(handler)
