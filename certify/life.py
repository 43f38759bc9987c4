"""The life of one job at one watcher: what was logged, what arrived, what was lost, and when it was shown. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from certify.observation import Observation
from chalicelib.jobs.model import Job


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log; times are seconds since the job's first entry.

    Attributes:
        arrived_at: When its pushes arrived at the watcher; empty if all were lost.
        shown_at: When the watcher showed it.
    """

    sequence: int
    attempt: int
    status: str
    logged_at: float
    arrived_at: tuple[float, ...]
    shown_at: float | None

    @property
    def is_lost(self) -> bool:
        """Whether no push had arrived when it was shown: the watcher read it from the log."""
        return self.shown_at is not None and not any(at <= self.shown_at for at in self.arrived_at)


@dataclass(frozen=True, slots=True)
class Life:
    """One job. `healed_at` has the times at which the watcher had closed a gap by reading the log."""

    job_id: str
    entries: tuple[Entry, ...]
    healed_at: tuple[float, ...]

    @property
    def interest(self) -> tuple[int, int]:
        """A larger value makes a better picture."""
        return len(self.healed_at), sum(entry.is_lost for entry in self.entries)


def life_of(log: Sequence[Job], observation: Observation) -> Life:
    """The life of a job with a recorded watcher."""
    begin = log[0].updated_at.timestamp()
    arrived: defaultdict[int, list[float]] = defaultdict(list)
    shown: dict[int, float] = {}
    healed = []
    for moment in observation.life:
        at = round(moment.at - begin, 3)
        match moment.what:
            case "pushed":
                arrived[moment.sequence].append(at)
            case "shown":
                shown.setdefault(moment.sequence, at)
            case _:
                healed.append(at)
    entries = tuple(
        Entry(
            entry.sequence, entry.attempt, entry.status.value, round(entry.updated_at.timestamp() - begin, 3),
            tuple(arrived[entry.sequence]), shown.get(entry.sequence),
        )
        for entry in log
    )  # fmt: skip
    return Life(log[0].job_id, entries, tuple(healed))
