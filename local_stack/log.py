"""What the local stack writes on standard error: one line for each thing, in colour where a person reads it."""

import logging
import os
import sys
from enum import Enum
from typing import Final, TextIO

OPERATIONS: Final = "appsync_local.operations"
CHANGES: Final = "appsync_local.devtools.reload"
_NAME_WIDTH: Final = 38
_WHO_WIDTH: Final = 30


class Detail(Enum):
    """How much is written while the stack works."""

    FAULTS = "faults"  # warnings, and what a watch takes up
    OPERATIONS = "operations"  # and a line for each operation
    EVERYTHING = "everything"  # and for each resolver step, and what the handlers print


_LEVELS: Final = {
    Detail.FAULTS: {"appsync_local": logging.WARNING, OPERATIONS: logging.WARNING},
    Detail.OPERATIONS: {"appsync_local": logging.WARNING, OPERATIONS: logging.INFO},
    Detail.EVERYTHING: {"appsync_local": logging.INFO, OPERATIONS: logging.INFO},
}


def log_to(stream: TextIO, detail: Detail) -> None:
    """Write to a stream from now on; colours are for terminals, and for nobody who set NO_COLOR."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Colourful() if stream.isatty() and not os.environ.get("NO_COLOR") else Plain())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    choose(detail)


def choose(detail: Detail) -> None:
    """How much is written from now on."""
    for name, level in _LEVELS[detail].items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger(CHANGES).setLevel(logging.INFO)


def usual_detail(*, verbose: bool, has_command: bool) -> Detail:
    """Everything where it is asked for; operations where somebody watches and no command draws on the terminal."""
    if verbose:
        return Detail.EVERYTHING
    return Detail.OPERATIONS if sys.stderr.isatty() and not has_command else Detail.FAULTS


class Plain(logging.Formatter):
    """Time, origin and message; the origin of operations and steps is plain from what they say."""

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


class Colourful(Plain):
    """Operations and steps in columns, outcomes in colour; the rest as it is."""

    def format(self, record: logging.LogRecord) -> str:
        match getattr(record, "event", None):
            case "operation":
                told = f"{record.__dict__['operation']:<{_NAME_WIDTH}}"
                who = f"{record.__dict__['caller']:<{_WHO_WIDTH}}"
                line = f"{_bold(told)} {_dim(who)}"
            case "step":
                told = f"  {record.__dict__['step']}"
                line = _dim(f"{told:<{_NAME_WIDTH}} {record.__dict__['source']:<{_WHO_WIDTH}}")
            case _:
                text = super().format(record)
                return _red(text) if record.levelno >= logging.ERROR else text
        took, outcome = f"{record.__dict__['milliseconds']:7.1f} ms", str(record.__dict__["outcome"])
        shown = _green(outcome) if outcome == "ok" else _red(outcome)
        return f"{_dim(self.formatTime(record, self.datefmt))} {line} {took}  {shown}"


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m"


def _red(text: str) -> str:
    return f"\x1b[31m{text}\x1b[0m"


def _green(text: str) -> str:
    return f"\x1b[32m{text}\x1b[0m"
