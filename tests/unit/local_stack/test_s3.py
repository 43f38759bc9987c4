"""Objects of the local S3 when their folder cannot be written for a while."""

import errno
from datetime import timedelta
from pathlib import Path

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.test import Client

from local_stack.services.s3 import BUCKET, PersistentObjects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def client(folder: Path) -> Client:
    s3_backends.reset()  # moto's objects are global
    moto = DomainDispatcherApplication(create_backend_app)
    return Client(PersistentObjects(moto, folder, region="us-east-1", lifetimes={"uploads/": timedelta(days=1).days}))


def put(client: Client, key: str, content: bytes) -> int:
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request"}
    return client.put(f"/{BUCKET}/{key}", data=content, headers=headers).status_code


def test_full_disk_refuses_an_object_for_now_and_stores_it_later(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, __: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        refused = put(client, "uploads/one", b"first")
    accepted = put(client, "uploads/two", b"second")

    assert (refused, accepted) == (503, 200)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "uploads%2Fone": b"first",
        "uploads%2Ftwo": b"second",
    }


def test_an_object_that_cannot_be_written_keeps_no_other_one_from_being_stored(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def write_small(file: Path, content: bytes) -> int:
        if len(content) > 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, content)

    monkeypatch.setattr(Path, "write_bytes", write_small)
    large, small = put(client, "uploads/large", b"x" * 11), put(client, "uploads/small", b"small")

    assert (large, small) == (503, 200)
    assert [file.name for file in folder.iterdir()] == ["uploads%2Fsmall"]


def test_a_key_that_is_too_long_for_a_file_is_refused_and_later_objects_are_stored(client: Client) -> None:
    too_long, other = put(client, "uploads/" + "x" * 250, b"first"), put(client, "uploads/y", b"second")

    assert (too_long, other) == (400, 200)
