"""Processes that write to one job at once keep its log dense, lose no record, and end it once."""

import fcntl
import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.jobs.model import Job, Status
from chalicelib.ledger import open_ledger, utc_now
from chalicelib.ledger.sqlite import SqliteLedger
from tests.contract.conftest import ROOT, LedgerKind
from tests.contract.jobs import ADA, following, new_id, opened

WRITERS = 4
UPDATES = {"sqlite": 150, "moto": 15, "dynalite": 15}


def begin(kind: LedgerKind, module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, env={**os.environ, **kind.environment}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def begin_writers(kind: LedgerKind, location: str, job: Job) -> list[subprocess.Popen[str]]:
    count = str(UPDATES[kind.name])
    return [
        begin(kind, "tests.contract.writer", location, job.job_id, f"w{number}", count) for number in range(WRITERS)
    ]


def answers_of(processes: list[subprocess.Popen[str]]) -> list[Any]:
    """What each process printed. The test fails if one fails or does not end."""
    try:
        answers = [process.communicate(timeout=60)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [json.loads(answer) for answer in answers]


def begun_job(kind: LedgerKind) -> tuple[str, Job]:
    location = kind.new_location()
    ledger = open_ledger(location)
    job = opened(now=utc_now())
    ledger.append(job)
    ledger.append(following(job))
    return location, job


def assert_is_whole(log: list[Job], reports: list[dict[str, Any]]) -> None:
    """The log is dense, ends once, and has exactly the records that were reported to writers."""
    assert [record.sequence for record in log] == list(range(1, len(log) + 1))
    assert [record.status.is_terminal for record in log] == [False] * (len(log) - 1) + [True]
    assert [record.attempt for record in log] == sorted(record.attempt for record in log)
    update_ids = [record.update_id for record in log if record.update_id]
    assert len(update_ids) == len(set(update_ids))
    by_sequence = {record.sequence: record for record in log}
    for number, report in enumerate(reports):
        for index, sequence in enumerate(report["notes"]):
            assert by_sequence[sequence].update_id == f"w{number}-note-{index}"
        for index, sequence in enumerate(report["written"]):
            assert by_sequence[sequence].delta == f"[w{number} {index}]"
            assert by_sequence[sequence].attempt == report["attempt"]
    deltas = [record.delta for record in log if record.delta]
    assert len(deltas) == sum(len(report["written"]) for report in reports)
    assert {report["ended"] for report in reports if report["ended"]} <= {log[-1].result}


def test_concurrent_processes_keep_the_log_dense_and_end_it_once(ledger_kind: LedgerKind) -> None:
    location, job = begun_job(ledger_kind)

    reports = answers_of(begin_writers(ledger_kind, location, job))

    log = open_ledger(location).read(job.job_id, after=0, limit=10_000)
    assert_is_whole(log, reports)
    assert log[-1].status is Status.COMPLETED


@pytest.mark.parametrize(("how", "status"), [("cancel", Status.CANCELLED), ("sweep", Status.FAILED)])
def test_whoever_ends_a_job_that_processes_write_to_ends_it_once(
    ledger_kind: LedgerKind, how: str, status: Status
) -> None:
    location, job = begun_job(ledger_kind)

    ender = begin(ledger_kind, "tests.contract.ender", location, job.job_id, how)
    *reports, answered = answers_of([*begin_writers(ledger_kind, location, job), ender])

    log = open_ledger(location).read(job.job_id, after=0, limit=10_000)
    assert_is_whole(log, reports)
    assert log[-1].status == answered
    assert log[-1].status in (status, Status.COMPLETED)  # a worker may have been quicker


def test_a_process_that_writes_to_sqlite_has_the_turn_for_that_time_only(tmp_path: Path) -> None:
    taken = []

    def now() -> datetime:
        with (tmp_path / "jobs.db-turn").open() as turn, suppress(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken.append("between two writes")
            return utc_now()
        taken.append("during a write")
        return utc_now()

    ledger = SqliteLedger(tmp_path / "jobs.db", clock=now)
    taken.clear()
    ledger.admit(ADA, new_id(), limit=1)  # asks for the time while it writes
    ledger.head(new_id())
    ledger.close()

    assert taken == ["during a write", "between two writes"]
