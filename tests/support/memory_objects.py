"""The store for uploads and large results, in memory instead of S3."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.jobs.errors import InvalidRequest, ObjectsUnavailable
from chalicelib.jobs.model import JobId, Owner, StoredResult, UploadId
from chalicelib.objects import UPLOAD_TIME, Upload
from chalicelib.objects.keys import upload_id_of


@dataclass
class MemoryObjects:
    """An `Objects` in memory. `send` does what a client does with an upload URL."""

    uploads: dict[tuple[Owner, UploadId], bytes] = field(default_factory=dict)
    inputs: dict[tuple[Owner, JobId, UploadId], bytes] = field(default_factory=dict)
    results: dict[tuple[Owner, JobId, int], bytes] = field(default_factory=dict)

    def send(self, owner: Owner, content: bytes) -> UploadId:
        upload_id = upload_id_of(owner, hashlib.sha256(content).hexdigest())
        self.uploads[owner, upload_id] = content
        return upload_id

    def open_upload(self, owner: Owner, *, size: int, sha256: str, now: datetime) -> Upload:
        url = f"https://bucket/{owner}/{sha256}"
        return Upload(upload_id_of(owner, sha256), url, (("Content-Length", str(size)),), now + UPLOAD_TIME)

    def take(self, owner: Owner, job_id: JobId, upload_id: UploadId, *, most: int) -> int:
        content = self.uploads.get((owner, upload_id))
        if content is None or len(content) > most:
            raise InvalidRequest(f"no upload {upload_id} of at most {most} bytes")
        self.inputs[owner, job_id, upload_id] = content
        return len(content)

    def read_input(self, owner: Owner, job_id: JobId, upload_id: UploadId) -> bytes:
        if (owner, job_id, upload_id) not in self.inputs:
            raise ObjectsUnavailable("what was uploaded for the job could not be read")
        return self.inputs[owner, job_id, upload_id]

    def store_result(self, owner: Owner, job_id: JobId, attempt: int, content: bytes) -> StoredResult:
        self.results[owner, job_id, attempt] = content
        return StoredResult(len(content), hashlib.sha256(content).hexdigest())

    def result_url(self, owner: Owner, job_id: JobId, attempt: int) -> str:
        return f"https://bucket/{owner}/{job_id}/{attempt}"

    def delete_result(self, owner: Owner, job_id: JobId, attempt: int) -> None:
        self.results.pop((owner, job_id, attempt), None)

    def delete(self, owner: Owner, job_id: JobId, uploads: tuple[UploadId, ...]) -> None:
        for upload_id in uploads:
            self.uploads.pop((owner, upload_id), None)
        self.inputs = {key: it for key, it in self.inputs.items() if key[:2] != (owner, job_id)}
        self.results = {key: it for key, it in self.results.items() if key[:2] != (owner, job_id)}
