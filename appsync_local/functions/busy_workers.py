"""Since when each worker has been busy with its event."""

import time
from collections import defaultdict


class BusyWorkers:
    """The workers that handle an event, by function and number, the longest busy first. Those that start are not."""

    def __init__(self) -> None:
        self._since: defaultdict[str, dict[int, float]] = defaultdict(dict)  # on the monotonic clock

    def began(self, function: str, number: int) -> None:
        self._since[function][number] = time.monotonic()

    def ended(self, function: str, number: int) -> None:
        """Call it also for a worker that ended before it had started."""
        self._since[function].pop(number, None)

    def longer_than(self, function: str, seconds: float) -> int:
        """How many of a function's workers have been busy for longer."""
        latest, found = time.monotonic() - seconds, 0
        for since in self._since[function].values():
            if since > latest:
                break
            found += 1
        return found
