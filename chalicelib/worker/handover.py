"""When an attempt at a job hands over to the next invocation. Pure: the context supplies the time.

A workload that yields checkpoints can continue from the newest one. A hand-over right at a checkpoint loses no work, so
the attempt ends at the last checkpoint that it is likely to reach before its deadline.
"""

from typing import Final

from chalicelib.workloads import Checkpoint, WorkloadContext

SLACK: Final = 1.5  # times the longest interval between two checkpoints must be left for another one


class AttemptSpan:
    """One attempt between two hand-overs: whether it has progressed, and whether it must end now."""

    def __init__(self, context: WorkloadContext) -> None:
        self._context = context
        self._reached_at = context.clock()
        self._longest = 0.0  # seconds
        self._has_progressed = False
        self._is_ended = False

    @property
    def has_progressed(self) -> bool:
        """Whether the next attempt would begin later than this one did. Without that, hand-overs would never end."""
        return self._has_progressed

    @property
    def is_ended(self) -> bool:
        """Whether the newest checkpoint was the last one of this attempt."""
        return self._is_ended

    def add(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint. It is the last one if the next would probably come after the deadline."""
        now = self._context.clock()
        self._longest = max(self._longest, now - self._reached_at)
        self._reached_at = now
        self._has_progressed |= checkpoint.state != self._context.checkpoint
        self._is_ended = self._has_progressed and self._context.seconds_left() < SLACK * self._longest
