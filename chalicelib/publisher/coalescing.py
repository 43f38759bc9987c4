"""Output that waits to be sent, and when it is due. Pure: time is an argument.

One mutation for each token would cost more than a small model. Output is therefore coalesced: the first output is due
at once, and a policy decides when later output is due. An update also carries the latest progress, message and usage.
Usage alone makes no update due. A checkpoint refers to the output before it, so an update with a checkpoint ends there.
The last output goes along with the end of the job, where one update can carry both.
"""

import json
import math
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.jobs.limits import MAX_MESSAGE, MAX_RESULT_TEXT
from chalicelib.jobs.model import Change, Json, Status
from chalicelib.publisher.policies import Costs, FlushPolicy, Interval
from chalicelib.publisher.text import cut, encode, first_delta, state_text
from chalicelib.workloads import Checkpoint, Chunk, Piece, Progress, Usage


class Pace(Struct, frozen=True):
    """How often a job reports."""

    policy: FlushPolicy = Interval()  # a frozen value
    heartbeat: float = 1.0  # seconds without an update after which the worker sends a heartbeat
    first_wait: float = 0.02  # seconds that the first output waits for the job's end, so that one update carries both


class Outbox:
    """Output, progress and message that were not sent yet."""

    def __init__(self, policy: FlushPolicy, costs: Costs) -> None:
        self._policy = policy
        self._costs = costs
        self._output = bytearray()
        self._progress: float | None = None
        self._message: str | None = None
        self._usage: Json = None
        self._checkpoint: str | None = None
        self._reach = 0  # bytes of waiting output before the checkpoint
        self._taken_at = -math.inf
        self._draining = False
        self._end: Change | None = None
        self._has_sent_output = False

    @property
    def size(self) -> int:
        """Bytes of waiting output."""
        return len(self._output)

    @property
    def is_empty(self) -> bool:
        return self._end is None and self._has_no_pieces

    @property
    def waits_with_first_output(self) -> bool:
        """Whether output waits, none was sent before, and `drain` was not called."""
        return bool(self._output) and not self._has_sent_output and not self._draining

    @property
    def _has_no_pieces(self) -> bool:
        return not self._output and self._progress is None and self._message is None and self._checkpoint is None

    @property
    def is_drained(self) -> bool:
        """Whether `drain` was called and everything was taken."""
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
        """From now on everything is due at once."""
        self._draining = True

    def end(self, change: Change) -> None:
        """Drain; the last update is `change`, together with the output that is left if one update can carry both.

        No attempt follows, so a checkpoint is dropped.
        """
        self._checkpoint = None
        self._end = change
        self.drain()

    def due(self) -> float:
        """When `take` returns an update; infinity if nothing waits."""
        if self.is_empty:
            return math.inf
        first = bool(self._output) and not self._has_sent_output
        if self._draining or first:
            return -math.inf
        return self._policy.due(len(self._output), since=self._taken_at, costs=self._costs)

    def take(self, *, now: float) -> Change | None:
        """The next update, or None before `due`. Output beyond the size of one update stays for the next one."""
        if now < self.due():
            return None
        delta = first_delta(self._output, reach=len(self._output) if self._checkpoint is None else self._reach)
        checkpoint = self._checkpoint if len(delta) == self._reach else None
        message = None if self._message is None else cut(self._message, MAX_MESSAGE)
        change = Change(
            Status.PROCESSING, progress=self._progress, message=message, delta=delta.decode() or None,
            usage=self._usage, checkpoint=checkpoint,
        )  # fmt: skip
        if self._end is not None and len(delta) == len(self._output):
            end = _joined(self._end, change)
            if end is not None:
                change, self._end = end, None
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
        """Drop the output after the newest checkpoint: the next attempt produces it again."""
        del self._output[0 if self._checkpoint is None else self._reach :]

    def discard(self) -> None:
        """Drop everything that waits: it can no longer be published."""
        self._output.clear()
        self._progress = self._message = self._usage = self._checkpoint = self._end = None


def _joined(end: Change, rest: Change) -> Change | None:
    """The end of a job with the last output before it, or None if one request cannot carry both."""
    if end.result is not None and rest.delta is not None:
        size = sum(len(json.dumps(text, ensure_ascii=False).encode()) for text in (end.result, rest.delta))
        if size > MAX_RESULT_TEXT:
            return None
    return replace(
        end,
        delta=rest.delta,
        progress=rest.progress if end.progress is None else end.progress,
        message=rest.message if end.message is None else end.message,
        usage=rest.usage if end.usage is None else end.usage,
    )
