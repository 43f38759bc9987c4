"""The workers that have an invocation, and which of these invocations have turned out to be long."""

import math
import time
from collections import defaultdict
from typing import Protocol


class Busy(Protocol):
    """A worker with an invocation."""

    number: int
    busy_since: float  # on the monotonic clock; infinity while it starts


class BusyWorkers:
    """The workers that have an invocation, by function: the longest busy first, and anywhere those that start."""

    def __init__(self) -> None:
        self._workers: defaultdict[str, dict[int, Busy]] = defaultdict(dict)

    def add(self, function: str, worker: Busy) -> None:
        self._workers[function][worker.number] = worker

    def remove(self, function: str, worker: Busy) -> None:
        del self._workers[function][worker.number]

    def began(self, function: str, worker: Busy) -> None:
        """Call it when a worker has started, and is busy from then on."""
        self.remove(function, worker)
        self.add(function, worker)

    def longer_than(self, function: str, seconds: float) -> int:
        """How many of a function's workers have been busy for longer."""
        since, found = time.monotonic() - seconds, 0
        for worker in self._workers[function].values():
            if worker.busy_since <= since:
                found += 1
            elif worker.busy_since < math.inf:
                break
        return found
