"""The contract of a workload: the records that it yields, receives and returns, and the type of its function."""

import time
from collections.abc import Callable, Generator
from typing import Protocol

from msgspec import Struct, field

from chalicelib.jobs.model import InferenceRequest, Json


class Chunk(Struct, frozen=True):
    """Text to append to the job's output. `tokens` is a lower bound of its tokens; 0 if nobody counts them."""

    text: str
    tokens: int = 0


class Progress(Struct, frozen=True):
    """How much is done: `share` from 0 to 1, or None if unknown; `message` is one line for a person."""

    share: float | None = None
    message: str | None = None


class Usage(Struct, frozen=True):
    """What this attempt has used so far, as a JSON object of counts. Each `Usage` replaces the one before.

    A workload that calls a model yields the first one when the service has accepted the call, and none before that.

    Some keys have the same meaning for every model, and costs and budgets are computed from them: `inputTokens`, read
    at the full price; `cachedInputTokens`, read from a cache and not included in `inputTokens`; `outputTokens`, which
    includes reasoning; `modelMilliseconds`; and the texts `stopReason` and `modelRequestId`. Any other key belongs to
    the workload.
    """

    counts: dict[str, Json]


class Checkpoint(Struct, frozen=True):
    """How to continue after everything yielded so far: the next attempt finds `state` in its context.

    `state` is a JSON value other than None, at most 64 KiB. It is stored with the job's next update; the newest one
    counts.
    """

    state: Json


Piece = Chunk | Progress | Usage | Checkpoint


class Outcome(Struct, frozen=True):
    """What a workload returns when it has finished. `usage` is as in `Usage`, for the whole attempt.

    `result` is a text, or None if the result is the job's output, including the output of earlier attempts that this
    one continued.
    """

    result: str | None
    usage: dict[str, Json] = field(default_factory=dict)


class WorkloadContext(Struct, frozen=True):
    """What a workload knows about the attempt that it runs in.

    Attributes:
        deadline: When the attempt must be done, in seconds on the scale of `clock`. Time for the final status is
            already kept back.
        clock: Returns the current time in seconds.
        attempt: Counts from 1. It is higher if an earlier attempt died or handed over, which matters to work with
            effects outside the job.
        checkpoint: The state of the newest `Checkpoint`; None if there is none.
    """

    deadline: float
    clock: Callable[[], float] = time.monotonic
    attempt: int = 1
    checkpoint: Json = None

    def seconds_left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - self.clock())


class Workload(Protocol):
    """A generator function: it yields pieces, returns an outcome, and never learns who is watching."""

    def __call__(self, request: InferenceRequest, context: WorkloadContext, /) -> Generator[Piece, None, Outcome]: ...
