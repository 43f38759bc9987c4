"""What an answer means for this worker. Pure.

Every `updateStatus` is answered with the record that now stands in the log. The worker compares it with what it
holds: the attempt it was granted, and the status it reported.
"""

from dataclasses import dataclass

from chalicelib.jobs.model import Status


@dataclass(frozen=True, slots=True)
class UpdateAnswer:
    """The part of a record that a worker reads. `claimed` and `checkpoint` are in the answer to a granted claim."""

    status: Status
    attempt: int
    sequence: int
    claimed: bool
    checkpoint: str | None = None
    pushes: int = 1  # real-time updates that one watcher's copy counts as
    cost: float = 0.0  # US dollars, where the record has a bill


@dataclass(frozen=True, slots=True)
class Granted:
    """The job is this worker's, as `attempt`, to go on from `checkpoint`; its newest known record is `sequence`.

    `cost` is what it had cost before, in US dollars, where an earlier attempt had it.
    """

    attempt: int
    sequence: int
    checkpoint: str | None = None  # JSON text; None: from the beginning
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """The job is not this worker's: it has ended, or another attempt runs it."""

    status: Status
    attempt: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The report is in the log, or the log needed none; the newest known record is `sequence`."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Over:
    """The job is no longer this worker's: it was ended by somebody else (`status`), or claimed by `attempt`."""

    status: Status
    attempt: int


def read_claim_answer(answer: UpdateAnswer) -> Granted | Refused:
    """What the answer to a claim says."""
    if answer.claimed and answer.status is Status.PROCESSING:
        return Granted(answer.attempt, answer.sequence, answer.checkpoint, answer.cost)
    return Refused(answer.status, answer.attempt)


def read_update_answer(answer: UpdateAnswer, *, reported: Status, attempt: int) -> Accepted | Over:
    """What the answer to an update says.

    A terminal answer that equals the report is the report itself, written by this try or by one whose answer was lost.
    """
    if answer.attempt != attempt or (answer.status.is_terminal and answer.status is not reported):
        return Over(answer.status, answer.attempt)
    return Accepted(answer.sequence)
