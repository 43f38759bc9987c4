"""The stack's log as JSON lines: one file for each day in UTC, deleted when its jobs have expired."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from appsync_local.devtools.health import LoopHealth
from local_stack.log_fields import LineFields

FOLDER: Final = "logs"  # of the data folder; `longcall logs` reads it
SUFFIX: Final = ".jsonl"
MOST_BYTES: Final = 256 * 1024 * 1024  # of one day; what is logged after that is dropped

Clock = Callable[[], datetime]


class LogFiles(logging.Handler):
    """Writes each record as a line of `<folder>/<day>.jsonl`.

    An error, such as a full disk, loses lines and nothing else: it is recorded, and the next line is tried again.

    Args:
        folder: Created if it is missing.
        retention: Files of days that ended before this span are deleted.
        fields: Turns records into fields.
        health: Where errors are recorded.
        clock: The time, in UTC.
    """

    def __init__(
        self,
        folder: Path,
        *,
        retention: timedelta,
        fields: LineFields,
        health: LoopHealth,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._folder = folder
        self._retention = retention
        self._fields = fields
        self._health = health
        self._clock = clock
        self._day = ""
        self._descriptor = -1
        self._size = 0
        self._is_broken = False  # the last line was written in part, or not at all
        self._is_reporting = False

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`; raises nothing."""
        if self._is_reporting:  # the report of an error comes here too
            return
        try:
            self._write(_line(self._fields.of(record)))
        except Exception as error:
            if not self._is_broken:
                self._report(error)
            self._is_broken = True
            self._close_file()
        else:
            if self._health.failures_in_a_row:
                self._health.succeeded()
            self._is_broken = False

    def close(self) -> None:
        """Close the file; see `logging.Handler`."""
        self._close_file()
        super().close()

    def _write(self, line: bytes) -> None:
        self._open(self._clock().date().isoformat())
        if self._size + len(line) > MOST_BYTES:
            return
        if self._is_broken:
            line = b"\n" + line  # ends what may have been written of the line before
        written = os.write(self._descriptor, line)
        self._size += written
        if written < len(line):
            raise OSError(f"{written} of {len(line)} bytes were written to the log; free some disk space")

    def _open(self, day: str) -> None:
        if day == self._day and self._descriptor >= 0:
            return
        self._close_file()
        self._folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(self._folder / f"{day}{SUFFIX}", flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        self._day = day
        self._expire()

    def _expire(self) -> None:
        oldest = (self._clock() - self._retention).date().isoformat()
        for file in self._folder.glob(f"*{SUFFIX}"):
            if file.stem < oldest:
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:  # this file stays, and the lines are written
                    self._report(error)

    def _close_file(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1

    def _report(self, error: Exception) -> None:
        self._is_reporting = True
        try:
            self._health.failed(error)
        finally:
            self._is_reporting = False


def _line(fields: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # half of a surrogate pair, a large number, or a key that is not text
        return json.dumps(fields, default=str, ensure_ascii=False).encode(errors="replace") + b"\n"
