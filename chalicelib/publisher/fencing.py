"""What an answer means for this worker. Pure.

Each `updateStatus` is answered with the newest record of the log. The worker compares it with the attempt that it was
granted and the status that it reported.
"""

from msgspec import Struct

from chalicelib.jobs.model import Status


class UpdateAnswer(Struct, frozen=True):
    """The part of a record that a worker reads. `claimed` and `checkpoint` are in the answer to a granted claim."""

    status: Status
    attempt: int
    sequence: int
    claimed: bool
    checkpoint: str | None = None
    pushes: int = 1  # metered units of the event at one watcher
    announced: int = 0  # metered units of the announcement before a claim; 0 if there was none
    cost: float = 0.0  # US dollars; 0 if the record has no bill


class Granted(Struct, frozen=True):
    """The claim was granted.

    Attributes:
        attempt: The number of this attempt.
        sequence: The newest record that the worker knows.
        checkpoint: JSON text of the state to continue from. None: start from the beginning.
        cost: US dollars that the job had cost before, if there was an earlier attempt.
    """

    attempt: int
    sequence: int
    checkpoint: str | None = None
    cost: float = 0.0


class Refused(Struct, frozen=True):
    """The claim was refused: the job has ended, or another attempt runs it."""

    status: Status
    attempt: int


class Accepted(Struct, frozen=True):
    """The update is in the log, or needed no record. `sequence` is the newest record that the worker knows."""

    sequence: int


class Over(Struct, frozen=True):
    """The job no longer belongs to this worker: it has ended with `status`, or `attempt` has claimed it."""

    status: Status
    attempt: int


def read_claim_answer(answer: UpdateAnswer) -> Granted | Refused:
    """Whether a claim was granted."""
    if answer.claimed and answer.status is Status.PROCESSING:
        return Granted(answer.attempt, answer.sequence, answer.checkpoint, answer.cost)
    return Refused(answer.status, answer.attempt)


def read_update_answer(answer: UpdateAnswer, *, reported: Status, attempt: int) -> Accepted | Over:
    """Whether an update was accepted.

    A terminal answer with the reported status is the update itself, written by this try or by one whose answer
    was lost.
    """
    if answer.attempt != attempt or (answer.status.is_terminal and answer.status is not reported):
        return Over(answer.status, answer.attempt)
    return Accepted(answer.sequence)
