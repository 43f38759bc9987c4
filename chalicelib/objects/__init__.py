"""Stores content that is too large for a request or a record, in the stage's bucket.

Clients send and read content by URLs that are signed for one object, one method and a short time. Such a URL is as
powerful as a password, so it is given to the object's owner only and never logged.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct

from chalicelib.jobs.errors import NoBucket
from chalicelib.jobs.model import JobId, Owner, StoredResult, UploadId

UPLOAD_TIME: Final = timedelta(minutes=15)  # in which sending must begin
DOWNLOAD_TIME: Final = timedelta(minutes=5)


class ObjectSettings(Struct, frozen=True):
    """What `inference` and `status_relay` need: the bucket for texts that are too large for the log."""

    bucket: str | None  # None: such texts are refused
    access_key: tuple[str, str] | None = None  # id and secret; None: boto3 finds one, such as the role's

    def __repr__(self) -> str:
        return f"ObjectSettings(bucket={self.bucket!r})"  # without the access key

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ObjectSettings":
        """The settings; no variable is required. Only a local stack sets the key of the bucket."""
        key_id = environment.get("LONGCALL_BUCKET_ACCESS_KEY_ID")
        secret = environment.get("LONGCALL_BUCKET_SECRET_ACCESS_KEY")
        key = (key_id, secret) if key_id and secret else None
        return cls(bucket=environment.get("LONGCALL_BUCKET") or None, access_key=key)


class Upload(Struct, frozen=True):
    """Where to PUT one content. The headers are all of S3's headers that the request may have."""

    upload_id: UploadId
    url: str
    headers: tuple[tuple[str, str], ...]
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Upload({self.upload_id!r})"  # without the signed URL


class Objects(Protocol):
    """A store of content."""

    def open_upload(self, owner: Owner, *, size: int, sha256: str, now: datetime) -> Upload:
        """Let the owner send `size` bytes with this SHA-256 (hex). The same content gets the same id.

        Raises:
            NoBucket: The stage has no bucket.
        """
        ...

    def take(self, owner: Owner, job_id: JobId, upload_id: UploadId, *, most: int) -> int:
        """Copy the owner's upload to the job's inputs. Returns its size in bytes.

        Raises:
            InvalidRequest: The owner has no such upload, or it has more than `most` bytes.
            NoBucket: The stage has no bucket.
        """
        ...

    def read_input(self, owner: Owner, job_id: JobId, upload_id: UploadId) -> bytes:
        """The content of an input of the job.

        Raises:
            ObjectsUnavailable: It cannot be read, or its content does not match its id.
        """
        ...

    def store_result(self, owner: Owner, job_id: JobId, attempt: int, content: bytes) -> StoredResult:
        """Store the result of an attempt, and replace one that is there.

        Raises:
            ObjectsUnavailable: It cannot be stored.
        """
        ...

    def result_url(self, owner: Owner, job_id: JobId, attempt: int) -> str:
        """A URL at which it can be read for `DOWNLOAD_TIME`.

        Raises:
            ObjectsUnavailable: The URL cannot be signed.
        """
        ...

    def delete_result(self, owner: Owner, job_id: JobId, attempt: int) -> None:
        """Delete the result of an attempt, if there is one."""
        ...

    def delete(self, owner: Owner, job_id: JobId, uploads: tuple[UploadId, ...]) -> None:
        """Delete all objects of the job, and the uploads that its inputs were copied from. May be repeated."""
        ...


class NoObjects:
    """`Objects` of a stage without a bucket: large content is refused."""

    def open_upload(self, owner: Owner, *, size: int, sha256: str, now: datetime) -> Upload:  # noqa: ARG002
        raise NoBucket

    def take(self, owner: Owner, job_id: JobId, upload_id: UploadId, *, most: int) -> int:  # noqa: ARG002
        raise NoBucket

    def read_input(self, owner: Owner, job_id: JobId, upload_id: UploadId) -> bytes:  # noqa: ARG002
        raise NoBucket

    def store_result(self, owner: Owner, job_id: JobId, attempt: int, content: bytes) -> StoredResult:  # noqa: ARG002
        raise NoBucket

    def result_url(self, owner: Owner, job_id: JobId, attempt: int) -> str:  # noqa: ARG002
        raise NoBucket

    def delete_result(self, owner: Owner, job_id: JobId, attempt: int) -> None:
        """There is nothing to delete."""

    def delete(self, owner: Owner, job_id: JobId, uploads: tuple[UploadId, ...]) -> None:
        """There is nothing to delete."""


def open_objects(bucket: str | None, *, tries: int, access_key: tuple[str, str] | None = None) -> Objects:
    """The objects in a bucket. boto3 is loaded when it is first needed; its own settings say where S3 is.

    Args:
        bucket: None: objects are refused.
        tries: Of each request to S3, of at most 4 s each.
        access_key: Id and secret; None: boto3 finds one.
    """
    if bucket is None:
        return NoObjects()
    from chalicelib.objects.s3 import S3Objects

    return S3Objects(bucket, tries=tries, access_key=access_key)
