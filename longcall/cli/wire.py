"""What goes over the wire, on standard error, without what nobody else may read.

gql and websockets log whole frames and requests. A row is made only of what is listed here (direction, kind, size,
status, sequence): a token, a prompt or a result has no way into it.
"""

import logging
import os
import re
import sys
from typing import Final

# How much of a frame websockets puts into its record; read when it is first imported.
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
# Of what is sent, and there the document comes first; what is received may quote anything. Quotes inside text are
# escaped, so that nothing in a text looks like a field of the message.
_SENT: Final = re.compile(r'"query\\*": ?\\*"((?:query|mutation|subscription) \w+)')


class Facts(logging.Formatter):
    """One row of facts for a record; empty where it holds none."""

    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record.getMessage())
        return f"{self.formatTime(record, '%H:%M:%S')} {facts}" if facts else ""


class OnlyFacts(logging.Filter):
    """Drops what has no facts."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(facts_of(record.getMessage()))


def facts_of(message: str) -> str:
    """What may be shown of a log message of gql or websockets."""
    direction = _DIRECTION.match(message)
    patterns = (*_SHOWN, *([_SENT] if message.startswith(">") else []), _SIZE)
    found = [shown[1] for pattern in patterns if (shown := pattern.search(message))]
    return f"{direction[1]} {' '.join(found)}" if direction and found else ""


def log_to_terminal() -> None:
    """Log every request and every frame. To be called before the first connection."""
    os.environ["WEBSOCKETS_MAX_LOG_SIZE"] = FRAME_CHARACTERS
    import longcall.client  # noqa: F401  # sets these loggers' levels, so that they can be set after it

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Facts())
    handler.addFilter(OnlyFacts())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(handler)
