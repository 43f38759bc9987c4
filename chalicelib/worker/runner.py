"""One job, from its claim to its final status: the one owner of failure.

Every exception of a workload becomes FAILED here, once. This is the only broad `except` of the package. An error that
cannot be published is raised: Lambda then invokes again, and that invocation claims the job again. The same is true of
errors that are not an `Exception`, such as SystemExit: the process ends, and the job did not cause that.

Work that does not fit into the invocation is handed over to the next one, if there is a checkpoint to continue from.
"""

import json
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from msgspec import Struct, field

from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.dispatch import Dispatch
from chalicelib.jobs.errors import BudgetExceeded, ErrorType, JobError, OutOfTime, WorkloadFailed
from chalicelib.jobs.limits import MAX_ERROR, MAX_RESULT, MAX_RESULT_TEXT, MAX_STORED_RESULT, MAX_USAGE
from chalicelib.jobs.model import Change, JobId, Json, Status
from chalicelib.jobs.traces import trace_of
from chalicelib.objects import NoObjects, Objects
from chalicelib.publisher.fencing import Accepted, Granted, Over, Refused
from chalicelib.publisher.protocol import StatusPublisher
from chalicelib.publisher.text import cut, encode
from chalicelib.worker.handover import AttemptSpan
from chalicelib.worker.inputs import with_uploads
from chalicelib.worker.interruption import Interrupted, Interruption, Stop
from chalicelib.workloads import Checkpoint, Outcome, Piece, Usage, Workload, WorkloadContext

log = logging.getLogger(__name__)

RESERVE: Final = 5.0  # seconds kept back to send a full backlog and the final status
MARGIN: Final = 0.5  # seconds before the invocation is cut off, in which giving up can still be said
HANDS_OVER: Final = Change(Status.PROCESSING, message="continues in the next invocation", hands_over=True)
MAX_UNEXPECTED: Final = 200  # bytes of the message of an error that was not written for the job's owner


class OpenPublisher(Protocol):
    """Makes the publisher for one job, which gives up at `until` (of `time.monotonic`), and counts what it sends."""

    def __call__(self, job_id: JobId, *, until: float, budget: AttemptBudget) -> StatusPublisher: ...


class JobRunner(Struct, frozen=True):
    """Runs jobs, one at a time; may be kept over warm invocations."""

    open_publisher: OpenPublisher
    load: Callable[[str], Workload]
    megabytes: int  # memory of this function
    objects: Objects = field(default_factory=NoObjects)
    clock: Callable[[], float] = time.monotonic

    def run(self, work: Dispatch, *, request_id: str, seconds_left: float) -> None:
        """Run the job to its end, or until it is handed over, or find that it is another's.

        Args:
            work: What to do.
            request_id: Of the invocation, the same when Lambda retries it.
            seconds_left: Until the invocation is cut off.

        Raises:
            PublishFailed: The log does not know how the job stands; the invocation must be retried.
        """
        started = self.clock()
        deadline_at = started + seconds_left - reserve(seconds_left)
        until = started + seconds_left - min(MARGIN, seconds_left / 20)
        budget = AttemptBudget(work.request, megabytes=self.megabytes, clock=self.clock)
        with self.open_publisher(work.job_id, until=until, budget=budget) as publisher:
            claim = publisher.claim(request_id)
            if isinstance(claim, Refused):
                # Delivered twice, or cancelled before it began: no failure, and nothing to do.
                _report("claim_refused", work.job_id, claim.attempt, claim.status)
                return
            _report("job_claimed", work.job_id, claim.attempt, Status.PROCESSING)
            state = None if claim.checkpoint is None else json.loads(claim.checkpoint)
            context = WorkloadContext(deadline_at, self.clock, attempt=claim.attempt, checkpoint=state)
            self._run_claimed(work, claim, publisher, context, budget)

    def _run_claimed(
        self,
        work: Dispatch,
        claim: Granted,
        publisher: StatusPublisher,
        context: WorkloadContext,
        budget: AttemptBudget,
    ) -> None:
        with Interruption(context) as interruption:
            publisher.begin(partial(interruption.stop, Stop.UNPUBLISHABLE), until=context.deadline)
            change = self._work(work, context, interruption, publisher, budget)
        if change is None:
            ending: Accepted | Over = publisher.ending()
        else:
            ending = publisher.hand_over(change) if change.hands_over else publisher.finish(change)
        if isinstance(ending, Over):
            _report("job_over", work.job_id, ending.attempt, ending.status)
        elif change is not None and change.hands_over:
            _report("job_handed_over", work.job_id, claim.attempt, change.status)
        elif change is not None:
            _report("job_ended", work.job_id, claim.attempt, change.status)

    def _work(
        self,
        work: Dispatch,
        context: WorkloadContext,
        interruption: Interruption,
        publisher: StatusPublisher,
        budget: AttemptBudget,
    ) -> Change | None:
        """How the work ended or is handed over. None if its end can no longer be published."""
        seconds = context.seconds_left()
        span = AttemptSpan(context)
        used: Json = None
        over: BudgetExceeded | None = None

        def deliver(piece: Piece) -> None:
            nonlocal used, over
            if isinstance(piece, Usage):
                used = _usage(piece.counts, work.job_id) or used
                if used is not piece.counts:
                    return
            budget.add(piece)
            publisher.add(piece)
            over = over or budget.exceeded()
            if over is not None:
                interruption.stop(Stop.BUDGET)
            if isinstance(piece, Checkpoint):
                span.add(piece)
                if span.is_ended and over is None:
                    raise Interrupted(Stop.HANDOVER)

        try:
            request = with_uploads(work, self.objects)
            budget.begin(request)
            outcome = interruption.drive(self.load(request.model)(request, context), deliver)
            budget.end(outcome)
            return self._completed(outcome, work, attempt=context.attempt)
        except Interrupted:
            pass
        except Exception as error:
            # A workload may respond to an interruption with an error of its own. The interruption is then the reason.
            goes_on = span.is_ended or (span.has_progressed and isinstance(error, OutOfTime))
            if interruption.reason is None and not goes_on:
                _report_failure(error, work.job_id)
                return failed(error, used)
        match interruption.reason:
            case Stop.UNPUBLISHABLE:
                return None
            case Stop.BUDGET if over is not None:
                return failed(over, used)
            case _:
                return HANDS_OVER if span.has_progressed else failed(OutOfTime(seconds), used)

    def _completed(self, outcome: Outcome, work: Dispatch, *, attempt: int) -> Change:
        """The final change of work that ended well; a result that no record can have is stored beside the log.

        Raises:
            WorkloadFailed: The result is larger than one job may have.
            ObjectsUnavailable: It could not be stored.
        """
        usage = _usage(outcome.usage, work.job_id)
        if outcome.result is None:
            return Change(Status.COMPLETED, result_is_output=True, usage=usage)
        result = encode(outcome.result)
        if is_inline(result):
            return Change(Status.COMPLETED, result=result.decode(), usage=usage)
        if len(result) > MAX_STORED_RESULT:
            raise WorkloadFailed(
                f"the result has {len(result)} bytes of UTF-8 and the limit is {MAX_STORED_RESULT} (64 MiB); "
                "ask for a shorter one, or read what was streamed"
            )
        stored = self.objects.store_result(work.owner, work.job_id, attempt, result)
        return Change(Status.COMPLETED, stored_result=stored, usage=usage)


def is_inline(result: bytes) -> bool:
    """Whether a result fits a record of the log, and the request that brings it there."""
    if len(result) > MAX_RESULT:
        return False
    return len(json.dumps(result.decode(), ensure_ascii=False).encode()) <= MAX_RESULT_TEXT


def reserve(seconds_left: float) -> float:
    """Seconds to keep back from the workload: `RESERVE`, and of a short invocation a quarter."""
    return min(RESERVE, seconds_left / 4)


def failed(error: Exception, used: Json = None) -> Change:
    """The final change of work that raised: the error's own words where they were written for the job's owner."""
    kind = ErrorType.WORKLOAD_FAILED
    if isinstance(error, WorkloadFailed):
        text, kind = str(error), error.error_type
    elif isinstance(error, JobError):
        text = str(error)
    else:
        reason = cut(str(error), MAX_UNEXPECTED) or "no message"
        text = f"the work ended with an unexpected error, {type(error).__name__}: {reason}"
    return Change(Status.FAILED, error=cut(text, MAX_ERROR), error_type=kind, usage=used)


def _usage(usage: dict[str, Json], job_id: JobId) -> Json:
    """The counts as they are, or None where they do not fit: no reason to lose the result."""
    try:
        size = len(json.dumps(usage, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError):
        size = None
    if size is None or size > MAX_USAGE:
        log.warning(
            "job %s: usage left out, %s bytes",
            job_id,
            size,
            extra={"event": "usage_left_out", "job_id": job_id, "bytes": size},
        )
        return None
    return usage


def _report(event: str, job_id: JobId, attempt: int, status: Status) -> None:
    log.info(
        "job %s: %s, attempt %d, %s", job_id, event, attempt, status,
        extra={"event": event, "job_id": job_id, "attempt": attempt, "status": status.value},
    )  # fmt: skip


def _report_failure(error: Exception, job_id: JobId) -> None:
    """Log an error of the workload. One that was not written for the job's owner is logged with its trace."""
    facts = {"event": "workload_failed", "job_id": job_id, "error": type(error).__name__}
    if isinstance(error, JobError):
        log.warning("job %s: the workload failed, %s", job_id, type(error).__name__, extra=facts)
    else:
        trace = trace_of(error)
        log.error(  # the traceback of `exception` has messages, which may quote a prompt
            "job %s: unexpected error in the workload\n%s", job_id, trace, extra={**facts, "trace": trace}
        )
