"""The log files of a local stack: JSON lines that expire, and that a full disk does not stop."""

import errno
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appsync_local.devtools.health import Health
from local_stack.log_fields import LineFields
from local_stack.log_files import LogFiles

JOB = "01180ea8-5819-4c0a-8a91-e190989cab21"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def files(tmp_path: Path, clock: Clock, health: Health) -> Iterator[LogFiles]:
    handler = LogFiles(
        tmp_path / "logs", retention=timedelta(days=7), fields=LineFields(), health=health.loop("log files"),
        clock=clock,
    )  # fmt: skip
    yield handler
    handler.close()


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, message, (), None, extra=extra)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines() if line]


def test_record_is_one_json_line_that_only_its_user_may_read(files: LogFiles, tmp_path: Path) -> None:
    files.handle(record("two\nlines", job_id=JOB, request_id="r", attempt=2))

    (file,) = (tmp_path / "logs").iterdir()
    (line,) = lines(file)
    assert line.items() >= {
        "level": "INFO", "message": "two\nlines", "job_id": JOB, "request_id": "r", "attempt": 2
    }.items()  # fmt: skip
    assert line["time"].endswith("Z")
    assert file.stat().st_mode & 0o777 == 0o600


def test_each_day_has_a_file_which_is_deleted_with_its_jobs(files: LogFiles, tmp_path: Path, clock: Clock) -> None:
    files.handle(record("first"))
    clock.now += timedelta(minutes=2)
    files.handle(record("second"))
    names = sorted(file.name for file in (tmp_path / "logs").iterdir())
    clock.now += timedelta(days=7)
    files.handle(record("third"))

    assert names == ["2026-01-01.jsonl", "2026-01-02.jsonl"]
    assert sorted(file.name for file in (tmp_path / "logs").iterdir()) == ["2026-01-02.jsonl", "2026-01-09.jsonl"]


def test_old_file_that_cannot_be_deleted_loses_no_line(files: LogFiles, tmp_path: Path, health: Health) -> None:
    (tmp_path / "logs" / "2025-01-01.jsonl" / "not a file").mkdir(parents=True)

    files.handle(record("first"))
    files.handle(record("second"))

    written = lines(tmp_path / "logs" / "2026-01-01.jsonl")
    assert [line["message"] for line in written] == ["first", "second"]
    assert health.loop("log files").failures == 1


def test_full_disk_loses_lines_and_nothing_else(
    files: LogFiles, tmp_path: Path, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.handle(record("before"))
    write = os.write

    def write_a_part(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:10])

    monkeypatch.setattr("os.write", write_a_part)
    files.handle(record("lost"))
    files.handle(record("lost too"))
    failed = health.loop("log files").failures_in_a_row
    monkeypatch.setattr("os.write", write)
    files.handle(record("after"))

    (file,) = (tmp_path / "logs").iterdir()
    complete = [line for line in file.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["message"] for line in complete] == ["before", "after"]
    assert failed == 1
    assert health.loop("log files").failures_in_a_row == 0
