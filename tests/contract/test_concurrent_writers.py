"""Processes that write to one job at once keep its log dense, lose no record, and end it once."""

import json
import os
import subprocess
import sys
from typing import Any

from chalicelib.jobs import Job
from chalicelib.ledger import open_ledger, utc_now
from tests.contract.conftest import ROOT, LedgerKind
from tests.contract.jobs import following, opened

WRITERS = 4
UPDATES = {"sqlite": 60, "moto": 15, "dynalite": 15}


def run_writers(kind: LedgerKind, location: str, job: Job) -> list[dict[str, Any]]:
    count = str(UPDATES[kind.name])
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.writer", location, job.job_id, f"w{number}", count],
            cwd=ROOT, env={**os.environ, **kind.environment}, stdout=subprocess.PIPE, text=True,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    answers = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * WRITERS
    return [json.loads(answer) for answer in answers]


def test_concurrent_processes_keep_the_log_dense_and_end_it_once(ledger_kind: LedgerKind) -> None:
    location = ledger_kind.new_location()
    ledger = open_ledger(location)
    job = opened(now=utc_now())
    ledger.append(job)
    ledger.append(following(job))

    reports = run_writers(ledger_kind, location, job)

    log = ledger.read(job.job_id, after=0, limit=10_000)
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
    assert {report["ended"] for report in reports if report["ended"]} == {log[-1].result}
