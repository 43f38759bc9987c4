"""Whether this machine has a processor that is idle. If it has none, another worker process would help nobody."""

import time
from typing import Final

import psutil

BUSY: Final = 75.0  # percent of the time of all processors; processes that pass work to one another leave the rest idle
WINDOW: Final = 0.2  # seconds over which it is measured, at least


class Processors:
    """The use of all processors, measured between two questions that are at least `WINDOW` apart."""

    def __init__(self) -> None:
        psutil.cpu_percent()  # measures from here; what it returns the first time has no meaning
        self._used = 0.0
        self._measured_at = time.monotonic()

    def are_busy(self) -> bool:
        now = time.monotonic()
        if now - self._measured_at >= WINDOW:
            self._used, self._measured_at = psutil.cpu_percent(), now
        return self._used >= BUSY
