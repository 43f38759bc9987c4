"""Stores content that is too large for a request or a record, in the stage's bucket.

There are three folders. `<owner>` is a digest of the owner's `sub`.

    uploads/<owner>/<upload>          what a caller sent, for a day; its id is computed from owner and content
    inputs/<owner>/<job>/<upload>     the job's own copy, made when it starts
    results/<owner>/<job>/<attempt>   the result of an attempt; the log has the attempt that counts

Clients send and read content by URLs that are signed for one object, one method and a short time. Such a URL is as
powerful as a password, so it is given to the object's owner only and never logged.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from chalicelib.jobs.errors import InvalidRequest, NoBucket, ObjectsUnavailable
from chalicelib.jobs.model import JobId, Owner, StoredResult, UploadId

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

UPLOADS, INPUTS, RESULTS = "uploads/", "inputs/", "results/"
UPLOAD_LIFE: Final = timedelta(days=1)  # of an upload; see `lifetimes`
UPLOAD_TIME: Final = timedelta(minutes=15)  # in which sending must begin
DOWNLOAD_TIME: Final = timedelta(minutes=5)
NAMES: Final = uuid.UUID("4c9a7d0e-7f6b-5a0d-9a53-2b8c3e5f1d64")  # namespace of upload ids; it must never change
CONTENT_TYPE: Final = "application/octet-stream"
MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})


class ObjectSettings(Struct, frozen=True):
    """What `inference` and `status_relay` need: the bucket for texts that are too large for the log."""

    bucket: str | None  # None: such texts are refused
    access_key: tuple[str, str] | None = None  # id and secret; None: boto3 finds one, such as the role's

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


def open_objects(bucket: str | None, *, tries: int, access_key: tuple[str, str] | None = None) -> Objects:
    """The objects in a bucket. boto3 is loaded when it is first needed; its own settings say where S3 is.

    Args:
        bucket: None: objects are refused.
        tries: Of each request to S3, of at most 4 s each.
        access_key: Id and secret; None: boto3 finds one.
    """
    return NoObjects() if bucket is None else S3Objects(bucket, tries=tries, access_key=access_key)


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


def _part(owner: Owner) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


class S3Objects:
    """`Objects` in one bucket of S3."""

    def __init__(self, bucket: str, *, tries: int, access_key: tuple[str, str] | None = None) -> None:
        self._bucket = bucket
        self._access_key = access_key
        self._tries = tries

    @cached_property
    def _client(self) -> "S3Client":
        import boto3
        from botocore.config import Config

        key_id, secret = self._access_key or (None, None)
        return boto3.client(
            "s3",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=Config(
                signature_version="s3v4",
                # The bucket's host in its region: a URL for the global one is redirected, and then no longer signed.
                s3={"addressing_style": "virtual"},
                connect_timeout=1,
                read_timeout=3,
                retries={"mode": "standard", "total_max_attempts": self._tries},
            ),
        )

    def open_upload(self, owner: Owner, *, size: int, sha256: str, now: datetime) -> Upload:
        upload_id = upload_id_of(owner, sha256)
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        url = self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": upload_key(owner, upload_id),
                "ContentLength": size,
                "ContentType": CONTENT_TYPE,
                "ChecksumSHA256": checksum,
            },
            ExpiresIn=int(UPLOAD_TIME.total_seconds()),
        )
        headers = (
            ("Content-Length", str(size)), ("Content-Type", CONTENT_TYPE), ("x-amz-checksum-sha256", checksum)
        )  # fmt: skip
        return Upload(upload_id, url, headers, now + UPLOAD_TIME)

    def take(self, owner: Owner, job_id: JobId, upload_id: UploadId, *, most: int) -> int:
        from botocore.exceptions import ClientError

        source = upload_key(owner, upload_id)
        try:
            size = self._client.head_object(Bucket=self._bucket, Key=source)["ContentLength"]
        except ClientError as error:
            if _code(error) not in MISSING:
                raise
            raise InvalidRequest(
                f"no upload {upload_id} of yours was found: it is not finished, or older than a day; "
                "send it to the URL of createUpload first"
            ) from None
        if size > most:
            raise InvalidRequest(f"upload {upload_id} may have at most {most} bytes, and has {size}; send less")
        self._client.copy_object(
            Bucket=self._bucket,
            Key=input_key(owner, job_id, upload_id),
            CopySource={"Bucket": self._bucket, "Key": source},
        )
        return size

    def read_input(self, owner: Owner, job_id: JobId, upload_id: UploadId) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        key = input_key(owner, job_id, upload_id)
        try:
            content = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("what was uploaded for the job could not be read", error) from error
        if upload_id_of(owner, hashlib.sha256(content).hexdigest()) != upload_id:
            raise ObjectsUnavailable(
                f"upload {upload_id} does not have the content that createUpload was asked for; "
                "send it again with its own SHA-256"
            )
        return content

    def store_result(self, owner: Owner, job_id: JobId, attempt: int, content: bytes) -> StoredResult:
        from botocore.exceptions import BotoCoreError, ClientError

        digest = hashlib.sha256(content)
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=result_key(owner, job_id, attempt),
                Body=content,
                ContentType=CONTENT_TYPE,
                ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            )
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("the result could not be stored", error) from error
        return StoredResult(len(content), digest.hexdigest())

    def result_url(self, owner: Owner, job_id: JobId, attempt: int) -> str:
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": result_key(owner, job_id, attempt)},
            ExpiresIn=int(DOWNLOAD_TIME.total_seconds()),
        )

    def delete_result(self, owner: Owner, job_id: JobId, attempt: int) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=result_key(owner, job_id, attempt))

    def delete(self, owner: Owner, job_id: JobId, uploads: tuple[UploadId, ...]) -> None:
        keys = [upload_key(owner, upload_id) for upload_id in uploads]
        for folder in (INPUTS, RESULTS):
            keys.extend(self._keys(f"{folder}{_part(owner)}/{job_id}/"))
        for key in keys:
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield found["Key"]


def _unavailable(what: str, error: Exception) -> ObjectsUnavailable:
    return ObjectsUnavailable(
        f"{what} ({_code(error)}); start the job again, and tell the stage's operator if the error persists"
    )


def _code(error: Exception) -> str:
    """The error code of S3, without the request: a key identifies the owner."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


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
