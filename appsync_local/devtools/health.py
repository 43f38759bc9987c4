"""The state of background loops and queues: last turns, errors, lengths and ages.

Each owner of a loop reports its turns here; the doctor shows the result. This module does no I/O except logging.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

RECENT: Final = 600.0  # seconds for which a failure counts as recent after the loop has recovered

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class LoopHealth:
    """One background loop: schedules, deliveries, a keep-alive timer, the file watcher.

    Attributes:
        name: Unique within one `Health`, such as `schedules`.
        last_turn: When a turn last ended, with or without an error, in seconds since the epoch; None before the first.
        last_success: When a turn last ended without an error.
        last_failure: When a turn last ended with an error.
        last_error: That error, as `Type: message`.
        failures_in_a_row: Failed turns since the last successful one.
        failures: Failed turns in total.
    """

    name: str
    clock: Callable[[], float]
    last_turn: float | None = None
    last_success: float | None = None
    last_failure: float | None = None
    last_error: str | None = None
    failures_in_a_row: int = 0
    failures: int = 0

    def turn(self) -> "Turn":
        """For `with`: an `Exception` in the body is logged with its cause, counted and suppressed.

        Cancellation and other errors that are not an `Exception` pass through.
        """
        return Turn(self)

    def succeeded(self) -> None:
        """Count a turn that ended without an error."""
        self.last_turn = self.last_success = self.clock()
        self.failures_in_a_row = 0

    def failed(self, error: BaseException) -> None:
        """Count and log a turn that ended with an error. The first failure in a row is logged with its traceback."""
        self.last_turn = self.last_failure = self.clock()
        self.last_error = f"{type(error).__name__}: {error}"
        self.failures_in_a_row += 1
        self.failures += 1
        _log.error(
            "%s: one turn failed and the loop continues (%d in a row): %s",
            self.name,
            self.failures_in_a_row,
            self.last_error,
            exc_info=error if self.failures_in_a_row == 1 else None,
            extra={"event": "loop_failed", "loop": self.name, "failures_in_a_row": self.failures_in_a_row},
        )

    def failed_recently(self, *, now: float) -> bool:
        """Whether the last turn failed, or any turn within `RECENT` seconds before `now` did."""
        return self.failures_in_a_row > 0 or (self.last_failure is not None and now - self.last_failure <= RECENT)

    def describe(self) -> dict[str, object]:
        """The values as JSON types, with the wire names of `/doctor`."""
        return {
            "name": self.name,
            "lastTurn": self.last_turn,
            "lastSuccess": self.last_success,
            "lastFailure": self.last_failure,
            "lastError": self.last_error,
            "failuresInARow": self.failures_in_a_row,
            "failures": self.failures,
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """See `LoopHealth.turn`."""

    loop: LoopHealth

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self.loop.succeeded()
        elif isinstance(error, Exception):
            self.loop.failed(error)
            return True
        return False


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue at one moment.

    Attributes:
        length: Entries that are waiting or being tried.
        oldest: When the oldest of them was accepted, in seconds since the epoch; None for an empty queue.
    """

    length: int
    oldest: float | None = None


class Health:
    """All loops and queues of one engine or one stack.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._loops: dict[str, LoopHealth] = {}
        self._queues: dict[str, Callable[[], QueueState]] = {}

    def loop(self, name: str) -> LoopHealth:
        """The record of the loop with this name; created at the first call."""
        if name not in self._loops:
            self._loops[name] = LoopHealth(name, self._clock)
        return self._loops[name]

    def observe_queue(self, name: str, measure: Callable[[], QueueState]) -> None:
        """Show a queue. `measure` is called for each report and may raise; a second call replaces the first."""
        self._queues[name] = measure

    def loops(self) -> list[LoopHealth]:
        """Every loop, in the order of their first mention."""
        return list(self._loops.values())

    def queues(self) -> dict[str, QueueState | str]:
        """Every queue's state, or the error with which it could not be measured, by name."""
        states: dict[str, QueueState | str] = {}
        for name, measure in self._queues.items():
            try:
                states[name] = measure()
            except Exception as error:  # a broken queue must not hide the others
                states[name] = f"{type(error).__name__}: {error}"
        return states

    def describe(self) -> dict[str, object]:
        """All of it as JSON types: `{"loops": [{name, lastTurn, …}], "queues": [{name, length, oldest, error}]}`."""
        queues = [
            {"name": name, "length": state.length, "oldest": state.oldest, "error": None}
            if isinstance(state, QueueState)
            else {"name": name, "length": None, "oldest": None, "error": state}
            for name, state in self.queues().items()
        ]
        return {"loops": [loop.describe() for loop in self.loops()], "queues": queues}
