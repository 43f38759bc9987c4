"""What waits to be sent, and when it is due. Pure: time is an argument.

One mutation for every token would cost more than the model that makes them. So output is gathered: when it is due is a
policy's to say, save the very first piece, which is sent at once. Progress and messages ride along; only the latest of
them counts. So does what was used so far, but it makes nothing due. A checkpoint stands behind the output that came
before it, so the update that carries it ends there.
"""

import math
from dataclasses import dataclass
from typing import assert_never

from chalicelib.jobs.limits import MAX_MESSAGE
from chalicelib.jobs.model import Change, Json, Status
from chalicelib.publisher.policies import Costs, FlushPolicy, Interval
from chalicelib.publisher.text import cut, encode, first_delta, state_text
from chalicelib.workloads import Checkpoint, Chunk, Piece, Progress, Usage


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a job reports."""

    policy: FlushPolicy = Interval()  # noqa: RUF009  # a frozen value
    heartbeat: float = 1.0  # seconds of silence after which the worker asks whether it is still wanted


class Outbox:
    """Output, progress and message that are not sent yet."""

    def __init__(self, policy: FlushPolicy, costs: Costs) -> None:
        self._policy = policy
        self._costs = costs
        self._output = bytearray()
        self._progress: float | None = None
        self._message: str | None = None
        self._usage: Json = None
        self._checkpoint: str | None = None
        self._reach = 0  # bytes of output that wait before it
        self._taken_at = -math.inf
        self._draining = False
        self._has_sent_output = False

    @property
    def size(self) -> int:
        """Bytes of output that wait."""
        return len(self._output)

    @property
    def is_empty(self) -> bool:
        return not self._output and self._progress is None and self._message is None and self._checkpoint is None

    @property
    def is_drained(self) -> bool:
        """Whether `drain` was asked for, and is done."""
        return self._draining and self.is_empty

    def add(self, piece: Piece) -> None:
        match piece:
            case Chunk(text):
                self._output += encode(text)
            case Progress(share, message):
                if share is not None and not math.isnan(share):
                    self._progress = min(1.0, max(0.0, share))
                if message is not None:
                    self._message = message
            case Usage(counts):
                self._usage = counts
            case Checkpoint(state):
                self._checkpoint, self._reach = state_text(state), len(self._output)  # the state may change later
            case _:
                assert_never(piece)

    def drain(self) -> None:
        """From now on nothing waits for company."""
        self._draining = True

    def due(self) -> float:
        """The moment from which `take` has something to give; infinity while nothing waits."""
        if self.is_empty:
            return math.inf
        first = bool(self._output) and not self._has_sent_output
        if self._draining or first:
            return -math.inf
        return self._policy.due(len(self._output), since=self._taken_at, costs=self._costs)

    def take(self, *, now: float) -> Change | None:
        """The next update, or None before `due`; whatever exceeds one update's size stays for the next."""
        if now < self.due():
            return None
        delta = first_delta(self._output, reach=len(self._output) if self._checkpoint is None else self._reach)
        checkpoint = self._checkpoint if len(delta) == self._reach else None
        message = None if self._message is None else cut(self._message, MAX_MESSAGE)
        change = Change(
            Status.PROCESSING, progress=self._progress, message=message, delta=delta.decode() or None,
            usage=self._usage, checkpoint=checkpoint,
        )  # fmt: skip
        del self._output[: len(delta)]
        if self._checkpoint is not None:
            self._reach -= len(delta)
        if checkpoint is not None:
            self._checkpoint = None
        self._progress = self._message = self._usage = None
        self._has_sent_output |= bool(delta)
        self._taken_at = now
        return change

    def cut_back(self) -> None:
        """Forget the output behind the newest checkpoint: the next attempt makes it again."""
        del self._output[0 if self._checkpoint is None else self._reach :]

    def drop_checkpoint(self) -> None:
        """Forget it: the job ends, and nothing goes on from there."""
        self._checkpoint = None

    def discard(self) -> None:
        """Forget what waits: nobody wants it any more."""
        self._output.clear()
        self._progress = self._message = self._usage = self._checkpoint = None
