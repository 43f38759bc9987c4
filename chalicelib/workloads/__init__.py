"""The kinds of work: a Protocol, and a table from a model's name to the module that does it.

A workload is a generator. It yields `Chunk` and `Progress`, returns an `Outcome`, and never learns who is listening.
Adding one is one module and one line in `TABLE`.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final

from chalicelib.jobs import InferenceRequest, Json


@dataclass(frozen=True, slots=True)
class Chunk:
    """Output to add to what was produced so far."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: `share` from 0 to 1, or None while unknown; `message` is one line for a person."""

    share: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a workload returns when it has finished. `usage` is an object of counts."""

    result: str
    usage: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a workload has to be done, on `clock`'s scale, in seconds."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock())


Workload = Callable[[InferenceRequest, Deadline], Generator[Chunk | Progress, None, Outcome]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the table: models whose name starts with `prefix` are run by `module.run`, checked by `module.check`.

    The module is imported by the handler that needs it, not before.
    """

    prefix: str
    module: str
    example: str


TABLE: Final = (
    Kind("simulated.", "chalicelib.workloads.simulated", example="simulated.story"),
    Kind("local.textrank", "chalicelib.workloads.textrank", example="local.textrank"),
)
