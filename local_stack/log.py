"""What the local stack logs on standard error: one line for each record, in colour on a terminal."""

import logging
import os
import sys
from enum import Enum
from typing import Final, TextIO

OPERATIONS: Final = "appsync_local.operations"
CHANGES: Final = "appsync_local.devtools.reload"
_NAME_WIDTH: Final = 38
_CALLER_WIDTH: Final = 30


class Detail(Enum):
    """How much is logged."""

    PROBLEMS = "problems"  # warnings, and reloads
    OPERATIONS = "operations"  # also a line for each operation
    EVERYTHING = "everything"  # also a line for each resolver step, and what the handlers print


_LEVELS: Final = {
    Detail.PROBLEMS: {"appsync_local": logging.WARNING, OPERATIONS: logging.WARNING},
    Detail.OPERATIONS: {"appsync_local": logging.WARNING, OPERATIONS: logging.INFO},
    Detail.EVERYTHING: {"appsync_local": logging.INFO, OPERATIONS: logging.INFO},
}


def log_to(stream: TextIO, detail: Detail) -> None:
    """Log to a stream from now on, in colour if it is a terminal and NO_COLOR is not set."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ColourFormatter() if stream.isatty() and not os.environ.get("NO_COLOR") else PlainFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    set_detail(detail)


def set_detail(detail: Detail) -> None:
    """Set how much is logged from now on."""
    for name, level in _LEVELS[detail].items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger(CHANGES).setLevel(logging.INFO)


def usual_detail(*, verbose: bool, has_command: bool) -> Detail:
    """Everything if `verbose`; operations on a terminal that no command draws on; otherwise problems only."""
    if verbose:
        return Detail.EVERYTHING
    return Detail.OPERATIONS if sys.stderr.isatty() and not has_command else Detail.PROBLEMS


class PlainFormatter(logging.Formatter):
    """Time, logger and message; operations and steps without the logger's name."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        match getattr(record, "event", None):
            case "operation":
                return f"{self.formatTime(record, self.datefmt)} {record.getMessage()}"
            case "step":
                return f"{self.formatTime(record, self.datefmt)}   {record.getMessage()}"
            case _:
                return super().format(record)


class ColourFormatter(PlainFormatter):
    """Operations and steps in columns, with the outcome in colour; errors in red; other records unchanged."""

    def format(self, record: logging.LogRecord) -> str:
        match getattr(record, "event", None):
            case "operation":
                name = f"{record.__dict__['operation']:<{_NAME_WIDTH}}"
                caller = f"{record.__dict__['caller']:<{_CALLER_WIDTH}}"
                line = f"{_bold(name)} {_dim(caller)}"
            case "step":
                name = f"  {record.__dict__['step']}"
                line = _dim(f"{name:<{_NAME_WIDTH}} {record.__dict__['source']:<{_CALLER_WIDTH}}")
            case _:
                text = super().format(record)
                return _red(text) if record.levelno >= logging.ERROR else text
        duration, outcome = f"{record.__dict__['milliseconds']:7.1f} ms", str(record.__dict__["outcome"])
        shown = _green(outcome) if outcome == "ok" else _red(outcome)
        return f"{_dim(self.formatTime(record, self.datefmt))} {line} {duration}  {shown}"


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m"


def _red(text: str) -> str:
    return f"\x1b[31m{text}\x1b[0m"


def _green(text: str) -> str:
    return f"\x1b[32m{text}\x1b[0m"
