"""Determines what to do about jobs whose worker can no longer report. Pure.

`failure_of` reads Lambda's record of a failed invocation. `diagnose` looks at a job that has been silent.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from chalicelib.jobs.dispatch import Payload, parse_dispatch
from chalicelib.jobs.errors import ErrorType, MissingSettings, UpdateRefused
from chalicelib.jobs.limits import MAX_ERROR
from chalicelib.jobs.model import Change, Job, OperatorUpdate, Redispatch, Status, Wait
from chalicelib.publisher.text import cut

TIMED_OUT: Final = "Task timed out"  # in the message of an invocation that Lambda ended
SPOKEN: Final = (MissingSettings.__name__, UpdateRefused.__name__)  # errors of a worker whose words are ours

WORDS: Final = {
    ErrorType.THROTTLED: "no capacity was free for the job before its event became too old; start it again later",
    ErrorType.NEVER_STARTED: "no worker could be started for the job; start it again",
    ErrorType.STALLED: "the worker stopped reporting and nobody took over; start the job again",
    ErrorType.TIMED_OUT: "the worker ran into the invocation's time-out; give it less to do, or raise the time-out",
    ErrorType.CRASHED: "the worker died and died again when it was retried; its log has the reason",
}


def failure_of(record: Payload) -> OperatorUpdate:
    """The update that ends the job of a failed invocation, unless the job has ended or moved on.

    Args:
        record: What a failure destination receives: `requestContext`, `requestPayload` and, where the function ran,
            `responsePayload`.

    Source:
        AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
    """
    request_id = record["requestContext"]["requestId"]
    error_type = _error_type(record)
    dispatch = parse_dispatch(record["requestPayload"])
    return OperatorUpdate(
        job_id=dispatch.job_id,
        update_id=f"failed-{request_id}",  # the destination may be invoked twice, but the job fails once
        change=Change(Status.FAILED, error=_error(record, error_type), error_type=error_type),
        request_id=request_id,
        continues=dispatch.continues,
    )


def _error_type(record: Payload) -> ErrorType:
    tries = record["requestContext"].get("approximateInvokeCount", 0)
    response: Any = record.get("responsePayload")
    if response is None:
        aged = record["requestContext"].get("condition") == "EventAgeExceeded"
        return ErrorType.THROTTLED if aged or tries else ErrorType.NEVER_STARTED
    timed_out = isinstance(response, dict) and TIMED_OUT in str(response.get("errorMessage", ""))
    return ErrorType.TIMED_OUT if timed_out else ErrorType.CRASHED


def _error(record: Payload, error_type: ErrorType) -> str:
    """The message for the owner. Messages of other errors may contain a prompt or a path, so they stay in the log."""
    response: Any = record.get("responsePayload")
    if error_type is ErrorType.CRASHED and isinstance(response, dict) and response.get("errorType") in SPOKEN:
        return cut(f"the worker could not run the job, also when tried again: {response['errorMessage']}", MAX_ERROR)
    return WORDS[error_type]


class Thresholds(Struct, frozen=True):
    """How long a job may be silent before the sweep acts."""

    redispatch: timedelta  # a job that waits for a worker: then its event may be lost, and is sent once more
    never_started: timedelta  # after that: longer than Lambda keeps an event, or a queued job would be failed
    stalled: timedelta  # a claimed job: longer than Lambda waits before it retries an invocation

    @property
    def shortest(self) -> timedelta:
        return min(self.redispatch, self.never_started, self.stalled)


def diagnose(head: Job, thresholds: Thresholds, *, now: datetime) -> OperatorUpdate | Redispatch | None:
    """What to do about a job, given the newest record of its log; None for one that is well, or has ended.

    An update holds only where the log has not grown meanwhile: a worker that reports just now is not failed, and of
    two sweeps at once one is heard.
    """
    silence = now - head.updated_at
    match head.status:
        case Status.PENDING | Status.PROCESSING if head.wait is Wait.HANDED_OVER or head.sequence == 1:
            return Redispatch(head.job_id, head.sequence + 1) if silence >= thresholds.redispatch else None
        case Status.PENDING | Status.PROCESSING if head.wait is not None or head.status is Status.PENDING:
            return _failed(head, ErrorType.NEVER_STARTED) if silence >= thresholds.never_started else None
        case Status.PROCESSING if silence >= thresholds.stalled:
            return _failed(head, ErrorType.STALLED)
    return None


def _failed(head: Job, error_type: ErrorType) -> OperatorUpdate:
    return OperatorUpdate(
        job_id=head.job_id,
        update_id=f"{error_type.value.lower()}-{head.sequence + 1}",  # two sweeps at once say the same
        change=Change(Status.FAILED, error=WORDS[error_type], error_type=error_type),
        sequence=head.sequence + 1,
    )
