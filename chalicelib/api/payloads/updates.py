"""Parses the updates that workers, supervisors and operators report about a job."""

import uuid
from typing import Final

from chalicelib.api.payloads import checks
from chalicelib.jobs.dispatch import Payload
from chalicelib.jobs.errors import ErrorType, InvalidRequest
from chalicelib.jobs.limits import MAX_CHECKPOINT, MAX_ERROR, MAX_MESSAGE, MAX_RESULT, MAX_STORED_RESULT, MAX_USAGE
from chalicelib.jobs.model import (
    Announcement,
    Change,
    Claim,
    DispatchNext,
    JobId,
    OperatorUpdate,
    Redispatch,
    Status,
    StatusUpdate,
    StoredResult,
    WorkerUpdate,
)
from chalicelib.jobs.usage import Meter

ANNOUNCING: Final = frozenset({"jobId", "status", "requestId", "updateId"})


def parse_update(values: Payload) -> StatusUpdate:
    """The input of `updateStatus`.

    Raises:
        InvalidRequest: It is not a valid update of a job.
    """
    job_id = checks.job_id(values["jobId"])
    update_id = values.get("updateId") or str(uuid.uuid4())
    status = Status(values["status"])
    attempt, sequence, request_id = values.get("attempt"), values.get("sequence"), values.get("requestId")
    if request_id is not None and attempt is not None:
        raise InvalidRequest("an update has a requestId (a claim, or the end of an invocation) or an attempt, not both")
    if request_id is not None and status is Status.PENDING:
        return _announcement(job_id, request_id, values)
    if request_id is not None and status is Status.PROCESSING:
        return Claim(job_id, request_id, update_id)
    change = _parse_change(status, values)
    if attempt is None and change.stored_result is not None:
        raise InvalidRequest("resultBytes and resultSha256 say what an attempt has stored; give the attempt too")
    if attempt is None:
        if change.checkpoint is not None or change.hands_over:
            raise InvalidRequest("a checkpoint or a hand-over is a worker's, and needs its attempt")
        return OperatorUpdate(job_id, update_id, change, request_id, sequence, values.get("continues") or 0)
    if sequence is None or sequence < 2:
        raise InvalidRequest(
            "an update with an attempt needs the sequence it expects to get: the last one known plus 1"
        )
    return WorkerUpdate(
        job_id, attempt, sequence, update_id, change, checks.optional(values.get("meter"), _parse_meter)
    )


def _announcement(job_id: JobId, request_id: str, values: Payload) -> Announcement:
    others = sorted(name for name, value in values.items() if value is not None and name not in ANNOUNCING)
    if others:
        raise InvalidRequest(f"an announcement (PENDING with a requestId) changes nothing; leave out {others[0]}")
    return Announcement(job_id, request_id)


def parse_dispatching(values: Payload) -> Redispatch | DispatchNext:
    """The arguments of `dispatchInference`.

    Raises:
        InvalidRequest: They name both kinds of dispatch.
    """
    job_id, attempt, sequence = checks.job_id(values["jobId"]), values.get("attempt"), values.get("sequence")
    if attempt is not None and sequence is not None:
        raise InvalidRequest("a dispatch has an attempt (its worker hands over) or a sequence (a supervisor), not both")
    return Redispatch(job_id, sequence) if attempt is None else DispatchNext(job_id, attempt)


def _parse_meter(values: Payload) -> Meter:
    names = ("operations", "pushes", "milliseconds", "megabytes", "inputTokens", "cachedInputTokens", "outputTokens")
    counts = [values[name] for name in names]
    if min(counts) < 0:
        raise InvalidRequest("a meter counts up from 0; report what the attempt has used so far")
    return Meter(*counts)


def _parse_change(status: Status, values: Payload) -> Change:
    result, error, error_type = values.get("result"), values.get("error"), values.get("errorType")
    if (result is not None) > (status is Status.COMPLETED):
        raise InvalidRequest(f"a result goes with COMPLETED, not with {status}")
    if (error is not None or error_type is not None) > (status is Status.FAILED):
        raise InvalidRequest(f"an error goes with FAILED, not with {status}")
    checkpoint, hands_over = values.get("checkpoint"), values.get("handsOver") is True
    if (checkpoint is not None or hands_over) > (status is Status.PROCESSING):
        raise InvalidRequest(f"a checkpoint or a hand-over goes with PROCESSING, not with {status}")
    result_is_output = values.get("resultIsOutput") is True
    if result_is_output and (result is not None or status is not Status.COMPLETED):
        raise InvalidRequest("resultIsOutput goes with COMPLETED, and with no other result")
    if status in (Status.PENDING, Status.CANCELLED):
        raise InvalidRequest(f"updateStatus moves a job to PROCESSING, COMPLETED or FAILED, not to {status}")
    usage = values.get("usage")
    if usage is not None and not isinstance(usage, dict):
        raise InvalidRequest("usage must be a JSON object of counts")
    checks.small_json(usage, "usage", most=MAX_USAGE)
    failed = status is Status.FAILED
    stored = _parse_stored(values)
    if stored is not None and (status is not Status.COMPLETED or result is not None or result_is_output):
        raise InvalidRequest("resultBytes and resultSha256 go with COMPLETED, and stand for a result left out")
    completed = status is Status.COMPLETED and stored is None
    return Change(
        status=status,
        progress=checks.in_range(values.get("progress"), "progress", most=1.0),
        message=checks.optional(values.get("message"), lambda text: checks.text(text, "message", most=MAX_MESSAGE)),
        delta=checks.optional(values.get("delta") or None, checks.delta),
        result=checks.text(result or "", "result", most=MAX_RESULT) if completed and not result_is_output else None,
        stored_result=stored,
        error=checks.text(error or "ended by an operator", "error", most=MAX_ERROR) if failed else None,
        error_type=ErrorType(error_type or ErrorType.OPERATOR) if failed else None,
        usage=usage,
        checkpoint=checks.optional(checkpoint, lambda text: checks.text(text, "checkpoint", most=MAX_CHECKPOINT)),
        hands_over=hands_over,
        result_is_output=result_is_output,
    )


def _parse_stored(values: Payload) -> StoredResult | None:
    size, digest = values.get("resultBytes"), values.get("resultSha256")
    if size is None and digest is None:
        return None
    if size is None or digest is None:
        raise InvalidRequest("resultBytes and resultSha256 go together; give both, or neither")
    return StoredResult(
        checks.limited(size, "resultBytes", default=0, most=MAX_STORED_RESULT), checks.sha256(digest, "resultSha256")
    )
