"""The requests to every server of the bench: documents, values, and the check of a response."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("app")
SCHEMA: Final = FOLDER / "schema.graphql"
API_KEY: Final = "da2-bench"
VERSION: Final = "1"

_FIELDS: Final = (
    "jobId",
    "owner",
    "status",
    "sequence",
    "attempt",
    "progress",
    "message",
    "delta",
    "model",
    "updatedAt",
)
_SELECTION: Final = " ".join(_FIELDS)
QUERY: Final = "query Version { version }"
MUTATION: Final = f"mutation Update($input: UpdateStatusInput!) {{ updateStatus(input: $input) {{ {_SELECTION} }} }}"
SUBSCRIPTION: Final = (
    f"subscription Changes($jobId: ID!) {{ onInferenceStatusChange(jobId: $jobId) {{ {_SELECTION} }} }}"
)


def job(number: int) -> str:
    """An id of fixed length, so that all messages of one server have the same length."""
    return f"00000000-0000-4000-8000-{number:012d}"


def status(job_id: str, sequence: int) -> dict[str, object]:
    """The ten fields of an update; `sequence` has six digits."""
    return {
        "jobId": job_id,
        "owner": "11111111-1111-4111-8111-111111111111",
        "status": "PROCESSING",
        "sequence": sequence,
        "attempt": 1,
        "progress": 0.5,
        "message": "half of the text is written",
        "delta": "word " * 40,
        "model": "simulated.words",
        "updatedAt": "2026-03-01T12:00:00.000Z",
    }


def query_body() -> bytes:
    return _body(QUERY, {})


def mutation_body(job_id: str, sequence: int) -> bytes:
    return _body(MUTATION, {"input": status(job_id, sequence)})


def is_version(body: bytes) -> bool:
    """Whether a response is the expected one for `QUERY`."""
    return bool(json.loads(body) == {"data": {"version": VERSION}})


def is_update(body: bytes, job_id: str, sequence: int) -> bool:
    """Whether a response is the expected one for the mutation with these values."""
    return bool(json.loads(body) == {"data": {"updateStatus": status(job_id, sequence)}})


def is_event(payload: object, job_id: str) -> bool:
    """Whether the payload of a pushed message is an update of this job, with all its fields."""
    data = payload.get("data") if isinstance(payload, dict) else None
    value = data.get("onInferenceStatusChange") if isinstance(data, dict) else None
    return isinstance(value, dict) and value == status(job_id, value.get("sequence", 0))


def _body(query: str, variables: Mapping[str, object]) -> bytes:
    return json.dumps({"query": query, "variables": variables}, separators=(",", ":")).encode()
