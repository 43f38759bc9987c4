"""Updates and answers in their wire format: `UpdateStatusInput` and `InferenceStatus` of the contract. Pure."""

import json
from collections.abc import Mapping
from typing import Any, assert_never

from chalicelib.billing.metering import push_units
from chalicelib.jobs.errors import PublishFailed
from chalicelib.jobs.model import Announcement, Change, Claim, OperatorUpdate, Status, StatusUpdate, WorkerUpdate
from chalicelib.jobs.usage import Meter
from chalicelib.publisher.fencing import UpdateAnswer


def render(update: StatusUpdate) -> dict[str, Any]:
    """An `UpdateStatusInput`. Values that the update does not change are left out."""
    match update:
        case Announcement(job_id, request_id):
            return {"jobId": job_id, "status": Status.PENDING, "requestId": request_id}
        case Claim(job_id, request_id, update_id):
            return {
                "jobId": job_id, "status": Status.PROCESSING, "requestId": request_id, "updateId": update_id
            }  # fmt: skip
        case WorkerUpdate(job_id, attempt, sequence, update_id, change, meter):
            who: dict[str, Any] = {"jobId": job_id, "updateId": update_id, "attempt": attempt, "sequence": sequence}
            return who | ({} if meter is None else {"meter": _render_meter(meter)}) | _render_change(change)
        case OperatorUpdate(job_id, update_id, change, request_id, sequence, continues):
            bounds = {"requestId": request_id, "sequence": sequence, "continues": continues or None}
            who = {"jobId": job_id, "updateId": update_id} | {k: v for k, v in bounds.items() if v is not None}
            return who | _render_change(change)
        case _:
            assert_never(update)


def _render_meter(meter: Meter) -> dict[str, int]:
    return {
        "operations": meter.operations, "pushes": meter.pushes, "milliseconds": meter.milliseconds,
        "megabytes": meter.megabytes, "inputTokens": meter.input_tokens, "cachedInputTokens": meter.cached_tokens,
        "outputTokens": meter.output_tokens,
    }  # fmt: skip


def _render_change(change: Change) -> dict[str, Any]:
    stored = change.stored_result
    fields = {
        "status": change.status, "progress": change.progress, "message": change.message, "delta": change.delta,
        "result": change.result, "error": change.error, "errorType": change.error_type,
        "resultBytes": None if stored is None else stored.size,
        "resultSha256": None if stored is None else stored.sha256,
        "checkpoint": change.checkpoint, "handsOver": change.hands_over or None,
        "resultIsOutput": change.result_is_output or None,
        "usage": None if change.usage is None else json.dumps(change.usage, ensure_ascii=False),
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def parse(status: Mapping[str, Any] | None) -> UpdateAnswer:
    """Read the answer to a mutation of ours.

    Raises:
        PublishFailed: It is not an `InferenceStatus`: the URL is of another API, or of another version of ours.
    """
    try:
        if status is None:
            raise TypeError("null")
        return UpdateAnswer(
            status=Status(status["status"]),
            attempt=int(status["attempt"]),
            sequence=int(status["sequence"]),
            claimed=status.get("claimed") is True,
            checkpoint=status.get("checkpoint"),
            pushes=push_units(status),
            cost=float((status.get("cost") or {}).get("total", 0.0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PublishFailed(
            "expected an InferenceStatus in the answer to an update and found something else; "
            "check that the API's schema and the worker are of the same version"
        ) from error
