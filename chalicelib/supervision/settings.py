"""What the sweep reads from its environment."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from chalicelib.jobs.timing import FOR_SWEEP, contradictions, variable
from chalicelib.settings import Reader
from chalicelib.supervision.diagnosis import Thresholds


class SweepSettings(Struct, frozen=True):
    """What `sweep` needs: the location of the log, and the thresholds for silent jobs."""

    ledger: str
    thresholds: Thresholds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SweepSettings":
        """Raises: MissingSettings: Variables are missing, invalid or contradict each other; the message lists all."""
        reader = Reader(environment)
        times = {
            "redispatch_seconds": reader.number("LONGCALL_REDISPATCH_SECONDS", 120.0, least=1.0),
            # Lambda keeps an event for an hour, be it a start or the retry of a crashed invocation.
            "never_started_seconds": reader.number("LONGCALL_NEVER_STARTED_SECONDS", 3900.0, least=1.0),
            "stalled_seconds": reader.number("LONGCALL_STALLED_SECONDS", 3900.0, least=1.0),
            "lease_seconds": reader.number("LONGCALL_LEASE_SECONDS", 30.0, least=3.0),
        }
        if environment.get("LONGCALL_EVENT_AGE_SECONDS"):
            times["event_age_seconds"] = reader.number("LONGCALL_EVENT_AGE_SECONDS", 0.0, least=1.0)
        reader.refuse(contradictions(FOR_SWEEP, times, variable))
        settings = cls(
            ledger=reader.text("LONGCALL_LEDGER"),
            thresholds=Thresholds(
                redispatch=timedelta(seconds=times["redispatch_seconds"]),
                never_started=timedelta(seconds=times["never_started_seconds"]),
                stalled=timedelta(seconds=times["stalled_seconds"]),
            ),
        )
        reader.check()
        return settings


def dead_letter_queue(environment: Mapping[str, str]) -> str | None:
    """URL of the queue of the reports that `job_failed` could not deliver; None where the stack has none."""
    return environment.get("LONGCALL_DEAD_LETTERS") or None
