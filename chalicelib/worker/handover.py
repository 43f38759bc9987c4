"""When an attempt at a job hands over to the next invocation. Pure: the context supplies the time.

A workload that yields checkpoints can go on from the newest one. Handing over right at a checkpoint loses nothing, so
the attempt ends at the last one that it is likely to reach before its deadline.
"""

from typing import Final

from chalicelib.workloads import Checkpoint, WorkloadContext

SLACK: Final = 1.5  # of the longest way from one checkpoint to the next: as much time should be left for another


class AttemptSpan:
    """One attempt's part of the way: whether it got anywhere, and whether it has to end here."""

    def __init__(self, context: WorkloadContext) -> None:
        self._context = context
        self._reached_at = context.clock()
        self._longest = 0.0  # seconds
        self._has_progressed = False
        self._is_ended = False

    @property
    def has_progressed(self) -> bool:
        """Whether the next attempt would begin further on than this one: else handing over could go on for ever."""
        return self._has_progressed

    @property
    def is_ended(self) -> bool:
        """Whether a checkpoint was the last one."""
        return self._is_ended

    def add(self, checkpoint: Checkpoint) -> None:
        """Note a checkpoint. It is the last one where the next would probably come too late."""
        now = self._context.clock()
        self._longest = max(self._longest, now - self._reached_at)
        self._reached_at = now
        self._has_progressed |= checkpoint.state != self._context.checkpoint
        self._is_ended = self._has_progressed and self._context.seconds_left() < SLACK * self._longest
