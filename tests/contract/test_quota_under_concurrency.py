"""Processes that start jobs for one owner at once never get more than the quota, and none of it is lost."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

from chalicelib.api.calls import StartInference
from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import QuotaExceeded
from chalicelib.jobs.model import InferenceRequest, Owner
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import Ledger, open_ledger
from tests.contract.conftest import ROOT, LedgerKind
from tests.contract.jobs import ADA, GRACE, new_id

STARTERS = 4
QUOTA = 5
STARTS = {"sqlite": 40, "moto": 8, "dynalite": 8}


def run_starters(kind: LedgerKind, location: str, then: str) -> list[dict[str, Any]]:
    arguments = (location, ADA, str(QUOTA), str(STARTS[kind.name]), then)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.starter", *arguments],
            cwd=ROOT, env={**os.environ, **kind.environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(STARTERS)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    reports = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        reports.append(json.loads(output))
    return reports


def start_as_many_as_possible(ledger: Ledger, owner: Owner) -> int:
    relay = Relay(ledger=ledger, retention=timedelta(days=7), quota=QUOTA, lease=Lease())
    for number in range(QUOTA + 1):
        try:
            relay.start(StartInference(new_id(), InferenceRequest("Hello", "simulated.story"), None), owner)
        except QuotaExceeded:
            return number
    raise AssertionError("more jobs were started than the quota allows")


def test_of_many_starts_at_once_exactly_the_quota_succeed(ledger_kind: LedgerKind) -> None:
    location = ledger_kind.new_location()
    ledger = open_ledger(location)

    reports = run_starters(ledger_kind, location, "keep")

    started = [job_id for report in reports for job_id in report["started"]]
    assert len(started) == QUOTA
    assert set(ledger.admitted(ADA)) == set(started)
    assert sum(report["refused"] for report in reports) == STARTERS * STARTS[ledger_kind.name] - QUOTA
    assert max(report["most"] for report in reports) == QUOTA
    assert all(ledger.head(job_id) is not None for job_id in started)
    assert start_as_many_as_possible(ledger, ADA) == 0
    assert start_as_many_as_possible(ledger, GRACE) == QUOTA


def test_jobs_that_come_and_go_at_once_never_exceed_the_quota_and_leave_all_of_it(ledger_kind: LedgerKind) -> None:
    location = ledger_kind.new_location()
    ledger = open_ledger(location)

    reports = run_starters(ledger_kind, location, "cancel")

    assert max(report["most"] for report in reports) <= QUOTA
    assert ledger.admitted(ADA) == {}
    assert start_as_many_as_possible(ledger, ADA) == QUOTA
