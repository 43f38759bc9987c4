"""What must never happen, as the counts of the certificate."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Violation(StrEnum):
    """A count of the certificate."""

    JOBS_LOST = "jobs_lost"
    JOBS_STUCK = "jobs_stuck"
    JOBS_ENDED_TWICE = "jobs_ended_twice"
    LATE_TERMINAL = "late_terminal"
    UNEXPLAINED_FAILURES = "unexplained_failures"
    LEASES_BROKEN = "leases_broken"
    EVENTS_MISSING = "events_missing"
    EVENTS_OUT_OF_ORDER = "events_out_of_order"
    BYTES_DIFFERENT = "bytes_different"
    BILL_DIFFERENT = "bill_different"
    FOREIGN_EVENTS = "foreign_events"
    FOREIGN_READS = "foreign_reads"
    LEFT_AFTER_DELETE = "left_after_delete"
    LISTS_DIFFERENT = "lists_different"
    QUOTA_DRIFT = "quota_drift"
    CLIENT_ERRORS = "client_errors"


TEXTS: Final[Mapping[Violation, str]] = {
    Violation.JOBS_LOST: "a start was answered, and the log lacks the job or has another one",
    Violation.JOBS_STUCK: "no final status within a bounded time",
    Violation.JOBS_ENDED_TWICE: "two ends, in the log or in answers to callers",
    Violation.LATE_TERMINAL: "an end that was logged, shown or heard by its worker later than promised",
    Violation.UNEXPLAINED_FAILURES: "more failures than the injected faults explain",
    Violation.LEASES_BROKEN: "a worker took a job whose worker was alive",
    Violation.EVENTS_MISSING: "a gap in a log, or an event that a client did not show",
    Violation.EVENTS_OUT_OF_ORDER: "in a log, or on a client's screen",
    Violation.BYTES_DIFFERENT: "shown, logged and produced content differ in at least one byte",
    Violation.BILL_DIFFERENT: "a bill that does not fit the log of its job",
    Violation.FOREIGN_EVENTS: "a user was sent the job of another owner",
    Violation.FOREIGN_READS: "a field of the schema answered a user about the job of another owner",
    Violation.LEFT_AFTER_DELETE: "something remained of a deleted or expired job, or was still served",
    Violation.LISTS_DIFFERENT: "a live list that ended other than the owner's jobs in the ledger",
    Violation.QUOTA_DRIFT: "an owner may have more or fewer unfinished jobs than the quota",
    Violation.CLIENT_ERRORS: "a client raised an error for a fault that it should have outlived",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation; `subject` is a job's or an owner's id, or the name of a campaign."""

    violation: Violation
    subject: str
    detail: str
