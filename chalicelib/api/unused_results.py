"""Which stored result is not referred to by any record, so that it is removed."""

from chalicelib.jobs.model import Change, Claim, Job, StatusUpdate, StoredResult, WorkerUpdate


def unused_result(update: StatusUpdate, job: Job) -> int | None:
    """The attempt whose stored result nothing refers to. None if there is none, or if it may still be reported.

    Args:
        update: An update of a worker, which has stored a result, or its claim, whose earlier try may have stored one.
        job: The record that answers the update. It has ended, or belongs to a later attempt, if the update came late.
    """
    match update:
        case WorkerUpdate(attempt=attempt, change=Change(stored_result=StoredResult())):
            is_late = job.status.is_terminal or job.attempt > attempt
        case Claim() if job.attempt > 0:
            attempt, is_late = job.attempt, job.status.is_terminal
        case _:
            return None
    is_referred_to = job.stored_result is not None and job.attempt == attempt
    return attempt if is_late and not is_referred_to else None
