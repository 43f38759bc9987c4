"""Objects of the local bucket, with boto3: what is sent comes back, and what is not signed is refused."""

import base64
import errno
import hashlib
import io
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_stack.services.bucket import BUCKET
from tests.unit.local_stack.bucket.conftest import KEY, Service, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

KEYS = (
    "plain",
    "a/b/c",
    "with space",
    "ünïcode/日本",
    "a+b=c&d?e#f%25",
    "dots/../x",
    "tilde~",
    "double//slash",
    ".new",
)


def put(client: "S3Client", key: str, content: bytes, **more: Any) -> dict[str, Any]:
    return dict(client.put_object(Bucket=BUCKET, Key=key, Body=content, **more))


def read(client: "S3Client", key: str) -> bytes:
    return client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def send(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("key", KEYS)
def test_object_comes_back_to_the_byte(client: "S3Client", key: str) -> None:
    content = f"{key}\0\r\n".encode() * 1000

    answer = put(client, key, content)

    assert read(client, key) == content
    assert answer["ETag"] == f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
    assert key in [it["Key"] for it in client.list_objects_v2(Bucket=BUCKET)["Contents"]]


def test_large_object_of_a_stream_comes_back(client: "S3Client") -> None:
    content = bytes(range(256)) * 20_000  # 5 MB

    client.upload_fileobj(io.BytesIO(content), BUCKET, "stream")

    assert read(client, "stream") == content


def test_headers_and_metadata_are_returned(client: "S3Client") -> None:
    put(
        client, "described", b"{}", ContentType="application/json", Metadata={"Origin": "test"}, CacheControl="no-cache"
    )

    head = client.head_object(Bucket=BUCKET, Key="described")

    assert (head["ContentType"], head["Metadata"], head["CacheControl"]) == (
        "application/json", {"origin": "test"}, "no-cache"
    )  # fmt: skip
    assert head["ContentLength"] == 2


def test_part_of_an_object_is_read_by_a_range(client: "S3Client") -> None:
    put(client, "ranged", b"0123456789")

    part = client.get_object(Bucket=BUCKET, Key="ranged", Range="bytes=2-4")
    end = client.get_object(Bucket=BUCKET, Key="ranged", Range="bytes=-3")

    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert end["Body"].read() == b"789"
    assert refusal(client.get_object, Bucket=BUCKET, Key="ranged", Range="bytes=10-") == "InvalidRange"


def test_copy_is_independent_of_its_source(client: "S3Client") -> None:
    put(client, "source/ü", b"content", ContentType="text/plain")
    client.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "source/ü"})

    client.delete_object(Bucket=BUCKET, Key="source/ü")

    assert client.get_object(Bucket=BUCKET, Key="copy")["ContentType"] == "text/plain"
    assert read(client, "copy") == b"content"
    assert refusal(client.get_object, Bucket=BUCKET, Key="source/ü") == "NoSuchKey"


def test_list_has_pages_prefixes_and_folders(client: "S3Client") -> None:
    keys = [f"list/{folder}/{number}" for folder in "ab" for number in range(3)] + ["list/top"]
    for key in keys:
        put(client, key, b"x")
    paginator = client.get_paginator("list_objects_v2")

    pages = list(paginator.paginate(Bucket=BUCKET, Prefix="list/", PaginationConfig={"PageSize": 2}))
    flat = [it["Key"] for page in pages for it in page["Contents"]]
    folders = list(paginator.paginate(Bucket=BUCKET, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 1}))

    assert (flat, len(pages)) == (sorted(keys), 4)
    assert [it["Prefix"] for page in folders for it in page.get("CommonPrefixes", ())] == ["list/a/", "list/b/"]
    assert [it["Key"] for page in folders for it in page.get("Contents", ())] == ["list/top"]


def test_deleting_may_be_repeated_and_may_name_many(client: "S3Client") -> None:
    put(client, "gone/1", b"x")
    put(client, "gone/2", b"x")

    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone/1"}, {"Key": "gone/2"}]})
    client.delete_object(Bucket=BUCKET, Key="gone/1")

    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET, Prefix="gone/")


@pytest.mark.parametrize("version", ["s3v4", None])  # without one, boto3 signs URLs by version 2
def test_signed_url_is_enough_to_read_and_to_write(service: Service, version: str | None) -> None:
    client, key = service.boto3(version=version), f"signed {version}/ü+x"
    parameters = {"Bucket": BUCKET, "Key": key}
    writing = client.generate_presigned_url("put_object", parameters, ExpiresIn=60)
    reading = client.generate_presigned_url("get_object", parameters, ExpiresIn=60)

    written = send(writing, "PUT", b"content", content_type="")

    assert written[0] == 200
    assert send(reading) == (200, b"content")


@pytest.mark.parametrize("version", ["s3v4", None])  # without one, boto3 signs URLs by version 2
def test_signed_url_ends_and_is_for_one_method_and_one_key(start: Callable[[], Service], version: str | None) -> None:
    service = start()
    client = service.boto3(version=version)
    put(client, "one", b"content")
    put(client, "two", b"content")
    url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "one"}, ExpiresIn=60)

    other_method, other_key = send(url, "DELETE"), send(url.replace("/one?", "/two?"))
    service.clock.offset = timedelta(seconds=61)
    late = send(url)

    assert (other_method[0], other_key[0], late[0]) == (403, 403, 403)
    assert b"<Code>SignatureDoesNotMatch</Code>" in other_method[1]
    assert b"<Message>Request has expired</Message>" in late[1]


def test_nothing_is_answered_without_a_signature(service: Service, client: "S3Client") -> None:
    put(client, "secret", b"content")
    urls = (service.url, f"{service.url}/", f"{service.url}/{BUCKET}", f"{service.url}/{BUCKET}/secret")
    answers = [
        send(url, method, b"" if method == "PUT" else None) for url in urls for method in ("GET", "PUT", "DELETE")
    ]

    assert {status for status, _ in answers} == {403}
    assert all(b"<Code>AccessDenied</Code>" in body for _, body in answers)
    assert read(client, "secret") == b"content"


def test_signature_of_another_stack_is_refused(service: Service) -> None:
    assert refusal(service.boto3(("AKIAOTHER", "x")).list_objects_v2, Bucket=BUCKET) == "InvalidAccessKeyId"
    assert refusal(service.boto3((KEY[0], "x")).list_objects_v2, Bucket=BUCKET) == "SignatureDoesNotMatch"


def test_old_signature_is_refused(start: Callable[[], Service]) -> None:
    service = start()
    service.clock.offset = timedelta(minutes=16)

    assert refusal(service.boto3().list_objects_v2, Bucket=BUCKET) == "RequestTimeTooSkewed"


def test_content_that_its_checksum_does_not_fit_is_refused(client: "S3Client") -> None:
    promised = base64.b64encode(hashlib.sha256(b"promised").digest()).decode()
    url = client.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "sum", "ChecksumSHA256": promised})

    status, body = send(url, "PUT", b"smuggled", x_amz_checksum_sha256=promised, content_type="")

    assert status == 400
    assert b"<Code>BadDigest</Code>" in body
    assert refusal(client.head_object, Bucket=BUCKET, Key="sum") == "404"


def test_checksum_is_returned_to_who_asks_for_it(client: "S3Client") -> None:
    promised = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    put(client, "summed", b"content", ChecksumSHA256=promised)

    found = client.get_object(Bucket=BUCKET, Key="summed", ChecksumMode="ENABLED")

    assert found["ChecksumSHA256"] == promised


def test_other_bucket_and_other_operation_are_refused(client: "S3Client") -> None:
    assert refusal(client.list_objects_v2, Bucket="another") == "NoSuchBucket"
    assert refusal(client.create_bucket, Bucket=BUCKET) == "BucketAlreadyOwnedByYou"
    assert refusal(client.get_object_acl, Bucket=BUCKET, Key="x") == "NotImplemented"
    assert [it["Name"] for it in client.list_buckets()["Buckets"]] == [BUCKET]


def test_objects_survive_a_restart_and_half_written_ones_do_not(start: Callable[[], Service]) -> None:
    service = start()
    put(service.boto3(), "kept", b"content", ContentType="text/plain")
    with service.store.staged() as left:
        left.rename(left.with_name("left"))  # as if the stack was killed now
    service.stop()

    again = start()

    assert again.boto3().get_object(Bucket=BUCKET, Key="kept")["ContentType"] == "text/plain"
    assert read(again.boto3(), "kept") == b"content"
    assert len(list((again.folder / "content").iterdir())) == 1


def test_objects_expire_by_the_beginning_of_their_keys(start: Callable[[], Service]) -> None:
    service = start()
    for key in ("uploads/a", "results/a", "other"):
        put(service.boto3(), key, b"x")
    service.clock.offset = timedelta(days=1, seconds=1)

    service.store.expire()

    assert [it.key for it in service.store.listed(prefix="", after="")] == ["other", "results/a"]
    assert len(list((service.folder / "content").iterdir())) == 2


def test_files_are_readable_by_their_owner_alone(start: Callable[[], Service]) -> None:
    service = start()
    put(service.boto3(), "private", b"content")

    modes = {stat.S_IMODE(file.stat().st_mode) for file in (service.folder / "content").iterdir()}

    assert modes == {0o600}
    assert stat.S_IMODE((service.folder / "index.db").stat().st_mode) == 0o600


def test_full_disk_refuses_an_object_for_now(start: Callable[[], Service], monkeypatch: pytest.MonkeyPatch) -> None:
    service = start()

    def full(_: Path, mode: str = "r") -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "open", full)
        refused = refusal(service.boto3().put_object, Bucket=BUCKET, Key="one", Body=b"first")
    put(service.boto3(), "two", b"second")

    assert refused == "SlowDown"
    assert read(service.boto3(), "two") == b"second"
    assert len(list((service.folder / "content").iterdir())) == 1
