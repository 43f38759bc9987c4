"""Renders the relay's answers to a resolver."""

import json
from datetime import datetime
from typing import Any, TypedDict

from chalicelib.api.payloads import checks
from chalicelib.jobs.errors import JobError
from chalicelib.jobs.limits import MAX_PUSHED_RESULT, MAX_UPLOAD
from chalicelib.jobs.model import Job, Json
from chalicelib.objects import Upload


class ErrorEntry(TypedDict):
    """An error, from which the resolver makes a GraphQL error."""

    type: str
    message: str


class RelayAnswer(TypedDict, total=False):
    """The relay's answer to a resolver: `data` or `error`."""

    data: Any
    error: ErrorEntry


def render_job(job: Job) -> dict[str, Json]:
    """An `InferenceStatus` for AppSync, with exactly the fields of the schema."""
    stored = job.stored_result
    return {
        "jobId": job.job_id,
        "owner": job.owner,
        "status": job.status.value,
        "sequence": job.sequence,
        "attempt": job.attempt,
        "progress": job.progress,
        "message": job.message,
        "delta": job.delta,
        "outputKept": job.output_kept,
        "result": job.result,
        "resultOmitted": None if stored is None else True,
        "resultBytes": None if stored is None else stored.size,
        "resultSha256": None if stored is None else stored.sha256,
        "resultIsOutput": job.result_is_output or None,
        "error": job.error,
        "errorType": job.error_type.value if job.error_type else None,
        "model": job.model,
        "usage": job.usage,
        "cost": job.cost,
        "metadata": _awsjson(job.metadata),
        "createdAt": _time(job.created_at),
        "startTime": _time(job.start_time) if job.start_time else None,
        "endTime": _time(job.end_time) if job.end_time else None,
        "updatedAt": _time(job.updated_at),
    }


def render_push(job: Job) -> dict[str, Json]:
    """The answer of a mutation that is pushed: with its audience, and small enough for a push.

    A long result is left out, and `resultOmitted` is set.
    """
    rendered = render_job(job)
    rendered["audience"] = {"owner": job.owner}
    if job.result is not None and _exceeds_a_push(job.result, job.delta):
        rendered["result"] = None
        rendered["resultOmitted"] = True
    return rendered


def _exceeds_a_push(result: str, delta: str | None) -> bool:
    # JSON writes a character in at most six bytes. Short texts fit for certain, and are not measured.
    if 6 * (len(result) + len(delta or "") + 1) <= MAX_PUSHED_RESULT:
        return False
    return checks.json_size(result) + checks.json_size(delta) > MAX_PUSHED_RESULT


def carried_size(rendered: dict[str, Json]) -> int:
    """Bytes of an `InferenceStatus` in the answers of Lambda and AppSync, whichever is larger.

    Lambda's Python runtime writes JSON with ASCII escapes, which take six bytes for most characters outside ASCII.
    AppSync sends AWSJSON as text, so each quote in it is escaped once more.
    """
    as_text = {name: json.dumps(rendered[name]) for name in ("usage", "metadata") if rendered.get(name) is not None}
    return len(json.dumps(rendered | as_text))


def render_upload(upload: Upload) -> dict[str, Json]:
    """An `Upload` for AppSync."""
    return {
        "uploadId": upload.upload_id,
        "url": upload.url,
        "headers": [{"name": name, "value": value} for name, value in upload.headers],
        "expiresAt": _time(upload.expires_at),
        "mostBytes": MAX_UPLOAD,
    }


def render_error(error: JobError) -> RelayAnswer:
    """An error. Its class is the type of the GraphQL error."""
    return {"error": {"type": type(error).__name__, "message": str(error)}}


def _awsjson(value: Json) -> Json:
    """A value for an AWSJSON field: AppSync converts any value to JSON text, except a text, which must be JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
