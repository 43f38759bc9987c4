"""What a worker prints, line by line, in the log `appsync_local.functions.<function>`."""

import asyncio
import logging
import os
from contextlib import suppress
from typing import Final

_CHUNK: Final = 65_536  # bytes read at a time
_LONGEST_LINE: Final = 262_144  # bytes; a longer one is cut there


class WorkerOutput:
    """Reads a pipe while the loop runs, and names the invocation each line belongs to."""

    def __init__(self, function: str, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.request_id: str | None = None  # what the worker is busy with
        self._log = logging.getLogger(f"{__package__}.{function}")
        self._descriptor = descriptor
        self._line = bytearray()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self.drain)

    def drain(self) -> None:
        """Log every line printed so far."""
        while self._descriptor >= 0:
            try:
                printed = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                return
            if not printed:
                self.close()
                return
            self._line += printed
            *lines, rest = self._line.split(b"\n")
            for line in lines:
                self._emit(line)
            self._line = rest
            if len(rest) > _LONGEST_LINE:
                self._end_line()

    def close(self) -> None:
        if self._descriptor < 0:
            return
        self._loop.remove_reader(self._descriptor)
        with suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1
        self._end_line()

    def _end_line(self) -> None:
        if self._line:
            self._emit(self._line)
            self._line = bytearray()

    def _emit(self, line: bytearray) -> None:
        text = line.decode(errors="backslashreplace")
        self._log.info("%s", text, extra={"event": "function_output", "request_id": self.request_id})
