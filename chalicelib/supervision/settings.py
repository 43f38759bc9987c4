"""What the sweep reads from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.settings import Reader
from chalicelib.supervision.diagnosis import Thresholds


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """What `sweep` needs: the location of the log, and the thresholds for silent jobs."""

    ledger: str
    thresholds: Thresholds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SweepSettings":
        """Raises: MissingSettings: A variable is missing or invalid; the message lists all of them."""
        reader = Reader(environment)
        settings = cls(
            ledger=reader.text("LONGCALL_LEDGER"),
            thresholds=Thresholds(
                redispatch=timedelta(seconds=reader.number("LONGCALL_REDISPATCH_SECONDS", 120.0, least=1.0)),
                # Lambda keeps an event for an hour; it retries a crashed invocation within 2 minutes.
                never_started=timedelta(seconds=reader.number("LONGCALL_NEVER_STARTED_SECONDS", 3900.0, least=1.0)),
                stalled=timedelta(seconds=reader.number("LONGCALL_STALLED_SECONDS", 300.0, least=1.0)),
            ),
        )
        reader.check()
        return settings
