"""Notices events that were not pushed, and measures how long they were missing. Pure."""

from dataclasses import dataclass, replace

from longcall.models import JobId


@dataclass(frozen=True, slots=True)
class Heal:
    """Events that were not pushed in time, and that a read of the log brought.

    Attributes:
        job_id: The job.
        first: The sequence of the first of them.
        events: How many they are.
        seconds: From the moment when they were missed (a later event arrived, or nothing did any more) until they were
            read.
    """

    job_id: JobId
    first: int
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Gap:
    """An open gap.

    Attributes:
        start: The sequence of the last event before the gap.
        missing: How many events are missing.
        noticed_at: When it was noticed.
        read_at: When the log was last read for it; None if it was not.
    """

    start: int
    missing: int
    noticed_at: float
    read_at: float | None = None

    def due(self, wait: float) -> float:
        """When to read the log, if a gap may stay open for `wait` seconds."""
        return (self.noticed_at if self.read_at is None else self.read_at) + wait

    def read(self, now: float) -> "Gap":
        """The gap after a read of the log."""
        return replace(self, read_at=now)
