"""The store for texts outside the log: boto3 against the bucket of the local stack."""

import base64
import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from chalicelib.jobs.errors import InvalidRequest, NoBucket, ObjectsUnavailable
from chalicelib.jobs.model import JobId, Owner, UploadId
from chalicelib.objects import Objects, Upload, open_objects
from chalicelib.objects.keys import input_key, lifetimes
from local_stack.services.bucket import BUCKET
from local_stack.services.bucket.server import Bucket
from local_stack.services.bucket.store import ObjectStore
from tests.contract.conftest import CREDENTIALS, ROOT
from tests.support.served import served

ADA, GRACE = Owner("ada"), Owner("grace")
JOB = JobId("7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "ünïcode\0\r\n".encode() * 300_000  # 3.6 MB


@contextmanager
def aws(
    folder: Path, *, retention: timedelta = timedelta(days=7), clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[str]:
    """The bucket of the local stack on a folder."""
    store = ObjectStore(folder, lifetimes=lifetimes(retention), clock=clock)
    key = {CREDENTIALS["AWS_ACCESS_KEY_ID"]: CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}
    try:
        with served(lambda _: Bucket(store, key, region="us-east-1").handle) as url:
            yield url
    finally:
        store.close()


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with aws(tmp_path_factory.mktemp("objects")) as url:
        yield url


def opened(url: str, monkeypatch: pytest.MonkeyPatch) -> Objects:
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": url}.items():
        monkeypatch.setenv(name, value)
    return open_objects(BUCKET, tries=3)


@pytest.fixture
def objects(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Objects:
    return opened(s3_url, monkeypatch)


def open_upload(objects: Objects, content: bytes, owner: Owner = ADA) -> Upload:
    return objects.open_upload(owner, size=len(content), sha256=hashlib.sha256(content).hexdigest(), now=NOW)


def send(upload: Upload, content: bytes) -> None:
    request = urllib.request.Request(upload.url, content, dict(upload.headers), method="PUT")  # noqa: S310
    urllib.request.urlopen(request).close()  # noqa: S310


def uploaded(objects: Objects, content: bytes, owner: Owner = ADA) -> Upload:
    upload = open_upload(objects, content, owner)
    send(upload, content)
    return upload


def download(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:  # noqa: S310
        content: bytes = response.read()
        return content


def test_an_upload_becomes_the_input_of_a_job_to_the_byte(objects: Objects) -> None:
    upload = uploaded(objects, TEXT)

    objects.take(ADA, JOB, upload.upload_id, most=len(TEXT))

    assert objects.read_input(ADA, JOB, upload.upload_id) == TEXT


def test_the_same_content_of_one_owner_has_one_id_and_of_another_owner_another(objects: Objects) -> None:
    assert open_upload(objects, TEXT).upload_id == open_upload(objects, TEXT).upload_id
    assert open_upload(objects, TEXT, ADA).upload_id != open_upload(objects, TEXT, GRACE).upload_id


def test_an_upload_url_is_signed_for_its_size_and_its_content(objects: Objects) -> None:
    upload = open_upload(objects, b"text")

    assert "SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256&" in upload.url
    assert dict(upload.headers)["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(b"text").digest()).decode()
    assert upload.expires_at == NOW + timedelta(minutes=15)


def test_the_upload_of_another_owner_is_not_found(objects: Objects) -> None:
    upload = uploaded(objects, b"of Ada")

    with pytest.raises(InvalidRequest, match=f"no upload {upload.upload_id} of yours"):
        objects.take(GRACE, JOB, upload.upload_id, most=100)


def test_an_upload_above_the_limit_becomes_no_input(objects: Objects) -> None:
    upload = uploaded(objects, b"four")

    with pytest.raises(InvalidRequest, match="at most 3 bytes, and has 4"):
        objects.take(ADA, JOB, upload.upload_id, most=3)


def test_content_other_than_promised_is_refused(objects: Objects) -> None:
    upload = open_upload(objects, b"promised")

    with pytest.raises(urllib.error.HTTPError, match="400"):
        send(upload, b"smuggled")
    with pytest.raises(InvalidRequest, match=f"no upload {upload.upload_id} of yours"):
        objects.take(ADA, JOB, upload.upload_id, most=100)


def test_content_other_than_promised_is_not_read(objects: Objects, s3_url: str) -> None:
    upload = uploaded(objects, b"promised")
    objects.take(ADA, JOB, upload.upload_id, most=100)
    stored = boto3.client("s3", endpoint_url=s3_url)
    stored.put_object(Bucket=BUCKET, Key=input_key(ADA, JOB, upload.upload_id), Body=b"smuggled")

    with pytest.raises(ObjectsUnavailable, match="does not have the content that createUpload was asked for"):
        objects.read_input(ADA, JOB, upload.upload_id)


def test_key_of_the_bucket_is_used_if_it_is_set(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(s3_url, monkeypatch)  # by the environment's key

    with pytest.raises(ObjectsUnavailable, match="InvalidAccessKeyId"):
        open_objects(BUCKET, tries=1, access_key=("another", "key")).store_result(ADA, JOB, 1, b"result")


def test_what_is_sent_after_the_start_changes_no_job(objects: Objects) -> None:
    upload = uploaded(objects, b"before")
    objects.take(ADA, JOB, upload.upload_id, most=100)

    with pytest.raises(urllib.error.HTTPError, match="400"):
        send(upload, b"after it")

    assert objects.read_input(ADA, JOB, upload.upload_id) == b"before"


def test_a_result_is_read_from_its_url_to_the_byte(objects: Objects) -> None:
    stored = objects.store_result(ADA, JOB, 1, TEXT)

    assert download(objects.result_url(ADA, JOB, 1)) == TEXT
    assert (stored.size, stored.sha256) == (len(TEXT), hashlib.sha256(TEXT).hexdigest())


def test_each_attempt_has_a_result_of_its_own(objects: Objects) -> None:
    objects.store_result(ADA, JOB, 2, b"second")
    objects.store_result(ADA, JOB, 1, b"first, and late")

    assert download(objects.result_url(ADA, JOB, 2)) == b"second"


def test_deleting_the_result_of_one_attempt_leaves_the_other_one(objects: Objects) -> None:
    for attempt in (1, 2):
        objects.store_result(ADA, JOB, attempt, TEXT)

    for _ in range(2):  # it may be repeated
        objects.delete_result(ADA, JOB, 1)

    with pytest.raises(urllib.error.HTTPError, match="404"):
        download(objects.result_url(ADA, JOB, 1))
    assert download(objects.result_url(ADA, JOB, 2)) == TEXT


def test_deleting_a_job_leaves_nothing_of_it_and_all_of_the_others(objects: Objects) -> None:
    other = JobId("00000000-0000-4000-8000-000000000000")
    upload = uploaded(objects, b"text")
    for job in (JOB, other):
        objects.take(ADA, job, upload.upload_id, most=100)
        objects.store_result(ADA, job, 1, b"result")
    result = objects.result_url(ADA, JOB, 1)

    objects.delete(ADA, JOB, (upload.upload_id,))

    with pytest.raises(ObjectsUnavailable):
        objects.read_input(ADA, JOB, upload.upload_id)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        download(result)
    with pytest.raises(InvalidRequest):
        objects.take(ADA, JOB, upload.upload_id, most=100)
    assert objects.read_input(ADA, other, upload.upload_id) == b"text"
    assert download(objects.result_url(ADA, other, 1)) == b"result"


def test_an_error_of_the_store_names_its_code_and_no_key(objects: Objects) -> None:
    with pytest.raises(ObjectsUnavailable) as raised:
        objects.read_input(ADA, JOB, UploadId("none"))

    assert "(NoSuchKey)" in str(raised.value)
    assert JOB not in str(raised.value)


def test_a_stage_without_a_bucket_says_so() -> None:
    with pytest.raises(NoBucket, match="LONGCALL_BUCKET"):
        open_upload(open_objects(None, tries=3), b"text")


def test_a_relay_that_is_asked_for_nothing_large_loads_no_client_of_s3(tmp_path: Path) -> None:
    start = {
        "field": "startInference", "identity": {"sub": ADA},
        "arguments": {"input": {"prompt": "Hi", "model": "simulated.story"}},
    }  # fmt: skip
    script = f"import sys, app; print(*app.composition.relay().answer({start!r})); print(*sys.modules)"
    environment = {"LONGCALL_LEDGER": f"sqlite:{tmp_path / 'jobs.db'}", "LONGCALL_BUCKET": BUCKET}

    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)

    answered, modules = done.stdout.splitlines()
    assert answered == "data"
    assert "chalicelib.objects" in modules.split()
    assert {"boto3", "botocore"} & set(modules.split()) == set()


def test_objects_live_as_many_whole_days_as_their_job_at_least() -> None:
    assert lifetimes(timedelta(days=7)) == {"uploads/": 1, "inputs/": 7, "results/": 7}
    assert lifetimes(timedelta(days=0.01))["results/"] == 1
    assert lifetimes(timedelta(days=7.5))["inputs/"] == 8


def test_what_was_answered_is_there_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with aws(tmp_path) as url:
        objects = opened(url, monkeypatch)
        upload = uploaded(objects, TEXT)
        objects.take(ADA, JOB, upload.upload_id, most=len(TEXT))
        objects.store_result(ADA, JOB, 1, TEXT)
        objects.store_result(ADA, JOB, 2, b"deleted before the end")
        objects.delete(ADA, JobId("another"), ())

    with aws(tmp_path) as url:
        objects = opened(url, monkeypatch)

        assert objects.read_input(ADA, JOB, upload.upload_id) == TEXT
        assert download(objects.result_url(ADA, JOB, 1)) == TEXT


def test_what_was_deleted_stays_deleted_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with aws(tmp_path) as url:
        objects = opened(url, monkeypatch)
        objects.store_result(ADA, JOB, 1, TEXT)
        objects.delete(ADA, JOB, ())

    with aws(tmp_path) as url, pytest.raises(urllib.error.HTTPError, match="404"):
        download(opened(url, monkeypatch).result_url(ADA, JOB, 1))


def test_what_is_older_than_its_life_is_gone_when_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws(tmp_path, clock=lambda: datetime.now(UTC) - timedelta(days=2)) as url:
        objects = opened(url, monkeypatch)
        upload = uploaded(objects, b"text")
        objects.take(ADA, JOB, upload.upload_id, most=100)

    with aws(tmp_path) as url:
        objects = opened(url, monkeypatch)

        with pytest.raises(InvalidRequest, match="older than a day"):
            objects.take(ADA, JOB, upload.upload_id, most=100)
        assert objects.read_input(ADA, JOB, upload.upload_id) == b"text"
