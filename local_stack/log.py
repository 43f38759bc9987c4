"""The log of a local stack: one line for each record on standard error, in colour on a terminal, and JSON in files."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Final, TextIO

from appsync_local.devtools.health import LoopHealth
from local_stack.log_fields import LineFields, severity
from local_stack.log_files import LogFiles
from local_stack.log_folding import FoldingHandler

ENGINE: Final = "appsync_local"
OPERATIONS: Final = "appsync_local.operations"
STEPS: Final = "appsync_local.steps"
CHANGES: Final = "appsync_local.devtools.reload"
CONSOLE: Final = "console"  # the event of a line that resolver code prints
_NAME_WIDTH: Final = 38
_CALLER_WIDTH: Final = 30


class Detail(Enum):
    """How much is logged on standard error."""

    PROBLEMS = "problems"  # warnings, errors, reloads and what resolver code prints
    OPERATIONS = "operations"  # also a line for each operation
    EVERYTHING = "everything"  # also a line for each resolver step, and what the handlers print


class StackLog:
    """The log of one stack: on a stream from the beginning, and in files while `files` is open.

    Args:
        stream: Lines are in colour if it is a terminal and NO_COLOR is not set.
        detail: How much is logged on the stream. Files contain everything but the resolver steps, unless `detail` does.
    """

    def __init__(self, stream: TextIO, detail: Detail) -> None:
        self._fields = LineFields()
        handler = logging.StreamHandler(stream)
        in_colour = stream.isatty() and not os.environ.get("NO_COLOR")
        handler.setFormatter(ColourFormatter(self._fields) if in_colour else PlainFormatter(self._fields))
        self._filter = DetailFilter(detail, self._fields)
        handler.addFilter(self._filter)
        logging.basicConfig(handlers=[FoldingHandler(handler, self._fields)], level=logging.WARNING, force=True)
        logging.getLogger(ENGINE).setLevel(logging.INFO)
        # No formatter shows the thread or the process of a line. To find them takes a tenth of the line's time.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        self.set_detail(detail)

    def set_detail(self, detail: Detail) -> None:
        """Set how much is logged on the stream from now on."""
        self._filter.detail = detail
        logging.getLogger(STEPS).setLevel(logging.INFO if detail is Detail.EVERYTHING else logging.WARNING)

    @contextmanager
    def files(self, folder: Path, *, retention: timedelta, health: LoopHealth) -> Iterator[None]:
        """Log to files as well, see `LogFiles`, until the block ends."""
        files = LogFiles(folder, retention=retention, fields=self._fields, health=health)
        handler = FoldingHandler(files, self._fields)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            handler.close()


def usual_detail(*, verbose: bool, has_command: bool) -> Detail:
    """Everything if `verbose`; operations on a terminal that no command draws on; otherwise problems only."""
    if verbose:
        return Detail.EVERYTHING
    return Detail.OPERATIONS if sys.stderr.isatty() and not has_command else Detail.PROBLEMS


class DetailFilter(logging.Filter):
    """Passes the records that belong to a detail. A line that a worker logged counts with the worker's own level."""

    def __init__(self, detail: Detail, fields: LineFields) -> None:
        super().__init__()
        self.detail = detail
        self._fields = fields

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if self.detail is Detail.EVERYTHING or record.name == CHANGES or record.levelno >= logging.WARNING:
            return True
        if getattr(record, "event", None) == CONSOLE:
            return True
        if record.name == OPERATIONS:
            return self.detail is Detail.OPERATIONS
        return severity(self._fields.of(record)) >= logging.WARNING


class PlainFormatter(logging.Formatter):
    """Time, origin, message and job; a trace on the lines after it. Operations and steps have no origin."""

    def __init__(self, fields: LineFields) -> None:
        super().__init__("%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S")
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        fields, time = self._fields.of(record), self.formatTime(record, self.datefmt)
        job = self._job(record)
        match getattr(record, "event", None):
            case "operation":
                return f"{time} {record.getMessage()}{job}"
            case "step":
                return f"{time}   {record.getMessage()}{job}"
            case "function_output":
                trace = f"\n{fields['trace'].rstrip()}" if "trace" in fields else ""
                return f"{time} {record.name} {fields['message']}{job}{trace}"
            case _:
                head, line_break, trace = super().format(record).partition("\n")
                return f"{head}{job}{line_break}{trace}"

    def _job(self, record: logging.LogRecord) -> str:
        """The job id, unless the message contains it."""
        fields = self._fields.of(record)
        job_id = fields.get("job_id")
        return f"  job {job_id}" if job_id is not None and str(job_id) not in fields["message"] else ""


class ColourFormatter(PlainFormatter):
    """Operations and steps in columns, with the outcome in colour; errors in red; other records unchanged."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
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
                return _red(text) if severity(self._fields.of(record)) >= logging.ERROR else text
        duration, outcome = f"{record.__dict__['milliseconds']:7.1f} ms", str(record.__dict__["outcome"])
        shown = _green(outcome) if outcome.startswith("ok") else _red(outcome)
        time = _dim(self.formatTime(record, self.datefmt))
        return f"{time} {line} {duration}  {shown}{_dim(self._job(record))}"


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"


def _dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m" if text else ""


def _red(text: str) -> str:
    return f"\x1b[31m{text}\x1b[0m"


def _green(text: str) -> str:
    return f"\x1b[32m{text}\x1b[0m"
