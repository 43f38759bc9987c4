"""What the objects are called, and how long S3 keeps them.

There are three folders. `<owner>` is a digest of the owner's `sub`.

    uploads/<owner>/<upload>          what a caller sent, for a day; its id is computed from owner and content
    inputs/<owner>/<job>/<upload>     the job's own copy, made when it starts
    results/<owner>/<job>/<attempt>   the result of an attempt; the log has the attempt that counts
"""

import hashlib
import uuid
from datetime import timedelta
from typing import Final

from chalicelib.jobs.model import JobId, Owner, UploadId

UPLOADS, INPUTS, RESULTS = "uploads/", "inputs/", "results/"
UPLOAD_LIFE: Final = timedelta(days=1)  # of an upload; see `lifetimes`
NAMES: Final = uuid.UUID("4c9a7d0e-7f6b-5a0d-9a53-2b8c3e5f1d64")  # namespace of upload ids; it must never change


def lifetimes(retention: timedelta) -> dict[str, int]:
    """By folder, the days after which S3 expires an object.

    S3 rounds up to the next midnight in UTC. Inputs and results are kept as long as the job; uploads expire sooner.

    Source: Amazon S3 User Guide, "Lifecycle configuration elements", date-based and age-based rules.
    """
    job = -(-retention // timedelta(days=1))
    return {UPLOADS: UPLOAD_LIFE.days, INPUTS: job, RESULTS: job}


def upload_id_of(owner: Owner, sha256: str) -> UploadId:
    """The id of an owner's content. A reader of the content can check that it belongs to the id."""
    return UploadId(str(uuid.uuid5(NAMES, f"{owner} {sha256}")))


def upload_key(owner: Owner, upload_id: UploadId) -> str:
    return f"{UPLOADS}{_part(owner)}/{upload_id}"


def input_key(owner: Owner, job_id: JobId, upload_id: UploadId) -> str:
    return f"{INPUTS}{_part(owner)}/{job_id}/{upload_id}"


def result_key(owner: Owner, job_id: JobId, attempt: int) -> str:
    return f"{RESULTS}{_part(owner)}/{job_id}/{attempt}"


def job_folders(owner: Owner, job_id: JobId) -> tuple[str, ...]:
    """The folders with all objects of a job."""
    return tuple(f"{folder}{_part(owner)}/{job_id}/" for folder in (INPUTS, RESULTS))


def _part(owner: Owner) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
