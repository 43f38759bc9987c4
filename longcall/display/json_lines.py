"""Events and views as JSON, in the words of the schema. Pure."""

import json
from datetime import UTC, datetime

from longcall.models import Event, Json
from longcall.view import JobView


def wire(job: Event | JobView) -> dict[str, Json]:
    """An event, or a view without its output, with the field names of the schema."""
    return {
        "jobId": job.job_id,
        "owner": job.owner,
        "status": job.status,
        "sequence": job.sequence,
        "attempt": job.attempt,
        "progress": job.progress,
        "message": job.message,
        "delta": job.delta or None,
        "outputKept": job.output_kept,
        "result": job.result,
        "resultIsOutput": job.result_is_output or None,
        "error": job.error,
        "errorType": job.error_type,
        "model": job.model,
        "usage": job.usage,
        "cost": None if job.cost is None else job.cost.render(),
        "metadata": job.metadata,
        "createdAt": _stamp(job.created_at),
        "startTime": _stamp(job.start_time),
        "endTime": _stamp(job.end_time),
        "updatedAt": _stamp(job.updated_at),
    }


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_line(value: Json) -> str:
    """One object in one row of ASCII, which is safe on any terminal and in every locale."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
