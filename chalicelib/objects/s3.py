"""Objects in a bucket of S3."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from chalicelib.jobs.errors import InvalidRequest, ObjectsUnavailable
from chalicelib.jobs.model import JobId, Owner, StoredResult, UploadId
from chalicelib.objects import DOWNLOAD_TIME, UPLOAD_TIME, Upload
from chalicelib.objects.keys import input_key, job_folders, result_key, upload_id_of, upload_key

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CONTENT_TYPE: Final = "application/octet-stream"
MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})


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
        for folder in job_folders(owner, job_id):
            keys.extend(self._keys(folder))
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
