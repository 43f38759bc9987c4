"""The job log: the protocol of a ledger, and how to open one.

The log is the truth. Everything else in a ledger (the row that lists and the sweep read, the owner's set of unfinished
jobs) is a projection: written after the record, idempotent, and repaired from the log by any reader that finds it
behind.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from chalicelib.jobs.errors import MissingSettings
from chalicelib.jobs.model import Job, JobId, Owner, Status

SQLITE: Final = "sqlite:"
DYNAMODB: Final = "dynamodb:"

Clock = Callable[[], datetime]


class Page(Struct, frozen=True):
    """Some jobs, and where the next page starts.

    Attributes:
        jobs: Summaries of the jobs.
        next_token: Identifies the next page. None on the last one.
        unreadable: The number of jobs that were left out because their summary cannot be read.
    """

    jobs: tuple[Job, ...]
    next_token: str | None
    unreadable: int = 0


class InvalidToken(ValueError):
    """A `next_token` that is not one of this ledger's."""


class UnreadableRecord(Exception):
    """A record that this version of the code cannot read, such as one with a status that only newer code knows."""


class Ledger(Protocol):
    """Stores job logs. Jobs past their `expires_at` do not exist for any reader, even before they are deleted."""

    def append(self, job: Job) -> bool:
        """Write the record, unless `(job_id, sequence)` exists; then project it.

        A record that ends the job also removes it from its owner's set of unfinished jobs. The caller must have read
        record `sequence - 1`. Returns whether this call wrote the record.
        """
        ...

    def head(self, job_id: JobId) -> Job | None:
        """The newest record, read consistently, or None. Repairs a projection that is behind it.

        Raises:
            UnreadableRecord: This version of the code cannot read the record.
        """
        ...

    def read(self, job_id: JobId, *, after: int, limit: int) -> list[Job]:
        """At most `limit` records with a sequence greater than `after`, in order.

        Raises:
            UnreadableRecord: This version of the code cannot read one of them.
        """
        ...

    def erase(self, tombstone: Job) -> None:
        """Replace every record of the job by the tombstone with that record's sequence, and remove the job from lists.

        The job has ended: `tombstone` has the sequence of its last record. Deleting can be repeated after a crash. The
        newest record is replaced first, so the job is hidden from then on.
        """
        ...

    def list(self, owner: Owner, *, status: Status | None, limit: int, next_token: str | None) -> Page:
        """Summaries of the owner's jobs, newest first. May be a moment behind the log.

        Raises:
            InvalidToken: `next_token` is not one of this method's.
        """
        ...

    def unfinished(self, *, idle_since: datetime, limit: int, next_token: str | None) -> Page:
        """Summaries of jobs that have not ended, with no record since `idle_since`, in no particular order."""
        ...

    def sweep_position(self) -> str | None:
        """Where the next sweep begins: a `next_token` of `unfinished`, or None for the first page."""
        ...

    def save_sweep_position(self, position: str | None) -> None:
        """Store where the next sweep begins."""
        ...

    def admit(self, owner: Owner, job_id: JobId, *, limit: int) -> bool:
        """Add the job to the owner's set of unfinished jobs, unless that has `limit` others. Returns whether it is in.

        The time of a job that is already in the set becomes the current time.
        """
        ...

    def admitted(self, owner: Owner) -> dict[JobId, datetime]:
        """The owner's set of unfinished jobs, and when each was admitted."""
        ...

    def release(self, owner: Owner, job_id: JobId, *, admitted_at: datetime | None = None) -> None:
        """Remove the job from that set, unless it was admitted again after `admitted_at`. It need not be in it."""
        ...


def utc_now() -> datetime:
    """The current time in whole milliseconds, the precision of a record."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def open_ledger(location: str, *, clock: Clock = utc_now) -> Ledger:
    """The ledger at `sqlite:<path>` or `dynamodb:<table>`.

    boto3's own settings (region, credentials, `AWS_ENDPOINT_URL_DYNAMODB`) say where DynamoDB is.

    Raises:
        MissingSettings: The location has neither form.
    """
    if location.startswith(SQLITE) and len(location) > len(SQLITE):
        from chalicelib.ledger.sqlite import SqliteLedger

        return SqliteLedger(Path(location.removeprefix(SQLITE)), clock=clock)
    if location.startswith(DYNAMODB) and len(location) > len(DYNAMODB):
        from chalicelib.ledger.dynamodb import DynamoDbLedger
        from chalicelib.ledger.dynamodb_requests import dynamodb_client

        return DynamoDbLedger(location.removeprefix(DYNAMODB), client=dynamodb_client(), clock=clock)
    raise MissingSettings([f"LONGCALL_LEDGER must be sqlite:<path> or dynamodb:<table>, and is {location!r}"])
