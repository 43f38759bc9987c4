"""A data folder that cannot be used is named in one sentence, and nothing is started on it."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from longcall.cli.exits import ExitCode
from tests.acceptance.stack import READY
from tests.contract.conftest import ROOT


def serve(data: Path, code: ExitCode = ExitCode.UNREACHABLE) -> str:
    """What a stack prints that does not start on this folder, and ends with this code."""
    command = [sys.executable, "-m", "local_stack", "--port", "0", "--data", str(data)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=READY)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that not even root can write."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"mounting a read-only folder needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


def database(file: Path, schema: str, row: str) -> None:
    """A database with many pages, some of which are overwritten."""
    with sqlite3.connect(file) as written:
        written.execute(schema)
        for number in range(500):
            written.execute(row, (f"{number}", "x" * 1000))
    written.close()
    content = bytearray(file.read_bytes())
    content[10 * 4096 : 40 * 4096] = b"\xff" * (30 * 4096)
    file.write_bytes(content)


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert f"{file} cannot be used: {file} is a file" in serve(file, ExitCode.USAGE)


def test_a_read_only_folder_is_no_data_folder(read_only: Path) -> None:
    assert f"{read_only} cannot be used: Read-only file system" in serve(read_only, ExitCode.USAGE)
    assert "cannot be used: Read-only file system" in serve(read_only / "below", ExitCode.USAGE)


def test_a_damaged_job_log_is_named(tmp_path: Path) -> None:
    database(
        tmp_path / "jobs.db",
        "CREATE TABLE log (job_id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (job_id)) STRICT",
        "INSERT INTO log VALUES (?, ?)",
    )

    message = serve(tmp_path)

    assert f"the ledger sqlite:{tmp_path}/jobs.db is damaged (" in message
    assert "put a copy of the file in its place, or move it away to start without its jobs" in message


def test_a_damaged_event_queue_is_named(tmp_path: Path) -> None:
    database(
        tmp_path / "events.db",
        "CREATE TABLE events (request_id TEXT PRIMARY KEY, function TEXT) WITHOUT ROWID",
        "INSERT INTO events VALUES (?, ?)",
    )

    message = serve(tmp_path)

    assert f"the event queue {tmp_path}/events.db" in message
    assert "it is damaged (" in message


@pytest.mark.parametrize("name", ["users.db", "bucket/index.db"])
def test_a_damaged_database_of_a_service_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"no database")

    message = serve(tmp_path)

    assert f"the database {tmp_path / name} is damaged (file is not a database)" in message
